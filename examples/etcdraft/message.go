package main

import (
	"errors"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"simrun/nodes/raft"
)

// The library's messages travel as it encodes them. Beside those there are the pieces of snapshots and their answers, which
// are this program's (shipment.go) and are encoded as package raft does it; a byte in front says which it is.
const (
	foreign byte = 'e'
	own     byte = 'o'
)

// types are what the library's messages are called here: scenarios and reports know these names.
var types = map[pb.MessageType]raft.Type{
	pb.MsgPreVote: raft.PreVote, pb.MsgPreVoteResp: raft.PreVoteReply, pb.MsgVote: raft.Vote, pb.MsgVoteResp: raft.VoteReply,
	pb.MsgApp: raft.Append, pb.MsgAppResp: raft.AppendReply, pb.MsgHeartbeat: raft.Append, pb.MsgHeartbeatResp: raft.AppendReply,
	pb.MsgTimeoutNow: raft.TimeoutNow,
}

// envelope is a message of the library as a replica sends it.
func envelope(m *pb.Message) raft.Message {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("etcdraft: the library's own message cannot be encoded: " + err.Error())
	}
	return raft.Message{Type: types[m.GetType()], From: raft.ID(m.GetFrom()), To: raft.ID(m.GetTo()), Term: m.GetTerm(), Data: data}
}

// appendMessage is replica.Engine.Append.
func appendMessage(b []byte, m *raft.Message) []byte {
	if m.Type == raft.InstallSnapshot || m.Type == raft.SnapshotReply {
		return raft.AppendMessage(append(b, own), m)
	}
	return append(append(b, foreign), m.Data...)
}

var errMessage = errors.New("etcdraft: not a message")

// decodeMessage is replica.Engine.Decode.
func decodeMessage(b []byte) (raft.Message, error) {
	if len(b) > 0 && b[0] == own {
		m, err := raft.DecodeMessage(b[1:])
		if err == nil && m.Type != raft.InstallSnapshot && m.Type != raft.SnapshotReply {
			err = errMessage
		}
		return m, err
	}
	if len(b) == 0 || b[0] != foreign {
		return raft.Message{}, errMessage
	}
	m := &pb.Message{}
	if err := proto.Unmarshal(b[1:], m); err != nil {
		return raft.Message{}, fmt.Errorf("%w: %v", errMessage, err)
	}
	if types[m.GetType()] == 0 || m.GetFrom() == 0 || m.GetTo() == 0 || m.GetTerm() == 0 || !follow(m) {
		return raft.Message{}, fmt.Errorf("%w: %s", errMessage, m.GetType())
	}
	t := told(m)
	t.Data = b[1:]
	return t, nil
}

// follow says whether a message's entries are a log that continues where it says: the library takes that for granted.
func follow(m *pb.Message) bool {
	index, term := m.GetIndex(), m.GetLogTerm()
	for _, e := range m.GetEntries() {
		if e.GetIndex() != index+1 || e.GetTerm() < term || e.GetTerm() > m.GetTerm() {
			return false
		}
		index, term = e.GetIndex(), e.GetTerm()
	}
	return true
}

// told is a message as a report tells of it.
func told(m *pb.Message) raft.Message {
	t := raft.Message{Type: types[m.GetType()], From: raft.ID(m.GetFrom()), To: raft.ID(m.GetTo()), Term: m.GetTerm(),
		Index: m.GetIndex(), LogTerm: m.GetLogTerm(), Commit: m.GetCommit(), Reject: m.GetReject()}
	if t.Reject && t.Type == raft.AppendReply {
		t.Prev, t.Index = m.GetIndex(), m.GetRejectHint()
	}
	for _, e := range m.GetEntries() {
		t.Entries = append(t.Entries, entryOf(e))
	}
	return t
}

// entryOf is an entry as a replica applies it. The library begins a leader's term with one that is empty.
func entryOf(e *pb.Entry) raft.Entry {
	entry := raft.Entry{Index: e.GetIndex(), Term: e.GetTerm(), Kind: raft.Command, Data: e.GetData()}
	switch {
	case e.GetType() != pb.EntryNormal:
		entry.Kind = raft.Configure
	case len(entry.Data) == 0:
		entry.Kind = raft.NoOp
	}
	return entry
}
