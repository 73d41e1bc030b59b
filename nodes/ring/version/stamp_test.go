package version

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/ring"
)

var epoch = time.Unix(1_700_000_000, 0)

// If this failed, an effect would have a stamp before its cause, or stamps would run away from the clocks.
func TestStampsFollowCausesAndStayNearTheWall(t *testing.T) {
	const most = 100 * time.Millisecond
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "nodes")
		var clocks []*Clock
		var skew []time.Duration
		last := make([]Stamp, n)
		for range n {
			clocks = append(clocks, NewClock(ClockOptions{MaxDrift: most}))
			skew = append(skew, time.Duration(rapid.Int64Range(-int64(most)/2, int64(most)/2).Draw(t, "skew")))
		}
		now := epoch
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 3).Draw(t, "passes")) * time.Millisecond)
			i := rapid.IntRange(0, n-1).Draw(t, "node")
			wall := now.Add(skew[i])
			if from := rapid.IntRange(0, n-1).Draw(t, "from"); from != i && last[from] != (Stamp{}) {
				require.NoError(t, clocks[i].Observe(wall, last[from]))
				stamp := clocks[i].Now(wall)
				require.Positive(t, stamp.Compare(last[from]), "a message that was sent at %s was answered at %s", last[from], stamp)
				require.Positive(t, stamp.Compare(last[i]))
				last[i] = stamp
			} else {
				stamp := clocks[i].Now(wall)
				require.Positive(t, stamp.Compare(last[i]))
				last[i] = stamp
			}
			require.GreaterOrEqual(t, last[i].Wall, wall.UnixNano())
			require.LessOrEqual(t, clocks[i].Ahead(wall), most)
		}
	})
}

// If this failed, one node whose clock is wrong would drag all others along.
func TestAStampFromTooFarAheadIsRefused(t *testing.T) {
	c := NewClock(ClockOptions{MaxDrift: time.Second})
	require.NoError(t, c.Observe(epoch, AtWall(epoch.Add(time.Second))))
	before := *c
	for _, late := range []Stamp{AtWall(epoch.Add(time.Second + 1)), {Wall: math.MaxInt64}} {
		require.ErrorIs(t, c.Observe(epoch, late), ErrDrift)
		require.Equal(t, before, *c)
	}
	require.NoError(t, c.Observe(epoch, Stamp{Wall: math.MinInt64}))
	require.Equal(t, time.Second, c.Ahead(epoch))
}

// If this failed, a clock that was stepped back would give a stamp twice, and so would a node that started again.
func TestStampsGrowHoweverTheWallIsStepped(t *testing.T) {
	c := NewClock(ClockOptions{})
	last := c.Now(epoch)
	for _, step := range []time.Duration{0, -time.Hour, time.Millisecond, -time.Hour, math.MinInt64, math.MaxInt64, 0} {
		stamp := c.Now(epoch.Add(step))
		require.Positive(t, stamp.Compare(last))
		last = stamp
	}
	again := NewClock(ClockOptions{Floor: last})
	require.Positive(t, again.Now(epoch.Add(-time.Hour)).Compare(last))
	full := NewClock(ClockOptions{Floor: Stamp{last.Wall, math.MaxUint32}})
	require.Equal(t, Stamp{last.Wall + 1, 0}, full.Now(epoch))
	require.Positive(t, AtWall(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)).Compare(AtWall(time.Time{})))
}

func drawCell(t *rapid.T) Cell {
	c := Cell{At: Stamp{rapid.Int64Range(0, 2).Draw(t, "wall"), rapid.Uint32Range(0, 1).Draw(t, "logical")},
		By: ring.ID(rapid.Uint64Range(1, 2).Draw(t, "by")), Deleted: rapid.Bool().Draw(t, "deleted")}
	if !c.Deleted {
		c.Value = rapid.SliceOfN(rapid.Byte(), 0, 1).Draw(t, "value")
	}
	return c
}

// If this failed, copies that heard of the same writes in another order would keep different ones.
func TestTheLastOfCellsIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawCell(t), drawCell(t), drawCell(t)
		same := func(a, b Cell) { require.Zero(t, a.Compare(b), "%v, %v", a, b) }
		same(a, Last(a, a))
		same(Last(a, b), Last(b, a))
		same(Last(a, Last(b, c)), Last(Last(a, b), c))
		require.Equal(t, a.Compare(b), -b.Compare(a))
	})
}

// If this failed, last-write-wins would be as good by the wall clock as by a hybrid one, and need not be declared.
func TestTheWallLosesWhatAHybridClockKeeps(t *testing.T) {
	behind := epoch.Add(-time.Second) // of the node that writes second
	first := Cell{At: AtWall(epoch), By: 1, Value: []byte("first")}
	second := Cell{At: AtWall(behind), By: 2, Value: []byte("second")}
	require.Equal(t, "first", string(Last(first, second).Value), "what was acknowledged is gone")

	clock := NewClock(ClockOptions{MaxDrift: 2 * time.Second})
	require.NoError(t, clock.Observe(behind, first.At)) // who writes second had read the first
	second.At = clock.Now(behind)
	require.Equal(t, "second", string(Last(first, second).Value))
}

func BenchmarkClock(b *testing.B) {
	c := NewClock(ClockOptions{})
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Observe(epoch, c.Now(epoch))
	}
}
