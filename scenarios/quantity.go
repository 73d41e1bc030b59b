package scenarios

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// Rate is how often something comes, as the mean time from one arrival to the next: 20/s is 50ms. Zero is never.
type Rate time.Duration

var perUnit = []struct {
	name string
	long time.Duration
}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}}

// Every is the mean time from one arrival to the next.
func (r Rate) Every() time.Duration { return time.Duration(r) }

// PerSecond is the rate as a number, for arithmetic that people read.
func (r Rate) PerSecond() float64 {
	if r <= 0 {
		return 0
	}
	return float64(time.Second) / float64(r)
}

// Plain is the rate or a little less, as a whole number in at most two digits a second, a minute or an hour.
func (r Rate) Plain() Rate {
	for _, u := range perUnit {
		if n := int64(u.long) / int64(r); n > 0 {
			return Rate(int64(u.long) / Rounded(n, 2))
		}
	}
	return r
}

// String is the rate as a scenario writes it; ParseText reads the very same rate from it.
func (r Rate) String() string {
	if r <= 0 {
		return "0/s"
	}
	for _, u := range perUnit {
		n := (u.long + time.Duration(r)/2) / time.Duration(r)
		if n > 0 && Rate(u.long/n) == r {
			return fmt.Sprintf("%d/%s", n, u.name)
		}
	}
	return "1/" + nodes.Short(time.Duration(r))
}

// ParseText reads 20/s, 600/h, 1/10m.
func (r *Rate) ParseText(text string) error {
	bad := decode.NotA(text, "a rate such as 20/s")
	count, unit, ok := strings.Cut(text, "/")
	n, err := strconv.ParseInt(count, 10, 64)
	if !ok || err != nil || n < 0 || unit == "" {
		return bad
	}
	if unit[0] < '0' || unit[0] > '9' {
		unit = "1" + unit
	}
	d, err := decode.ParseDuration(unit)
	if err != nil || d <= 0 {
		return bad
	}
	if n == 0 {
		*r = 0
		return nil
	}
	if *r = Rate(int64(d) / n); *r == 0 {
		return fmt.Errorf("%q is more than a thousand million a second", text)
	}
	return nil
}

// PPM is parts per million: a clock of 100ppm gains 8.64s a day.
type PPM int64

// String is the figure as a scenario writes it.
func (p PPM) String() string { return strconv.FormatInt(int64(p), 10) + "ppm" }

// ParseText reads 200ppm, -50ppm, 1%.
func (p *PPM) ParseText(text string) error {
	digits, ok := strings.CutSuffix(text, "ppm")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return decode.NotA(text, "a drift such as 200ppm")
	}
	if n < -500_000 || n > 500_000 {
		return errors.New("no clock drifts by more than 500000ppm: it would run half as fast, or half as fast again")
	}
	*p = PPM(n)
	return nil
}

// Slowdown is how much slower something becomes: Times as slow, and then by Plus more.
type Slowdown struct {
	Times int64 // in thousandths: x10 is 10,000; 0 leaves it as it is
	Plus  time.Duration
}

// IsZero says that nothing becomes slower.
func (s Slowdown) IsZero() bool { return s == Slowdown{} }

// Of is how long d takes then.
func (s Slowdown) Of(d time.Duration) time.Duration {
	if s.Times > 0 {
		if int64(d) > math.MaxInt64/s.Times {
			d = d / 1000 * time.Duration(s.Times)
		} else {
			d = d * time.Duration(s.Times) / 1000
		}
	}
	return d + s.Plus
}

// String is the slowdown as a scenario writes it: x10, or 200ms.
func (s Slowdown) String() string {
	if s.Times > 0 {
		return Factor(s.Times).String()
	}
	return nodes.Short(s.Plus)
}

// Factor is how many times, in thousandths: x10 is 10,000.
type Factor int64

// String is the factor as a scenario writes it.
func (f Factor) String() string { return "x" + strconv.FormatFloat(float64(f)/1000, 'f', -1, 64) }

// Wants says so for the reference.
func (Factor) Wants() string { return "factor" }

