// Package history answers what was seen: the operations of a run as clients and workers saw them, the
// weather they lived in, and nothing that only a simulator could know about a server's inside. It is what
// nodes record into and what checkers judge, whether the run was simulated or real.
package history

import (
	"log/slog"
	"time"
)

// Time is true time since the start of the run. A host's own clocks never appear here.
type Time = time.Duration

// Never is the end of what had not ended when the run did.
const Never Time = 1<<63 - 1

// Outcome is how an operation ended.
type Outcome uint8

// The three outcomes, and the state before one.
const (
	Pending Outcome = iota // never ended: judged as Unknown
	Ok                     // it happened and was answered
	Fail                   // it certainly did not happen
	Unknown                // it may have happened
)

// String is Jepsen's word for the outcome.
func (o Outcome) String() string { return [...]string{"pending", "ok", "fail", "info"}[o] }

// Operation is one thing that a host undertook.
//
// Invariant: Call <= Return, and Return is Never exactly while the outcome is Pending.
type Operation struct {
	ID      uint64
	Parent  uint64 // the operation this one is a part of, or 0
	Request uint64 // the arrival of the workload that it serves, or 0
	Host    string // who undertook it: "client-w/1"
	Kind    string // "submit", "execute"
	In, Out []slog.Attr
	Notes   []Note
	Call    Time // the intended time for a request of the workload, else when it began
	Return  Time
	Outcome Outcome
	Reason  string // why it failed or is unknown
}

// Note is a named moment of an operation or of a host.
type Note struct {
	At    Time
	Name  string
	Attrs []slog.Attr
}

// Input is the input of that name; the zero Value where there is none.
func (o *Operation) Input(key string) slog.Value { return find(o.In, key) }

// Output is the output of that name; the zero Value where there is none.
func (o *Operation) Output(key string) slog.Value { return find(o.Out, key) }

// NoteNamed is the operation's first note of that name, or nil.
func (o *Operation) NoteNamed(name string) *Note {
	for i := range o.Notes {
		if o.Notes[i].Name == name {
			return &o.Notes[i]
		}
	}
	return nil
}

// Attr is the note's attribute of that name; the zero Value where there is none.
func (n *Note) Attr(key string) slog.Value { return find(n.Attrs, key) }

func find(attrs []slog.Attr, key string) slog.Value {
	for i := range attrs {
		if attrs[i].Key == key {
			return attrs[i].Value
		}
	}
	return slog.Value{}
}

// Host describes a host of the run.
type Host struct {
	Name     string // "worker-w/2"
	Node     string // "worker-w"
	Kind     string // "gearman.worker"
	Role     string // "worker"
	Site     string
	Supplier string
	// Concurrency is how many jobs it does at a time, as its `concurrency:` says; 0 is not known.
	Concurrency int
	// Core says that the last phase that mended anything mended this host. The others may stay broken.
	Core bool
	// Servers are the hosts of the servers that it is configured to use, as its `servers:` names them.
	// Where a history does not know them, they are those that any copy of the node was seen to use.
	Servers []string
}

// Sample is a gauge's new value.
type Sample struct {
	At    Time
	Host  string
	Name  string
	Value int64
}

// Phase is a part of the run, as the scenario names it. Heal says that it began by healing.
type Phase struct {
	Name     string
	From, To Time
	Heal     bool
	Load     bool // whether the workload goes on in it
}

// Down is why a host does not run at a time.
type Down struct {
	Host     string
	Why      string // "crash", "crash-machine", "cut-power", "pause", "pause-machine", "stop", "exit", "panic"
	From, To Time   // To is when its processes run again
	// Unsynced is how many written bytes were lost with the page cache.
	Unsynced int64
}

// Impairment is a time in which something was worse than on a calm day without being down: a link (From
// and To are sets of hosts; one direction) or a host (To is empty). Checkers excuse what they must by it.
type Impairment struct {
	Verb     string // "partition", "slow-link", "slow-disk", …
	From, To []string
	Start    Time
	End      Time
	Cut      bool          // nothing passes
	Loss     float64       // share of packets that do not arrive
	Delay    time.Duration // the most that it adds to one packet, one system call or one disk operation
	Clock    bool          // it only makes clocks lie
}

// Fault is the ledger's line about one fault of the plan.
type Fault struct {
	Verb    string
	Target  string
	At, For Time
	DrawnBy string // "script" or "swarm"
	Armed   int
	Fired   int
	Effects int64 // packets it touched, bytes it lost, connections that saw it, reads it bent
	Windows []Window
}

// Window is a span of time.
type Window struct{ From, To Time }

// Contains says whether t lies in [From, To).
func (w Window) Contains(t Time) bool { return w.From <= t && t < w.To }

// History is everything that checkers may read.
type History struct {
	Scenario    string
	Seed        string
	End         Time
	Hosts       []Host
	Phases      []Phase
	Operations  []*Operation // in the order of their calls
	Samples     []Sample     // in the order of time
	Notes       map[string][]Note
	Downs       []Down
	Impairments []Impairment
	Faults      []Fault
	Sometimes   map[string]Time // the first time that each event occurred: a probe was reached, or the toolkit saw it
}
