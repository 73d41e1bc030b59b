package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/reports"
	"simrun/reports/recording"
	"simrun/scenarios"
)

// whole draws the charts over the whole run.
type whole struct {
	*recording.Recording
	axis   axis
	bands  []rect
	phases []phaseMark
	ticks  []tick
	groups []string // the nodes that clients are copies of, in the order of their colours
}

func drawRun(r *recording.Recording) []*chart {
	w := &whole{Recording: r, axis: axis{r.History.End}}
	w.ticks = w.axis.ticks()
	for _, p := range r.History.Phases {
		w.phases = append(w.phases, phaseMark{fine(w.axis.x(p.To)), fine((w.axis.x(p.From) + w.axis.x(p.To)) / 2), p.Name})
	}
	for _, h := range r.History.Hosts {
		if h.Role == string(nodes.Client) && !slices.Contains(w.groups, h.Node) {
			w.groups = append(w.groups, h.Node)
		}
	}
	w.shade()
	charts := []*chart{w.lanes(), w.availability(), w.latency()}
	charts = append(charts, w.gauges()...)
	return slices.DeleteFunc(charts, func(c *chart) bool { return c == nil })
}

func (w *whole) chart(id, title string, height float64) *chart {
	return &chart{ID: id, Title: title, Height: height, Bands: w.bands, Phases: w.phases, Ticks: w.ticks}
}

// struck is a fault at the times at which it was under way.
type struck struct {
	history.Fault
	windows []history.Window
}

// struck are the faults that fired, in the order of time.
func (w *whole) struck() (all []struck) {
	for _, f := range w.History.Faults {
		if f.Fired == 0 {
			continue
		}
		s := struck{f, f.Windows}
		if len(s.windows) == 0 {
			s.windows = []history.Window{{From: f.At, To: f.At}}
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b struck) int { return cmp.Compare(a.windows[0].From, b.windows[0].From) })
	return all
}

// family is the colour of a fault: that of the family of its verb.
func family(verb string) string {
	for _, v := range scenarios.Verbs() {
		if string(v.Verb) == verb {
			return "f-" + v.Family
		}
	}
	return "f-other"
}

// mostBands bounds the shading: of a year of weather everything would be grey.
const mostBands = 60

func (w *whole) shade() {
	for _, f := range w.struck() {
		for _, window := range f.windows {
			if len(w.bands) == mostBands {
				w.bands = nil
				return
			}
			w.bands = append(w.bands, w.axis.span(window.From, window.To, 0, 0, "band "+family(f.Verb), titleOf(&f, window)))
		}
	}
}

func titleOf(f *struck, at history.Window) string {
	what := f.Verb + " " + reports.Target(f.Target) + "  " + reports.At(at.From.Seconds())
	if at.To > at.From {
		what += " – " + reports.At(at.To.Seconds())
	}
	if f.Effects == 0 {
		what += ", no effect"
	}
	return what
}

const (
	barHeight  = 9.0
	rowHeight  = 14.0
	laneHeight = 9.0
	laneStep   = 13.0
	mostRows   = 16
	mostHosts  = 40
)

// lanes is what struck, as bars, and a lane for each host: black where it is dark.
func (w *whole) lanes() *chart {
	c := w.chart("run", "The whole run", 0)
	c.Marks = true
	c.Note = "faults are shaded the same in every chart"
	y := w.bars(c, 18) + 6
	hosts := w.History.Hosts
	for i, h := range hosts {
		if i == mostHosts {
			c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(y + 8), Class: "lane soft", Anchor: "end", Text: fmt.Sprintf("and %d more", len(hosts)-i)})
			y += laneStep
			break
		}
		c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(y + 8), Class: "lane", Anchor: "end", Text: cut(h.Name, 19), Title: h.Name + ": " + h.Kind + " on " + h.Site})
		c.Rects = append(c.Rects, w.axis.span(0, w.History.End, y, laneHeight, "up", ""))
		w.downs(c, h.Name, y)
		y += laneStep
	}
	c.Height = y + 3
	c.Legend = []legend{{"up", "■", "runs"}, {"dark", "■", "machine dark"}, {"gone", "■", "process gone"}, {"frozen", "▨", "frozen"}}
	c.Legend = append(c.Legend, w.families()...)
	return c
}

