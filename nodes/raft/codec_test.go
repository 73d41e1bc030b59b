package raft

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawBytes is some data, often none.
func drawBytes(t *rapid.T, name string) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, name)
}

func drawMembers(t *rapid.T) Members {
	ids := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 1<<40), 1, 9, rapid.ID[uint64]).Draw(t, "ids")
	learners := rapid.IntRange(0, len(ids)-1).Draw(t, "learners")
	var m Members
	for i, id := range ids {
		member := Member{ID(id), rapid.StringN(0, 8, 8).Draw(t, "address")}
		if i < learners {
			m.Learners = append(m.Learners, member)
		} else {
			m.Voters = append(m.Voters, member)
		}
		if rapid.Bool().Draw(t, "outgoing") {
			m.Outgoing = append(m.Outgoing, member)
		}
	}
	m, ok := m.normal()
	require.True(t, ok)
	return m
}

// drawEntries are those after an index, with terms from one to another.
func drawEntries(t *rapid.T, after, from, to uint64) []Entry {
	entries := make([]Entry, rapid.IntRange(0, 5).Draw(t, "entries"))
	for i := range entries {
		from = rapid.Uint64Range(from, to).Draw(t, "term")
		e := Entry{Index: after + 1 + uint64(i), Term: from, Kind: rapid.SampledFrom([]EntryKind{Command, NoOp, Configure}).Draw(t, "kind"), Data: []byte{}}
		switch e.Kind {
		case Command:
			e.Data = drawBytes(t, "data")
		case Configure:
			e.Data = drawMembers(t).encode()
		}
		entries[i] = e
	}
	return entries
}

// If this failed, a server would take a message for another than was sent.
func TestMessagesAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Uint64Range(0, 1<<62)
		m := Message{Type: Type(rapid.IntRange(int(PreVote), int(TimeoutNow)).Draw(t, "type")),
			From: ID(number.Draw(t, "from")), To: ID(number.Draw(t, "to")), Term: number.Draw(t, "term"), Index: number.Draw(t, "index"),
			Commit: number.Draw(t, "commit"), Round: number.Draw(t, "round"), Prev: number.Draw(t, "prev"), Offset: number.Draw(t, "offset"),
			Reject: rapid.Bool().Draw(t, "reject"), Force: rapid.Bool().Draw(t, "force"), Done: rapid.Bool().Draw(t, "done")}
		m.LogTerm = rapid.Uint64Range(0, m.Term).Draw(t, "log-term")
		switch m.Type {
		case Append:
			if entries := drawEntries(t, m.Index, m.LogTerm, m.Term); len(entries) > 0 {
				m.Entries = entries
			}
		case InstallSnapshot:
			m.Data = append([]byte{}, drawBytes(t, "data")...)
			if m.Done {
				m.Members = drawMembers(t)
			}
		}
		read, err := DecodeMessage(AppendMessage(nil, &m))
		require.NoError(t, err)
		require.Equal(t, m, read)
	})
}

// If this failed, a server would come back with another log than it had written.
func TestSavesMakeUpTheStateThatTheyWereWrittenOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Snapshot{Index: rapid.Uint64Range(0, 100).Draw(t, "index"), Term: rapid.Uint64Range(0, 5).Draw(t, "term"), Members: drawMembers(t)}
		s.Data = append([]byte{}, drawBytes(t, "data")...)
		state, err := DecodeSnapshot(AppendSnapshot(nil, &s, s.Term, 3))
		require.NoError(t, err)
		require.Equal(t, State{Term: s.Term, Vote: 3, Snapshot: s}, state)
		want := state
		for term := s.Term; term < s.Term+4; term++ {
			keep := rapid.IntRange(0, len(want.Entries)).Draw(t, "keep")
			want.Entries = want.Entries[:keep:keep]
			at, from := s.Index+uint64(keep), s.Term
			if keep > 0 {
				from = want.Entries[keep-1].Term
			}
			save := Save{Term: term, Vote: ID(term), Entries: drawEntries(t, at, from, term)}
			if len(save.Entries) == 0 {
				want.Entries = state.Entries
			}
			want.Term, want.Vote, want.Entries = term, ID(term), append(want.Entries, save.Entries...)
			b := AppendSave(nil, &save)
			require.NoError(t, state.Replay(b))
			clear(b) // none of it is kept
			require.Equal(t, len(want.Entries), len(state.Entries))
			for i, e := range want.Entries {
				require.Equal(t, e.String(), state.Entries[i].String())
			}
			require.Equal(t, want.Vote, state.Vote)
		}
	})
}

