package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"simrun/nodes/history"
	"simrun/reports"
	"simrun/reports/recording"
)

// scene is the space-time diagram of a slice: a lane for each host and for the disks that had a part, messages as arrows, and
// linear time from left to right with long stretches in which nothing happened cut out.
type scene struct {
	Width, Height string
	Wide          string // how wide it is drawn, as a share of the page
	Lanes         []lane
	Dark          []rect // where a lane does not run
	Shades        []rect // what else struck
	Cuts          []sceneCut
	Ticks         []tick
	TickY, CutY   string
	Bottom        string
	GapHeight     string
	Arrows        []arrow
	Dots          []dot
	Texts         []text
	Messages      []*told
	Left          int // messages about it that are not drawn
}

type lane struct {
	Name, Y, X1, X2, Class string
	TextY                  string
}

type sceneCut struct{ X1, X2, Text, Middle string }

type arrow struct {
	X1, Y1, X2, Y2, Class, Title, ID string
}

type dot struct{ X, Y, Class, Title, Shape string }

// told is a message with its bytes.
type told struct {
	ID                                   string
	Sent, At, From, To, Name, Text, Lost string
	Hex                                  string
	Bytes, More                          string
	Grave                                bool
}

const (
	laneGap = 46.0
	cutGap  = 30.0
	edge    = 26.0 // room at both ends of a stretch
)

// stretch is a piece of time that is drawn.
type stretch struct {
	from, to time.Duration
	x        float64 // of from
}

// staging is a scene in the making.
type staging struct {
	*recording.Recording
	*recording.Slice
	scene
	width     float64
	stretches []stretch
	scale     float64 // units for a nanosecond
	lanes     map[string]float64
	disks     map[string]float64
	board     board
	grave     []recording.Line
}

func drawScene(r *recording.Recording, s *recording.Slice, tale []recording.Line) *scene {
	if s == nil || len(s.Hosts) == 0 {
		return nil
	}
	g := &staging{Recording: r, Slice: s, lanes: map[string]float64{}, disks: map[string]float64{}}
	for _, l := range tale {
		if l.Grave {
			g.grave = append(g.grave, l)
		}
	}
	g.layTime()
	g.layLanes()
	g.darkness()
	g.weather()
	g.operations()
	g.disk()
	g.messages()
	g.end()
	g.Left = s.Others
	return &g.scene
}

// instants are the times at which anything is drawn.
func (g *staging) instants() (all []time.Duration) {
	for _, m := range g.Slice.Messages {
		all = append(all, m.Sent, m.At)
	}
	for _, e := range g.Disk {
		all = append(all, e.At)
	}
	for _, o := range g.Operations {
		all = append(all, o.Call)
		if o.Outcome != history.Pending {
			all = append(all, o.Return)
		}
	}
	for _, d := range g.Slice.Shown() {
		all = append(all, max(d.From, g.From))
		if d.To <= g.To {
			all = append(all, d.To)
		}
	}
	for _, n := range g.Notes {
		all = append(all, n.At)
	}
	all = append(all, g.To)
	slices.Sort(all)
	return slices.Compact(all)
}

// layTime cuts out the longest stretches in which nothing happens, as few as make the way of a message visible.
func (g *staging) layTime() {
	const mostCuts, fewCuts, clear, visible = 11, 6, 110.0, 30.0
	at := g.instants()
	var gaps []int // indices of the instants before them, the longest first
	for i := range at[:len(at)-1] {
		gaps = append(gaps, i)
	}
	length := func(i int) time.Duration { return at[i+1] - at[i] }
	slices.SortStableFunc(gaps, func(a, b int) int { return cmp.Compare(length(b), length(a)) })
	var ways []time.Duration
	for _, m := range g.Slice.Messages {
		if m.At > m.Sent {
			ways = append(ways, m.At-m.Sent)
		}
	}
	slices.Sort(ways)
	total := at[len(at)-1] - at[0]
	way := total
	switch {
	case len(ways) > 0:
		way = ways[len(ways)/2]
	case len(gaps) > 0: // who is on one machine hears at once; then whatever comes right after is to be seen
		way = max(length(gaps[len(gaps)-1]), total/1_000_000)
	}
	cuts := 0
	g.width = pageWidth
	for {
		room := g.width - plotLeft - 12 - cutGap*float64(cuts) - 2*edge*float64(cuts+1)
		g.scale = room / float64(max(total, 1))
		if seen := g.scale * float64(way); total == 0 || seen >= clear || seen >= visible && cuts >= fewCuts {
			break
		}
		if cuts == min(mostCuts, len(gaps)) {
			if g.width >= 2*pageWidth {
				break
			}
			g.width += pageWidth / 4
			continue
		}
		total -= length(gaps[cuts])
		cuts++
	}
	g.scale = min(g.scale, 200/float64(max(way, 1))) // a message takes at most so much of the page
	cutAt := slices.Clone(gaps[:cuts])
	slices.Sort(cutAt)
	x := plotLeft
	from := 0
	for _, i := range append(cutAt, len(at)-1) {
		s := stretch{at[from], at[i], x + edge}
		g.stretches = append(g.stretches, s)
		x = s.x + g.scale*float64(s.to-s.from) + edge
		if i < len(at)-1 {
			gone := at[i+1] - at[i]
			g.Cuts = append(g.Cuts, sceneCut{num(x), num(x + cutGap), "+" + reports.Span(gone.Seconds()), num(x + cutGap/2)})
		}
		x += cutGap
		from = i + 1
	}
	g.width = min(max(x-cutGap+12, 400), g.width)
	g.ticks()
}

