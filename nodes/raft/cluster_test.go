package raft

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// machine is a server with its disk. What is written and not yet durable is lost when it crashes.
type machine struct {
	*Core
	id      ID
	up      bool
	disk    State
	writing []Save
	applied []Entry // since the beginning, as a state machine that only remembers
	lives   uint64
	clock   func(now time.Duration) nodes.Instant
}

// cluster is servers and the messages between them, with what has to be true of them at any time.
type cluster struct {
	t        require.TestingT
	options  Options
	machines []*machine
	flight   []Message
	now      time.Duration
	seed     uint64

	leaders   map[uint64]ID    // by term
	committed map[uint64]Entry // by index, of whoever applied it first
	highest   uint64           // the last that anybody applied
	asked     map[uint64]uint64
	lastRead  uint64
	confirmed int
}

func newCluster(t require.TestingT, options Options, n int, seed uint64) *cluster {
	c := &cluster{t: t, options: options, seed: seed, leaders: map[uint64]ID{}, committed: map[uint64]Entry{}, asked: map[uint64]uint64{}}
	var voters []Member
	for i := range n {
		voters = append(voters, Member{ID(i + 1), fmt.Sprintf("server-%d", i+1)})
	}
	for i := range n {
		c.add(ID(i+1), State{Snapshot: Snapshot{Members: Members{Voters: voters}}})
	}
	return c
}

func (c *cluster) add(id ID, s State) *machine {
	m := &machine{id: id, disk: s, clock: func(now time.Duration) nodes.Instant { return nodes.Instant(now) }}
	c.machines = append(c.machines, m)
	c.start(m)
	return m
}

func (c *cluster) machine(id ID) *machine {
	i := slices.IndexFunc(c.machines, func(m *machine) bool { return m.id == id })
	if i < 0 {
		return nil
	}
	return c.machines[i]
}

// start begins a life with what the disk holds. The state machine's past is in the snapshot.
func (c *cluster) start(m *machine) {
	o := c.options
	m.lives++
	o.ID, o.Rand = m.id, rand.New(rand.NewPCG(c.seed, uint64(m.id)<<32|m.lives))
	m.Core = New(o, m.disk, m.clock(c.now))
	m.up, m.writing = true, nil
	m.applied = decodeApplied(m.disk.Snapshot.Data)
	c.look(m)
}

// String is the server on one line.
func (m *machine) String() string { return "\n" + m.Core.String() }

func (c *cluster) crash(m *machine) { m.up, m.writing = false, nil }

// look takes what a server wants done, and sees whether it may.
func (c *cluster) look(m *machine) {
	for {
		out := m.Output()
		if out.Save != nil {
			m.writing = append(m.writing, *out.Save)
		}
		for _, message := range out.Send {
			read, err := DecodeMessage(AppendMessage(nil, &message))
			require.NoError(c.t, err)
			require.Equal(c.t, message.String(), read.String())
			c.flight = append(c.flight, read)
		}
		if out.Restore != nil {
			m.applied = decodeApplied(out.Restore.Data)
			require.EqualValues(c.t, out.Restore.Index, len(m.applied))
		}
		for _, e := range out.Apply {
			c.apply(m, e)
		}
		for _, r := range out.Reads {
			require.GreaterOrEqual(c.t, r.Index, c.asked[r.ID], "a read sees less than was committed when it was asked")
			c.confirmed++
		}
		if m.Role() == Leader {
			c.reign(m)
		}
		if out.Save == nil && len(out.Send) == 0 && out.Restore == nil && len(out.Apply) == 0 {
			return
		}
	}
}

func (c *cluster) apply(m *machine, e Entry) {
	require.EqualValues(c.t, len(m.applied)+1, e.Index, "server %d applies out of order", m.id)
	if was, known := c.committed[e.Index]; known {
		require.Equal(c.t, was.String(), e.String(), "server %d applies another entry than others did", m.id)
	} else {
		c.committed[e.Index] = e
		c.highest = max(c.highest, e.Index)
	}
	m.applied = append(m.applied, e)
}