// If this failed, bytes from outside would end a server, or use up its memory. What can be read can be written again.
func FuzzDecodeMessage(f *testing.F) {
	for _, m := range []Message{
		{Type: PreVote, From: 1, To: 2, Term: 3, Index: 4, LogTerm: 2},
		{Type: Append, From: 1, To: 2, Term: 3, Index: 4, LogTerm: 2, Commit: 4, Round: 9,
			Entries: []Entry{{Index: 5, Term: 3, Kind: Command, Data: []byte("a")}, {Index: 6, Term: 3, Kind: NoOp},
				{Index: 7, Term: 3, Kind: Configure, Data: Members{Voters: []Member{{1, "one"}}}.encode()}}},
		{Type: AppendReply, From: 2, To: 1, Term: 3, Reject: true, Prev: 7, Index: 4, LogTerm: 2},
		{Type: InstallSnapshot, From: 1, To: 2, Term: 3, Index: 4, LogTerm: 2, Offset: 8, Data: []byte("rest"), Done: true,
			Members: Members{Voters: []Member{{1, "one"}}, Outgoing: []Member{{2, "two"}}, Learners: []Member{{3, ""}}}},
	} {
		f.Add(AppendMessage(nil, &m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMessage(b)
		if err != nil {
			require.ErrorIs(t, err, errMalformed)
			return
		}
		require.LessOrEqual(t, len(m.Entries), len(b))
		again, err := DecodeMessage(AppendMessage(nil, &m))
		require.NoError(t, err)
		require.Equal(t, m.String(), again.String())
		// A server takes it, whatever it says. The panics are for what no server says that keeps to the protocol.
		c := New(Options{ID: m.To | 1, Rand: source(1)}, State{Term: m.Term, Snapshot: Snapshot{Members: Members{Voters: []Member{{ID: m.To | 1}, {ID: m.From}}}}}, 0)
		c.Step(0, m)
		c.Output()
	})
}

// The same for what is on a disk.
func FuzzReplay(f *testing.F) {
	save := Save{Term: 3, Vote: 1, Entries: []Entry{{Index: 5, Term: 2, Kind: Command, Data: []byte("a")}, {Index: 6, Term: 3, Kind: NoOp}}}
	f.Add(AppendSave(nil, &save), AppendSave(nil, &Save{Term: 4}))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		s := State{Term: 1, Snapshot: Snapshot{Index: 4, Term: 1, Members: Members{Voters: []Member{{ID: 1}, {ID: 2}}}}}
		for _, b := range [][]byte{one, two} {
			was := s
			was.Entries = append([]Entry(nil), s.Entries...)
			if err := s.Replay(b); err != nil {
				require.ErrorIs(t, err, errMalformed)
				require.Equal(t, was.Term, s.Term, "what cannot be read changes nothing")
				require.Equal(t, was.Vote, s.Vote)
				require.Equal(t, len(was.Entries), len(s.Entries))
			}
		}
		require.LessOrEqual(t, len(s.Entries), len(one)+len(two))
		c := New(Options{ID: 1, Rand: source(1)}, s, 0)
		require.Equal(t, 4+uint64(len(s.Entries)), c.LastIndex())
	})
}

// And for what is kept of a snapshot.
func FuzzDecodeSnapshot(f *testing.F) {
	s := Snapshot{Index: 4, Term: 2, Members: Members{Voters: []Member{{1, "one"}, {2, "two"}}}, Data: []byte("state")}
	f.Add(AppendSnapshot(nil, &s, 3, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSnapshot(b)
		if err != nil {
			require.ErrorIs(t, err, errMalformed)
			return
		}
		again := AppendSnapshot(nil, &s.Snapshot, s.Term, s.Vote)
		read, err := DecodeSnapshot(again)
		require.NoError(t, err)
		require.True(t, bytes.Equal(again, AppendSnapshot(nil, &read.Snapshot, read.Term, read.Vote)))
		New(Options{ID: 1, Rand: source(1)}, s, 0)
	})
}
