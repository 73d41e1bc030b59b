package simtest

import (
	"fmt"
	"runtime"
	"testing"

	"simrun/sim"
	"simrun/sim/luck"
)

// Deterministic runs f in worlds of the same seed: twice as it is, and once with another GOMAXPROCS. It fails
// where these are not one run, and shows the first event that differs. A node differs that reads a clock, a
// map's order or randomness other than its Env's; simvet finds many of these without a run. As f runs three
// times, what it keeps outside of its world has to be made anew in each.
func Deterministic(t *testing.T, f func(t *testing.T, w *sim.World)) {
	t.Helper()
	each(t, seeds(t, 0, 3), func(t *testing.T, seed luck.Seed) {
		once := func() *sim.World {
			w := sim.New(sim.Options{Seed: seed, Record: true})
			t.Cleanup(w.Close)
			f(t, w)
			if w.Abandoned() {
				t.Fatalf("%s", w.Findings()[0].What)
			}
			return w
		}
		first := once()
		compare(t, first, once(), "run again")
		if t.Failed() {
			return
		}
		other := 1
		if runtime.GOMAXPROCS(0) == 1 {
			other = 2
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(other))
		compare(t, first, once(), fmt.Sprintf("run again with GOMAXPROCS=%d", other))
	})
}

// compare fails the test with the first event in which two worlds differ.
func compare(t *testing.T, was, is *sim.World, how string) {
	t.Helper()
	if was.Hash() == is.Hash() && was.Steps() == is.Steps() {
		return
	}
	a, b := was.Lines(), is.Lines()
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	if n == len(a) && n == len(b) {
		n, a, b := stretch(was, is)
		t.Errorf("%s, the world differs by step %d, in something that no event shows\n  was  %v\n  is   %v\n%s", how, n, a, b, command(t))
		return
	}
	line := func(lines []sim.Line) string {
		if n < len(lines) {
			return lines[n].String()
		}
		return "nothing more"
	}
	before := ""
	for _, l := range a[max(0, n-3):n] {
		before += "       " + l.String() + "\n"
	}
	t.Errorf("%s, the world takes another course\n%s  was  %s\n  is   %s\n%s", how, before, line(a), line(b), command(t))
}

// stretch is the first step by which the hashes of two worlds are known to differ.
func stretch(was, is *sim.World) (step uint64, a, b sim.Hash) {
	x, y := was.Checkpoints(), is.Checkpoints()
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return uint64(i+1) * 1024, x[i], y[i]
		}
	}
	return max(was.Steps(), is.Steps()), was.Hash(), is.Hash()
}