// x is where a time is drawn. What was cut out lies in the middle of its cut.
func (g *staging) x(t time.Duration) float64 {
	for i, s := range g.stretches {
		if t < s.from {
			if i == 0 {
				return s.x - edge
			}
			return s.x - edge - cutGap/2
		}
		if t <= s.to {
			return s.x + g.scale*float64(t-s.from)
		}
	}
	last := g.stretches[len(g.stretches)-1]
	return last.x + g.scale*float64(last.to-last.from) + edge
}

// ticks are at the beginning of each stretch, and at round times where there is room for them.
func (g *staging) ticks() {
	step := roundTime(time.Duration(90 / g.scale))
	for _, s := range g.stretches {
		last := s.x
		g.Ticks = append(g.Ticks, tick{num(s.x), preciseTime(s.from, step)})
		for t := (s.from/step + 1) * step; t <= s.to; t += step {
			if x := s.x + g.scale*float64(t-s.from); x-last > 80 {
				g.Ticks = append(g.Ticks, tick{num(x), preciseTime(t, step)})
				last = x
			}
		}
	}
	kept := g.Ticks[:0]
	b := board{}
	for _, t := range g.Ticks {
		var x float64
		fmt.Sscan(t.X, &x)
		if b.put(boxOf(x, 10, "middle", t.Text)) {
			kept = append(kept, t)
		}
	}
	g.Ticks = kept
}

// preciseTime tells apart times that are a step from each other.
func preciseTime(t, step time.Duration) string {
	switch {
	case step < time.Millisecond:
		return fmt.Sprintf("%.4fs", t.Seconds())
	default:
		return fmt.Sprintf("%.3fs", t.Seconds())
	}
}

func (g *staging) layLanes() {
	y := 46.0
	for _, host := range g.Hosts {
		g.lanes[host] = y
		g.Lanes = append(g.Lanes, lane{Name: cut(host, 19), Y: num(y), X1: num(plotLeft), X2: num(g.width - 12), Class: "life", TextY: num(y + 4)})
		y += laneGap
		if slices.ContainsFunc(g.Disk, func(e recording.Event) bool { return e.Host == host }) {
			g.disks[host] = y
			g.Lanes = append(g.Lanes, lane{Name: "its disk", Y: num(y), X1: num(plotLeft), X2: num(g.width - 12), Class: "platter", TextY: num(y + 4)})
			y += laneGap
		}
	}
	bottom := y - laneGap/2
	g.GapHeight = num(bottom - 16)
	g.Bottom, g.TickY, g.CutY = num(bottom), num(bottom+12), num(bottom+28)
	g.Width, g.Height = num(g.width), num(bottom+36)
	g.Wide = fmt.Sprintf("%.0f%%", 100*g.width/pageWidth)
}

// darkness draws where lanes do not run, and says why.
func (g *staging) darkness() {
	type why struct {
		at   time.Duration
		what string
	}
	said := map[why]bool{}
	for _, d := range g.Slice.Shown() {
		from, to := g.x(max(d.From, g.From)), g.x(min(d.To, g.To))
		class := "dark"
		if strings.HasPrefix(d.Why, "pause") {
			class = "frozen"
		}
		title := fmt.Sprintf("%s: %s from %s to %s", d.Host, d.Why, reports.At(d.From.Seconds()), until(d.To))
		y := g.lanes[d.Host]
		g.Dark = append(g.Dark, rect{X: num(from), Y: num(y - 4), W: num(max(to-from, 2)), H: "8", Class: class, Title: title})
		if dy, ok := g.disks[d.Host]; ok && (d.Why == "cut-power" || d.Why == "crash-machine") {
			g.Dark = append(g.Dark, rect{X: num(from), Y: num(dy - 4), W: num(max(to-from, 2)), H: "8", Class: class, Title: title})
		}
		if key := (why{d.From, d.Why}); !said[key] {
			said[key] = true
			g.say(from+4, y, []place{{0, -9, "start"}, {0, 17, "start"}, {-8, -9, "end"}, {-8, 17, "end"}}, d.Why, "why", title)
		}
	}
}

