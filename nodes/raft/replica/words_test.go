package replica

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/raft"
)

// If this failed, a report would call an entry a heartbeat, or hide what it holds.
func TestMessagesInWords(t *testing.T) {
	frame := func(m *raft.Message) []byte {
		return raft.AppendMessage(binary.AppendUvarint([]byte{raftFrame}, 7), m)
	}
	words := func(b []byte) string {
		m := Engine{}.orDefault().frameWords(b, func(command []byte) string { return "<" + string(command) + ">" })
		return m.Name + ": " + m.Text
	}
	require.Equal(t, "Append: term 4 after 42/4 commit 42: 43/4=<SET x>", words(frame(&raft.Message{Type: raft.Append, From: 1, To: 2, Term: 4, Index: 42, LogTerm: 4, Commit: 42,
		Entries: []raft.Entry{{Index: 43, Term: 4, Kind: raft.Command, Data: []byte("SET x")}}})))
	require.Contains(t, words(frame(&raft.Message{Type: raft.Append, From: 1, To: 2, Term: 4, Index: 42, LogTerm: 4, Commit: 42})), "heartbeat: term 4 after 42/4")
	require.Contains(t, words(frame(&raft.Message{Type: raft.Vote, From: 1, To: 2, Term: 5, Index: 42, LogTerm: 4})), "Vote: term 5 last 42/4")
	require.Equal(t, "forward: call 9 <GET x>", words(append(binary.AppendUvarint(binary.AppendUvarint([]byte{callFrame}, 7), 9), "GET x"...)))
}

// Whatever is in a frame, telling of it does not fail.
func FuzzFrameWords(f *testing.F) {
	f.Add([]byte{raftFrame, 7, 1, 2, 3})
	f.Fuzz(func(_ *testing.T, b []byte) { Engine{}.orDefault().frameWords(b, nodes.Brief) })
}
