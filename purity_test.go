package simrun_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"simrun/cmd/simvet/purity"
)

// If this failed, node code would behave otherwise in a simulated world than for real, or differently from run to run; or
// nobody would notice, for what is planted in a few packages has to be found in each.
func TestNodesTouchOnlyTheirEnv(t *testing.T) {
	overlay := map[string][]byte{}
	planted := map[string]string{"nodes": "nodes", "nodes/gearman": "gearman", "nodes/journal": "journal",
		"nodes/history": "history", "examples/ticket": "main"}
	for folder, name := range planted {
		file, err := filepath.Abs(filepath.Join(folder, "planted.go"))
		require.NoError(t, err)
		overlay[file] = []byte("package " + name + `; import "time"; var _ = time.Now`)
	}
	found := 0
	for _, sin := range impurities(t, overlay, "./nodes/...", "./examples/...") {
		if strings.Contains(sin, "planted.go:1:") && strings.Contains(sin, "time.Now") {
			found++
			continue
		}
		t.Error(sin)
	}
	require.Equal(t, len(planted), found)
}

// impurities are what simvet finds in packages of this module. Overlay puts files in the place of others.
func impurities(t *testing.T, overlay map[string][]byte, patterns ...string) (sins []string) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Overlay: overlay}, patterns...)
	require.NoError(t, err)
	require.NotEmpty(t, loaded)
	for _, p := range loaded {
		require.Empty(t, p.Errors)
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{purity.Analyzer}, loaded, nil)
	require.NoError(t, err)
	for _, action := range graph.Roots {
		require.NoError(t, action.Err)
		for _, d := range action.Diagnostics {
			sins = append(sins, action.Package.Fset.Position(d.Pos).String()+": "+d.Message)
		}
	}
	return sins
}
