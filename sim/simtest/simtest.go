// Package simtest answers how a simulated world is tested with plain go test: a subtest per seed, which its
// name finds again.
//
//	go test -run 'TestLease/seed=00000000000000a7' ./lease
//
// runs that seed, whether or not it is one of those that the test runs by itself. Three variables say more:
//
//	SIM_SEED    this seed instead of the test's own: 16 hex digits, a git commit, or a decimal number
//	SIM_SEEDS   as many seeds, beginning with SIM_SEED or with the test's own first
//	SIM_RECORD  1: every event of a failed run is printed
//
// With -short a test runs a tenth of its seeds. The only flags that come with this package are rapid's, for Check.
package simtest

import (
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"simrun/sim"
	"simrun/sim/luck"
)

// Run runs f in a new world for each seed, as subtests. f adds hosts, lets the world run, and says with t what
// is wrong. What nobody asked about (a node's panic, a livelock, a task that does not give way) fails the test
// as well. The world is closed after the subtest.
func Run(t *testing.T, f func(t *testing.T, w *sim.World)) {
	t.Helper()
	each(t, seeds(t, 0, 0), func(t *testing.T, seed luck.Seed) {
		w := sim.New(sim.Options{Seed: seed, Record: recording()})
		t.Cleanup(func() { tell(t, w) })
		f(t, w)
	})
}

// tell ends a subtest: it closes its world, and says what else was wrong and how to see it again.
func tell(t *testing.T, w *sim.World) {
	t.Helper()
	defer w.Close()
	for _, f := range w.Findings() {
		t.Errorf("%s of task %s on %s at %v: %s\n%s", f.Kind, f.Task, f.Host, f.At, f.What, f.Stack)
	}
	if !t.Failed() {
		return
	}
	if w.Abandoned() { // its task may still run, and nothing else may be looked at
		t.Log("\n" + again(t))
		return
	}
	t.Logf("\n%s%s\n%s", events(w.Lines()), w, again(t))
}

// events is the log of a recorded run, a line each.
func events(lines []sim.Line) string {
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&text, line)
	}
	return text.String()
}

// again is what to type to see this subtest once more, and to see all that happens in it.
func again(t *testing.T) string {
	text := "again:           " + command(t)
	if !recording() {
		text += "\nwith all events: SIM_RECORD=1 " + command(t)
	}
	return text
}

func command(t *testing.T) string {
	var run []string
	for _, part := range strings.Split(t.Name(), "/") {
		run = append(run, "^"+regexp.QuoteMeta(part)+"$")
	}
	return fmt.Sprintf("go test -run '%s' %s", strings.Join(run, "/"), folder())
}

// folder is the package whose test this is.
func folder() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if path, ok := strings.CutSuffix(info.Path, ".test"); ok && path != "" {
			return path
		}
	}
	return "."
}
