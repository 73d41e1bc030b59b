package purity

import (
	"go/ast"
	"go/token"
	"go/types"
)

// turn is one turn of a range over a map: what it may do is what comes out the same in any order.
type turn struct {
	*look
	loop *ast.RangeStmt
	body ast.Node // the declaration
}

func (t *turn) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if t.unordered(n.X) && t.allowed[t.pass.Fset.Position(n.Pos()).Line] {
				return false
			}
		case *ast.CallExpr:
			if !t.isQuiet(n) {
				t.tell(n, "the order of a map gets out: each turn calls %s; %s", types.ExprString(n.Fun), sortKeys)
				return false
			}
		case *ast.AssignStmt:
			t.assign(n)
		case *ast.IncDecStmt:
			if !t.own(n.X) && !isInteger(t.typeOf(n.X)) {
				t.tell(n, "the order of a map gets out: a sum of floats depends on it; %s", sortKeys)
			}
		case *ast.ReturnStmt:
			for _, result := range n.Results {
				if t.mentionsOwn(result) {
					t.tell(n, "the order of a map gets out: whichever comes first is returned; %s", sortKeys)
				}
			}
		case *ast.BranchStmt:
			if n.Tok == token.BREAK && t.deletes() && t.leaves(n) {
				t.tell(n, "the order of a map gets out: which ones are done before the loop breaks off; %s", sortKeys)
			}
		case *ast.FuncLit:
			t.tell(n, "the order of a map gets out: each turn makes a function; %s", sortKeys)
			return false
		}
		return true
	})
}

// own says whether an expression begins with a variable of the turn.
func (t *turn) own(e ast.Expr) bool {
	if name, ok := e.(*ast.Ident); ok && name.Name == "_" {
		return true
	}
	object := t.root(e)
	return object != nil && t.loop.Pos() <= object.Pos() && object.Pos() < t.loop.End()
}

func (t *turn) mentionsOwn(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			object := t.pass.TypesInfo.Uses[name]
			found = found || object != nil && t.loop.Pos() <= object.Pos() && object.Pos() < t.loop.End()
		}
		return !found
	})
	return found
}

func isInteger(of types.Type) bool {
	b, ok := under(of).(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

func (t *turn) assign(a *ast.AssignStmt) {
	for i, left := range a.Lhs {
		var right ast.Expr
		if len(a.Rhs) == len(a.Lhs) {
			right = a.Rhs[i]
		}
		if a.Tok == token.DEFINE || t.own(left) {
			continue
		}
		t.assignOuter(a, left, right)
	}
}

// assignOuter looks at what a turn does to something that outlives it.
func (t *turn) assignOuter(a *ast.AssignStmt, left, right ast.Expr) {
	text := types.ExprString(left)
	switch a.Tok {
	case token.ASSIGN:
	case token.ADD_ASSIGN, token.SUB_ASSIGN, token.MUL_ASSIGN, token.AND_ASSIGN, token.OR_ASSIGN, token.XOR_ASSIGN, token.AND_NOT_ASSIGN:
		if !isInteger(t.typeOf(left)) {
			t.tell(a, "the order of a map gets out in %s: only whole numbers add up to the same in any order; %s", text, sortKeys)
		}
		return
	default:
		t.tell(a, "the order of a map gets out in %s; %s", text, sortKeys)
		return
	}
	element, indexed := ast.Unparen(left).(*ast.IndexExpr)
	if indexed && t.byKey(element.Index) {
		return // each turn has a place of its own
	}
	switch {
	case right == nil:
	case t.builtin(right, "append"):
		if t.sorted(left, t.loop.End(), t.body) {
			return
		}
		t.tell(a, "the order of a map gets out in %s, which nothing sorts afterwards; %s", text, sortKeys)
		return
	case indexed && t.isMap(element.X) && t.mentionsOwn(element.Index):
		return
	case indexed && t.sorted(element.X, t.loop.End(), t.body):
		return
	case !t.mentionsOwn(right) && t.isConstant(right), t.extreme(a, left, right):
		return
	case t.boolean(right, text):
		return
	}
	t.tell(a, "the order of a map gets out in %s: the last turn wins; %s", text, sortKeys)
}

func (t *turn) isMap(e ast.Expr) bool { _, ok := under(t.typeOf(e)).(*types.Map); return ok }

// byKey says whether an index is the key of the loop.
func (t *turn) byKey(index ast.Expr) bool {
	key, ok := t.loop.Key.(*ast.Ident)
	used, also := ast.Unparen(index).(*ast.Ident)
	return ok && also && t.pass.TypesInfo.ObjectOf(key) != nil && t.pass.TypesInfo.ObjectOf(key) == t.pass.TypesInfo.ObjectOf(used)
}

// isConstant: a turn that sets a thing to the same as any other may come in any order.
func (t *turn) isConstant(e ast.Expr) bool {
	v, ok := t.pass.TypesInfo.Types[e]
	return ok && (v.Value != nil || v.IsNil())
}

// extreme says whether the least or the greatest is kept: x = min(x, …), or if … < x { x = … }.
func (t *turn) extreme(a *ast.AssignStmt, left, right ast.Expr) bool {
	text := types.ExprString(left)
	if t.builtin(right, "min", "max") {
		for _, argument := range ast.Unparen(right).(*ast.CallExpr).Args {
			if types.ExprString(argument) == text {
				return true
			}
		}
	}
	value, kept := types.ExprString(right), false
	ast.Inspect(t.loop.Body, func(n ast.Node) bool {
		choice, ok := n.(*ast.IfStmt)
		if !ok || a.Pos() < choice.Body.Pos() || a.Pos() >= choice.Body.End() {
			return true
		}
		ast.Inspect(choice.Cond, func(n ast.Node) bool {
			c, ok := n.(*ast.BinaryExpr)
			if ok && (c.Op == token.LSS || c.Op == token.GTR || c.Op == token.LEQ || c.Op == token.GEQ) {
				x, y := types.ExprString(c.X), types.ExprString(c.Y)
				kept = kept || x == text && y == value || y == text && x == value
			}
			return true
		})
		return true
	})
	return kept
}

// boolean says whether it is x = x || …, or x = x && ….
func (t *turn) boolean(right ast.Expr, text string) bool {
	b, ok := ast.Unparen(right).(*ast.BinaryExpr)
	return ok && (b.Op == token.LOR || b.Op == token.LAND) && (types.ExprString(b.X) == text || types.ExprString(b.Y) == text)
}

// deletes says whether turns take out, put in or count, which a break cuts short.
func (t *turn) deletes() (found bool) {
	ast.Inspect(t.loop.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			found = found || t.builtin(n, "delete")
		case *ast.IncDecStmt:
			found = found || !t.own(n.X)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				_, element := ast.Unparen(left).(*ast.IndexExpr)
				found = found || !t.own(left) && (element || n.Tok != token.ASSIGN && n.Tok != token.DEFINE)
			}
		}
		return !found
	})
	return found
}

// leaves says whether a break ends this loop and not one inside of it.
func (t *turn) leaves(b *ast.BranchStmt) bool {
	if b.Label != nil {
		return true
	}
	leaves := true
	ast.Inspect(t.loop.Body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			if n.Pos() <= b.Pos() && b.Pos() < n.End() {
				leaves = false
			}
		}
		return leaves
	})
	return leaves
}
