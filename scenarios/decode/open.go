package decode

import (
	"encoding"
	"math/bits"
	"reflect"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
)

// Luck settles what a file leaves open: it is the variate of the value at a path.
type Luck func(path string) uint64

// Opened is a value that was left open: a range, or a list of values, where a single one is wanted.
type Opened struct {
	Path string
	// Ends are variates that stand for each value of a list, or for both ends of a range.
	Ends []uint64
}

// Interval is a TextParser that can say what lies between two values.
type Interval interface {
	// ParseInterval reads the value for which the variate u stands, between lo and hi.
	ParseInterval(lo, hi string, u uint64) error
}

// settled reads a value that is left open, and says whether it was: every alternative is read, and complained
// of, and the one that luck says is kept.
func (d *Decoder) settled(n *Node, path string, v reflect.Value, rules Rules) bool {
	if d.Luck == nil || !d.Open && !rules.Open {
		return false
	}
	switch {
	case n.Kind == List && isChoice(n, v, rules):
		d.settleList(n, path, v, rules)
	case n.Kind == Scalar && isRange(n, v):
		d.settleRange(n, path, v, rules)
	default:
		return false
	}
	return true
}

// isChoice says whether a list stands for one of its values. A list of durations where a duration is drawn at each
// use is a choice at each use; a list with ranges in it is a choice of one of them.
func isChoice(n *Node, v reflect.Value, rules Rules) bool {
	switch v.Addr().Interface().(type) {
	case *nodes.Spread:
		return slices.ContainsFunc(n.Items, func(i *Node) bool {
			return i.Kind == Scalar && (strings.Contains(i.Text, "..") || strings.HasPrefix(i.Text, "~"))
		})
	case Decodable, *nodes.NodeName:
		return false
	case TextParser, nodes.Enum, encoding.TextUnmarshaler:
		return true
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Struct, reflect.Pointer:
		return false
	case reflect.String:
		return rules.Refers != ""
	default:
		return true
	}
}

func isRange(n *Node, v reflect.Value) bool {
	if !strings.Contains(n.Text, "..") {
		return false
	}
	switch v.Addr().Interface().(type) {
	case Interval:
		return true
	case *nodes.Spread, Decodable, nodes.Enum, encoding.TextUnmarshaler:
		return false
	}
	return v.CanInt() || v.CanUint()
}

func (d *Decoder) settleList(n *Node, path string, v reflect.Value, rules Rules) {
	items := d.items(n, path)
	if len(items) == 0 {
		return
	}
	chosen, _ := bits.Mul64(d.Luck(path), uint64(len(items)))
	open := Opened{Path: path}
	for i, item := range items {
		one := reflect.New(v.Type()).Elem()
		one.Set(v)
		if item.Kind == List {
			d.single(item, index(path, i), one, rules)
		} else {
			d.value(item, index(path, i), one, rules) // a single value, or a range
		}
		if uint64(i) == chosen {
			v.Set(one)
		}
		q, _ := bits.Div64(uint64(i), 1<<63, uint64(len(items))) // the middle of its share
		open.Ends = append(open.Ends, q)
	}
	d.Opened = append(d.Opened, open)
}

func (d *Decoder) settleRange(n *Node, path string, v reflect.Value, rules Rules) {
	low, high, _ := cutRange(n)
	u := d.Luck(path)
	d.Opened = append(d.Opened, Opened{path, []uint64{0, ^uint64(0)}})
	if p, ok := v.Addr().Interface().(Interval); ok {
		if err := p.ParseInterval(low, high, u); err != nil {
			d.Fail(n, path, "%s", err)
		}
		return
	}
	lo, hi := reflect.New(v.Type()).Elem(), reflect.New(v.Type()).Elem()
	for _, end := range []struct {
		text string
		into reflect.Value
	}{{low, lo}, {high, hi}} {
		at, before := *n, len(*d.Problems)
		at.Text = end.text
		if d.single(&at, path, end.into, rules); len(*d.Problems) > before {
			return
		}
	}
	if compare(lo, hi) > 0 {
		d.Fail(n, path, "the range %s..%s runs backwards; write %s..%s", low, high, high, low)
		return
	}
	if v.CanUint() {
		v.SetUint(uint64(Range[int64]{Lo: int64(lo.Uint()), Hi: int64(hi.Uint())}.At(u)))
		return
	}
	switch v.Addr().Interface().(type) {
	case *time.Duration, *nodes.Bytes:
		v.SetInt(Between(lo.Int(), hi.Int(), u))
	default:
		v.SetInt(Range[int64]{Lo: lo.Int(), Hi: hi.Int()}.At(u))
	}
}

// Between is what lies between lo and hi for the variate u, in digits that a person can read.
func Between[T ~int64](lo, hi T, u uint64) T {
	drawn := Range[int64]{Lo: int64(lo), Hi: int64(hi)}.At(u)
	return max(lo, min(hi, T(leading(drawn))))
}

// leading keeps the first three digits of a number.
func leading(n int64) int64 {
	unit := int64(1)
	for n/unit >= 1000 || n/unit <= -1000 {
		unit *= 10
	}
	return n / unit * unit
}
