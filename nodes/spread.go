package nodes

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Spread is a duration that may be random: 20s, 20s..60s, ~30d or [1s, 5s, 9s]. The zero Spread is 0s.
//
// A range is uniform, or log-uniform if it is wider than ×10; ~ is exponential with that mean. A draw
// takes exactly one 64-bit variate and uses integers only, so that it is the same on every machine.
type Spread struct {
	Lo, Hi  time.Duration   // the range; equal for a constant
	Mean    time.Duration   // exponential, if not zero
	Choices []time.Duration // one of these, if not empty
}

// Longest is the longest that a scenario may say and that a draw may give: a hundred years. Two of them can be added up.
const Longest = 36_500 * 24 * time.Hour

// Exactly is the Spread that always gives d.
func Exactly(d time.Duration) Spread { return Spread{Lo: d, Hi: d} }

// Pick draws a duration.
func (s Spread) Pick(r *rand.Rand) time.Duration { return s.At(r.Uint64()) }

// At is the duration that the variate u stands for.
func (s Spread) At(u uint64) time.Duration {
	switch {
	case len(s.Choices) > 0:
		i, _ := bits.Mul64(u, uint64(len(s.Choices)))
		return s.Choices[i]
	case s.Mean > 0:
		return exponential(s.Mean, u)
	case s.Hi <= s.Lo:
		return s.Lo
	case s.Lo > 0 && s.Hi/10 > s.Lo:
		return time.Duration(LogUniform(uint64(s.Lo), uint64(s.Hi), u))
	default:
		n, _ := bits.Mul64(u, uint64(s.Hi-s.Lo)+1)
		return s.Lo + time.Duration(n)
	}
}

// Max is the longest duration that the Spread gives; for an exponential one, what it exceeds once in e¹⁶ draws.
func (s Spread) Max() time.Duration {
	switch {
	case len(s.Choices) > 0:
		most := s.Choices[0]
		for _, d := range s.Choices {
			most = max(most, d)
		}
		return most
	case s.Mean > 0:
		return min(s.Mean, Longest/16) * 16
	default:
		return max(s.Lo, s.Hi)
	}
}

// Least is the shortest that it gives.
func (s Spread) Least() time.Duration {
	switch {
	case len(s.Choices) > 0:
		return slices.Min(s.Choices)
	case s.Mean > 0:
		return 0
	default:
		return s.Lo
	}
}

// Average is the mean of what the Spread gives, for arithmetic that people read.
func (s Spread) Average() time.Duration {
	switch {
	case len(s.Choices) > 0:
		var sum float64
		for _, d := range s.Choices {
			sum += float64(d)
		}
		return time.Duration(sum / float64(len(s.Choices)))
	case s.Mean > 0:
		return s.Mean
	case s.Hi <= s.Lo:
		return s.Lo
	case s.Lo > 0 && s.Hi/10 > s.Lo: // of what is uniform in its logarithm
		return time.Duration(float64(s.Hi-s.Lo) / math.Log(float64(s.Hi)/float64(s.Lo)))
	default:
		return s.Lo + (s.Hi-s.Lo)/2
	}
}

// IsZero says whether the Spread is always 0s.
func (s Spread) IsZero() bool { return s.Max() == 0 }

// String is the Spread as a scenario writes it.
func (s Spread) String() string {
	switch {
	case len(s.Choices) > 0:
		parts := make([]string, len(s.Choices))
		for i, d := range s.Choices {
			parts[i] = Short(d)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case s.Mean > 0:
		return "~" + Short(s.Mean)
	case s.Hi <= s.Lo:
		return Short(s.Lo)
	default:
		return Short(s.Lo) + ".." + Short(s.Hi)
	}
}

// Short writes a duration as a scenario does: 90s is 1m30s, 36h is 36h, 48h is 2d.
func Short(d time.Duration) string {
	const day = 24 * time.Hour
	if d != 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// exponential is -ln(u)·mean, for u in (0, 1], in integers, and never more than Longest.
func exponential(mean time.Duration, u uint64) time.Duration {
	const ln2 = 2977044472 // ln 2 in units of 2^-32
	log := log2(u | 1)     // of u as an integer below 2^64
	nats, low := bits.Mul64((64<<32)-log, ln2)
	nats = nats<<32 | low>>32
	hi, lo := bits.Mul64(nats, uint64(mean))
	if hi>>31 != 0 {
		return Longest
	}
	return min(time.Duration(hi<<32|lo>>32), Longest)
}

// LogUniform is the number from lo to hi, 0 < lo <= hi < 1<<64-1, at the fraction u of the way by ratio: n comes as
// often as the logarithm of (n+1)/n says.
func LogUniform(lo, hi, u uint64) uint64 {
	a, b := log2(lo), log2(hi+1)
	step, _ := bits.Mul64(u, b-a)
	return min(max(exp2(a+step), lo), hi)
}

// log2 is the binary logarithm of n > 0, in units of 2^-32, by repeated squaring.
func log2(n uint64) uint64 {
	whole := bits.Len64(n) - 1
	result := uint64(whole) << 32
	x := n << (63 - whole) // 1.0 <= x < 2.0 in units of 2^-63
	for bit := uint64(1) << 31; bit != 0; bit >>= 1 {
		hi, _ := bits.Mul64(x, x)
		if hi>>63 != 0 {
			x, result = hi, result|bit
		} else {
			x = hi << 1
		}
	}
	return result
}

// exp2 is 2 to the power of e, which is in units of 2^-32, rounded down.
func exp2(e uint64) uint64 {
	whole := e >> 32
	x := uint64(1) << 63 // 1.0 in units of 2^-63
	for i, root := range roots {
		if e&(1<<(31-i)) != 0 {
			hi, lo := bits.Mul64(x, root)
			x = hi<<1 | lo>>63
		}
	}
	return x >> (63 - whole)
}

// roots[i] is 2^(2^-(i+1)) in units of 2^-63, found by integer square roots.
var roots = func() (r [32]uint64) {
	x := uint64(1) << 63
	two := true
	for i := range r {
		x = sqrt126(x, two)
		two = false
		r[i] = x
	}
	return r
}()

// sqrt126 is the square root of x·2^63 (of 2·2^126 when two), by bisection on 64-bit halves.
func sqrt126(x uint64, two bool) uint64 {
	hi, lo := x>>1, x<<63
	if two {
		hi, lo = 1<<63, 0
	}
	root := uint64(0)
	for bit := uint64(1) << 63; bit != 0; bit >>= 1 {
		try := root | bit
		h, l := bits.Mul64(try, try)
		if h < hi || h == hi && l <= lo {
			root = try
		}
	}
	return root
}
