package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"simrun/nodes/raft"
)

func carried(t *testing.T, m *pb.Message) raft.Message {
	e := envelope(m)
	got, err := decodeMessage(appendMessage(nil, &e))
	require.NoError(t, err)
	return got
}

// If this failed, the library would be given something else than it sent, or a report would tell of it in other words than of
// package raft's own messages.
func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	sent := &pb.Message{Type: pb.MsgApp.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(uint64(4)), Index: new(uint64(42)), LogTerm: new(uint64(4)), Commit: new(uint64(42)),
		Entries: []*pb.Entry{{Index: new(uint64(43)), Term: new(uint64(4)), Data: []byte("SET x")}, {Index: new(uint64(44)), Term: new(uint64(4))}}}
	got := carried(t, sent)
	require.Equal(t, `1→2 Append term 4 after 42/4 commit 42 round 0 43/4:"SET x" 44/4`, got.String())
	whole := &pb.Message{}
	require.NoError(t, proto.Unmarshal(got.Data, whole))
	require.True(t, proto.Equal(sent, whole))

	refused := carried(t, &pb.Message{Type: pb.MsgAppResp.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(4)), Index: new(uint64(42)), Reject: new(true), RejectHint: new(uint64(7)), LogTerm: new(uint64(3))})
	require.Equal(t, "2→1 AppendReply term 4 refuses 42, try 7/3 round 0", refused.String())
	require.Equal(t, raft.PreVoteReply, carried(t, &pb.Message{Type: pb.MsgPreVoteResp.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(5))}).Type)
}

// If this failed, a frame that no server sends would reach the library, which panics of a log with a hole, and does what it is
// told by messages that it means for itself.
func TestWhatNoServerSendsIsRefused(t *testing.T) {
	message := func(change func(*pb.Message)) []byte {
		m := &pb.Message{Type: pb.MsgApp.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(uint64(4)), Index: new(uint64(42)), LogTerm: new(uint64(4)),
			Entries: []*pb.Entry{{Index: new(uint64(43)), Term: new(uint64(4))}}}
		change(m)
		e := envelope(m)
		return appendMessage(nil, &e)
	}
	whole := message(func(*pb.Message) {})
	_, err := decodeMessage(whole)
	require.NoError(t, err)
	for what, b := range map[string][]byte{
		"nothing": nil, "another sort": []byte("x"), "no protobuf": {foreign, 0xff},
		"a hole":            message(func(m *pb.Message) { m.Entries[0].Index = new(uint64(44)) }),
		"an older term":     message(func(m *pb.Message) { m.Entries[0].Term = new(uint64(3)) }),
		"a term to come":    message(func(m *pb.Message) { m.Entries[0].Term = new(uint64(5)) }),
		"nobody":            message(func(m *pb.Message) { m.From = nil }),
		"no term":           message(func(m *pb.Message) { m.Term = nil }),
		"a local message":   message(func(m *pb.Message) { m.Type = pb.MsgHup.Enum() }),
		"a whole snapshot":  message(func(m *pb.Message) { m.Type = pb.MsgSnap.Enum() }),
		"our own Vote":      raft.AppendMessage([]byte{own}, &raft.Message{Type: raft.Vote, From: 1, To: 2, Term: 3}),
		"part of a message": whole[:len(whole)-1],
	} {
		_, err := decodeMessage(b)
		require.Error(t, err, what)
	}
}

// If this failed, what the library is told at its return would not be what it had wanted to be kept.
func TestEntriesAreKeptWithWhatWasCommitted(t *testing.T) {
	kept := wrap(&pb.Entry{Index: new(uint64(7)), Term: new(uint64(2)), Type: pb.EntryConfChangeV2.Enum(), Data: []byte("x")}, 5)
	l, err := recall(raft.State{Term: 3, Vote: 9, Snapshot: raft.Snapshot{Index: 6, Term: 1}, Entries: []raft.Entry{kept}})
	require.NoError(t, err)
	require.EqualValues(t, 6, l.began.GetCommit(), "a snapshot is committed")
	require.Equal(t, pb.EntryConfChangeV2, l.entries[0].GetType())
	more := wrap(&pb.Entry{Index: new(uint64(8)), Term: new(uint64(2))}, 7)
	l, err = recall(raft.State{Term: 3, Vote: 9, Snapshot: raft.Snapshot{Index: 6, Term: 1}, Entries: []raft.Entry{kept, more}})
	require.NoError(t, err)
	require.EqualValues(t, 7, l.began.GetCommit())
	require.EqualValues(t, 9, l.began.GetVote())
	_, err = recall(raft.State{Entries: []raft.Entry{{Index: 1, Term: 1, Kind: raft.Configure}}})
	require.ErrorIs(t, err, errEntry)
}

// Whatever is in a frame, it is a message or an error; and what is a message can be sent on.
func FuzzDecodeMessage(f *testing.F) {
	e := envelope(&pb.Message{Type: pb.MsgHeartbeat.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(uint64(4))})
	f.Add(appendMessage(nil, &e))
	f.Add(raft.AppendMessage([]byte{own}, &raft.Message{Type: raft.InstallSnapshot, From: 1, To: 2, Term: 3, Data: []byte("x")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMessage(b)
		if err != nil {
			return
		}
		again, err := decodeMessage(appendMessage(nil, &m))
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}
