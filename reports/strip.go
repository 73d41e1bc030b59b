package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/reports/recording"
)

// The measures of a strip, in characters.
const (
	stripLeft = 13 // where the first lane is
	stripStep = 15 // from lane to lane, if there is room
	stripRows = 26
)

// strip is a space-time diagram in plain text: time goes down, and a lane is a column.
type strip struct {
	*recording.Slice
	tale    []recording.Line
	hosts   []string
	hidden  []string
	step    int
	width   int
	end     time.Duration
	rows    []stripRow
	skipped int
}

// stripRow is a line of it: a message, or something that happened on one lane.
type stripRow struct {
	at       time.Duration
	order    int
	from, to int // lanes
	text     string
	lost     bool
	grave    bool
}

// strip draws what a slice hangs on.
func (p *page) strip(r *recording.Recording, s *recording.Slice, tale []recording.Line) {
	t := &strip{Slice: s, tale: tale, width: p.width, end: r.History.End}
	t.choose(r)
	if len(t.hosts) == 0 {
		return
	}
	t.fill(r)
	p.line("")
	head := []rune(strings.Repeat(" ", p.width))
	for i, host := range t.hosts {
		t.put(head, t.column(i), clip(host, t.step-1))
	}
	p.line("  %s", p.Ink.bold(strings.TrimRight(string(head), " ")))
	var last time.Duration
	for i, row := range t.rows {
		if gap := row.at - last; i > 0 && gap >= 10*time.Millisecond {
			p.line("  %s", p.Ink.soft(right("+"+Span(gap.Seconds()), stripLeft-4)+strings.TrimRight(string(t.lanes(last)[stripLeft-4:]), " ")))
		}
		last = row.at
		line := strings.TrimRight(string(t.draw(row)), " ")
		stamp := right(fmt.Sprintf("%.4fs", row.at.Seconds()), stripLeft-2)
		if row.grave {
			line = p.Ink.bad(stamp + line[len(stamp):])
		} else {
			line = stamp + line[len(stamp):]
		}
		p.line("  %s", line)
	}
	if t.skipped > 0 {
		p.line("  %s", p.Ink.soft(fmt.Sprintf("… %s of it are not drawn", Counted(t.skipped, "event"))))
	}
	if len(t.hidden) > 0 {
		p.line("  %s", p.Ink.soft("without "+strings.Join(t.hidden, ", ")))
	}
}

// choose picks as many lanes as there is room for: those with the most messages.
func (t *strip) choose(r *recording.Recording) {
	most := max(2, (t.width-stripLeft-2)/stripStep)
	said := map[string]int{}
	for _, m := range t.Messages {
		said[m.From]++
		said[m.To]++
	}
	for _, o := range t.Operations {
		said[o.Host] += 8
	}
	for _, h := range r.History.Hosts {
		if h.Role == string(nodes.Server) && said[h.Name] > 0 { // what is promised, servers promise
			said[h.Name] += 8
		}
	}
	byCount := slices.Clone(t.Hosts)
	slices.SortStableFunc(byCount, func(a, b string) int { return cmp.Compare(said[b], said[a]) })
	for _, h := range t.Hosts {
		if slices.Contains(byCount[:min(most, len(byCount))], h) {
			t.hosts = append(t.hosts, h)
		} else {
			t.hidden = append(t.hidden, h)
		}
	}
	t.step = min(24, (t.width-stripLeft-2)/max(len(t.hosts), 1))
}

func (t *strip) column(lane int) int { return stripLeft + t.step*lane }

