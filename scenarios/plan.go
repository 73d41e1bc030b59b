// Package scenarios answers what goes wrong in a run, and what became of it. It reads a scenario from YAML (Read),
// draws with a seed the plan that it stands for (Draw), runs the plan in a world of its own and has its claims judged
// (Plan.Run), and runs it again to see that it is the same (Run.Again). Many runs are the matter of explore.
//
// A run is a function of the binary, the scenario and the seed. The scenarios that are built in lie in this folder.
package scenarios

import (
	"time"

	"simrun/checkers"
	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// Plan is what a seed makes of a scenario: a timetable of concrete faults over a concrete world. It holds
// no randomness but the luck of packets, disks and whatever a node's own configuration leaves open, which
// all hang on Seed. It prints as a scenario file that loads again to an equal plan.
//
// A Plan is shared between runs: nobody writes to it, to a configuration or to options that it points to.
type Plan struct {
	Scenario string
	Summary  string
	Value    string // the point of the matrix: "nodes.worker.count=3"
	Seed     luck.Seed
	Classes  []LinkClass // sorted by name
	Sites    []Site      // sorted by name
	Links    []Link      // in the order of the file; where two concern one pair of hosts, the later counts
	Hosts    []Host      // sorted by node, then by number
	Phases   []Phase     // in time; they follow one another without a gap
	Faults   []Fault     // by phase; within one, the timed by time, then those that wait, in the order of the file
	Claims   []Claim     // in the order of the file
	// NoRestarts says that whatever ends stays ended until a phase heals it: all hosts are told so, and faults that
	// stop a process have no end of their own.
	NoRestarts bool
	Workload   []Load // what phases without a load of their own share; Phase.Load has it too

	point  []decode.Pair  // what Value says
	shape  *topology      // of Hosts
	probes []*probe.Probe // in the hosts' code, by name
}

// LinkClass says what a link is like, in one direction and on a calm day.
type LinkClass struct {
	Name      string
	Delay     nodes.Spread  // of each segment; drawn at each use
	Loss      nodes.Percent // of packets; streams feel it as delay
	Repeat    nodes.Percent // of datagrams that arrive twice
	Bandwidth nodes.Bytes   // a second, in each direction; 0 is without limit
}

// Site is where hosts stand. All links between its own hosts are of the class Inside.
type Site struct {
	Name   string
	Power  string        // its supplier; "" hangs on none and is never cut
	UPS    time.Duration // how long its hosts outlive a cut of their supplier
	Inside string        // a class; "" is a link without delay, loss or limit
}

// Link says of what class the connection between each two of its ends is, both ways.
type Link struct {
	Between []string   // sites, nodes or hosts as the file names them
	Ends    [][]string // the hosts of each, sorted
	Is      string     // a class
}

// Host is one machine with one process on it.
type Host struct {
	Name     string // "worker-w/2"; without a count, the node's own name
	Node     string // "worker-w"
	Kind     *nodes.Kind
	Site     string
	Supplier string // of its site; "" if it has none
	Config   any    // what Kind.Config made, filled in; shared by the node's copies
	Limits   Limits
	Restart  Restart
}

// Restart is what becomes of a process that ended by itself: by Exit, by a crash that says no `for`, by the
// end of Main with an error.
type Restart struct {
	Never bool
	After time.Duration
}

// Limits are what a host can run out of. A zero leaves the machine's default.
type Limits struct {
	Files   int         `yaml:"files,open" min:"1" doc:"open file descriptors of the process, sockets included"`
	Ports   int         `yaml:"ports,open" min:"1" doc:"ephemeral ports for connections that it makes"`
	Backlog int         `yaml:"backlog,open" min:"1" doc:"connections that wait to be accepted, for each listener"`
	Cores   int         `yaml:"cores,open" min:"1" doc:"how many computations run at once"`
	Disk    nodes.Bytes `yaml:"disk,open" min:"1" doc:"the size of its disk"`
}

// Phase is a part of the run.
type Phase struct {
	Name     string
	From, To time.Duration // from the start of the run
	Heal     Heal          // what its beginning mends
	Load     []Load        // the workload that goes on in it
	OwnLoad  bool          // its load is not the scenario's, and is printed with it

	stop bool
}

// Heal is what the beginning of a phase mends: faults end, hosts that are down start, the living are not
// touched. With All it is everything. Else, if Hosts is not empty, those hosts are started and fed, and every
// impairment of a link between two of them, or of their own clocks and disks, ends; all else stays broken.
type Heal struct {
	All   bool
	Hosts []string // sorted
}

// Any says whether anything is mended.
func (h Heal) Any() bool { return h.All || len(h.Hosts) > 0 }

// Load is one line of the workload: a stream of arrivals that waits for no answer. The total over From is one
// arrival each Every on average, exponentially spaced; each arrival goes to one of From.
type Load struct {
	Stream    string   // names the luck of its arrivals; lines of one plan differ in it
	From      []string // hosts, sorted by node, then by number
	Nodes     []string // as written
	Operation *nodes.Operation
	Rate      Rate
	Mix       []Share // empty: always the first variant of the operation
	Options   any     // what Operation.Options made, filled in; nil if it has none
}

// Share is how much of a line's arrivals are of one variant. The shares of a line add up to the whole.
type Share struct {
	Variant string
	Of      nodes.Percent
}

// Claim is a promise and the check that judges it.
type Claim struct {
	Name   string
	Says   string
	Check  string         // the check's name: "gearman.at-least-once"
	Text   string         // the check as the file writes it: "{available: submit, at-least: 99%}"
	Config checkers.Check // filled in from the file
	Expect Verdict        // Holds or Violated
	File   string         // where it stands, for annotations
	Line   int
}
