package checks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/jobs"
)

// A history is judged the same each time. If this fails, two replays of one run tell different stories of what went
// wrong at several servers.
func TestOrderNamesTheSamePairEachTime(t *testing.T) {
	s := newStory(t, "order", 0)
	s.read(`server a b
worker w1 w2
client c
knows w1 a
knows w2 b
1s submit J c a background handle=h1@+5ms -> ok +5ms
2s submit K c a background handle=h2@+5ms -> ok +5ms
1s submit L c b background handle=h3@+5ms -> ok +5ms
2s submit M c b background handle=h4@+5ms -> ok +5ms
0.5s execute w1 a h0 -> ok 4s
0.5s execute w2 b h0 -> ok 4s
4.1s execute w1 a h2 -> ok 5s
4.1s execute w2 b h4 -> ok 5s
5.1s execute w1 a h1 -> ok 6s
5.1s execute w2 b h3 -> ok 6s`)
	first := (&jobs.Order{}).Judge(s.gather())
	require.Equal(t, "out-of-order", first.Anomaly, "%+v", first)
	for range 20 {
		require.Equal(t, first, (&jobs.Order{}).Judge(s.gather()))
	}
}

// A search that would take too long says that it does not know.
func TestTheBudgetOfASearchRunsOut(t *testing.T) {
	s := newStory(t, "budget", 0)
	s.read("server a\nworker w1 w2\nclient c\n" +
		"1s submit J c a background handle=h1@+5ms -> ok +5ms\n" +
		"1.01s execute w1 a h1 -> died\ndown w1 crash 1.05s..2s\n1.06s execute w2 a h1 -> ok 1.1s")
	c := usual("linearizable").(*data.Atomic)
	c.States = 2
	j := c.Judge(s.gather())
	require.Equal(t, checkers.Unknown, j.Verdict)
	require.Equal(t, checkers.Decided, j.State, "a budget is no weather: the run is not judged")
}