// fill makes the rows, in the order of time. Of too many, those at the beginning and at the end are kept.
func (t *strip) fill(r *recording.Recording) {
	lane := func(host string) int { return slices.Index(t.hosts, host) }
	add := func(row stripRow) {
		if row.from >= 0 && row.to >= 0 {
			t.rows = append(t.rows, row)
		}
	}
	for _, m := range t.Messages {
		grave := slices.ContainsFunc(t.tale, func(l recording.Line) bool {
			return l.Grave && l.At == m.Sent && strings.HasPrefix(l.Text, m.From+" answers "+m.To+" with "+m.Name)
		})
		add(stripRow{at: m.Sent, order: 2, from: lane(m.From), to: lane(m.To), text: m.Name, lost: m.Lost != "", grave: grave})
	}
	for _, e := range t.Disk {
		what, _, _ := strings.Cut(e.Text, " ")
		if strings.HasPrefix(e.Text, "lost ") {
			what = strings.TrimPrefix(e.Text, "lost what was not synced: ") + " lost"
		}
		add(stripRow{at: e.At, order: 1, from: lane(e.Host), to: lane(e.Host), text: "disk: " + what})
	}
	for _, d := range t.Shown() {
		if i := slices.IndexFunc(r.History.Hosts, func(h history.Host) bool { return h.Name == d.Host }); r.History.Hosts[i].Role != string(nodes.Server) {
			continue // its lane shows it
		}
		if d.From >= t.From {
			add(stripRow{at: d.From, order: 0, from: lane(d.Host), to: lane(d.Host), text: "■ " + d.Why})
		}
		if d.To <= t.To {
			add(stripRow{at: d.To, order: 0, from: lane(d.Host), to: lane(d.Host), text: "□ runs again"})
		}
	}
	for _, o := range t.Operations {
		add(stripRow{at: o.Call, order: 1, from: lane(o.Host), to: lane(o.Host), text: "○ " + o.Kind})
		if sign := map[history.Outcome]string{history.Ok: "● ok", history.Fail: "× refused", history.Unknown: "? no answer"}[o.Outcome]; sign != "" {
			add(stripRow{at: o.Return, order: 3, from: lane(o.Host), to: lane(o.Host), text: sign})
		}
	}
	host, what := t.Blamed(r), ""
	if t.Claim != nil {
		what = "✗ " + t.Claim.Claim
	} else {
		what = "✗ " + t.Finding.Kind
	}
	last := max(lane(host), 0)
	if lane(host) < 0 {
		what += ", on " + host
	}
	add(stripRow{at: t.To, order: 4, from: last, to: last, text: what, grave: true})
	slices.SortStableFunc(t.rows, func(a, b stripRow) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order)) })
	if n := len(t.rows); n > stripRows {
		t.skipped = n - stripRows
		t.rows = append(t.rows[:stripRows/2:stripRows/2], t.rows[n-stripRows/2:]...)
	}
}

// lanes is a row in which nothing happens: a line for whoever runs, and dots for whoever does not.
func (t *strip) lanes(at time.Duration) []rune {
	row := []rune(strings.Repeat(" ", t.width))
	for i, host := range t.hosts {
		row[t.column(i)] = '│'
		if slices.ContainsFunc(t.Downs, func(d history.Down) bool { return d.Host == host && d.From <= at && at < d.To }) {
			row[t.column(i)] = '·'
		}
	}
	return row
}

func (t *strip) draw(row stripRow) []rune {
	line := t.lanes(row.at)
	from, to := t.column(row.from), t.column(row.to)
	if row.from == row.to {
		if strings.HasPrefix(row.text, "disk") {
			t.put(line, from+2, clip(row.text, t.width-from-4))
		} else {
			t.put(line, from, clip(row.text, t.width-from-2))
		}
		return line
	}
	left, right := min(from, to), max(from, to)
	for i := left + 1; i < right; i++ {
		line[i] = '─'
	}
	head := right - 1
	line[from] = '├'
	if from > to {
		line[from], head = '┤', left+1
		line[head] = '◀'
	} else {
		line[head] = '▶'
	}
	label := clip(row.text, right-left-5)
	t.put(line, left+(right-left-runes(label))/2+1, label)
	if row.lost {
		line[head] = ' '
		for i := min(head, (from+to)/2); i <= max(head, (from+to)/2); i++ {
			if line[i] == '─' {
				line[i] = ' '
			}
		}
		line[head] = '×'
	}
	return line
}

// put writes text over a row.
func (t *strip) put(row []rune, at int, text string) {
	for i, c := range []rune(text) {
		if at+i < len(row) {
			row[at+i] = c
		}
	}
}