// weather shades what else struck those who take part while it is drawn.
func (g *staging) weather() {
	var rows board
	for _, f := range g.History.Faults {
		if f.Fired == 0 || !slices.Contains([]string{"f-network", "f-disk", "f-clock"}, family(f.Verb)) {
			continue
		}
		for _, w := range f.Windows {
			if w.To < g.From || w.From > g.To || !g.concerns(f.Verb, w) {
				continue
			}
			from, to := g.x(max(w.From, g.From)), g.x(min(w.To, g.To))
			title := fmt.Sprintf("%s %s from %s to %s", f.Verb, reports.Target(f.Target), reports.At(w.From.Seconds()), until(w.To))
			label := cut(f.Verb+" "+reports.Target(f.Target), 40)
			for row := range 2 {
				y := 12.0 + 12*float64(row)
				b := boxOf(min(from+2, g.width-widthOf(label)-14), y, "start", label)
				if rows.put(b) {
					g.board.taken = append(g.board.taken, b)
					g.Texts = append(g.Texts, text{X: num(b.left + 2), Y: num(y), Class: "label", Anchor: "start", Text: label, Title: title})
					break
				}
			}
			g.Shades = append(g.Shades, rect{X: num(from), Y: "16", W: num(max(to-from, 2)), H: g.GapHeight, Class: "band " + family(f.Verb), Title: title})
		}
	}
}

// concerns says whether a fault of a verb met anybody who takes part.
func (g *staging) concerns(verb string, w history.Window) bool {
	in := func(h string) bool { return slices.Contains(g.Hosts, h) }
	return slices.ContainsFunc(g.History.Impairments, func(i history.Impairment) bool {
		return i.Verb == verb && i.Start >= w.From && i.Start <= w.To && slices.ContainsFunc(i.From, in) &&
			(len(i.To) == 0 || slices.ContainsFunc(i.To, in))
	})
}

// place is where a text may stand, seen from what it names.
type place struct {
	dx, dy float64
	anchor string
}

// say puts a text up at the first place that is free. Where none is, who points at the thing is told.
func (g *staging) say(x, y float64, at []place, what, class, title string) bool {
	for _, p := range at {
		b := boxOf(x+p.dx, y+p.dy, p.anchor, what)
		if b.left < plotLeft-6 || b.right > g.width || b.top < 0 || !g.board.put(b) {
			continue
		}
		g.Texts = append(g.Texts, text{X: num(x + p.dx), Y: num(y + p.dy), Class: class, Anchor: p.anchor, Text: what, Title: title})
		return true
	}
	return false
}

// above and below are the places beside a point of a lane.
var above = []place{{0, -8, "middle"}, {4, -8, "start"}, {-4, -8, "end"}, {0, 16, "middle"}, {4, 16, "start"}, {-4, 16, "end"}}

// operations marks where clients asked and what they were told.
func (g *staging) operations() {
	for _, o := range g.Operations {
		y, in := g.lanes[o.Host]
		if !in {
			continue
		}
		x := g.x(o.Call)
		g.Dots = append(g.Dots, dot{num(x), num(y), "ask", o.Host + " asks: " + o.Kind, ""})
		g.say(x, y, above, o.Kind, "label", "")
		if o.Outcome == history.Pending {
			continue
		}
		x = g.x(o.Return)
		sign, class := "✓ ok", "ok"
		switch o.Outcome {
		case history.Fail:
			sign, class = "× refused", "refused"
		case history.Unknown:
			sign, class = "? no answer", "silent"
		}
		g.Dots = append(g.Dots, dot{num(x), num(y), class, o.Host + ": " + o.Kind + " " + sign + " " + o.Reason, ""})
		g.say(x, y, above, sign, "label", o.Reason)
	}
}

func (g *staging) disk() {
	for _, e := range g.Disk {
		y, x := g.disks[e.Host], g.x(e.At)
		class := "op"
		what, _, _ := strings.Cut(e.Text, " ")
		if strings.HasPrefix(e.Text, "lost ") {
			class, what = "gone", strings.TrimPrefix(e.Text, "lost what was not synced: ")+" lost"
		}
		g.Dots = append(g.Dots, dot{num(x), num(y), class, fmt.Sprintf("%s: %s at %s", e.Host, e.Text, reports.At(e.At.Seconds())), ""})
		g.say(x, y, []place{{0, 16, "middle"}, {4, 16, "start"}, {-4, 16, "end"}, {0, -8, "middle"}}, what, "label", e.Text)
	}
	for _, n := range g.Notes {
		y, x := g.lanes[n.Host], g.x(n.At)
		word, _, _ := strings.Cut(n.Text, ":")
		g.Dots = append(g.Dots, dot{num(x), num(y), "op", n.Host + ": " + n.Text, ""})
		g.say(x, y, above, word, "label", n.Text)
	}
}

// end marks what the claim is about where nobody says it: at the end of the slice.
func (g *staging) end() {
	at := g.To
	if f := g.Finding; f != nil {
		at = time.Duration(math.Round(f.At * 1e9))
		x, y := g.x(at), g.lanes[f.Host]
		g.Dots = append(g.Dots, dot{num(x), num(y), "grave", f.What, "✗"})
		g.say(x, y, above, f.Kind, "label grave", f.What)
		return
	}
	host := g.Blamed(g.Recording)
	x, y := g.x(at), g.lanes[host]
	g.Dots = append(g.Dots, dot{num(x), num(y), "grave", g.Claim.Reason, "✗"})
	g.say(x, y, []place{{0, -12, "end"}, {0, 20, "end"}, {-12, 4, "end"}, {0, -12, "middle"}}, cut(g.Claim.Claim, 40), "label grave", g.Claim.Reason)
}