// reign sees that a term has one leader, and that it has all that was committed before.
func (c *cluster) reign(m *machine) {
	was, known := c.leaders[m.Term()]
	if known {
		require.Equal(c.t, was, m.id, "term %d has two leaders", m.Term())
		return
	}
	c.leaders[m.Term()] = m.id
	for i := m.FirstIndex(); i <= c.highest; i++ {
		term, in := m.log.term(i)
		require.True(c.t, in && term == c.committed[i].Term, "the leader of term %d lacks entry %d, which is committed", m.Term(), i)
	}
}

// save makes the first of a server's writes durable.
func (c *cluster) save(m *machine) {
	if !m.up || len(m.writing) == 0 {
		return
	}
	s := m.writing[0]
	m.writing = m.writing[1:]
	if s.Snapshot != nil {
		state, err := DecodeSnapshot(AppendSnapshot(nil, s.Snapshot, s.Term, s.Vote))
		require.NoError(c.t, err)
		m.disk = state
	}
	require.NoError(c.t, m.disk.Replay(AppendSave(nil, &s)))
	m.Saved(s.Number)
	c.look(m)
}

func (c *cluster) tick(m *machine) {
	if m.up {
		m.Tick(m.clock(c.now))
		c.look(m)
	}
}

// deliver takes a message out of the flight and hands it over.
func (c *cluster) deliver(i int) {
	message := c.flight[i]
	c.flight = slices.Delete(c.flight, i, i+1)
	if m := c.machine(message.To); m != nil && m.up {
		m.Step(m.clock(c.now), message)
		c.look(m)
	}
}

// compact lets a snapshot stand for all that a server has applied and kept, on its disk too.
func (c *cluster) compact(m *machine) {
	index := m.Compactable()
	if !m.up || index < m.FirstIndex() {
		return
	}
	s := m.Compact(index, encodeApplied(m.applied[:index]))
	state := m.disk
	state.Entries = nil
	for _, e := range m.disk.Entries {
		if e.Index > index {
			state.Entries = append(state.Entries, e)
		}
	}
	state.Snapshot = s
	m.disk = state
}

// settle lets everything happen in its order, without loss, for a while.
func (c *cluster) settle(lasts time.Duration) {
	for end := c.now + lasts; c.now < end; c.now += 5 * time.Millisecond {
		for _, m := range c.machines {
			c.tick(m)
		}
		for range 10_000 {
			busy := len(c.flight) > 0
			for _, m := range c.machines {
				for len(m.writing) > 0 {
					busy = true
					c.save(m)
				}
			}
			if !busy {
				break
			}
			if len(c.flight) > 0 {
				c.deliver(0)
			}
		}
	}
}

func (c *cluster) leader() *machine {
	var leader *machine
	for _, m := range c.machines {
		if m.up && m.Role() == Leader && (leader == nil || m.Term() > leader.Term()) {
			leader = m
		}
	}
	return leader
}

// encodeApplied is a state machine that remembers what it applied.
func encodeApplied(entries []Entry) []byte { return appendEntries(nil, entries) }

func decodeApplied(b []byte) []Entry {
	if len(b) == 0 {
		return nil
	}
	d := decoder{b}
	return d.entries(0, mostIndex)
}

func TestAClusterElectsAndCommits(t *testing.T) {
	c := newCluster(t, Options{}, 3, 1)
	c.settle(5 * time.Second)
	leader := c.leader()
	require.NotNil(t, leader)
	first, err := leader.Propose(leader.clock(c.now), []byte("a"), []byte("b"))
	require.NoError(t, err)
	c.look(leader)
	c.settle(time.Second)
	require.Equal(t, "a", string(c.committed[first].Data))
	for _, m := range c.machines {
		require.Equal(t, fmt.Sprint(leader.applied), fmt.Sprint(m.applied))
	}
}
