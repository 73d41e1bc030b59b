// Package golden answers whether a test still sees what was once taken down in a file:
//
//	go test PACKAGE -rewrite
//
// takes it down anew, for a person to read in the diff.
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write what the tests see into their files")

// Rewriting reports whether files are to be written anew instead of being compared.
func Rewriting() bool { return *rewrite }

// Equal holds what was seen against a file.
func Equal(t *testing.T, file, seen string) {
	t.Helper()
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(seen), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), seen, "%s is not what is seen; -rewrite takes it down anew", file)
}
