package simrun_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
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
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax}, "./nodes/...", "./examples/...")
	require.NoError(t, err)
	require.NotEmpty(t, loaded)
	for _, p := range loaded {
		require.Empty(t, p.Errors)
		switch p.PkgPath {
		case "simrun/nodes", "simrun/nodes/gearman", "simrun/nodes/journal", "simrun/nodes/history", "simrun/examples/ticket":
			loaded = append(loaded, sinful(t, p))
		}
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{purity.Analyzer}, loaded, nil)
	require.NoError(t, err)
	found := 0
	for _, action := range graph.Roots {
		require.NoError(t, action.Err)
		for _, d := range action.Diagnostics {
			sin := action.Package.Fset.Position(d.Pos).String() + ": " + d.Message
			if strings.HasPrefix(sin, planted+":1:") && strings.Contains(sin, "time.Now") {
				found++
				continue
			}
			t.Error(sin)
		}
	}
	require.Equal(t, 5, found)
}

const planted = "planted.go"

// sinful is another file of a package, which reads the clock.
func sinful(t *testing.T, p *packages.Package) *packages.Package {
	file, err := parser.ParseFile(p.Fset, planted, "package "+p.Name+`; import "time"; var _ = time.Now`, 0)
	require.NoError(t, err)
	other := *p
	other.ID, other.Syntax = p.ID+" with "+planted, []*ast.File{file}
	other.TypesInfo = &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Implicits: map[ast.Node]types.Object{}, Scopes: map[ast.Node]*types.Scope{}}
	_, err = (&types.Config{Importer: imports(p.Imports)}).Check(p.PkgPath, p.Fset, other.Syntax, other.TypesInfo)
	require.NoError(t, err)
	return &other
}

// imports are packages that are there already.
type imports map[string]*packages.Package

// Import gives one of them.
func (all imports) Import(path string) (*types.Package, error) {
	if p := all[path]; p != nil {
		return p.Types, nil
	}
	return nil, fmt.Errorf("%s is not among them", path)
}
