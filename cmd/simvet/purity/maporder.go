package purity

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

const sortKeys = "range over slices.Sorted(maps.Keys(…))"

// ranges looks at every range over a map in a declaration. Its order gets out where a turn of the loop does
// something that another order of turns would do differently.
func (l *look) ranges(body ast.Node) {
	sorted := map[*ast.CallExpr]bool{} // collections that are sorted afterwards
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if l.unordered(n.X) && (isNamed(n.Key) || isNamed(n.Value)) && !l.allowed[l.pass.Fset.Position(n.Pos()).Line] {
				(&turn{look: l, loop: n, body: body}).walk(n.Body)
			}
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if call, ok := ast.Unparen(right).(*ast.CallExpr); ok && i < len(n.Lhs) && l.sorted(n.Lhs[i], n.End(), body) {
					sorted[call] = true
				}
			}
		case *ast.CallExpr:
			if l.collects(n) && !sorted[n] {
				l.tell(n, "the order of a map gets out: use slices.Sorted, or sort what is collected")
			}
		}
		return true
	})
}

func isNamed(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return e != nil && (!ok || name.Name != "_")
}

// unordered says whether a range over e comes in an order of its own: that of a map.
func (l *look) unordered(e ast.Expr) bool {
	if _, ok := under(l.typeOf(e)).(*types.Map); ok {
		return true
	}
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	return ok && l.calls(call, "maps", "Keys", "Values", "All")
}

// collects says whether a call makes a slice of what a map holds: slices.Collect(maps.Keys(m)).
func (l *look) collects(call *ast.CallExpr) bool {
	return l.calls(call, "slices", "Collect", "AppendSeq") && len(call.Args) > 0 && l.unordered(call.Args[len(call.Args)-1])
}

// calls says whether the call is of one of those functions of the package.
func (l *look) calls(call *ast.CallExpr, path string, names ...string) bool {
	f := l.callee(call)
	if f == nil || f.Pkg() == nil || f.Pkg().Path() != path || f.Signature().Recv() != nil {
		return false
	}
	for _, name := range names {
		if prefix, star := strings.CutSuffix(name, "*"); f.Name() == name || star && strings.HasPrefix(f.Name(), prefix) {
			return true
		}
	}
	return false
}

func (l *look) callee(call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	var name *ast.Ident
	switch fun := fun.(type) {
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	default:
		return nil
	}
	f, _ := l.pass.TypesInfo.Uses[name].(*types.Func)
	if f != nil {
		f = f.Origin()
	}
	return f
}

// sorted says whether something sorts that slice after pos.
func (l *look) sorted(slice ast.Expr, pos token.Pos, body ast.Node) (found bool) {
	object, text := l.root(slice), types.ExprString(slice)
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() < pos || len(call.Args) == 0 {
			return true
		}
		f := l.callee(call)
		if f == nil || f.Pkg() == nil || !strings.HasPrefix(f.Name(), "Sort") && !strings.HasPrefix(f.Name(), "sort") && f.Pkg().Path() != "sort" {
			return true
		}
		ast.Inspect(call.Args[0], func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok && l.root(e) == object && types.ExprString(e) == text {
				found = true
			}
			return !found
		})
		return !found
	})
	return found
}

// root is the variable that an expression begins with: x of x.f[i].g.
func (l *look) root(e ast.Expr) types.Object {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return l.pass.TypesInfo.ObjectOf(x)
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isQuiet says whether a call changes nothing that outlives it. Of functions elsewhere it knows packages that
// only compute; of those in this package it reads the bodies.
func (l *look) isQuiet(call *ast.CallExpr) bool {
	if t, ok := l.pass.TypesInfo.Types[ast.Unparen(call.Fun)]; ok && t.IsType() {
		return true // a conversion
	}
	if name, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := l.pass.TypesInfo.Uses[name].(*types.Builtin); ok {
			return !named(b.Name(), "close copy print println recover")
		}
	}
	f := l.callee(call)
	if f == nil || f.Pkg() == nil {
		return f != nil && f.Name() == "Error" // of the type error
	}
	if f.Pkg() == l.pass.Pkg {
		return l.bodyIsQuiet(f)
	}
	switch f.Pkg().Path() {
	case "strings", "strconv", "math", "math/bits", "cmp", "errors", "unicode", "unicode/utf8", "time", "path", "net/netip":
		pointer := f.Signature().Recv() != nil && isPointer(f.Signature().Recv().Type())
		return !pointer // a strings.Builder keeps the order
	case "bytes":
		return f.Signature().Recv() == nil
	case "slices":
		return !named(f.Name(), "Sort* Reverse Delete* Insert Replace Compact*")
	case "maps":
		return named(f.Name(), "Keys Values All Equal* Clone Collect")
	case "fmt":
		return named(f.Name(), "Sprint* Errorf Append*")
	default:
		return false
	}
}

func isPointer(t types.Type) bool { _, ok := under(t).(*types.Pointer); return ok }

func (l *look) bodyIsQuiet(f *types.Func) bool {
	if quiet, known := l.quiet[f]; known {
		return quiet
	}
	d := l.bodies[f]
	if d == nil {
		return false
	}
	l.quiet[f] = true // of one that calls itself the rest decides
	quiet := true
	own := func(e ast.Expr) bool {
		name, ok := ast.Unparen(e).(*ast.Ident)
		if !ok {
			return false
		}
		object := l.pass.TypesInfo.ObjectOf(name)
		return name.Name == "_" || object != nil && d.Pos() <= object.Pos() && object.Pos() < d.End()
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				quiet = quiet && own(left)
			}
		case *ast.IncDecStmt:
			quiet = quiet && own(n.X)
		case *ast.CallExpr:
			quiet = quiet && l.isQuiet(n) && !l.builtin(n, "delete", "clear", "append")
		case *ast.SendStmt, *ast.GoStmt, *ast.DeferStmt, *ast.SelectStmt, *ast.FuncLit:
			quiet = false
		}
		return quiet
	})
	l.quiet[f] = quiet
	return quiet
}

func (l *look) builtin(e ast.Expr, names ...string) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	name, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok {
		return false
	}
	b, ok := l.pass.TypesInfo.Uses[name].(*types.Builtin)
	if !ok {
		return false
	}
	for _, n := range names {
		if b.Name() == n {
			return true
		}
	}
	return false
}
