package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"simrun/checkers/service"
	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/reports"
)

// asked are the requests of the workload.
func (w *whole) asked() (all []*history.Operation) {
	for _, o := range w.History.Operations {
		if o.Parent == 0 && o.Request != 0 {
			all = append(all, o)
		}
	}
	return all
}

// groupsOf is the place of each host's node among the groups of clients; -1 for others.
func (w *whole) groupsOf() map[string]int {
	all := map[string]int{}
	for i := range w.Plan.Hosts {
		all[w.Plan.Hosts[i].Name] = slices.Index(w.groups, w.Plan.Hosts[i].Node)
	}
	return all
}

// colour is the class of the nth of several lines.
func colour(n int) string { return fmt.Sprintf("c%d", n%8) }

func (w *whole) clientLegend() (all []legend) {
	for i, name := range w.groups {
		all = append(all, legend{colour(i), "●", name})
	}
	return all
}

// availability is the share of requests that were answered, by when they were asked.
func (w *whole) availability() *chart {
	ops := w.asked()
	if len(ops) == 0 {
		return nil
	}
	const top, height = 8.0, 60.0
	c := w.chart("availability", "Availability", top+height+6)
	window := roundTime(w.History.End / 100)
	y := func(share float64) float64 { return top + height*(1-share) }
	within := w.limits(c, y)
	n := int(w.History.End/window) + 1
	groups := w.groupsOf()
	good, all := make([][]int, len(w.groups)), make([][]int, len(w.groups))
	for i := range w.groups {
		good[i], all[i] = make([]int, n), make([]int, n)
	}
	for _, o := range ops {
		g := groups[o.Host]
		if g < 0 || o.Call > w.History.End {
			continue
		}
		at := int(o.Call / window)
		all[g][at]++
		if o.Outcome == history.Ok && (within == 0 || o.Return-o.Call <= within) {
			good[g][at]++
		}
	}
	what := "requests answered"
	if within > 0 {
		what += " within " + nodes.Short(within)
	}
	c.Note = what + ", per " + nodes.Short(window) + "; no line where nothing was asked"
	for g, name := range w.groups {
		s := stair{axis: w.axis, y: y}
		line := series{Name: name, Class: colour(g), Unit: "%"}
		for i := range n {
			from := time.Duration(i) * window
			if all[g][i] == 0 {
				s.until(from)
				line.Steps = append(line.Steps, millis(from), math.NaN())
				continue
			}
			share := float64(good[g][i]) / float64(all[g][i])
			s.to(from, share)
			line.Steps = append(line.Steps, millis(from), math.Round(share*1000)/10)
		}
		s.until(w.History.End)
		c.Paths = append(c.Paths, path{D: s.b.String(), Class: "line " + colour(g)})
		c.Series = append(c.Series, line)
	}
	c.Legend = append(w.clientLegend(), c.Legend...)
	for _, share := range []float64{0, 0.5, 1} {
		c.Grid = append(c.Grid, num(y(share)))
		c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(y(share) + 3), Class: "tick", Anchor: "end", Text: fmt.Sprintf("%.0f%%", share*100)})
	}
	return c
}

// limits draws what a claim of availability allows, and returns how long an answer may take by it.
func (w *whole) limits(c *chart, y func(float64) float64) (within time.Duration) {
	for i := range w.Plan.Claims {
		if a, ok := w.Plan.Claims[i].Config.(*service.Available); ok {
			c.Dashed = num(y(float64(a.AtLeast) / float64(nodes.PerMillion)))
			c.Legend = append(c.Legend, legend{"soft", "╌", "claimed by " + w.Plan.Claims[i].Name})
			return a.Within
		}
	}
	return 0
}

func millis(t time.Duration) float64 { return math.Round(t.Seconds()*1e6) / 1e3 }

// mostSigns bounds the × and ? of the chart of latencies.
const mostSigns = 500

