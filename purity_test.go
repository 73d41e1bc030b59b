package simrun_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"simrun/cmd/simvet/purity"
)

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

// If this failed, node code would behave otherwise in a simulated world than for real, or differently from run to run.
func TestNodesTouchOnlyTheirEnv(t *testing.T) {
	for _, sin := range impurities(t, nil, "./nodes/...", "./examples/...") {
		t.Error(sin)
	}
}

// If this failed, the test above would overlook what it is there to find: it would look at the wrong packages.
func TestImpuritiesAreFound(t *testing.T) {
	overlay := map[string][]byte{}
	packages := map[string]string{"nodes": "nodes", "nodes/gearman": "gearman", "nodes/journal": "journal",
		"nodes/history": "history", "examples/ticket": "main"}
	for folder, name := range packages {
		planted, err := filepath.Abs(filepath.Join(folder, "planted.go"))
		require.NoError(t, err)
		overlay[planted] = []byte("package " + name + `; import "time"; var _ = time.Now`)
	}
	sins := impurities(t, overlay, "./nodes/...", "./examples/...")
	require.Len(t, sins, len(packages))
	for _, sin := range sins {
		require.Contains(t, sin, "planted.go:1:")
		require.Contains(t, sin, "time.Now")
	}
}
