package nodes

import (
	"log/slog"

	"simrun/nodes/probe"
)

// Recorder is where a node says what it did. Times are taken by the recorder from the true clock, never
// from the host's. Nothing here gives way, and nothing here has an effect on the node.
type Recorder interface {
	// Invoke opens an operation. Its kind is the word that claims use ("submit"). The request is the
	// one it serves; zero for operations that no workload asked for, such as a worker's executions.
	Invoke(request Request, kind string, in ...slog.Attr) Op
	// Gauge sets a named figure of this host ("queue"). It must be visible on the wire too.
	Gauge(name string, value int64)
	// Reach says that the probe's line runs.
	Reach(p *probe.Reachable)
	// Sometimes says that a rare, wanted event occurred, if it did.
	Sometimes(p *probe.Sometimes, occurred bool)
	// Always says whether what must always hold did. In a world it is a finding if not, with the stack of the caller; on a real
	// machine a line in the log. The node goes on.
	Always(p *probe.Always, held bool)
	// Agree says what the node takes for settled under a number of a sequence, such as the entry at an index of a group's log: a value, and
	// data, which is not kept. In a world it is a finding if another node, or an earlier life of this one, took something else for it. On a
	// real machine no process sees what the others say, and nothing comes of it.
	Agree(p *probe.Agreed, sequence, number, value uint64, data []byte)
	// Advance says that a sequence has come as far as a number, under a value, such as the index and the term of an entry that is
	// committed. Of all that nodes say, the greatest number counts; who says 0 takes part in it.
	Advance(h *probe.Horizon, sequence, number, value uint64)
	// Horizon is how far nodes have said by now that the sequence has come. It is there for an Always to compare with, and for nothing
	// else: on a real machine, where no process knows what the others say, it is zero.
	Horizon(h *probe.Horizon, sequence uint64) (number, value uint64)
	// Steady says whether the clocks of all who take part in a sequence have run so true by now: what a node goes by because of its
	// clock is to be compared with a Horizon only then. On a real machine nobody knows, and it is false.
	Steady(h *probe.Horizon, sequence uint64, within Percent) bool
	// Fingerprint says in which state of its protocol the node is from now on, as far as a search for new states should tell
	// them apart. It is meant to be called whenever that may have changed.
	Fingerprint(f probe.Fingerprint)
	// State is the node's one line about itself, for people.
	State(line string)
	// Note names a moment of the protocol ("send JOB_CREATED", "became-leader"); faults can wait for it.
	Note(name string, attrs ...slog.Attr)
}

// Op is an operation under way. It ends once, by Ok, Fail or Unknown; one that never ends is unknown.
type Op interface {
	// ID names the operation within the run; children carry it as their parent.
	ID() uint64
	// Invoke opens an operation that is a part of this one, such as one attempt at one server.
	Invoke(kind string, in ...slog.Attr) Op
	// Note adds a named moment to the operation, such as "created" with the handle.
	Note(name string, attrs ...slog.Attr)
	// Ok: it happened and was answered.
	Ok(out ...slog.Attr)
	// Fail: it certainly did not happen: no byte of any attempt left, or the server refused.
	Fail(reason error, out ...slog.Attr)
	// Unknown: it may have happened.
	Unknown(reason error, out ...slog.Attr)
}
