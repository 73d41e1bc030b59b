package nodes

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, a draw could leave the range that a scenario allows.
func TestADrawStaysInItsSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := time.Duration(rapid.Int64Range(0, 1<<55).Draw(t, "lo"))
		hi := lo + time.Duration(rapid.Int64Range(0, 1<<55).Draw(t, "width"))
		u := rapid.Uint64().Draw(t, "variate")
		got := Spread{Lo: lo, Hi: hi}.At(u)
		if got < lo || got > hi {
			t.Fatalf("%v..%v gave %v for %#x", lo, hi, got, u)
		}
	})
}

// If this failed, a time drawn for long spans would wrap around and lie in the past.
func TestNoDrawIsLongerThanTheLongest(t *testing.T) {
	for mean := time.Hour; mean > 0 && mean <= Longest; mean *= 3 {
		s := Spread{Mean: mean}
		require.LessOrEqual(t, s.At(0), Longest)
		require.Positive(t, s.At(0))
		require.LessOrEqual(t, s.Max(), Longest)
		require.Positive(t, s.Max())
	}
}

// If this failed, a wide range would hardly ever give its small values, or an exponential one not its mean.
func TestSpreadsAreDistributedAsTheySay(t *testing.T) {
	const n = 100_000
	variate := func(i int) uint64 { return uint64(i)*(math.MaxUint64/n) + math.MaxUint64/n/2 }
	sum := func(s Spread) (mean float64, below time.Duration) {
		var all []time.Duration
		for i := range n {
			d := s.At(variate(i))
			all = append(all, d)
			mean += float64(d) / n
		}
		if all[0] > all[n-1] {
			return mean, all[n-1-n/2]
		}
		return mean, all[n/2]
	}
	mean, median := sum(Spread{Lo: time.Second, Hi: 3 * time.Second})
	require.InEpsilon(t, 2*time.Second, mean, 0.001, "uniform")
	require.InEpsilon(t, 2*time.Second, median, 0.001, "uniform")
	_, median = sum(Spread{Lo: time.Millisecond, Hi: time.Second})
	require.InEpsilon(t, math.Sqrt(1e6*1e9), float64(median), 0.001, "log-uniform: as often below the geometric mean as above")
	mean, median = sum(Spread{Mean: time.Hour})
	require.InEpsilon(t, time.Hour, mean, 0.001, "exponential")
	require.InEpsilon(t, math.Ln2*float64(time.Hour), float64(median), 0.001, "exponential")
	seen := map[time.Duration]int{}
	for i := range n {
		seen[Spread{Choices: []time.Duration{1, 5, 9}}.At(variate(i))]++
	}
	for _, d := range []time.Duration{1, 5, 9} {
		require.InDelta(t, n/3, seen[d], 1)
	}
}

// If this failed, the same seed would mean something else on another machine: the logarithms are our own, in
// integers, and must neither depend on a floating-point unit nor be far from the truth.
func TestTheLogarithmsAreRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, math.MaxUint64).Draw(t, "n")
		if got := float64(log2(n)) / (1 << 32); math.Abs(got-math.Log2(float64(n))) > 1e-9*64 {
			t.Fatalf("log2(%d) = %v", n, got)
		}
		e := rapid.Uint64Range(0, 63<<32-1).Draw(t, "e")
		want := math.Exp2(float64(e) / (1 << 32))
		if got := float64(exp2(e)); math.Abs(got-want) > 1+want*1e-9 {
			t.Fatalf("exp2(%d) = %v, want %v", e, got, want)
		}
	})
	require.EqualValues(t, 1, LogUniform(1, 1000, 0))
	require.EqualValues(t, 1000, LogUniform(1, 1000, math.MaxUint64))
}

// If this failed, a scenario could not be read back from its plan.
func TestSpreadsAndQuantitiesReadAsAScenarioWritesThem(t *testing.T) {
	for want, got := range map[string]string{
		"20s":       Exactly(20 * time.Second).String(),
		"20s..1m":   Spread{Lo: 20 * time.Second, Hi: time.Minute}.String(),
		"~30d":      Spread{Mean: 30 * 24 * time.Hour}.String(),
		"[1s, 5s]":  Spread{Choices: []time.Duration{time.Second, 5 * time.Second}}.String(),
		"1m30s":     Short(90 * time.Second),
		"36h":       Short(36 * time.Hour),
		"2d":        Short(48 * time.Hour),
		"0s":        Short(0),
		"0.5%":      Percent(5000).String(),
		"64KiB":     Bytes(64 << 10).String(),
		"1000":      Bytes(1000).String(),
		"3GiB":      Bytes(3 << 30).String(),
		"-100ms":    Short(-100 * time.Millisecond),
		"1h0m0.5s":  Short(time.Hour + 500*time.Millisecond),
		"1h30m":     Short(90 * time.Minute),
		"999h59m1s": Short(1000*time.Hour - 59*time.Second),
	} {
		require.Equal(t, want, got)
	}
}

// If this failed, a loss of 100% would let a packet through, or one of 0% lose one.
func TestAPercentHitsItsShare(t *testing.T) {
	require.True(t, PerMillion.Hit(math.MaxUint64))
	require.False(t, Percent(0).Hit(0))
	hits := 0
	for i := range uint64(1_000_000) {
		if Percent(10_000).Hit(i * (math.MaxUint64 / 1_000_000)) {
			hits++
		}
	}
	require.InDelta(t, 10_000, hits, 1)
}
