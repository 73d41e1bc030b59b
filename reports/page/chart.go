package page

import (
	"strings"
	"time"
)

// chart is a picture over the whole run. What hangs on time is in Rects, Paths and Texts, and can be zoomed into; what does
// not is in Labels.
type chart struct {
	ID     string
	Title  string
	Note   string
	Legend []legend
	Height float64 // of the plot, without the axis
	Labels []text  // at the left
	Grid   []string
	Dashed string // a limit that a claim names, as a height; empty if there is none
	Rects  []rect
	Paths  []path
	Texts  []text
	Bands  []rect // shading of faults, the same in each chart
	Phases []phaseMark
	Ticks  []tick
	Series []series // for who points at it
	Marks  bool     // it has the names of the phases
}

// Bottom is where the axis is written, and All the height with it.
func (c *chart) Bottom() string { return num(c.Height) }
func (c *chart) All() string    { return num(c.Height + 20) }
func (c *chart) TickY() string  { return num(c.Height + 13) }

type legend struct {
	Class, Sign, Text string
}

type rect struct {
	X, Y, W, H string
	Class      string
	Title      string
}

type path struct {
	D, Class, Title string
}

type text struct {
	X, Y   string
	Class  string
	Anchor string
	Text   string
	Title  string
	// Upto is where it may not be seen any more when its chart is zoomed: the end of what it names.
	Upto string
}

type phaseMark struct {
	X, Middle, Name string
}

// series is a line of a chart in figures, for who points at it: pairs of a time in milliseconds and a value.
type series struct {
	Name  string    `json:"name"`
	Class string    `json:"class"`
	Unit  string    `json:"unit,omitempty"`
	Steps []float64 `json:"steps"`
}

// span makes a rectangle of a stretch of time.
func (a axis) span(from, to time.Duration, y, h float64, class, title string) rect {
	x := a.x(from)
	return rect{X: fine(x), Y: num(y), W: fine(max(a.x(to)-x, 0.4)), H: num(h), Class: class, Title: title}
}

// stair draws a figure that stays until it changes. A gap is a gap.
type stair struct {
	b      strings.Builder
	axis   axis
	y      func(v float64) float64
	last   string
	drawn  bool
	points int
}

// to goes on to a time and then to a value.
func (s *stair) to(t time.Duration, v float64) {
	x, y := fine(s.axis.x(t)), num(s.y(v))
	s.points++
	if !s.drawn {
		s.b.WriteString("M" + x + " " + y)
		s.drawn, s.last = true, y
		return
	}
	s.b.WriteString("H" + x)
	if y != s.last {
		s.b.WriteString("V" + y)
		s.last = y
	}
}

// until goes on to a time, and ends there.
func (s *stair) until(t time.Duration) {
	if s.drawn {
		s.b.WriteString("H" + fine(s.axis.x(t)))
	}
	s.drawn = false
}
