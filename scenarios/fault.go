package scenarios

import (
	"cmp"
	"slices"
	"time"

	"simrun/nodes"
)

// Fault is one concrete line of a plan: what strikes whom, when, and for how long.
//
// It strikes at a time (After and On are zero), or waits for an event of the plan (After) or for a moment of
// a node's protocol (On). A waiting fault is armed while its phase lasts, strikes Wait after the Nth
// occurrence counted from the phase's beginning, and strikes once.
//
// Invariant: at most one of After and On is set; then At is the start of the phase.
type Fault struct {
	Phase   int           // index of its phase in Plan.Phases
	At      time.Duration // from the start of the run
	After   Event
	On      Moment
	Nth     int           // which occurrence of After or On, from 1; 0 where neither is set
	Wait    time.Duration // how long after that
	Verb    Verb
	Target  string        // as the plan writes it: "gearman-b", "[west, east]", "leader of servers"
	Targets []Target      // what that means
	For     time.Duration // how long; 0 is until a phase heals it, or for ever. Verbs of one instant have none
	Options Options
	DrawnBy string // "script" or "swarm"
}

// Waits says that the fault strikes after another, or at a moment of a node, rather than at a time.
func (f *Fault) Waits() bool { return !f.After.IsZero() || !f.On.IsZero() }

// Compare orders faults as a plan lists them: by phase, and within one the timed by time, then those that wait.
func (f *Fault) Compare(g *Fault) int {
	waits := func(f *Fault) int {
		if f.Waits() {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(f.Phase, g.Phase), cmp.Compare(waits(f), waits(g)), cmp.Compare(f.At, g.At))
}

// Target is one of the things that a fault strikes. Network verbs tell them apart (see Fault.Ways); all other
// verbs strike the hosts of all of them.
type Target struct {
	Name  string   // as the plan writes it
	Hosts []string // sorted as in Plan.Hosts; of a supplier, all that it feeds
	// Leader means: the one of Hosts that leads when the fault strikes, else the one of them that led last,
	// else the first of them.
	Leader bool
}

// Event is what a fault can wait for: that another fault strikes, that it ends, or that a phase heals. It is
// told by its verb and target as the plan writes them, so every fault of that verb and target counts.
type Event struct {
	Verb    Verb
	Target  string
	Restore bool // its end
	Heal    bool // the beginning of a phase that heals; the other fields are zero
}

// IsZero says that there is nothing to wait for.
func (e Event) IsZero() bool { return e == Event{} }

// String is the event as a scenario writes it.
func (e Event) String() string {
	switch {
	case e.Heal:
		return "heal"
	case e.Restore:
		return "restore-" + string(e.Verb) + " " + e.Target
	default:
		return string(e.Verb) + " " + e.Target
	}
}

// Sentence is the fault that the event is about; " " if it is about none.
func (e Event) Sentence() string { return string(e.Verb) + " " + e.Target }

// Moment is a note of a node, or what it did to its disk: "sync-begin", "sync-end", "rename".
type Moment struct {
	Node  string   // as the plan writes it
	Hosts []string // it counts on any of these
	Name  string   // "sync-begin", "send JOB_CREATED"
}

// IsZero says that there is nothing to wait for.
func (m Moment) IsZero() bool { return m.Name == "" }

// String is the moment as a scenario writes it.
func (m Moment) String() string { return m.Node + " " + m.Name }

// Options is how a fault strikes. Which fields a verb reads stands in the table of verbs; the others are zero.
type Options struct {
	Shape     Shape         // partition, flap; never empty there
	Direction Direction     // network verbs; never empty there
	Delay     Slowdown      // slow-link, slow-disk, slow-cpu
	Rate      nodes.Percent // lose-packets, repeat-packets, corrupt-packets; fail-sync, fail-read: of calls; buggify: of times
	By        time.Duration // step-clock: forward, or back if negative; slew-clock: in all, over For
	Drift     PPM           // drift-clock: fast, or slow if negative
	Bandwidth nodes.Bytes   // limit-bandwidth: a second, each way
	Limit     Resource      // exhaust
	Down, Up  time.Duration // flap: cut for Down, whole for Up, and again
	Sectors   int           // corrupt-disk: how many
	Points    []string      // buggify: where, by name
}

// Shape is how a partition divides hosts.
type Shape string

// The shapes.
const (
	// Groups: no target's hosts reach another target's hosts. Hosts of no target reach everybody. A single
	// target is cut off from all the others.
	Groups Shape = "groups"
	// Bridge is two targets that do not reach each other while at least one host, of neither, reaches both.
	Bridge Shape = "bridge"
	// Ring: targets stand in a ring and each reaches only its neighbours, as many of them on both sides
	// as it takes to see a majority: everybody sees a majority, and no two the same.
	Ring Shape = "ring"
	// Isolate: the hosts of all targets together are cut off from all others.
	Isolate Shape = "isolate"
)

// Values are the shapes.
func (Shape) Values() []string { return []string{"groups", "bridge", "ring", "isolate"} }

// Direction is whether a network fault concerns both directions.
type Direction string

// The directions. One-way concerns only what an earlier target sends to a later one; where there is a single
// target, what its hosts send.
const (
	Both   Direction = "both"
	OneWay Direction = "one-way"
)

// Values are the directions.
func (Direction) Values() []string { return []string{"both", "one-way"} }

// Resource is what a host can be made to run out of.
type Resource string

// The resources.
const (
	Ports   Resource = "ports"
	Files   Resource = "files"
	Backlog Resource = "backlog"
)

// Values are the resources.
func (Resource) Values() []string { return []string{"ports", "files", "backlog"} }

// Verbs are those of the faults that the scenario may draw, sorted, each once.
func (s *Spec) Verbs() []Verb {
	var verbs []Verb
	note := func(lines []*faultLine) {
		for _, f := range lines {
			if f.verb != nil {
				verbs = append(verbs, f.verb.Verb)
			}
		}
	}
	for _, p := range s.doc.Phases {
		note(p.Faults)
		if p.Swarm != nil {
			note(p.Swarm.Kinds)
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}
