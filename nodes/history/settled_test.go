package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"simrun/nodes/probe"
)

// If this failed, two servers could take different things for settled, and no run would be the worse for it.
func TestWhatIsSettledIsTheSameToAll(t *testing.T) {
	var probes probe.Set
	entry, leader := probes.Agreed("an entry is the same everywhere"), probes.Agreed("a term has one leader")
	var broken []string
	alive, dead := false, true
	fresh := func() *Log {
		log := NewLog(func() time.Duration { return 0 })
		broken = nil
		log.Broken = func(host, what string) { broken = append(broken, host+": "+what) }
		return log
	}
	log := fresh()
	a, b, ghost := log.For("a", &alive), log.For("b", &alive), log.For("c", &dead)
	a.Agree(entry, 1, 17, 3, []byte("x"))
	b.Agree(entry, 1, 17, 3, []byte("x"))
	b.Agree(entry, 2, 17, 4, []byte("y")) // another group's
	b.Agree(leader, 1, 17, 4, nil)        // another question
	ghost.Agree(entry, 1, 17, 9, nil)
	b.Agree(entry, 1, 17+remembered, 4, nil)
	a.Agree(entry, 1, 17, 5, nil) // long ago
	require.Empty(t, broken)
	require.True(t, log.Reached(&entry.Probe))

	for name, differs := range map[string]func(r *recorder){
		"a value":           func(r *recorder) { r.Agree(entry, 1, 17, 2, []byte("x")) },
		"data":              func(r *recorder) { r.Agree(entry, 1, 17, 3, []byte("y")) },
		"no data":           func(r *recorder) { r.Agree(entry, 1, 17, 3, nil) },
		"a value and data":  func(r *recorder) { r.Agree(entry, 1, 17, 0, nil) },
		"an earlier life's": func(r *recorder) { r.host = "a"; r.Agree(entry, 1, 17, 4, []byte("x")) },
	} {
		log := fresh()
		log.For("a", &alive).Agree(entry, 1, 17, 3, []byte("x"))
		r := log.For("b", &alive).(*recorder)
		differs(r)
		differs(r)
		require.Equal(t, []string{r.host + ": an entry is the same everywhere: number 17 is another thing to a"}, broken, name)
	}
}