// ParseText reads x10, x1.5.
func (f *Factor) ParseText(text string) error {
	digits, ok := strings.CutPrefix(text, "x")
	x, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(x >= 1 && x <= 1e6) {
		return decode.NotA(text, "a factor such as x10, between x1 and x1000000")
	}
	*f = Factor(math.Round(x * 1000))
	return nil
}

// Rates is a rate that may be random: 20/s, 5/s..50/s, or a list of rates.
type Rates struct {
	Slow, Fast Rate // the ends; equal for a constant
	Choices    []Rate
}

// DecodeNode reads a rate, a range of rates, or a list of them.
func (r *Rates) DecodeNode(d *decode.Decoder, n *decode.Node, path string, rules decode.Rules) {
	*r = Rates{}
	if n.Kind == decode.List {
		var all decode.Range[Rate]
		d.Value(n, path, &all, rules)
		r.Choices = all.Choices
		return
	}
	slow, fast, isRange := strings.Cut(n.Text, "..")
	if n.Kind != decode.Scalar || !isRange {
		d.Value(n, path, &r.Slow, rules)
		r.Fast = r.Slow
		return
	}
	for _, end := range []struct {
		text string
		into *Rate
	}{{slow, &r.Slow}, {fast, &r.Fast}} {
		at := *n
		at.Text = strings.TrimSpace(end.text)
		if !d.Value(&at, path, end.into, rules) {
			return
		}
		if *end.into == 0 {
			d.Fail(n, path, "a range of rates has no end at 0")
			return
		}
	}
	if r.Slow < r.Fast {
		d.Fail(n, path, "the range %s..%s runs backwards; write %s..%s", slow, fast, fast, slow)
	}
}

// At is the rate that the variate u stands for: uniform, or log-uniform in a range wider than ×10.
func (r Rates) At(u uint64) Rate {
	switch {
	case len(r.Choices) > 0:
		return r.Choices[decode.Range[int]{Hi: len(r.Choices) - 1}.At(u)]
	case r.Slow <= r.Fast:
		return r.Fast
	case r.Slow/10 > r.Fast:
		return Rate(nodes.LogUniform(uint64(r.Fast), uint64(r.Slow), u)).tidy(r.Fast, r.Slow)
	default:
		const scale = math.MaxInt64 // arrivals in so many nanoseconds
		often := decode.Range[int64]{Lo: scale / int64(r.Slow), Hi: scale / int64(r.Fast)}
		return Rate(scale/max(1, often.At(u))).tidy(r.Fast, r.Slow)
	}
}

// tidy rounds a rate, which lies between fast and slow, so that a person can read it: 437/m rather than
// 1/137.299771ms.
func (r Rate) tidy(fast, slow Rate) Rate {
	r = min(max(r, fast), slow)
	for _, u := range perUnit {
		if u.long/time.Duration(r) >= 100 {
			n := (u.long + time.Duration(r)/2) / time.Duration(r)
			return min(max(Rate(u.long/n), fast), slow)
		}
	}
	return r
}

// String is the rate as a scenario writes it.
func (r Rates) String() string {
	switch {
	case len(r.Choices) > 0:
		words := make([]string, len(r.Choices))
		for i, c := range r.Choices {
			words[i] = c.String()
		}
		return "[" + strings.Join(words, ", ") + "]"
	case r.Slow == r.Fast:
		return r.Slow.String()
	default:
		return r.Slow.String() + ".." + r.Fast.String()
	}
}

// Fastest is the most that it can be.
func (r Rates) Fastest() Rate {
	fastest := r.Fast
	for i, c := range r.Choices {
		if i == 0 || c > 0 && (c < fastest || fastest == 0) {
			fastest = c
		}
	}
	return fastest
}

// Rounded is the number towards zero, with only so many digits, one or two, that are not 0.
func Rounded[T ~uint32 | ~int64](n T, digits int) T {
	unit, most := T(1), T(10)
	if digits > 1 {
		most = 100
	}
	for left := n; left >= most || left < 0 && -left >= most; left /= 10 {
		unit *= 10
	}
	return n / unit * unit
}
