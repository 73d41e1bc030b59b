// Package recording answers what happened in a run, for people: who said what to whom, what disks were told, what struck, and
// what of all that one operation hangs on. It reads the event log and the history of a run, and decodes what was sent by the
// words of the nodes' kinds.
package recording

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/scenarios"
)

// Recording is a run that was looked at.
type Recording struct {
	*scenarios.Run
	// Messages are what was sent, in the order in which it arrived or was lost.
	Messages []Message
	// Events are all that happened, in the order of time.
	Events []Event
	// Missing is how many events the log of the run has not, because it was bounded.
	Missing uint64

	hosts map[string]*scenarios.Host
	kinds map[string]*nodes.Kind
}

// Sort is what an event is about.
type Sort string

// The sorts.
const (
	Op      Sort = "op"      // a client undertakes something, or learns what came of it
	Send    Sort = "send"    // a message leaves
	Recv    Sort = "recv"    // a message arrives
	Lost    Sort = "lost"    // a message does not arrive
	Disk    Sort = "disk"    // what a disk was told, and when it had done it
	Note    Sort = "note"    // a moment of a node's protocol
	State   Sort = "state"   // a node's line about itself
	Log     Sort = "log"     // a node's log
	Fault   Sort = "fault"   // something strikes, or is over
	Power   Sort = "power"   // a machine goes dark, or boots
	Process Sort = "process" // a process starts, or ends by itself
	Point   Sort = "point"   // a rarer path was taken
	Finding Sort = "finding" // something is wrong that no claim asked about
	Claim   Sort = "claim"   // a claim is violated
)

// Sorts are all sorts, in the order in which a reader chooses among them.
var Sorts = []Sort{Op, Send, Recv, Lost, Disk, Note, State, Log, Fault, Power, Process, Point, Finding, Claim}

// Event is something that happened.
type Event struct {
	At      time.Duration
	Host    string // where; empty if nowhere
	Sort    Sort
	Text    string
	Message int // the index of its message, and one more; 0 if it is about none
	Op      uint64
	Step    uint64 // of the run; 0 if it is not known
}

// Read makes a recording of a run that was recorded.
func Read(run *scenarios.Run) *Recording {
	r := &Recording{Run: run, Missing: run.LeftOut, hosts: map[string]*scenarios.Host{}, kinds: map[string]*nodes.Kind{}}
	for i := range run.Plan.Hosts {
		h := &run.Plan.Hosts[i]
		r.hosts[h.Name], r.kinds[h.Name] = h, h.Kind
	}
	r.Messages = readMessages(run.Plan.Hosts, run.Lines)
	r.Events = make([]Event, 0, len(run.Lines)+2*len(run.History.Operations))
	r.readMessagesEvents()
	r.readLines()
	r.readOperations()
	r.readClaims()
	slices.SortStableFunc(r.Events, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(rank[a.Sort], rank[b.Sort]))
	})
	return r
}

// rank is the order of what happens at one instant on one host: a node takes no time to think, so what it hears comes first
// and what it says last.
var rank = map[Sort]int{Fault: 0, Power: 1, Process: 2, Finding: 3, Lost: 4, Recv: 5, Op: 6, Point: 7, Disk: 8, Note: 9, State: 10, Log: 11,
	Send: 12, Claim: 13}

func (r *Recording) readMessagesEvents() {
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Sent < m.At || m.Lost == "" {
			r.Events = append(r.Events, Event{At: m.Sent, Host: m.From, Sort: Send, Text: m.Words() + " → " + m.To, Message: i + 1})
		}
		if m.Lost != "" {
			r.Events = append(r.Events, Event{At: m.At, Host: m.From, Sort: Lost, Text: m.Words() + " → " + m.To + ", lost: " + m.Lost, Message: i + 1})
			continue
		}
		r.Events = append(r.Events, Event{At: m.At, Host: m.To, Sort: Recv, Text: m.Words() + " ← " + m.From, Message: i + 1})
	}
}

func (r *Recording) readLines() {
	decoded := slices.ContainsFunc(r.Messages, func(m Message) bool { return m.Protocol != "" })
	for i := range r.Lines {
		l := &r.Lines[i]
		e := Event{At: l.At, Host: l.Host, Sort: Sort(l.Kind), Text: l.What, Step: l.Step}
		switch l.Kind {
		case "packet":
			if l.Bytes > 0 {
				continue // a message tells it
			}
			if l.Wire.Lost == "" {
				continue // handshakes and their like, which tell nothing if they succeed
			}
			e.Sort, e.Text = Lost, fmt.Sprintf("%s → %s, lost: %s", l.Wire.Kind, l.Peer, why(l.Wire.Lost))
		case "note":
			if decoded && (strings.HasPrefix(l.What, "send ") || strings.HasPrefix(l.What, "recv ")) {
				continue
			}
			if words := r.moment(l.Host, l.What); words != "" {
				e.Text = l.What + ": " + words
			}
		case "disk":
			if l.Bytes > 0 {
				if e.Text = fmt.Sprintf("%s: %d bytes", l.What, l.Bytes); l.Bytes == 1 {
					e.Text = l.What + ": 1 byte"
				}
			}
		case "task", "event", "write":
			continue
		}
		r.Events = append(r.Events, e)
	}
}

// moment is a note of a host in words.
func (r *Recording) moment(host, note string) string {
	if k := r.kinds[host]; k != nil {
		return k.Words.Moments[note]
	}
	return ""
}

func (r *Recording) readOperations() {
	for _, o := range r.History.Operations {
		r.Events = append(r.Events, Event{At: o.Call, Host: o.Host, Sort: Op, Text: asked(o), Op: o.ID})
		if o.Outcome != history.Pending {
			r.Events = append(r.Events, Event{At: o.Return, Host: o.Host, Sort: Op, Text: answered(o), Op: o.ID})
		}
	}
}

func (r *Recording) readClaims() {
	for i := range r.Result.Claims {
		c := &r.Result.Claims[i]
		if c.Verdict == scenarios.Violated {
			r.Events = append(r.Events, Event{At: r.History.End, Sort: Claim, Text: c.Claim + " is violated: " + cmp.Or(c.Reason, c.Figure)})
		}
	}
}

// asked is the beginning of an operation on a line.
func asked(o *history.Operation) string { return o.Kind + attrs(o.In) }

// answered is what came of it.
func answered(o *history.Operation) string {
	text := o.Kind + " ⇒ " + Outcome(o)
	if out := attrs(o.Out); out != "" {
		text += out
	}
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}

// Outcome is how an operation ended, in words: no answer is not a refusal.
func Outcome(o *history.Operation) string {
	switch o.Outcome {
	case history.Ok:
		return "ok"
	case history.Fail:
		return "refused"
	default:
		return "no answer"
	}
}

func attrs(all []slog.Attr) string {
	var b strings.Builder
	for _, a := range all {
		b.WriteString(" " + a.Key + "=" + clip(a.Value.String(), 48))
	}
	return b.String()
}

func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

// Stamp is a time as stories write it: 14.310s.
func Stamp(t time.Duration) string {
	if t == history.Never {
		return "the end"
	}
	return fmt.Sprintf("%.3fs", t.Round(time.Millisecond).Seconds())
}
