package page

import (
	"math"
	"strconv"
	"strings"
	"time"

	"simrun/nodes/history"
)

// The plot of every chart lies between these two, in the units of its picture.
const (
	plotLeft  = 132.0
	plotRight = 1168.0
	pageWidth = 1180.0
)

// axis puts simulated time on a chart: linear, from the start of the run to its end.
type axis struct{ end time.Duration }

func (a axis) x(t time.Duration) float64 {
	if t == history.Never || t > a.end {
		t = a.end
	}
	return plotLeft + (plotRight-plotLeft)*float64(t)/float64(max(a.end, 1))
}

// tick is a mark on the axis.
type tick struct {
	X    string
	Text string
}

// ticks are at round times, about ten of them.
func (a axis) ticks() (all []tick) {
	step := roundTime(a.end / 9)
	for t := time.Duration(0); t <= a.end; t += step {
		all = append(all, tick{num(a.x(t)), axisTime(t, step)})
	}
	return all
}

// roundTime is the round time that is no less.
func roundTime(t time.Duration) time.Duration {
	for unit := time.Microsecond; unit < 10*time.Second; unit *= 10 {
		for _, n := range []time.Duration{1, 2, 5} {
			if n*unit >= t {
				return n * unit
			}
		}
	}
	for _, n := range []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 20 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
		if n >= t {
			return n
		}
	}
	const day = 24 * time.Hour
	for n := day; ; n *= 10 {
		for _, k := range []time.Duration{2, 5, 10} {
			if k*n >= t || n > 1e5*day {
				return k * n
			}
		}
	}
}

// axisTime is a time as an axis with steps of that length has it.
func axisTime(t, step time.Duration) string {
	switch {
	case step >= 24*time.Hour:
		return strconv.FormatInt(int64(t/(24*time.Hour)), 10) + "d"
	case step >= time.Hour:
		return strconv.FormatInt(int64(t/time.Hour), 10) + "h"
	case step >= time.Minute:
		return strconv.FormatInt(int64(t/time.Minute), 10) + "m"
	case step >= time.Second:
		return strconv.FormatInt(int64(t/time.Second), 10) + "s"
	}
	digits := 0
	for s := step; s < time.Second; s *= 10 {
		digits++
	}
	return strconv.FormatFloat(t.Seconds(), 'f', digits, 64) + "s"
}

// num is a coordinate: a tenth is finer than anybody sees.
func num(x float64) string {
	s := strconv.FormatFloat(x, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

// fine is a coordinate on a time axis that can be zoomed into.
func fine(x float64) string {
	s := strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	return s
}

// Text in pictures is of one width, so that what stands beside what is known before it is drawn.
const (
	textSize  = 10.5
	textWidth = 0.62 * textSize
)

func widthOf(text string) float64 { return textWidth * float64(len([]rune(text))) }

// box is where a text stands.
type box struct{ left, top, right, bottom float64 }

func (b box) meets(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

// boxOf is the box of a text at a point of its baseline: anchor is start, middle or end.
func boxOf(x, y float64, anchor, text string) box {
	w := widthOf(text)
	switch anchor {
	case "middle":
		x -= w / 2
	case "end":
		x -= w
	}
	return box{x - 2, y - textSize, x + w + 2, y + 3}
}

// board is what texts have been put up; none covers another.
type board struct{ taken []box }

// free says whether a text would cover none.
func (b *board) free(n box) bool {
	for _, t := range b.taken {
		if n.meets(t) {
			return false
		}
	}
	return true
}

// put takes the place if it is free.
func (b *board) put(n box) bool {
	if !b.free(n) {
		return false
	}
	b.taken = append(b.taken, n)
	return true
}
