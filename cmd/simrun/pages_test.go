//go:build campaign

package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every command that a page shows works.
func TestEveryCommandOfThePagesWorks(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			followPage(t, page, 20, func(string) bool { return true })
		})
	}
}
