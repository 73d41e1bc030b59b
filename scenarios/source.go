package scenarios

import (
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// source is where one line of a scenario takes its variates from. It is a stream of its own, named after the
// line, so that another line's absence leaves it alone.
type source struct{ *luck.Stream }

// next is the next variate.
func (s source) next() uint64 { return s.Uint64() }

// span draws a duration that a person can read: four digits, and never out of the range that was said.
func (s source) span(spread nodes.Spread) time.Duration { return readable(spread, spread.At(s.next())) }

// length is a span that is not nothing.
func (s source) length(spread nodes.Spread) time.Duration { return max(s.span(spread), 1) }

// readable rounds a draw of the spread to four digits, if that stays within it.
func readable(spread nodes.Spread, d time.Duration) time.Duration {
	if len(spread.Choices) > 0 || spread.Mean == 0 && spread.Lo == spread.Hi {
		return d
	}
	step := time.Duration(1)
	for magnitude := d.Abs(); magnitude >= 10_000; magnitude /= 10 {
		step *= 10
	}
	rounded := d.Round(step)
	if rounded < spread.Lo && spread.Mean == 0 || rounded > spread.Hi && spread.Mean == 0 {
		return d
	}
	return rounded
}

// Slow is a slowdown that may be random: x10, x2..x50, 200ms, 20ms..1s, or a list of such.
type Slow struct {
	Times   decode.Range[Factor]
	Plus    nodes.Spread
	Choices []Slowdown
}

// IsZero says that it was never set.
func (s Slow) IsZero() bool { return s.Times.IsZero() && s.Plus.IsZero() && len(s.Choices) == 0 }

func (s Slow) at(u uint64) Slowdown {
	switch {
	case len(s.Choices) > 0:
		return s.Choices[decode.Range[int]{Hi: len(s.Choices) - 1}.At(u)]
	case !s.Times.IsZero():
		return Slowdown{Times: int64(s.Times.At(u))}
	default:
		return Slowdown{Plus: readable(s.Plus, s.Plus.At(u))}
	}
}

// String is the slowdown as a scenario writes it.
func (s Slow) String() string {
	switch {
	case len(s.Choices) > 0:
		words := make([]string, len(s.Choices))
		for i, c := range s.Choices {
			words[i] = c.String()
		}
		return "[" + strings.Join(words, ", ") + "]"
	case !s.Times.IsZero():
		return s.Times.String()
	default:
		return s.Plus.String()
	}
}

// DecodeNode reads a factor or a duration, a range of these, or a list.
func (s *Slow) DecodeNode(d *decode.Decoder, n *decode.Node, path string, rules decode.Rules) {
	*s = Slow{}
	if n.Kind == decode.List {
		for _, item := range n.Items {
			var one Slow
			if one.DecodeNode(d, item, path, rules); !one.IsZero() {
				s.Choices = append(s.Choices, one.at(0))
			}
		}
		if len(n.Items) == 0 {
			d.Fail(n, path, "this list is empty")
		}
		return
	}
	if n.Kind == decode.Scalar && strings.HasPrefix(n.Text, "x") {
		d.Value(n, path, &s.Times, rules)
		return
	}
	before := len(*d.Problems)
	if !d.Value(n, path, &s.Plus, rules) {
		*d.Problems = (*d.Problems)[:before]
		d.Fail(n, path, "%s", decode.NotA(n.Text, "a slowdown such as x10, 200ms or x2..x50"))
	}
}