// families names the colours of faults.
func (w *whole) families() (all []legend) {
	for _, f := range w.struck() {
		class := family(f.Verb)
		l := legend{class, "▬", strings.TrimPrefix(class, "f-")}
		if !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}

// downs are the times at which a host did not run, each drawn once however many reasons there were.
func (w *whole) downs(c *chart, host string, y float64) {
	type stretch struct {
		history.Window
		class, title string
	}
	var all []stretch
	for _, d := range w.History.Downs {
		if d.Host != host {
			continue
		}
		s := stretch{history.Window{From: d.From, To: min(d.To, w.History.End)}, "gone", d.Why}
		switch d.Why {
		case "crash-machine", "cut-power":
			s.class = "dark"
		case "pause", "pause-machine":
			s.class = "frozen"
		}
		if d.Unsynced > 0 {
			s.title += fmt.Sprintf(", %s of what was not synced lost", reports.Counted(d.Unsynced, "byte"))
		}
		s.title = host + ": " + s.title + " from " + reports.At(d.From.Seconds()) + " to " + until(d.To)
		all = append(all, s)
	}
	order := map[string]int{"frozen": 0, "gone": 1, "dark": 2}
	slices.SortStableFunc(all, func(a, b stretch) int { return cmp.Compare(order[a.class], order[b.class]) })
	for _, s := range all {
		top, h := y, laneHeight
		if s.class == "gone" {
			top, h = y+2, laneHeight-4
		}
		c.Rects = append(c.Rects, w.axis.span(s.From, s.To, top, h, s.class, s.title))
	}
}

func until(t time.Duration) string {
	if t == history.Never {
		return "the end"
	}
	return reports.At(t.Seconds())
}

// bars draws the faults, each with its name beside it, in as few rows as keep them apart; of many, a row for each verb. It
// returns the height at which they end.
func (w *whole) bars(c *chart, top float64) float64 {
	all := w.struck()
	if len(all) == 0 {
		return top - 8
	}
	c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(top + 8), Class: "lane", Anchor: "end", Text: "faults"})
	rows := w.pack(all)
	if rows == nil {
		return w.byVerb(c, all, top)
	}
	for i, row := range rows {
		y := top + rowHeight*float64(i)
		for _, b := range row {
			for _, at := range b.windows {
				c.Rects = append(c.Rects, w.axis.span(at.From, at.To, y, barHeight, "bar "+family(b.Verb), titleOf(&b.struck, at)))
			}
			c.Texts = append(c.Texts, text{X: fine(b.textX), Y: num(y + 8), Class: "label", Anchor: b.anchor, Text: b.text, Title: titleOf(&b.struck, b.windows[0])})
		}
	}
	return top + rowHeight*float64(len(rows))
}

// bar is a fault in a row.
type bar struct {
	struck
	text   string
	textX  float64
	anchor string
}

// pack puts faults in rows in which neither bars nor names meet; nil if there are too many.
func (w *whole) pack(all []struck) (rows [][]bar) {
	var taken [][]box
	for _, f := range all {
		b := bar{struck: f, text: cut(f.Verb+" "+reports.Target(f.Target), 46), anchor: "start"}
		from, to := w.axis.x(f.windows[0].From), w.axis.x(f.windows[len(f.windows)-1].To)
		if f.Effects == 0 {
			b.text += " (no effect)"
		}
		b.textX = to + 5
		whole := box{from - 1, 0, b.textX + widthOf(b.text) + 8, 1}
		if whole.right > plotRight { // its name stands before it
			b.textX, b.anchor = from-5, "end"
			whole = box{b.textX - widthOf(b.text) - 8, 0, to + 1, 1}
		}
		row := slices.IndexFunc(taken, func(boxes []box) bool { return !slices.ContainsFunc(boxes, whole.meets) })
		if row < 0 {
			if row = len(rows); row == mostRows {
				return nil
			}
			rows, taken = append(rows, nil), append(taken, nil)
		}
		rows[row], taken[row] = append(rows[row], b), append(taken[row], whole)
	}
	return rows
}

// byVerb draws a row for each verb.
func (w *whole) byVerb(c *chart, all []struck, top float64) float64 {
	c.Labels = c.Labels[:0]
	var verbs []string
	for _, f := range all {
		if !slices.Contains(verbs, f.Verb) {
			verbs = append(verbs, f.Verb)
		}
	}
	slices.Sort(verbs)
	for i, verb := range verbs {
		y := top + rowHeight*float64(i)
		n := 0
		for _, f := range all {
			if f.Verb == verb {
				n++
				for _, at := range f.windows {
					c.Rects = append(c.Rects, w.axis.span(at.From, at.To, y, barHeight, "bar "+family(verb), titleOf(&f, at)))
				}
			}
		}
		c.Labels = append(c.Labels, text{X: num(plotLeft - 10), Y: num(y + 8), Class: "lane", Anchor: "end", Text: fmt.Sprintf("%s × %d", verb, n)})
	}
	return top + rowHeight*float64(len(verbs))
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
