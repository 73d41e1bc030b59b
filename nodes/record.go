package nodes

import "log/slog"

// Recorder is where a node says what it did. Times are taken by the recorder from the true clock, never
// from the host's. Nothing here gives way, and nothing here has an effect on the node.
type Recorder interface {
	// Invoke opens an operation. Its kind is the word that claims use ("submit"). The request is the
	// one it serves; zero for operations that no workload asked for, such as a worker's executions.
	Invoke(request Request, kind string, in ...slog.Attr) Op
	// Gauge sets a named figure of this host ("queue"). It must be visible on the wire too.
	Gauge(name string, value int64)
	// Sometimes records that a rare, wanted event occurred, if it did.
	Sometimes(name string, occurred bool)
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
