package simrun_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What node code may name of the packages that reach outside of its host. A star ends a prefix.
var pure = map[string]string{
	"os":           "O_* Err* Mode* FileMode FileInfo PathError SyscallError",
	"syscall":      "E* Errno",
	"net":          "Conn Listener PacketConn Addr Error OpError ErrClosed SplitHostPort JoinHostPort DNSError UnknownNetworkError KeepAliveConfig",
	"time":         "Duration Time Month Weekday Location Nanosecond Microsecond Millisecond Second Minute Hour Unix* Date UTC ParseDuration Parse RFC* Layout",
	"math/rand/v2": "New NewPCG NewChaCha8 NewZipf Rand Source PCG ChaCha8 Zipf",
	"log/slog":     "Logger Attr Value Level* Kind* Any* Bool* Duration* Float64* Group* Int* String* Time* Uint64* LogValuer Handler Record New DiscardHandler",
	"context":      "Background Canceled Context",
}

// banned are packages that node code has no use for: Env gives what they give.
var banned = []string{"sync", "sync/atomic", "runtime", "unsafe", "math/rand", "crypto/rand", "os/exec", "os/signal", "net/http",
	"testing", "log", "maphash", "hash/maphash", "unique", "weak", "io/ioutil", "net/netip", "plugin", "embed"}

// If this failed, node code would behave otherwise in a simulated world than for real, or differently from run to run.
func TestNodesTouchOnlyTheirEnv(t *testing.T) {
	files := 0
	err := filepath.WalkDir("nodes", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "osenv" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		for _, sin := range impurities(set, file) {
			t.Error(sin)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, files)
}

// impurities are the places of a file that no node may contain.
func impurities(set *token.FileSet, file *ast.File) (sins []string) {
	sin := func(at ast.Node, format string, a ...any) {
		sins = append(sins, fmt.Sprintf("%s: %s", set.Position(at.Pos()), fmt.Sprintf(format, a...)))
	}
	imports := map[string]string{} // local name to path
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if slices.Contains(banned, path) {
			sin(i, "a node does not import %s", path)
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if path == "math/rand/v2" {
			name = "rand"
		}
		if i.Name != nil {
			name = i.Name.Name
		}
		if _, restricted := pure[path]; restricted && name == "." {
			sin(i, "a node does not import %s into its own scope", path)
		}
		imports[name] = path
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			sin(n, "a node says env.Go, not go")
		case *ast.SelectStmt:
			sin(n, "a node does not select: which ready case is taken is the runtime's choice")
		case *ast.ChanType:
			sin(n, "a node has no channel: it waits on a Cond")
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
				sin(n, "a node logs through env.Log")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok || x.Obj != nil { // x is a variable and hides the package
				break
			}
			path := imports[x.Name]
			if may, restricted := pure[path]; restricted && !named(n.Sel.Name, may) {
				sin(n, "a node does not touch %s.%s", path, n.Sel.Name)
			}
			if path == "fmt" && (strings.HasPrefix(n.Sel.Name, "Print") || strings.Contains(n.Sel.Name, "Scan")) {
				sin(n, "a node logs through env.Log")
			}
		}
		return true
	})
	return sins
}

func named(name, may string) bool {
	for word := range strings.FieldsSeq(may) {
		prefix, star := strings.CutSuffix(word, "*")
		if word == name || star && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// If this failed, the walk above would overlook what it is there to find.
func TestImpuritiesAreFound(t *testing.T) {
	for source, count := range map[string]int{
		`import "time"; var _ = time.Now()`:                                          1,
		`import . "time"; var _ = Now()`:                                             1,
		`import clock "time"; var _ = clock.Since`:                                   1,
		`import "time"; var _ = 3 * time.Second`:                                     0,
		`import "sync"; var _ sync.Mutex`:                                            1,
		`import "net"; var _, _ = net.Dial("tcp", "x")`:                              1,
		`import "net"; var _ net.Conn`:                                               0,
		`import "os"; var _ = os.O_RDWR`:                                             0,
		`import "os"; var _ = os.Getenv("x")`:                                        1,
		`import "math/rand/v2"; var _ = rand.IntN(3)`:                                1,
		`import "math/rand/v2"; func f(r *rand.Rand) int { return r.IntN(3) }`:       0,
		`func f() { go f() }`:                                                        1,
		`func f() { select {} }`:                                                     1,
		`var c = make(chan int)`:                                                     1,
		`import "fmt"; func f() { fmt.Println() }`:                                   1,
		`import "log/slog"; func f() { slog.Info("x") }`:                             1,
		`import "context"; var _, _ = context.WithCancel(nil)`:                       1,
		`import "math/rand/v2"; func f(rand *rand.Rand) int { return rand.IntN(3) }`: 0,
		`func f() { println() }`:                                                     1,
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "node.go", "package node\n"+source, 0)
		require.NoError(t, err, source)
		require.Len(t, impurities(set, file), count, source)
	}
}
