package page

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/nodes/history"
	"simrun/reports"
	"simrun/reports/recording"
)

// The bounds of what of the events a page has. All of them are in events.jsonl.
const (
	mostEvents = 4000 // for the filter
	mostShown  = 120  // as rows that need no script
	mostText   = 160  // characters of one
	mostBytes  = 48   // of a message, in figures
)

// events is the part of the page about what happened one by one.
type events struct {
	All     string // how many there were
	Missing string // how many more the log has not
	Kept    string // how many of them the page has
	Shown   string // how many are rows
	What    string // which the rows are
	Rows    []eventRow
	Hosts   []string
	Sorts   []recording.Sort
	Data    eventData
}

// eventRow is an event as a row of the table.
type eventRow struct {
	At, Host, Text string
	Sort           recording.Sort
}

// eventData is what the script filters: the events of the page, in figures. Each is its time in microseconds, the place of
// its host and of its sort in the lists, its text and, of a message, its first bytes.
type eventData struct {
	Hosts []string          `json:"hosts"`
	Sorts []string          `json:"sorts"`
	Rows  []json.RawMessage `json:"rows"`
	Shown []int             `json:"shown"` // those that are rows before anybody filters
}

// listEvents picks the events of the page: those that a reader looks for first are those of the slice, then whatever struck
// and what became of it, then what happened around it.
func listEvents(r *recording.Recording, s *recording.Slice) *events {
	weight := make([]int, len(r.Events))
	for i := range r.Events {
		weight[i] = common(&r.Events[i])
	}
	related := map[int]bool{}
	if s != nil {
		related = relate(r, s)
	}
	for i := range related {
		weight[i] = 0
	}
	around(r, s, weight)
	kept := lightest(weight, mostEvents)
	e := &events{All: reports.Count(len(r.Events)), Kept: reports.Count(len(kept)), Sorts: recording.Sorts}
	if r.Missing > 0 {
		e.Missing = reports.Count(r.Missing)
	}
	e.What = "what struck, and what became of it"
	shown := func(i int) bool { return weight[i] <= 1 }
	if s != nil {
		e.What = "what it hangs on, and what struck meanwhile"
		shown = func(i int) bool {
			v := &r.Events[i]
			return related[i] || v.Sort == recording.Claim || v.Sort == recording.Finding || v.Sort == recording.Fault && s.From <= v.At && v.At <= s.To
		}
	}
	hosts := map[string]int{"": 0}
	e.Hosts = []string{""}
	for _, h := range r.History.Hosts {
		hosts[h.Name] = len(e.Hosts)
		e.Hosts = append(e.Hosts, h.Name)
	}
	e.Data.Hosts = e.Hosts
	for _, sort := range recording.Sorts {
		e.Data.Sorts = append(e.Data.Sorts, string(sort))
	}
	for _, i := range kept {
		v := &r.Events[i]
		if shown(i) && len(e.Rows) < mostShown {
			e.Data.Shown = append(e.Data.Shown, len(e.Data.Rows))
			e.Rows = append(e.Rows, eventRow{fmt.Sprintf("%.6f", v.At.Seconds()), v.Host, cut(v.Text, mostText), v.Sort})
		}
		e.Data.Rows = append(e.Data.Rows, e.row(r, v, hosts))
	}
	e.Shown = reports.Count(len(e.Rows))
	return e
}

// row is an event in figures.
func (e *events) row(r *recording.Recording, v *recording.Event, hosts map[string]int) json.RawMessage {
	text, _ := json.Marshal(cut(v.Text, mostText)) // a string always can be
	var b []byte
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(v.At/time.Microsecond), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(hosts[v.Host]), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(slices.Index(recording.Sorts, v.Sort)), 10)
	b = append(b, ',')
	b = append(b, text...)
	if v.Message > 0 && v.Sort != recording.Send {
		data := r.Messages[v.Message-1].Data
		b = append(b, `,"`...)
		b = fmt.Appendf(b, "%x", data[:min(len(data), mostBytes)])
		b = append(b, `",`...)
		b = strconv.AppendInt(b, int64(len(data)), 10)
	}
	return append(b, ']')
}

// common is how common an event of that sort is: the rarer the more likely somebody looks for it.
func common(v *recording.Event) int {
	switch v.Sort {
	case recording.Fault, recording.Power, recording.Finding, recording.Claim:
		return 1
	case recording.Process:
		if v.At == 0 {
			return 2
		}
		return 1
	case recording.Log:
		return 2
	case recording.Lost, recording.Point:
		return 3
	case recording.Op:
		if strings.Contains(v.Text, "⇒ no answer") || strings.Contains(v.Text, "⇒ refused") {
			return 2
		}
	}
	return 5
}

// relate is the events of a slice.
func relate(r *recording.Recording, s *recording.Slice) map[int]bool {
	all := map[int]bool{}
	messages := map[*recording.Message]bool{}
	for _, m := range s.Messages {
		messages[m] = true
	}
	ops := map[uint64]bool{}
	for _, o := range s.Operations {
		ops[o.ID] = true
	}
	for i := range r.Events {
		v := &r.Events[i]
		switch {
		case v.Message > 0 && messages[&r.Messages[v.Message-1]], v.Op != 0 && ops[v.Op]:
			all[i] = true
		case v.Sort == recording.Disk:
			all[i] = slices.Contains(s.Disk, *v)
		case v.Sort == recording.Note:
			all[i] = slices.Contains(s.Notes, *v)
		case v.Sort == recording.Power || v.Sort == recording.Process:
			all[i] = s.From <= v.At && v.At <= s.To && slices.Contains(s.Hosts, v.Host)
		}
		if !all[i] {
			delete(all, i)
		}
	}
	return all
}

// around makes events more wanted the nearer they are to where it went wrong or to where something struck.
func around(r *recording.Recording, s *recording.Slice, weight []int) {
	var moments []time.Duration
	if s != nil {
		for _, m := range s.Messages {
			moments = append(moments, m.Sent)
		}
	}
	for _, f := range r.History.Faults {
		if f.Fired > 0 {
			moments = append(moments, f.At)
		}
	}
	for _, d := range r.History.Downs {
		if d.To != history.Never {
			moments = append(moments, d.To)
		}
	}
	slices.Sort(moments)
	for i := range r.Events {
		at := r.Events[i].At
		j, _ := slices.BinarySearch(moments, at)
		near := time.Duration(math.MaxInt64)
		if j < len(moments) {
			near = moments[j] - at
		}
		if j > 0 {
			near = min(near, at-moments[j-1])
		}
		if weight[i] >= 3 {
			for _, d := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
				if near > d {
					weight[i] += 2
				}
			}
		}
	}
}

// lightest are the indices of the n lightest, in their order; of those of one weight the first.
func lightest(weight []int, n int) []int {
	all := make([]int, len(weight))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(weight[a], weight[b]) })
	all = all[:min(n, len(all))]
	slices.Sort(all)
	return all
}
