package raft

import (
	"bytes"
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
	gone    bool // with its disk, for good
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
	uneven   bool // servers differ in how long they wait for a leader

	leaders   map[uint64]ID    // by term
	committed map[uint64]Entry // by index, of whoever applied it first
	by        []uint64         // by index, less one: the term in which that one did
	highest   uint64           // the last that anybody applied
	asked     map[uint64]uint64
	confirmed int
	leased    bool
	scratch   [2][]byte
	story     *[]string // what happened, if somebody wants to know
	notes     *[]string // what servers wanted done
}

// note says what a server wants done.
func (c *cluster) note(format string, args ...any) {
	if c.notes != nil {
		*c.notes = append(*c.notes, fmt.Sprintf(format, args...))
	}
}

// tell notes what happens.
func (c *cluster) tell(format string, args ...any) {
	if c.story != nil {
		*c.story = append(*c.story, fmt.Sprintf(format, args...))
	}
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
	if c.uneven { // as while they are set anew, one after the other
		o.Election = o.Election / 2 * time.Duration(1+uint64(m.id)%3)
	}
	m.Core = New(o, m.disk, m.clock(c.now))
	m.up, m.writing = true, nil
	m.applied = decodeApplied(m.disk.Snapshot.Data)
	c.tell("%d starts: %s", m.id, m.Core)
	c.look(m)
}

// String is the server on one line.
func (m *machine) String() string { return "\n" + m.Core.String() }

func (c *cluster) crash(m *machine) {
	if m.up {
		c.tell("%d crashes", m.id)
	}
	m.up, m.writing = false, nil
}

// look takes what a server wants done, and sees whether it may.
func (c *cluster) look(m *machine) {
	for {
		out := m.Output()
		if out.Save != nil {
			m.writing = append(m.writing, *out.Save)
			c.note("%s", written(m, out.Save))
			c.reckon(m)
		}
		for i := range out.Send {
			c.post(&out.Send[i])
		}
		if out.Restore != nil {
			m.applied = decodeApplied(out.Restore.Data)
			require.EqualValues(c.t, out.Restore.Index, len(m.applied))
			c.note("%d is what the snapshot of %d/%d says", m.id, out.Restore.Index, out.Restore.Term)
		}
		for _, e := range out.Apply {
			c.apply(m, e)
		}
		for _, r := range out.Reads {
			require.GreaterOrEqual(c.t, r.Index, c.asked[r.ID], "a read sees less than was committed when it was asked")
			c.confirmed++
			c.note("%d answers read %d from %d on", m.id, r.ID, r.Index)
			delete(c.asked, r.ID)
		}
		for _, id := range out.Refused {
			c.note("%d refuses read %d", m.id, id)
			delete(c.asked, id)
		}
		if m.Role() == Leader {
			c.reign(m)
		}
		if out.Save == nil && len(out.Send) == 0 && out.Restore == nil && len(out.Apply) == 0 {
			return
		}
	}
}

// post sends a message as the bytes that it is on the way.
func (c *cluster) post(m *Message) {
	b := AppendMessage(nil, m)
	read, err := DecodeMessage(b)
	require.NoError(c.t, err)
	c.scratch[0] = AppendMessage(c.scratch[0][:0], &read)
	if !bytes.Equal(b, c.scratch[0]) {
		require.Fail(c.t, "a message is read as another", "%s\n%s", m, read)
	}
	c.note("%s", read)
	c.flight = append(c.flight, read)
}

// written is a Save on one line.
func written(m *machine, s *Save) string {
	text := fmt.Sprintf("%d writes term %d vote %d", m.id, s.Term, s.Vote)
	if s.Snapshot != nil {
		text += fmt.Sprintf(" snapshot %d/%d", s.Snapshot.Index, s.Snapshot.Term)
	}
	for _, e := range s.Entries {
		text += " " + e.String()
	}
	return text
}

