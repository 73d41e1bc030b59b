package export

import (
	"bufio"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"

	"simrun/reports/recording"
)

// mostShiViz bounds the events of a log for ShiViz, which draws each of them.
const mostShiViz = 5_000

// shiVizParser is how ShiViz reads an event of the log: what, then who and the clock. It is the first line of a file.
const shiVizParser = `(?<event>.*)\n(?<host>\S*) (?<clock>{.*})`

// ShiViz writes a run as a log with vector clocks, which ShiViz opens as a file (Beschastnikh et al., CACM 2020;
// https://bestchai.bitbucket.io/shiviz). It has the messages that say something, what operations came to, and what stopped or
// started. Of more events than ShiViz can draw it has those about the slice, if there is one, and else the first.
func ShiViz(w io.Writer, r *recording.Recording, s *recording.Slice) error {
	events := shiVizEvents(r, s)
	out := bufio.NewWriterSize(w, 1<<16)
	put := func(text string) { _, _ = out.WriteString(text) } // Flush says what went wrong
	put(shiVizParser + "\n\n")
	clocks := map[string]map[string]int{}
	sent := map[int]map[string]int{}
	order := map[string]int{}
	for i, h := range r.History.Hosts {
		order[h.Name] = i
		clocks[h.Name] = map[string]int{}
	}
	for i := range events {
		e := &events[i]
		clock := clocks[e.Host]
		if e.Sort == recording.Recv {
			for host, n := range sent[e.Message] {
				clock[host] = max(clock[host], n)
			}
		}
		clock[e.Host]++
		if e.Sort == recording.Send {
			at := make(map[string]int, len(clock))
			for host, n := range clock {
				at[host] = n
			}
			sent[e.Message] = at
		}
		put(strconv.FormatFloat(e.At.Seconds(), 'f', 6, 64) + "s " + strings.Join(strings.Fields(e.Text), " ") + "\n")
		put(e.Host + " " + clockText(clock, order) + "\n")
	}
	return out.Flush()
}

// clockText is a vector clock as JSON, its hosts in the order of the plan.
func clockText(clock, order map[string]int) string {
	hosts := make([]string, 0, len(clock))
	for host := range clock {
		hosts = append(hosts, host)
	}
	slices.SortFunc(hosts, func(a, b string) int { return cmp.Compare(order[a], order[b]) })
	var b strings.Builder
	b.WriteByte('{')
	for i, host := range hosts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(host) + ":" + strconv.Itoa(clock[host]))
	}
	b.WriteByte('}')
	return b.String()
}

// shiVizEvents picks the events of a log. A message that is heard is in it as it is sent, too.
func shiVizEvents(r *recording.Recording, s *recording.Slice) (events []recording.Event) {
	wanted := func(e *recording.Event) bool {
		if e.Host == "" || e.Sort != recording.Send && e.Sort != recording.Recv && e.Sort != recording.Lost && e.Sort != recording.Op &&
			e.Sort != recording.Power && e.Sort != recording.Process && e.Sort != recording.Finding {
			return false
		}
		return e.Message == 0 || !r.Messages[e.Message-1].Quiet
	}
	n := 0
	for i := range r.Events {
		if wanted(&r.Events[i]) {
			n++
		}
	}
	about := map[*recording.Message]bool{}
	if s != nil {
		for _, m := range s.Messages {
			about[m] = true
		}
	}
	sent := map[int]bool{}
	for i := range r.Events {
		e := &r.Events[i]
		if !wanted(e) || len(events) == mostShiViz {
			continue
		}
		if n > mostShiViz && s != nil && !within(r, s, e, about) {
			continue
		}
		switch e.Sort {
		case recording.Send:
			sent[e.Message] = true
		case recording.Recv:
			if !sent[e.Message] {
				continue
			}
		}
		events = append(events, *e)
	}
	return events
}

// within says whether an event has to do with a slice: a message about it, or what happened to its hosts while it lasted.
func within(r *recording.Recording, s *recording.Slice, e *recording.Event, about map[*recording.Message]bool) bool {
	if e.Message > 0 {
		return about[&r.Messages[e.Message-1]]
	}
	return s.From <= e.At && e.At <= s.To && slices.Contains(s.Hosts, e.Host)
}
