package recording

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
)

// Line is one sentence of a tale: when, and what.
type Line struct {
	At    time.Duration
	Text  string
	Grave bool // it is where it went wrong
	Plain bool // it has no time
}

// Tale is a slice in words, in the order of time: what the check tells, and what of the disks' part it cannot know.
func (r *Recording) Tale(s *Slice) (tale []Line) {
	if s.Claim != nil {
		for _, line := range s.Claim.Story {
			at, text, timed := Moment(line)
			if !timed {
				at = s.To
				if len(tale) > 0 {
					at = tale[len(tale)-1].At
				}
			}
			tale = append(tale, Line{At: at, Text: text, Plain: !timed})
		}
	}
	if len(tale) == 0 {
		tale = r.bare(s)
	}
	tale = append(tale, r.promises(s)...)
	for _, e := range s.Notes {
		if _, words, ok := strings.Cut(e.Text, ": "); ok {
			tale = append(tale, Line{At: e.At, Text: e.Host + " " + words})
		}
	}
	slices.SortStableFunc(tale, func(a, b Line) int { // a check's times are of milliseconds; what explains a line follows it
		return cmp.Compare(a.At.Round(time.Millisecond), b.At.Round(time.Millisecond))
	})
	return slices.Compact(tale)
}

// bare is a tale of which no check told: what was said, and what was found.
func (r *Recording) bare(s *Slice) (tale []Line) {
	for _, o := range s.Operations {
		tale = append(tale, Line{At: o.Call, Text: o.Host + " asks: " + asked(o)})
		if o.Outcome != history.Pending {
			tale = append(tale, Line{At: o.Return, Text: o.Host + ": " + answered(o)})
		}
	}
	for _, m := range s.Messages[max(0, len(s.Messages)-8):] {
		if m.Lost != "" {
			tale = append(tale, Line{At: m.Sent, Text: fmt.Sprintf("%s sends %s %s, which is lost: %s", m.From, m.To, m.Words(), m.Lost)})
		} else {
			tale = append(tale, Line{At: m.At, Text: fmt.Sprintf("%s hears from %s: %s", m.To, m.From, m.Words())})
		}
	}
	for _, d := range s.Downs {
		tale = append(tale, Line{At: d.From, Text: d.Host + ": " + d.Why})
		if d.To <= s.To {
			tale = append(tale, Line{At: d.To, Text: d.Host + " runs again"})
		}
	}
	if f := s.Finding; f != nil {
		tale = append(tale, Line{At: time.Duration(f.At * float64(time.Second)), Text: fmt.Sprintf("%s, task %s: %s: %s", f.Host, f.Task, f.Kind, f.What), Grave: true})
	}
	return tale
}

// promises says of each answer of a server what its disk had been told since the request: a promise that rests on no sync is
// lost with the power.
func (r *Recording) promises(s *Slice) (tale []Line) {
	for i, m := range s.Messages {
		if m.Asked || m.Lost != "" || m.Quiet || r.kinds[m.From] == nil || r.kinds[m.From].Role != nodes.Server {
			continue
		}
		request := slices.IndexFunc(s.Messages[:i], func(q *Message) bool {
			return q.Asked && q.Lost == "" && q.From == m.To && q.To == m.From && q.At <= m.Sent
		})
		if request < 0 || answeredBefore(s.Messages[request+1:i], m) {
			continue
		}
		if !r.fails(s, m.From, m.Sent) {
			continue // nothing was lost after it
		}
		written, synced := r.told(m.From, s.Messages[request].At, m.Sent)
		switch {
		case synced:
		case written:
			tale = append(tale, Line{At: m.Sent, Text: fmt.Sprintf("%s answers %s with %s before a sync of what it wrote has returned", m.From, m.To, m.Name), Grave: true})
		default:
			tale = append(tale, Line{At: m.Sent, Text: fmt.Sprintf("%s answers %s with %s and has written nothing to its disk", m.From, m.To, m.Name), Grave: true})
		}
	}
	return tale
}

// answeredBefore says that an earlier message of those answered the same.
func answeredBefore(between []*Message, m *Message) bool {
	return slices.ContainsFunc(between, func(q *Message) bool { return !q.Asked && q.From == m.From && q.To == m.To })
}

// fails says that a host went down within the slice after a time.
func (r *Recording) fails(s *Slice, host string, after time.Duration) bool {
	return slices.ContainsFunc(s.Downs, func(d history.Down) bool { return d.Host == host && d.From >= after })
}

// told is what the disk of a host was told from one time to another: whether anything was written, and whether a sync that
// began after it has ended.
func (r *Recording) told(host string, from, to time.Duration) (written, synced bool) {
	begun := false
	first, _ := slices.BinarySearchFunc(r.Events, from, func(e Event, at time.Duration) int { return cmp.Compare(e.At, at) })
	for i := first; i < len(r.Events) && r.Events[i].At <= to; i++ {
		e := &r.Events[i]
		if e.Sort != Disk || e.Host != host {
			continue
		}
		switch {
		case strings.HasPrefix(e.Text, "write "):
			written = true
		case strings.HasPrefix(e.Text, "sync-begin"):
			begun = written
		case strings.HasPrefix(e.Text, "sync-end"):
			synced = synced || begun
		}
	}
	return written, synced
}

// Moment parts a line of a story into when and what. A line that does not begin with a time has no when.
func Moment(line string) (at time.Duration, rest string, ok bool) {
	line = strings.TrimSpace(line)
	stamp, rest, found := strings.Cut(line, "  ")
	if !found {
		stamp, rest, found = strings.Cut(line, " to ") // "9.4s to 9.5s: a client reads …"
		if _, err := time.ParseDuration(stamp); !found || err != nil {
			return 0, line, false
		}
		rest = "to " + rest
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(stamp, "s"), 64)
	if err != nil || !strings.HasSuffix(stamp, "s") {
		d, err := time.ParseDuration(stamp)
		return d, strings.TrimSpace(rest), err == nil
	}
	return time.Duration(seconds * 1e9), strings.TrimSpace(rest), true
}
