package clock

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/sim/luck"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func fresh() *Clock { return New(epoch, luck.Seed(1).Stream("clock", "a")) }

// If this failed, a host would be late or early on a calm day.
func TestACalmClockIsRight(t *testing.T) {
	c := fresh()
	require.Equal(t, epoch.Add(90*time.Minute), c.Wall(90*time.Minute))
	require.Equal(t, nodes.Instant(90*time.Minute), c.Mono(90*time.Minute))
	require.Zero(t, c.Offset(90*time.Minute))
	at, ok := c.After(time.Second, 30*time.Second)
	require.True(t, ok)
	require.Equal(t, 31*time.Second, at)
}

// If this failed, a stepped clock would disturb timers, or a step could not be taken back.
func TestAStepMovesTheWallAlone(t *testing.T) {
	c := fresh()
	before := c.Changes()
	c.Step(time.Second, -2*time.Second)
	require.Equal(t, epoch.Add(-time.Second), c.Wall(time.Second))
	require.Equal(t, nodes.Instant(time.Second), c.Mono(time.Second))
	require.Equal(t, before, c.Changes(), "no sleeper need be told")
	c.Step(5*time.Second, 2*time.Second)
	require.Equal(t, epoch.Add(5*time.Second), c.Wall(5*time.Second))
}

// If this failed, a fast clock would not make its sleepers wake early.
func TestDriftBendsBothClocks(t *testing.T) {
	c := fresh()
	c.Drift(10*time.Second, 100_000)
	require.Equal(t, epoch.Add(21*time.Second), c.Wall(20*time.Second))
	require.Equal(t, nodes.Instant(21*time.Second), c.Mono(20*time.Second))
	at, ok := c.After(20*time.Second, 11*time.Second)
	require.True(t, ok)
	require.Equal(t, 30*time.Second, at)
	require.EqualValues(t, 100_000, c.Astray())
	c.Drift(20*time.Second, 0)
	require.Zero(t, c.Astray())
	require.Equal(t, time.Second, c.Offset(time.Hour), "what it gained stays")
	c.Correct(time.Hour)
	require.Zero(t, c.Offset(2*time.Hour))
}

// If this failed, a gradual correction would overshoot, stop short or stop time.
func TestASlewCorrectsGradually(t *testing.T) {
	c := fresh()
	c.Step(0, 10*time.Millisecond)
	c.Slew(0, -10*time.Millisecond, 0)
	require.Equal(t, 5*time.Millisecond, c.Offset(10*time.Second), "half of it after ten seconds at 500 ppm")
	require.Zero(t, c.Offset(20*time.Second))
	require.Zero(t, c.Offset(time.Hour))

	at, ok := c.After(10*time.Second, time.Minute)
	require.True(t, ok)
	require.Equal(t, 70*time.Second+5*time.Millisecond, at, "a sleep across the end of the slew")

	c = fresh()
	c.Slew(0, -time.Second, 10_000_000)
	require.Less(t, c.Mono(time.Millisecond), c.Mono(2*time.Millisecond), "however fast the slew, time goes on")

	c = fresh()
	c.Slew(0, time.Second, 100_000)
	c.Drift(5*time.Second, 1_000_000)
	c.Drift(15*time.Second, 0)
	require.Equal(t, 11*time.Second, c.Offset(time.Hour), "ten from the drift, one from the slew")
}

// If this failed, a sleeper on a frozen clock would wake, or sleep on after the thaw.
func TestAFrozenClockStandsStill(t *testing.T) {
	c := fresh()
	c.Freeze(5 * time.Second)
	require.True(t, c.Frozen())
	require.Equal(t, c.Mono(5*time.Second), c.Mono(time.Hour))
	_, ok := c.After(6*time.Second, 1)
	require.False(t, ok)
	at, ok := c.After(6*time.Second, 0)
	require.True(t, ok, "nothing to wait for")
	require.Equal(t, 6*time.Second, at)

	c.Freeze(7 * time.Second)
	c.Thaw(8 * time.Second)
	require.True(t, c.Frozen(), "two froze it, one thawed it")
	require.EqualValues(t, nodes.PerMillion, c.Astray())
	before := c.Changes()
	c.Thaw(15 * time.Second)
	require.NotEqual(t, before, c.Changes())
	at, ok = c.After(15*time.Second, time.Second)
	require.True(t, ok)
	require.Equal(t, 16*time.Second, at)
	require.Equal(t, -10*time.Second, c.Offset(15*time.Second))
	require.Panics(t, func() { c.Thaw(16 * time.Second) })
}

