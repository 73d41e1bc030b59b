package clock

import (
	"math/bits"
	"time"
)

const million = 1_000_000

// run is a steady stretch of an oscillator: it counts ppm millionths of a nanosecond in each nanosecond
// of true time.
//
// Invariant: fraction < million. Carrying it makes moved(t) exact: what a run shows at a moment does not
// depend on how often its origin was moved before.
type run struct {
	from     time.Duration // true time of the origin
	reading  time.Duration // whole nanoseconds counted at the origin
	fraction uint64        // and millionths of one
	ppm      uint64        // 0 stands still
}

// at is the reading at a true time, which is not before the origin; it stays at Never once there.
func (r run) at(now time.Duration) time.Duration {
	reading, _ := r.count(now)
	return reading
}

// moved is the same run with its origin at now.
func (r run) moved(now time.Duration) run {
	r.reading, r.fraction = r.count(now)
	r.from = now
	return r
}

func (r run) count(now time.Duration) (time.Duration, uint64) {
	if now < r.from {
		panic("clock: asked about the past")
	}
	if r.ppm == million { // as nearly always; the rest is the same without a division
		return saturatingAdd(r.reading, now-r.from), r.fraction
	}
	hi, lo := bits.Mul64(uint64(now-r.from), r.ppm)
	lo, carry := bits.Add64(lo, r.fraction, 0)
	hi += carry
	if hi >= million {
		return Never, 0
	}
	whole, fraction := bits.Div64(hi, lo, million)
	if whole > uint64(Never) {
		return Never, 0
	}
	return saturatingAdd(r.reading, time.Duration(whole)), fraction
}

// when is the least true time, not before the origin, at which the run reads that or more; Never if that
// does not come.
func (r run) when(reading time.Duration) time.Duration {
	if reading <= r.reading {
		return r.from
	}
	if r.ppm == 0 || reading == Never {
		return Never
	}
	if r.ppm == million { // the fraction is too small to matter
		return saturatingAdd(r.from, reading-r.reading)
	}
	// The least e with (fraction + e*ppm) / million >= reading - r.reading.
	hi, lo := bits.Mul64(uint64(reading-r.reading), million)
	lo, borrow := bits.Sub64(lo, r.fraction, 0)
	hi -= borrow
	return saturatingAdd(r.from, ratioUp(hi, lo, r.ppm))
}

// divideUp is a*b/c, rounded up, or Never if that is too long.
func divideUp(a, b, c uint64) time.Duration {
	hi, lo := bits.Mul64(a, b)
	return ratioUp(hi, lo, c)
}

func ratioUp(hi, lo, by uint64) time.Duration {
	if hi >= by {
		return Never
	}
	whole, rest := bits.Div64(hi, lo, by)
	if rest > 0 {
		whole++
	}
	if whole > uint64(Never) {
		return Never
	}
	return time.Duration(whole)
}

// saturatingAdd is a+b, kept within the range of a Duration.
func saturatingAdd(a, b time.Duration) time.Duration {
	sum := a + b
	switch {
	case b > 0 && sum < a:
		return Never
	case b < 0 && sum > a:
		return -Never
	}
	return sum
}
