package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/reports"
)

// mostPoints bounds the corners of one line; of more the highest and the lowest of each stretch are drawn.
const mostPoints = 1200

// gauges are the figures that nodes tell, a chart for each, in the words of their kinds.
func (w *whole) gauges() (charts []*chart) {
	type gauge struct {
		nodes.Gauge
		known bool
	}
	var all []gauge
	for i := range w.Plan.Hosts {
		for _, g := range w.Plan.Hosts[i].Kind.Words.Gauges {
			if !slices.ContainsFunc(all, func(o gauge) bool { return o.Name == g.Name }) {
				all = append(all, gauge{g, true})
			}
		}
	}
	told := map[string]map[string][]history.Sample{}
	for _, s := range w.History.Samples {
		if told[s.Name] == nil {
			told[s.Name] = map[string][]history.Sample{}
			if !slices.ContainsFunc(all, func(o gauge) bool { return o.Name == s.Name }) {
				all = append(all, gauge{nodes.Gauge{Name: s.Name, Title: s.Name}, false})
			}
		}
		told[s.Name][s.Host] = append(told[s.Name][s.Host], s)
	}
	for _, g := range all {
		switch of := told[g.Name]; {
		case g.Hidden || of == nil:
		case g.Band != "":
			charts = append(charts, w.bandChart(g.Gauge, of, told[g.Band]))
		default:
			charts = append(charts, w.lineChart(g.Gauge, of))
		}
	}
	return charts
}

// of are the hosts that told a figure, in the order of the plan.
func (w *whole) of(told map[string][]history.Sample) (hosts []string) {
	for _, h := range w.History.Hosts {
		if told[h.Name] != nil {
			hosts = append(hosts, h.Name)
		}
	}
	return hosts
}

// lineChart draws a figure of several hosts, a line each. Where a host does not run it has none.
func (w *whole) lineChart(g nodes.Gauge, told map[string][]history.Sample) *chart {
	const top, height = 8.0, 56.0
	c := w.chart("gauge-"+g.Name, title(g), top+height+6)
	most, least := int64(1), int64(0)
	for _, samples := range told {
		for _, s := range samples {
			most, least = max(most, s.Value), min(least, s.Value)
		}
	}
	high := niceCeiling(float64(most))
	low := 0.0
	if least < 0 {
		low = -niceCeiling(float64(-least))
	}
	y := func(v float64) float64 { return top + height*(1-(v-low)/(high-low)) }
	for i, host := range w.of(told) {
		line := series{Name: host, Class: colour(i), Unit: g.Unit}
		s := stair{axis: w.axis, y: y}
		for _, p := range w.thinned(w.withGaps(host, told[host])) {
			if p.gap {
				s.until(p.at)
				line.Steps = append(line.Steps, millis(p.at), math.NaN())
				continue
			}
			s.to(p.at, p.value)
			line.Steps = append(line.Steps, millis(p.at), p.value)
		}
		s.until(w.History.End)
		c.Paths = append(c.Paths, path{D: s.b.String(), Class: "line " + colour(i)})
		c.Legend = append(c.Legend, legend{colour(i), "●", host})
		c.Series = append(c.Series, line)
	}
	for _, v := range []float64{low, (low + high) / 2, high} {
		c.Grid = append(c.Grid, num(y(v)))
		c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(y(v) + 3), Class: "tick", Anchor: "end", Text: figure(v)})
	}
	return c
}

func title(g nodes.Gauge) string {
	if g.Title != "" {
		return g.Title
	}
	return g.Name
}

func figure(v float64) string {
	if v == math.Trunc(v) {
		return reports.Count(int64(v))
	}
	return fmt.Sprintf("%.1f", v)
}

// point is a corner of a line, or its end.
type point struct {
	at    time.Duration
	value float64
	gap   bool
}

// withGaps is a figure of a host as it changed, which ends where the host goes down. What it is told of anew when it is up
// again begins the line anew.
func (w *whole) withGaps(host string, samples []history.Sample) (all []point) {
	var ends []time.Duration
	for _, d := range w.History.Downs {
		if d.Host == host && !strings.HasPrefix(d.Why, "pause") {
			ends = append(ends, d.From)
		}
	}
	slices.Sort(ends)
	for _, s := range samples {
		for len(ends) > 0 && ends[0] < s.At {
			all = append(all, point{at: ends[0], gap: true})
			ends = ends[1:]
		}
		all = append(all, point{at: s.At, value: float64(s.Value)})
	}
	if len(ends) > 0 {
		all = append(all, point{at: ends[0], gap: true})
	}
	return all
}

// thinned leaves of many points the first, the highest, the lowest and the last of each of so many stretches of time.
func (w *whole) thinned(all []point) []point {
	if len(all) <= mostPoints {
		return all
	}
	step := max(w.History.End/(mostPoints/4), 1)
	var some []point
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].at/step == all[from].at/step && all[to].gap == all[from].gap {
			to++
		}
		high, low := from, from
		for i := from; i < to; i++ {
			if all[i].value > all[high].value {
				high = i
			}
			if all[i].value < all[low].value {
				low = i
			}
		}
		picked := []int{from, high, low, to - 1}
		slices.Sort(picked)
		for _, i := range slices.Compact(picked) {
			some = append(some, all[i])
		}
		from = to
	}
	return some
}

// niceCeiling is a round number that is no less, and even.
func niceCeiling(v float64) float64 {
	if v <= 2 {
		return 2
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10} {
		if c := math.Round(n * scale); c >= v && math.Mod(c, 2) == 0 {
			return c
		}
	}
	return 10 * scale
}

// mostBandHosts bounds the lanes of a chart of bands.
const mostBandHosts = 24

// bandChart draws a figure as bands, a lane for each host, with the value of another written on them.
func (w *whole) bandChart(g nodes.Gauge, told, labels map[string][]history.Sample) *chart {
	const top = 6.0
	hosts := w.of(told)
	c := w.chart("gauge-"+g.Name, title(g), 0)
	y := top
	for i, host := range hosts {
		if i == mostBandHosts {
			c.Note = fmt.Sprintf("%d of %d", i, len(hosts))
			break
		}
		c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(y + 10), Class: "lane", Anchor: "end", Text: cut(host, 19)})
		line := series{Name: host, Class: colour(i), Unit: "yes"}
		points := w.thinned(w.withGaps(host, told[host]))
		for j, p := range points {
			to := w.History.End
			if j+1 < len(points) {
				to = points[j+1].at
			}
			value := p.value
			if p.gap {
				value = 0
			}
			line.Steps = append(line.Steps, millis(p.at), value)
			if value == 0 {
				continue
			}
			label := ""
			if at, ok := valueAt(labels[host], p.at); ok {
				label = fmt.Sprint(at)
			}
			r := w.axis.span(p.at, to, y, 12, "lead "+colour(i), strings.TrimSpace(fmt.Sprintf("%s %s from %s to %s", host, label, reports.At(p.at.Seconds()), reports.At(to.Seconds()))))
			c.Rects = append(c.Rects, r)
			if x := w.axis.x(p.at); label != "" && w.axis.x(to)-x > widthOf(label)+6 {
				c.Texts = append(c.Texts, text{X: fine(x + 3), Y: num(y + 9.5), Class: "onband", Anchor: "start", Text: label})
			}
		}
		c.Series = append(c.Series, line)
		y += 15
	}
	c.Height = y + 3
	return c
}

// valueAt is what a figure was at a time.
func valueAt(samples []history.Sample, at time.Duration) (value int64, ok bool) {
	for _, s := range samples {
		if s.At > at {
			break
		}
		value, ok = s.Value, true
	}
	return value, ok
}
