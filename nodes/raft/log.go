package raft

import (
	"fmt"
	"sort"
)

// EntryKind is what an entry is for.
type EntryKind uint8

// The kinds.
const (
	Command   EntryKind = iota + 1 // for the state machine
	NoOp                           // begins a leader's term (§6.4)
	Configure                      // Data is the members from here on
)

// Entry is one line of the log.
type Entry struct {
	Index, Term uint64
	Kind        EntryKind
	Data        []byte
}

// String is the entry on one line.
func (e Entry) String() string {
	switch e.Kind {
	case NoOp:
		return fmt.Sprintf("%d/%d", e.Index, e.Term)
	case Configure:
		if m, err := decodeMembers(e.Data); err == nil {
			return fmt.Sprintf("%d/%d=%s", e.Index, e.Term, m)
		}
	}
	if len(e.Data) > 24 {
		return fmt.Sprintf("%d/%d:%d bytes", e.Index, e.Term, len(e.Data))
	}
	return fmt.Sprintf("%d/%d:%q", e.Index, e.Term, e.Data)
}

// Snapshot stands for the entries up to Index: the state machine after the last of them, and the members by then.
type Snapshot struct {
	Index, Term uint64
	Members     Members
	Data        []byte // not to be written to
}

// log is the entries after base.
//
// Invariants: entries[i].Index == base.Index+1+i; terms never fall; stable <= last(); bytes is the sum of the data.
type log struct {
	base    Snapshot
	entries []Entry
	stable  uint64 // entries up to here are durable
	bytes   int
}

func newLog(base Snapshot, entries []Entry) log {
	l := log{base: base}
	for _, e := range entries {
		l.append(e)
	}
	return l
}

func (l *log) last() uint64 { return l.base.Index + uint64(len(l.entries)) }

func (l *log) lastTerm() uint64 {
	term, _ := l.term(l.last())
	return term
}

// term is the term of the entry at i; false if the log no longer, or not yet, knows it.
func (l *log) term(i uint64) (uint64, bool) {
	switch {
	case i == l.base.Index:
		return l.base.Term, true
	case i < l.base.Index || i > l.last():
		return 0, false
	}
	return l.entries[i-l.base.Index-1].Term, true
}

// from is the entries from index i on.
func (l *log) from(i uint64) []Entry { return l.entries[i-l.base.Index-1:] }

func (l *log) append(e Entry) {
	if e.Index != l.last()+1 || e.Term < l.lastTerm() {
		panic(fmt.Sprintf("raft: entry %d/%d cannot follow %d/%d", e.Index, e.Term, l.last(), l.lastTerm()))
	}
	l.entries = append(l.entries, e)
	l.bytes += len(e.Data)
}

// truncate takes away the entries from index i on.
func (l *log) truncate(i uint64) {
	at := i - l.base.Index - 1
	for _, e := range l.entries[at:] {
		l.bytes -= len(e.Data)
	}
	// What was handed out for sending or saving may still be read: new entries get memory of their own.
	l.entries = l.entries[:at:at]
	l.stable = min(l.stable, i-1)
}

// compact lets a snapshot stand for its entries.
func (l *log) compact(s Snapshot) {
	n := s.Index - l.base.Index
	for _, e := range l.entries[:n] {
		l.bytes -= len(e.Data)
	}
	// As many as go now are likely to come before the next snapshot: room for them saves the log from growing by doubling.
	rest := l.entries[n:]
	l.entries = append(make([]Entry, 0, uint64(len(rest))+n), rest...)
	l.base = s
}

// reset is a log of nothing but a snapshot.
func (l *log) reset(s Snapshot) {
	*l = log{base: s, stable: s.Index}
}

// lastNotAfter is the last index up to i whose term is at most that: where a log can agree with one whose entry
// at i has that term. It is no less than the base.
func (l *log) lastNotAfter(i, term uint64) uint64 {
	if i <= l.base.Index {
		return l.base.Index
	}
	i = min(i, l.last())
	within := l.entries[:i-l.base.Index]
	n := sort.Search(len(within), func(k int) bool { return within[k].Term > term })
	return l.base.Index + uint64(n)
}

// agreement is the last index at which this log can be the same as one that has a term at index i, where the other
// one proposes to look. It is below the base where only a snapshot can help.
func (l *log) agreement(i, term uint64) uint64 {
	if i < l.base.Index {
		return i
	}
	at := l.lastNotAfter(i, term)
	if at == l.base.Index && at > 0 && l.base.Term > term {
		return at - 1
	}
	return at
}

// upToDate says whether a log that ends in that entry holds all that may be committed (§3.6.1).
func (l *log) upToDate(index, term uint64) bool {
	mine := l.lastTerm()
	return term > mine || term == mine && index >= l.last()
}
