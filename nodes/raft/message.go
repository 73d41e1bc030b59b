package raft

import (
	"fmt"
	"strings"
	"time"
)

// Type is what a message says.
type Type uint8

// The types. Append with or without entries is AppendEntries, and the heartbeat.
const (
	PreVote Type = iota + 1
	PreVoteReply
	Vote
	VoteReply
	Append
	AppendReply
	InstallSnapshot
	SnapshotReply
	TimeoutNow
)

var typeNames = [...]string{"?", "PreVote", "PreVoteReply", "Vote", "VoteReply", "Append", "AppendReply",
	"InstallSnapshot", "SnapshotReply", "TimeoutNow"}

// String is the type's name.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return typeNames[0]
}

// answers says whether it carries back a leader's round.
func (t Type) answers() bool { return t == AppendReply || t == SnapshotReply }

// Message is what servers say to each other. Which fields count depends on the type.
type Message struct {
	Type     Type
	From, To ID
	Term     uint64 // of the sender; of PreVote and its grant, the term that would begin

	// Index and LogTerm are those of the last entry (PreVote, Vote), of the entry before Entries (Append), of the
	// last entry that is the same as the leader's (AppendReply), of where it may be (AppendReply with Reject), or of
	// the last entry that a snapshot stands for.
	Index, LogTerm uint64
	Entries        []Entry       // Append
	Commit         uint64        // Append
	Round          uint64        // Append, InstallSnapshot, and carried back by their replies
	Reject         bool          // replies
	Prev           uint64        // AppendReply with Reject: the Index that was refused
	Promise        time.Duration // AppendReply and SnapshotReply, with a Round: for how long the sender gives nobody else its vote
	Force          bool          // Vote: a leader asked for this campaign

	Members Members // InstallSnapshot, with the last of it
	Offset  uint64  // InstallSnapshot: of Data in it; SnapshotReply: how much has arrived
	Data    []byte  // InstallSnapshot
	Done    bool    // InstallSnapshot: Data is the last of it
}

// String is the message on one line.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d→%d %s term %d", m.From, m.To, m.Type, m.Term)
	switch m.Type {
	case PreVote, Vote:
		fmt.Fprintf(&b, " last %d/%d", m.Index, m.LogTerm)
		if m.Force {
			b.WriteString(" forced")
		}
	case Append:
		fmt.Fprintf(&b, " after %d/%d commit %d round %d", m.Index, m.LogTerm, m.Commit, m.Round)
		for _, e := range m.Entries {
			b.WriteString(" " + e.String())
		}
	case AppendReply:
		if m.Reject {
			fmt.Fprintf(&b, " refuses %d, try %d/%d", m.Prev, m.Index, m.LogTerm)
		} else {
			fmt.Fprintf(&b, " has %d", m.Index)
		}
		fmt.Fprintf(&b, " round %d", m.Round)
	case InstallSnapshot:
		fmt.Fprintf(&b, " of %d/%d from byte %d, %d bytes", m.Index, m.LogTerm, m.Offset, len(m.Data))
		if m.Done {
			b.WriteString(", the last")
		}
	case SnapshotReply:
		fmt.Fprintf(&b, " of %d has %d bytes", m.Index, m.Offset)
	case PreVoteReply, VoteReply:
		if m.Reject {
			b.WriteString(" no")
		} else {
			b.WriteString(" yes")
		}
	}
	return b.String()
}
