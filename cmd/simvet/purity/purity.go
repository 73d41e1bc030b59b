// Package purity answers what in node code would make two runs of one seed differ, or a simulated run differ
// from a real one: whatever does not go through nodes.Env.
package purity

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer looks at node code: packages that import simrun/nodes, and simrun/nodes with all below it. Tests,
// the main function of a command, and what stands below nodes (the simulator, nodes/osenv) are left out.
//
// A comment //simvet:allow REASON permits what stands in its line, or in the line below it.
var Analyzer = &analysis.Analyzer{
	Name: "simvet",
	Doc: `find what node code does behind its Env's back

Node code runs the same in a simulated world and on a real machine as long as it asks nodes.Env for time, tasks,
randomness, sockets and files. simvet finds clocks, go statements, channels, locks, global randomness, calls that
touch the machine, and ranges over maps whose order gets out.`,
	Run: run,
}

var everywhere bool

func init() {
	Analyzer.Flags.BoolVar(&everywhere, "all", false, "look at packages that do not import simrun/nodes, too")
}

const env = "simrun/nodes"

// below are the packages on which node code runs, or which no node uses: they may do as they like.
var below = []string{"nodes/osenv", "sim", "netmodel", "clock", "scenarios", "checkers", "reports", "cmd"}

func isNodeCode(pkg *types.Package) bool {
	for _, folder := range below {
		if within(pkg.Path(), "simrun/"+folder) {
			return false
		}
	}
	if everywhere || within(pkg.Path(), env) {
		return true
	}
	return slices.ContainsFunc(pkg.Imports(), func(p *types.Package) bool { return p.Path() == env })
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func run(pass *analysis.Pass) (any, error) {
	if !isNodeCode(pass.Pkg) {
		return nil, nil
	}
	l := &look{pass: pass, quiet: map[*types.Func]bool{}, bodies: map[*types.Func]*ast.FuncDecl{}, told: map[token.Pos]bool{}}
	var files []*ast.File
	for _, file := range pass.Files {
		if !strings.HasSuffix(pass.Fset.File(file.FileStart).Name(), "_test.go") {
			files = append(files, file)
			l.gather(file)
		}
	}
	for _, file := range files {
		l.file(file)
	}
	return nil, nil
}

// look is one look at one package.
type look struct {
	pass    *analysis.Pass
	bodies  map[*types.Func]*ast.FuncDecl
	quiet   map[*types.Func]bool // what is known of functions: whether they change nothing but what is their own
	told    map[token.Pos]bool
	allowed map[int]bool // lines of the file that a comment permits
}

func (l *look) gather(file *ast.File) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			if object, ok := l.pass.TypesInfo.Defs[f.Name].(*types.Func); ok {
				l.bodies[object] = f
			}
		}
	}
}

func (l *look) file(file *ast.File) {
	l.permissions(file)
	for _, i := range file.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		if instead, banned := banned[path]; banned {
			l.tell(i, "a node does not import %s: %s", path, instead)
		}
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Recv == nil && f.Name.Name == "main" && l.pass.Pkg.Name() == "main" {
			continue // it runs in no world
		}
		ast.Inspect(d, l.node)
		l.ranges(d)
	}
}

// permissions reads the file's //simvet:allow comments. One without a reason permits nothing.
func (l *look) permissions(file *ast.File) {
	l.allowed = map[int]bool{}
	for _, group := range file.Comments {
		for _, c := range group.List {
			reason, ok := strings.CutPrefix(c.Text, "//simvet:allow")
			if !ok {
				continue
			}
			if strings.TrimSpace(reason) == "" {
				l.tell(c, "say why: //simvet:allow REASON")
				continue
			}
			line := l.pass.Fset.Position(c.Pos()).Line
			l.allowed[line], l.allowed[line+1] = true, true
		}
	}
}

func (l *look) tell(at ast.Node, format string, a ...any) {
	if l.allowed[l.pass.Fset.Position(at.Pos()).Line] || l.told[at.Pos()] {
		return
	}
	l.told[at.Pos()] = true
	l.pass.Report(analysis.Diagnostic{Pos: at.Pos(), End: at.End(), Message: fmt.Sprintf(format, a...)})
}

const noChannel = "tasks of a node take turns, so share a variable and wait on env.NewCond"

// node looks at one node of the tree. What a select consists of is not told apart from it.
func (l *look) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		l.tell(n, "a node does not say go: use env.Go")
	case *ast.SelectStmt:
		l.tell(n, "a node does not select, the runtime would choose: %s", noChannel)
		for _, c := range n.Body.List {
			for _, s := range c.(*ast.CommClause).Body {
				ast.Inspect(s, l.node)
			}
		}
		return false
	case *ast.ChanType:
		l.tell(n, "a node has no channel: %s", noChannel)
	case *ast.SendStmt:
		l.tell(n, "a node does not send on a channel: %s", noChannel)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			l.tell(n, "a node does not receive from a channel: %s", noChannel)
		}
	case *ast.RangeStmt:
		if _, ok := under(l.typeOf(n.X)).(*types.Chan); ok {
			l.tell(n, "a node does not receive from a channel: %s", noChannel)
		}
	case *ast.Ident:
		l.use(n)
	}
	return true
}

func (l *look) typeOf(e ast.Expr) types.Type { return l.pass.TypesInfo.TypeOf(e) }

func under(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}

// use looks at what a name stands for.
func (l *look) use(name *ast.Ident) {
	switch object := l.pass.TypesInfo.Uses[name].(type) {
	case nil, *types.PkgName, *types.Const:
	case *types.Builtin:
		if object.Name() == "print" || object.Name() == "println" {
			l.tell(name, "a node does not print: use env.Log")
		}
	default:
		if object.Pkg() == nil {
			return
		}
		path, is := object.Pkg().Path(), object.Name()
		if f, ok := object.(*types.Func); ok && f.Signature().Recv() != nil {
			if instead, bad := methods[f.FullName()]; bad {
				l.tell(name, "a node does not use %s: %s", f.FullName(), instead)
			}
			return
		}
		if object.Parent() != object.Pkg().Scope() {
			return // a field, or something of a function's own
		}
		if _, whole := banned[path]; whole {
			return // its import is told of
		}
		if rule, ok := rules[path]; ok && !rule.permits(is) {
			l.tell(name, "a node does not use %s.%s: %s", object.Pkg().Name(), is, rule.advice(is))
		}
	}
}