// latency is each request at the time at which it was asked: how long its answer took.
func (w *whole) latency() *chart {
	ops := w.asked()
	if len(ops) == 0 {
		return nil
	}
	const top, height = 8.0, 92.0
	c := w.chart("latency", "Latency", top+height+6)
	scale := w.decadesOf(ops, top, height)
	refused, silent, left := w.dots(c, ops, scale)
	c.Note = fmt.Sprintf("each of %s at the time at which it was to start", reports.Counted(len(ops), "request"))
	if left > 0 {
		c.Note += fmt.Sprintf("; %s and ? of %s are drawn", "×", reports.Count(refused+silent))
	}
	c.Legend = append(w.clientLegend(), legend{"refused", "×", fmt.Sprintf("refused (%s)", reports.Count(refused))},
		legend{"silent", "?", fmt.Sprintf("no answer, it may have happened (%s)", reports.Count(silent))})
	scale.label(c)
	return c
}

// decades is a logarithmic scale from one power of ten seconds to another.
type decades struct{ from, to, top, height float64 }

func (w *whole) decadesOf(ops []*history.Operation, top, height float64) decades {
	low, high := time.Duration(math.MaxInt64), time.Duration(0)
	for _, o := range ops {
		if d := w.took(o); d > 0 {
			low, high = min(low, d), max(high, d)
		}
	}
	if high == 0 {
		low, high = time.Millisecond, time.Second
	}
	from, to := math.Floor(math.Log10(low.Seconds())), math.Ceil(math.Log10(high.Seconds()))
	return decades{from, max(to, from+1), top, height}
}

func (s decades) y(d time.Duration) float64 {
	return s.top + s.height*(1-(math.Log10(max(d.Seconds(), 1e-9))-s.from)/(s.to-s.from))
}

func (s decades) label(c *chart) {
	for d := s.from; d <= s.to; d++ {
		at := time.Duration(math.Round(math.Pow(10, d) * 1e9))
		c.Grid = append(c.Grid, num(s.y(at)))
		c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(s.y(at) + 3), Class: "tick", Anchor: "end", Text: reports.Span(at.Seconds())})
	}
}

// dots draws a dot or a sign for each request, of those that would lie upon each other one. It counts the requests that were
// refused, and those without an answer, and how many signs are left out.
func (w *whole) dots(c *chart, ops []*history.Operation, scale decades) (refused, silent, left int) {
	groups := w.groupsOf()
	dots := make([]strings.Builder, len(w.groups)+1)
	type cell struct{ x, y, kind int }
	seen := map[cell]bool{}
	for _, o := range ops {
		px, py := w.axis.x(o.Call), scale.y(w.took(o))
		g := groups[o.Host]
		if g < 0 {
			g = len(w.groups)
		}
		sign, class := "", ""
		at := cell{int(px * 2), int(py * 2), g}
		switch o.Outcome {
		case history.Ok:
		case history.Fail:
			refused++
			sign, class = "×", "refused"
			at = cell{int(px / 3), int(py / 3), -1}
		default:
			silent++
			sign, class = "?", "silent"
			at = cell{int(px / 3), int(py / 3), -2}
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		switch {
		case sign == "":
			dots[g].WriteString("M" + fine(px) + " " + num(py) + "h0")
		case len(c.Texts) == mostSigns:
			left++
		default:
			c.Texts = append(c.Texts, text{X: fine(px), Y: num(py + 3.5), Class: "sign " + class + " " + colour(g), Anchor: "middle", Text: sign})
		}
	}
	for g := range dots {
		if dots[g].Len() > 0 {
			c.Paths = append(c.Paths, path{D: dots[g].String(), Class: "dots " + colour(g)})
		}
	}
	return refused, silent, left
}

// took is how long a request took; of one without an answer, until it was given up, or the end.
func (w *whole) took(o *history.Operation) time.Duration {
	return min(o.Return, w.History.End) - o.Call
}