func (c *cluster) apply(m *machine, e Entry) {
	if uint64(len(m.applied))+1 != e.Index {
		require.Fail(c.t, "a server applies out of order", "%d applies %s after %d", m.id, e, len(m.applied))
	}
	was, known := c.committed[e.Index]
	switch {
	case !known:
		c.committed[e.Index] = e
		c.highest = e.Index
		c.by = append(c.by, m.Term())
		c.overtaken(e.Index)
	case was.Term != e.Term || was.Kind != e.Kind || !bytes.Equal(was.Data, e.Data):
		require.Fail(c.t, "a server applies another entry than others did", "%d applies %s, and not %s", m.id, e, was)
	}
	m.applied = append(m.applied, e)
	c.note("%d applies %s", m.id, e)
}

// overtaken sees that no leader answers by a lease without an entry that somebody applied.
func (c *cluster) overtaken(index uint64) {
	for _, m := range c.machines {
		if !m.up || m.Role() != Leader {
			continue
		}
		at, ok := m.LeaseRead(m.clock(c.now))
		if ok && at < index {
			require.Fail(c.t, "a lease does not hold", "%s answers from %d on, and %d is committed", m.Core, at, index)
		}
		c.leased = c.leased || ok
	}
}

// reckon sees that the members are those of the last configuration in the log.
func (c *cluster) reckon(m *machine) {
	want := m.log.base.Members
	for i := len(m.log.entries) - 1; i >= 0; i-- {
		if e := &m.log.entries[i]; e.Kind == Configure {
			want, _ = decodeMembers(e.Data)
			break
		}
	}
	if !slices.Equal(want.Voters, m.members.Voters) || !slices.Equal(want.Outgoing, m.members.Outgoing) || !slices.Equal(want.Learners, m.members.Learners) {
		require.Fail(c.t, "a server has other members than its log says", "%s, and not %s", m.Core, want)
	}
}

// reign sees that a term has one leader, and that it has all that was committed in earlier terms.
func (c *cluster) reign(m *machine) {
	was, known := c.leaders[m.Term()]
	if known {
		require.Equal(c.t, was, m.id, "term %d has two leaders", m.Term())
		return
	}
	c.leaders[m.Term()] = m.id
	for i := m.FirstIndex(); i <= c.highest; i++ {
		if c.by[i-1] >= m.Term() {
			break // one that is elected by old votes, and will not come to anything
		}
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
	c.scratch[1] = AppendSave(c.scratch[1][:0], &s)
	require.NoError(c.t, m.disk.Replay(c.scratch[1]))
	m.Saved(s.Number)
	c.tell("%d has written save %d: %s", m.id, s.Number, m.Core)
	c.look(m)
}

func (c *cluster) tick(m *machine) {
	if m.up {
		was := m.Role()
		m.Tick(m.clock(c.now))
		if m.Role() != was {
			c.tell("%d by the clock: %s", m.id, m.Core)
		}
		c.look(m)
	}
}

// deliver takes a message out of the flight and hands it over.
func (c *cluster) deliver(i int) {
	message := c.flight[i]
	c.flight = slices.Delete(c.flight, i, i+1)
	if m := c.machine(message.To); m != nil && m.up {
		m.Step(m.clock(c.now), message)
		c.tell("%s\n    %s", message, m.Core)
		c.look(m)
	}
}

// compact lets a snapshot stand for all that a server has applied and kept, on its disk too.
func (c *cluster) compact(m *machine) {
	index := m.Compactable()
	if !m.up || index < m.FirstIndex() {
		return
	}
	s := m.Compact(index, encodeApplied(uint64(m.id)+m.lives, m.applied[:index]))
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

// encodeApplied is a state machine that remembers what it applied. No two servers write it down in the same bytes.
func encodeApplied(salt uint64, entries []Entry) []byte {
	return appendEntries(appendBytes(nil, bytes.Repeat([]byte{byte(salt)}, int(salt%9))), entries)
}

func decodeApplied(b []byte) []Entry {
	if len(b) == 0 {
		return nil
	}
	d := decoder{b}
	d.bytes()
	return d.entries(0, 0, mostIndex)
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
