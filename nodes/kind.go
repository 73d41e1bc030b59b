package nodes

import (
	"time"

	"simrun/nodes/probe"
)

// Role is what a node is to the others; scenarios select by it ("servers", "workers", "clients").
type Role string

// The roles.
const (
	Server Role = "server"
	Worker Role = "worker"
	Client Role = "client"
)

// Kind is a registered sort of node, such as gearman.server. It is a value, handed to the command's main:
// a binary with kinds of its own is ten lines.
type Kind struct {
	Name string
	Role Role
	// Doc is one sentence for the reference.
	Doc string
	// Port is where a server listens by default.
	Port int
	// Config makes a pointer to the kind's own configuration struct, filled with its defaults. Its fields
	// carry `yaml:"name"` and `doc:"one line"` tags, and are of the types string, bool, int,
	// float64, time.Duration, Bytes, Percent, Spread, NodeName, Enum types, or slices of these. If the
	// pointer has a method Validate() error, the loader calls it. Shared keys have one name in all kinds:
	// "listen" (address to accept on), "servers" ([]NodeName to connect to), "advertise".
	Config func() any
	// Main runs the node until it ends: an error is a fail-stop, nil a clean end.
	Main func(env Env, config any) error
	// Operations are what a client of this kind can be asked to do by a workload.
	Operations []Operation
	// Notes are the names that nodes of this kind give to Recorder.Note, so that a scenario's
	// `on: NODE MOMENT` can be checked before a run. Those of packets start with "send " or "recv ".
	Notes []string
	// Probes are the sets of the packages that the node is made of: what runs of it can reach. Those with the sort
	// sometimes or reachable are what a claim's `sometimes` can name.
	Probes []*probe.Set
	// Points are the names given to Env.Point, which the fault `buggify` can name.
	Points []string
	// Capacity is how many requests a second one node with this configuration gets done on a calm day. The
	// loader warns of a workload that leaves too little of it. Nil, or 0, is no bound worth a warning.
	Capacity func(config any) float64
	// Words are what reports tell of such nodes by; see docs/writing-nodes.md.
	Words Words
}

// Operation is one thing a workload can ask a client to do: `do: submit`.
type Operation struct {
	Name string
	// Mix lists the variants that `mix: {VARIANT: P}` may name; the first is what an unmixed request gets.
	Mix []string
	// Options makes a pointer to the struct of the further keys of a workload line, as Kind.Config does
	// for `with:`. Nil if there are none.
	Options func() any
}

// Enum is implemented by string types that know their values: the loader refuses others, with a hint.
type Enum interface {
	Values() []string
}

// NodeName is the name of a node of the scenario ("gearman-a") or, if it has a count, of all its copies.
// The loader checks that it exists and, where a node with a count is named, puts all copies in its place.
type NodeName string

// Request is one arrival of the workload at a client. Arrivals are open-loop: they do not wait for answers.
type Request struct {
	// ID is unique within a run and not zero.
	ID uint64
	// Do is the operation, Variant the member of its mix.
	Do, Variant string
	// Options points to the operation's options struct, or is nil. It is shared: do not write to it.
	Options any
	// Intended is when the request was meant to start, on the recorder's clock.
	Intended time.Duration
}