// If this failed, a rebooted host would remember instants of its former life, or know the time too well.
func TestABootStartsTheMonotonicClockAnew(t *testing.T) {
	var offsets []time.Duration
	for seed := range 20 {
		c := New(epoch, luck.Seed(seed).Stream("clock", "a"))
		c.Step(0, time.Minute)
		c.Reboot(time.Hour)
		require.Zero(t, c.Mono(time.Hour))
		require.Equal(t, nodes.Instant(time.Second), c.Mono(time.Hour+time.Second))
		off := c.Offset(time.Hour) - time.Minute
		require.LessOrEqual(t, off.Abs(), RTCError)
		offsets = append(offsets, off)
	}
	require.NotEqual(t, offsets[0], offsets[1])
}

// If this failed, readings would run backwards, depend on how often they were taken, or a sleeper would
// wake a nanosecond early, late, or never.
func TestReadingsAreMonotoneAndTheInverseIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, asked := fresh(), fresh()
		now := time.Duration(0)
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			now += 1 + time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "pause"))
			switch rapid.IntRange(0, 4).Draw(t, "verb") {
			case 0:
				ppm := rapid.Int64Range(-2_000_000, 2_000_000).Draw(t, "ppm")
				c.Drift(now, ppm)
				asked.Drift(now, ppm)
			case 1:
				by := time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, "by"))
				rate := rapid.Int64Range(0, 1_000_000).Draw(t, "rate")
				c.Slew(now, by, rate)
				asked.Slew(now, by, rate)
			case 2:
				c.Freeze(now)
				asked.Freeze(now)
			case 3:
				if c.Frozen() {
					c.Thaw(now)
					asked.Thaw(now)
				}
			case 4:
				before := c.Mono(now)
				c.Step(now, -time.Second)
				asked.Step(now, -time.Second)
				require.Equal(t, before, c.Mono(now))
			}
			asked.settle(now + 1) // as if a change that changes nothing came in between
			require.LessOrEqual(t, c.Mono(now), c.Mono(now+1))
			require.Equal(t, c.Mono(now+7777), asked.Mono(now+7777), "a reading depends on what was asked before")

			d := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "sleep"))
			at, ok := c.After(now, d)
			if !ok {
				require.True(t, c.Frozen())
				continue
			}
			target := c.Mono(now).Add(d)
			require.GreaterOrEqual(t, c.Mono(at), target, "woke early")
			if at > now {
				require.Less(t, c.Mono(at-1), target, "woke late")
			}
			again, ok := c.TrueAt(now, target)
			require.True(t, ok)
			require.Equal(t, at, again)
		}
	})
}

// If this failed, 128 bits would not be enough for what a run counts.
func TestARunCountsAsUnboundedIntegersDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := run{
			reading:  time.Duration(rapid.Int64Range(0, int64(Never)).Draw(t, "reading")),
			fraction: uint64(rapid.Int64Range(0, million-1).Draw(t, "fraction")),
			ppm:      uint64(rapid.Int64Range(0, 1001*million).Draw(t, "ppm")),
		}
		e := rapid.Int64Range(0, int64(Never)).Draw(t, "elapsed")
		want := new(big.Int).Mul(big.NewInt(e), new(big.Int).SetUint64(r.ppm))
		want.Add(want, new(big.Int).SetUint64(r.fraction))
		want.Div(want, big.NewInt(million))
		want.Add(want, big.NewInt(int64(r.reading)))
		if want.IsInt64() {
			require.Equal(t, want.Int64(), int64(r.at(time.Duration(e))))
		} else {
			require.Equal(t, Never, r.at(time.Duration(e)))
		}
	})
}

// If this failed, a draw of a scenario could stop the simulator.
func TestNoArgumentIsTooMuch(t *testing.T) {
	for _, ppm := range []int64{-1 << 63, -million, 0, 1<<63 - 1} {
		for _, by := range []time.Duration{-1 << 63, -1, 0, 1, Never} {
			c := fresh()
			c.Drift(1, ppm)
			c.Slew(2, by, int64(by))
			c.Step(3, by)
			c.Step(3, by)
			c.Drift(4, -ppm)
			c.Reboot(5)
			for _, now := range []time.Duration{5, time.Hour, Never / 2, Never} {
				c.Wall(now)
				require.LessOrEqual(t, c.Mono(5), c.Mono(now))
				c.After(5, now)
			}
		}
	}
}

// What a node pays for asking the time.
func BenchmarkMono(b *testing.B) {
	c := fresh()
	c.Drift(0, 50)
	now := time.Duration(0)
	for b.Loop() {
		now += 1000
		c.Mono(now)
	}
}

// What the kernel pays to arm a sleeper.
func BenchmarkAfter(b *testing.B) {
	c := fresh()
	c.Drift(0, 50)
	now := time.Duration(0)
	for b.Loop() {
		now += 1000
		c.After(now, time.Second)
	}
}
