// Package simrun_test holds the house's floors: which package may stand on which, and what node code may touch.
package simrun_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floors says what the packages of each folder may import of this module. The first line that fits a package
// counts. A name stands for its folder and all below it, and a dash in front of one takes it out.
var floors = []struct{ pkg, may string }{
	{"nodes/history", "nodes"},
	{"nodes/osenv", "nodes nodes/history -nodes/gearman -nodes/journal -nodes/kinds -nodes/kv"},
	{"nodes", "nodes -nodes/osenv"},
	{"sim/luck", "nodes"},
	{"sim/simtest/lives", "sim/disk sim/luck nodes"},
	{"sim/simtest/loopback", "nodes"},
	{"sim/simtest", "reports scenarios checkers sim netmodel clock nodes -nodes/osenv"}, // a roof, for tests only
	{"sim/disk", "nodes sim/luck -nodes/osenv"},
	{"netmodel", "nodes sim/luck -nodes/osenv"},
	{"clock", "nodes sim/luck -nodes/osenv"},
	{"sim", "sim netmodel clock nodes -nodes/osenv -nodes/gearman -nodes/journal -nodes/kinds -nodes/kv"},
	{"checkers/linear", "nodes/history"},
	{"checkers/cycles", "checkers/linear nodes/history"},
	{"checkers/txn", "checkers/cycles checkers/linear nodes/history"},
	{"checkers/replicas", "checkers/cycles checkers/linear nodes/history"},
	{"checkers/logs", "checkers/cycles checkers/linear nodes/history"},
	{"checkers/wording", "nodes -nodes/osenv"},
	{"checkers/weather", "nodes/history"},
	{"checkers/evidence", "checkers/weather checkers/wording nodes/history"},
	{"checkers/checks", "checkers nodes -nodes/osenv"},
	{"checkers/data", "checkers nodes -nodes/osenv -checkers/checks -checkers/service"},
	{"checkers/service", "checkers nodes -nodes/osenv -checkers/checks -checkers/data -checkers/jobs"},
	{"checkers/jobs", "checkers nodes -nodes/osenv -checkers/checks -checkers/data -checkers/service"},
	{"checkers/objects", "checkers nodes -nodes/osenv -checkers/checks -checkers/data -checkers/service -checkers/jobs"},
	{"checkers", "checkers/evidence checkers/weather checkers/wording nodes/history"},
	{"scenarios/explore", "scenarios checkers sim netmodel clock nodes -nodes/osenv"},
	{"scenarios", "scenarios checkers sim netmodel clock nodes -nodes/osenv -scenarios/explore"},
	{"reports", "reports scenarios checkers nodes sim netmodel -nodes/osenv"},
	{"cmd", "cmd reports scenarios checkers sim netmodel clock nodes"},
	{"examples", "cmd reports scenarios checkers sim netmodel clock nodes"},
}

// libraries says which folder alone may import a library; others reach it through that folder.
var libraries = map[string]string{
	"github.com/anishathalye/porcupine": "checkers",
	"github.com/spf13/cobra":            "cmd",
	"golang.org/x/tools/go/analysis":    "cmd/simvet",
	"github.com/zeebo/xxh3":             "sim",
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func list(t *testing.T, arguments ...string) (all []listed) {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Standard,Imports,Deps"}, arguments...)...)
	out, err := command.Output()
	require.NoError(t, err)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// If this failed, a server could no longer run without the simulator, a checker could no longer judge a foreign
// history, or the network could not be used below another kernel.
func TestArrowsPointDownOnly(t *testing.T) {
	packages := list(t, "./...")
	require.NotEmpty(t, packages)
	for _, p := range packages {
		name, own := strings.CutPrefix(p.ImportPath, "simrun/")
		if !own {
			continue // this test's own folder
		}
		may, found := allowed(name)
		if !found {
			t.Errorf("%s stands on no floor: give it a line in floors", name)
		}
		for _, imported := range p.Imports {
			if below, own := strings.CutPrefix(imported, "simrun/"); own && !fits(below, may) {
				t.Errorf("%s imports %s: arrows point down only (it may import %s)", name, below, may)
			}
			if strings.HasPrefix(imported, "simrun/sim/simtest") && !within(name, "sim/simtest") {
				t.Errorf("%s imports %s, which only tests may", name, imported)
			}
			if folder, known := libraries[imported]; known && !within(name, folder) {
				t.Errorf("%s imports %s, which stays behind %s", name, imported, folder)
			}
		}
		if slices.Contains(p.Deps, "testing") && !within(name, "sim/simtest") {
			t.Errorf("%s depends on testing; only sim/simtest may, and what is below it", name)
		}
		if slices.Contains(p.Imports, "flag") && !within(name, "sim/simtest") && !within(name, "cmd") {
			t.Errorf("%s imports flag: what a library registers, every program has that uses it", name)
		}
	}
}

func allowed(pkg string) (may string, found bool) {
	for _, floor := range floors {
		if within(pkg, floor.pkg) {
			return floor.may, true
		}
	}
	return "", false
}

func fits(pkg, may string) bool {
	ok := false
	for word := range strings.FieldsSeq(may) {
		if folder, not := strings.CutPrefix(word, "-"); not {
			ok = ok && !within(pkg, folder)
		} else {
			ok = ok || within(pkg, folder)
		}
	}
	return ok
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

// If this failed, the table above would let anything pass.
func TestTheFloorsRefuse(t *testing.T) {
	for _, arrow := range []struct {
		from, to string
		ok       bool
	}{
		{"nodes/gearman", "nodes/journal", true}, {"nodes/gearman", "sim", false}, {"nodes/gearman", "nodes/osenv", false},
		{"nodes/osenv", "sim", false}, {"nodes/osenv", "nodes/gearman", false}, {"checkers", "sim/luck", false},
		{"checkers/checks", "checkers/data", true}, {"checkers/data", "checkers", true}, {"checkers", "checkers/data", false},
		{"checkers/evidence", "checkers", false}, {"checkers/data", "sim/luck", false},
		{"checkers", "nodes/history", true}, {"netmodel", "sim", false}, {"netmodel", "sim/luck", true}, {"sim", "netmodel", true},
		{"sim", "scenarios", false}, {"sim/disk", "sim", false}, {"reports", "cmd/simrun", false}, {"scenarios", "reports", false},
		{"nodesx", "nodes", false},
	} {
		may, _ := allowed(arrow.from)
		require.Equal(t, arrow.ok, fits(arrow.to, may), "%s → %s", arrow.from, arrow.to)
	}
}

// If this failed, somebody would have opened a new wing without asking.
func TestTopLevelFoldersAreThoseOfTheCard(t *testing.T) {
	card := []string{"checkers", "clock", "cmd", "netmodel", "nodes", "reports", "scenarios", "sim"}
	beside := []string{"docs", "examples", "runs"} // runs is output and not committed
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(beside, e.Name()) {
			found = append(found, e.Name())
		}
	}
	require.Equal(t, card, found)
}
