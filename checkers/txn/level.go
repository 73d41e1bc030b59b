package txn

import (
	"fmt"
	"strings"

	"simrun/checkers/cycles"
)

// Level is the isolation that transactions were promised.
type Level string

// The levels. With a strong session each client's transactions come in the order in which it made them; a strict or
// strong one keeps real time: what was called after another had returned comes after it.
//
// Repeatable read (Adya's PL-2.99) differs from Serializable by predicates alone, of which lists have none.
const (
	ReadUncommitted           Level = "read-uncommitted"
	ReadCommitted             Level = "read-committed"
	SnapshotIsolation         Level = "snapshot-isolation"
	StrongSessionSnapshot     Level = "strong-session-snapshot-isolation"
	StrongSnapshot            Level = "strong-snapshot-isolation"
	Serializable              Level = "serializable"
	StrongSessionSerializable Level = "strong-session-serializable"
	StrictSerializable        Level = "strict-serializable"
)

// Levels are all levels, the weakest first.
var Levels = []Level{ReadUncommitted, ReadCommitted, SnapshotIsolation, StrongSessionSnapshot, StrongSnapshot,
	Serializable, StrongSessionSerializable, StrictSerializable}

// depth is how much of the anomalies is forbidden.
type depth uint8

const (
	writes    depth = iota // G0, and what no database may do: lists that are no lists
	committed              // and G1
	snapshots              // and cycles without two rw in a row
	serial                 // and all cycles
)

// The kinds of dependencies.
const (
	ww cycles.Kind = 1 << iota
	wr
	rw
	process
	realtime
)

// promise is what a level means: which circles it forbids, and which orders belong to them.
type promise struct {
	depth depth
	order cycles.Kind
}

var promises = map[Level]promise{
	ReadUncommitted:           {writes, 0},
	ReadCommitted:             {committed, 0},
	SnapshotIsolation:         {snapshots, 0},
	StrongSessionSnapshot:     {snapshots, process},
	StrongSnapshot:            {snapshots, process | realtime},
	Serializable:              {serial, 0},
	StrongSessionSerializable: {serial, process},
	StrictSerializable:        {serial, process | realtime},
}

func unknownLevel(l Level) error {
	var names []string
	for _, known := range Levels {
		names = append(names, string(known))
	}
	return fmt.Errorf("%q is no level: there are %s", l, strings.Join(names, ", "))
}

// class is a kind of circle.
type class struct {
	name  string
	depth depth
	walk  cycles.Walk
}

// classes are the kinds of circles, the gravest first: none but writes; what was read of others; one where each rw stands
// alone, which snapshots forbid (Fekete et al., TODS 2005); any. Each is looked for where no graver one was found, so
// that a circle of the second has a wr, one of the third a rw, and one of the last two rw in a row.
var classes = []class{
	{"G0", writes, cycles.Walk{Kinds: ww}},
	{"G1c", committed, cycles.Walk{Kinds: ww | wr}},
	{"G-single", snapshots, cycles.Walk{Kinds: ww | wr | rw, Apart: rw}},
	{"G2-item", serial, cycles.Walk{Kinds: ww | wr | rw}},
}

// named is the kind of anomaly that a circle is.
func named(class string, circle []cycles.Step) string {
	var kinds cycles.Kind
	alone := 0
	for _, s := range circle {
		kinds |= s.Kind
		if s.Kind == rw {
			alone++
		}
	}
	if class == "G-single" && alone > 1 {
		class = "G-nonadjacent"
	}
	switch {
	case kinds&realtime != 0:
		return class + "-realtime"
	case kinds&process != 0:
		return class + "-process"
	default:
		return class
	}
}
