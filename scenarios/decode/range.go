package decode

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"simrun/nodes"
)

// Quantity is what a range can be of: a whole number of something that can be read from text.
type Quantity interface {
	~int | ~int64 | ~uint32
}

// Range is a quantity that may be random: 3, 1..4 or [1, 2, 8]. A range is uniform, or log-uniform if it is
// wider than ×10. The zero Range is 0.
type Range[T Quantity] struct {
	Lo, Hi  T
	Choices []T // one of these, if not empty
}

// At is the quantity that the variate u stands for.
func (r Range[T]) At(u uint64) T {
	switch {
	case len(r.Choices) > 0:
		i, _ := bits.Mul64(u, uint64(len(r.Choices)))
		return r.Choices[i]
	case r.Hi <= r.Lo:
		return r.Lo
	case r.Lo > 0 && r.Hi/10 > r.Lo:
		return min(T(nodes.LogUniform(uint64(r.Lo), uint64(r.Hi)+1, u)), r.Hi) // rounded down, so that Hi has its share
	default:
		n, _ := bits.Mul64(u, uint64(int64(r.Hi)-int64(r.Lo))+1)
		return T(int64(r.Lo) + int64(n))
	}
}

// IsZero says that the range was never set, or is 0.
func (r Range[T]) IsZero() bool { return len(r.Choices) == 0 && r.Lo == 0 && r.Hi == 0 }

// Constant says that the range is one value.
func (r Range[T]) Constant() bool { return len(r.Choices) == 0 && r.Lo == r.Hi }

// Min and Max are the ends of what the range gives.
func (r Range[T]) Min() T { return r.end(func(a, b T) T { return min(a, b) }, r.Lo) }

// Max is the most that the range gives.
func (r Range[T]) Max() T { return r.end(func(a, b T) T { return max(a, b) }, r.Hi) }

func (r Range[T]) end(better func(a, b T) T, end T) T {
	for i, c := range r.Choices {
		if i == 0 {
			end = c
		}
		end = better(end, c)
	}
	return end
}

// String is the range as a file writes it.
func (r Range[T]) String() string {
	switch {
	case len(r.Choices) > 0:
		words := make([]string, len(r.Choices))
		for i, c := range r.Choices {
			words[i] = fmt.Sprint(c)
		}
		return "[" + strings.Join(words, ", ") + "]"
	case r.Constant():
		return fmt.Sprint(r.Lo)
	default:
		return fmt.Sprint(r.Lo) + ".." + fmt.Sprint(r.Hi)
	}
}

// DecodeNode reads a single value, lo..hi, or a list of values.
func (r *Range[T]) DecodeNode(d *Decoder, n *Node, path string, rules Rules) {
	*r = Range[T]{}
	if n.Kind == List {
		for i, item := range d.items(n, path) {
			var one T
			if d.quantity(item, index(path, i), &one, rules) {
				r.Choices = append(r.Choices, one)
			}
		}
		return
	}
	lo, hi, isRange := cutRange(n)
	if !isRange {
		d.quantity(n, path, &r.Lo, rules)
		r.Hi = r.Lo
		return
	}
	if d.rangeEnd(n, path, lo, &r.Lo, rules) && d.rangeEnd(n, path, hi, &r.Hi, rules) && r.Lo > r.Hi {
		d.Fail(n, path, "the range %s..%s runs backwards; write %s..%s", lo, hi, hi, lo)
	}
}

// cutRange divides lo..hi.
func cutRange(n *Node) (lo, hi string, ok bool) {
	if n.Kind != Scalar {
		return "", "", false
	}
	lo, hi, ok = strings.Cut(n.Text, "..")
	return strings.TrimSpace(lo), strings.TrimSpace(hi), ok
}

func (d *Decoder) rangeEnd(n *Node, path, text string, into any, rules Rules) bool {
	end := *n
	end.Text = text
	return d.quantity(&end, path, into, rules)
}

// quantity reads a single quantity and holds it to the rules.
func (d *Decoder) quantity(n *Node, path string, into any, rules Rules) bool {
	if !d.scalar(n, path) {
		return false
	}
	err := parseInto(into, n.Text)
	if err == nil {
		err = rules.hold(into, n.Text)
	}
	if err != nil {
		d.Fail(n, path, "%s", err)
	}
	return err == nil
}

// decodeSpread reads 20s, 20s..60s, ~30d or [1s, 5s].
func (d *Decoder) decodeSpread(n *Node, path string, into *nodes.Spread, rules Rules) {
	*into = nodes.Spread{}
	if n.Kind == List {
		for i, item := range d.items(n, path) {
			var one time.Duration
			if d.quantity(item, index(path, i), &one, rules) {
				into.Choices = append(into.Choices, one)
			}
		}
		return
	}
	if !d.scalar(n, path) {
		return
	}
	if mean, ok := strings.CutPrefix(n.Text, "~"); ok {
		if d.rangeEnd(n, path, mean, &into.Mean, rules) && into.Mean <= 0 {
			d.Fail(n, path, "the mean %s is not more than nothing", n.Text)
		}
		return
	}
	lo, hi, isRange := cutRange(n)
	if !isRange {
		one, err := ParseDuration(n.Text)
		if err != nil && strings.HasSuffix(err.Error(), "such as 20s") {
			err = errors.New(err.Error() + ", nor a range such as 20s..60s")
		}
		if err == nil {
			err = rules.hold(&one, n.Text)
		}
		if err != nil {
			d.Fail(n, path, "%s", err)
			return
		}
		*into = nodes.Exactly(one)
		return
	}
	if d.rangeEnd(n, path, lo, &into.Lo, rules) && d.rangeEnd(n, path, hi, &into.Hi, rules) && into.Lo > into.Hi {
		d.Fail(n, path, "the range %s..%s runs backwards; write %s..%s", lo, hi, hi, lo)
	}
}

// Choice is a word that may be random: one-way, or [both, one-way]. The zero Choice is not said.
type Choice[E interface {
	~string
	nodes.Enum
}] struct {
	Of []E
}

// At is the word that the variate u stands for; where none was said, it is what is usual.
func (c Choice[E]) At(u uint64, usual E) E {
	if len(c.Of) == 0 {
		return usual
	}
	i, _ := bits.Mul64(u, uint64(len(c.Of)))
	return c.Of[i]
}

// String is the choice as a file writes it.
func (c Choice[E]) String() string {
	words := make([]string, len(c.Of))
	for i, e := range c.Of {
		words[i] = string(e)
	}
	if len(words) == 1 {
		return words[0]
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// IsZero says that nothing was said.
func (c Choice[E]) IsZero() bool { return len(c.Of) == 0 }

// DecodeNode reads a word or a list of words.
func (c *Choice[E]) DecodeNode(d *Decoder, n *Node, path string, _ Rules) {
	c.Of = nil
	items, isList := []*Node{n}, n.Kind == List
	if isList {
		items = d.items(n, path)
	}
	for i, item := range items {
		var e E
		at := path
		if isList {
			at = index(path, i)
		}
		if d.scalar(item, at) && d.enum(item, at, e.Values()) {
			c.Of = append(c.Of, E(item.Text))
		}
	}
}
