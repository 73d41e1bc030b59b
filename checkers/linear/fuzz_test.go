package linear

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// written decides by bytes that somebody else chose; once they have run out, always for the first of what there is.
type written struct{ bytes []byte }

func (w *written) IntN(n int) int {
	if len(w.bytes) == 0 {
		return 0
	}
	b := w.bytes[0]
	w.bytes = w.bytes[1:]
	return int(b) % n
}

// fuzz holds the algorithm to porcupine on histories that are drawn by bytes, and on what is left of them when operations
// have lost what they were told.
func (x trial[State, Op, P]) fuzz(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("some bytes that make a history"))
	f.Add(slices.Repeat([]byte{3, 9, 250, 7, 0, 41}, 30))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		ops := x.history(&written{bytes})
		wrong, _ := x.disagreement(ops)
		require.Empty(t, wrong, "%+v", ops)
		for i := range ops {
			var nothing Op
			*P(&nothing).Base() = *P(&ops[i]).Base()
			ops[i] = nothing
			x.judge(slices.Clone(ops)) // whatever it says, it ends
		}
	})
}

func FuzzRegister(f *testing.F)      { registerTrial(2, true).fuzz(f) }
func FuzzLog(f *testing.F)           { logTrial(2).fuzz(f) }
func FuzzQueue(f *testing.F)         { queueTrial(1, Queue).fuzz(f) }
func FuzzPriorityQueue(f *testing.F) { queueTrial(3, PriorityQueue).fuzz(f) }
func FuzzSet(f *testing.F)           { setTrial(8, Add, Add, Read, Contains, Remove).fuzz(f) }
func FuzzCounter(f *testing.F)       { counterTrial(upByVarious).fuzz(f) }
func FuzzFetchAdd(f *testing.F)      { fetchAddTrial(anyway).fuzz(f) }
func FuzzUniqueIDs(f *testing.F)     { identifierTrial().fuzz(f) }

// If this failed, a history without operations would be blamed, or break a judge.
func TestNothingIsWrongWithNothing(t *testing.T) {
	for name, r := range map[string]Result{
		"register": Register(nil, Options{}), "kv": KV(nil, Options{}), "log": Log(nil, Options{}), "search": Search(RegisterModel(Nil), nil, Options{}),
		"queue": Queue(nil, Options{}), "priority queue": PriorityQueue(nil, Options{}), "set": Set(nil, Options{}),
		"counter": Counter(nil, Options{}), "fetch-and-add": FetchAdd(nil, Options{}), "identifiers": UniqueIDs(nil, Options{}),
	} {
		require.Equal(t, Result{Verdict: Holds}, r, name)
	}
}
