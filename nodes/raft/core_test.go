package raft

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// follower is server 1 of three, with entries of these terms on its disk.
func follower(terms ...uint64) *Core {
	s := State{Term: 9, Snapshot: Snapshot{Members: Members{Voters: []Member{{ID: 1}, {ID: 2}, {ID: 3}}}}}
	for i, term := range terms {
		s.Entries = append(s.Entries, Entry{Index: uint64(i + 1), Term: term, Kind: Command})
	}
	return New(Options{ID: 1, Rand: source(1)}, s, 0)
}

// If this failed, a follower would apply what it has after the entries that are the same as the leader's, and the leader
// does not have. Leaders of this package never ask for it; others may.
func TestAFollowerCommitsNoMoreThanIsTheSame(t *testing.T) {
	c := follower(1, 1, 2, 2)
	c.Step(0, Message{Type: Append, From: 2, To: 1, Term: 9, Index: 2, LogTerm: 1, Commit: 4})
	require.EqualValues(t, 2, c.Commit())
	require.Len(t, c.Output().Apply, 2)
}

// If this failed, a server would compact what its disk does not hold: entries came, went and came back, and of the first
// time they are written it is told last.
func TestWhatWasReplacedIsNotDurable(t *testing.T) {
	c := follower(1)
	old := []Entry{{2, 1, Command, []byte("a")}, {3, 1, Command, []byte("b")}}
	c.Step(0, Message{Type: Append, From: 2, To: 1, Term: 9, Index: 1, LogTerm: 1, Entries: old})
	first := c.Output().Save
	require.Len(t, first.Entries, 2)
	c.Step(0, Message{Type: Append, From: 3, To: 1, Term: 10, Index: 1, LogTerm: 1, Entries: []Entry{{2, 10, NoOp, nil}}})
	second := c.Output().Save
	c.Step(0, Message{Type: Append, From: 2, To: 1, Term: 11, Index: 1, LogTerm: 1, Entries: old, Commit: 3})
	third := c.Output().Save
	require.EqualValues(t, 3, c.Commit())

	c.Saved(first.Number)
	require.EqualValues(t, 1, c.Compactable(), "the second Save is going to take them away again")
	c.Saved(second.Number)
	require.EqualValues(t, 1, c.Compactable())
	c.Saved(third.Number)
	require.EqualValues(t, 3, c.Compactable())
}

// If this failed, a server whose disk stands still would remember an answer for each heartbeat that it gets.
func TestAStalledDiskDoesNotFillTheMemory(t *testing.T) {
	c := follower(1)
	c.Step(0, Message{Type: Append, From: 2, To: 1, Term: 9, Index: 1, LogTerm: 1, Round: 1, Entries: []Entry{{2, 9, NoOp, nil}}})
	save := c.Output().Save
	for round := range uint64(1000) {
		c.Step(0, Message{Type: Append, From: 2, To: 1, Term: 9, Index: 2, LogTerm: 9, Round: 2 + round})
		c.Step(0, Message{Type: Append, From: 2, To: 1, Term: 9, Index: 7, LogTerm: 9, Round: 2 + round})
		require.Empty(t, c.Output().Send)
	}
	require.LessOrEqual(t, len(c.gated), 2)
	c.Saved(save.Number)
	send := c.Output().Send
	require.Len(t, send, 2)
	require.Equal(t, "1→2 AppendReply term 9 has 2 round 1001", send[0].String())
	require.True(t, send[1].Reject)
}

// If this failed, a snapshot that comes late would be written in place of a log that holds all of it and more, and a crash
// half-way would take entries that this server had promised to keep.
func TestASnapshotOfWhatTheLogHoldsReplacesNothing(t *testing.T) {
	c := follower(1, 1, 2, 2, 2)
	c.Step(0, Message{Type: InstallSnapshot, From: 2, To: 1, Term: 9, Index: 3, LogTerm: 2, Data: []byte("half")})
	out := c.Output()
	require.Nil(t, out.Save)
	require.Nil(t, out.Restore)
	require.Len(t, out.Apply, 3)
	require.Equal(t, "1→2 AppendReply term 9 has 3 round 0", out.Send[0].String())
	require.EqualValues(t, 5, c.LastIndex())

	c.Step(0, Message{Type: InstallSnapshot, From: 2, To: 1, Term: 9, Index: 5, LogTerm: 3, Data: []byte("all"), Done: true,
		Members: Members{Voters: []Member{{ID: 1}}}})
	out = c.Output()
	require.NotNil(t, out.Save.Snapshot, "another entry stands in its last one's place")
	require.EqualValues(t, 5, out.Restore.Index)
	require.EqualValues(t, 6, c.FirstIndex())
}

// If this failed, a change of members could begin while a leader does not know yet which the members are.
func TestAChangeWaitsForTheFirstEntryOfItsTerm(t *testing.T) {
	c := newCluster(t, Options{}, 1, 1)
	m := c.machines[0]
	c.now = 3 * time.Second
	m.Tick(m.clock(c.now))
	m.Tick(m.clock(c.now))
	c.look(m)
	c.save(m)
	require.Equal(t, Leader, m.Role())
	two := []Member{{ID: 1}, {ID: 2}}
	require.ErrorIs(t, m.Change(m.clock(c.now), two, nil), ErrChanging)
	c.save(m)
	require.NoError(t, m.Change(m.clock(c.now), two, nil))
	require.ErrorIs(t, m.Change(m.clock(c.now), two, nil), ErrChanging)
}

// If this failed, a leader would let its memory fill with what nobody has agreed to.
func TestProposalsAreBounded(t *testing.T) {
	c := newCluster(t, Options{PendingBytes: 1000}, 3, 1)
	c.settle(5 * time.Second)
	leader := c.leader()
	now := leader.clock(c.now)
	n := 0
	for ; n < 1000; n++ {
		if _, err := leader.Propose(now, nil); err != nil {
			require.ErrorIs(t, err, ErrFull)
			break
		}
	}
	require.Equal(t, 1000/overhead, n, "empty ones count too")
	c.look(leader)
	c.settle(time.Second)
	_, err := leader.Propose(leader.clock(c.now), make([]byte, 5000))
	require.NoError(t, err, "one that is larger than that alone passes when nothing else waits")
}
