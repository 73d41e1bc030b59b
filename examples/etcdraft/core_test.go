package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/raft"
	"simrun/sim"
)

// pair is a leader and whoever joins it, with disks that take no time and a network that a test may cut.
type pair struct {
	t     *testing.T
	cores map[raft.ID]*core
	now   nodes.Instant
	lost  func(m *raft.Message) bool
	did   map[raft.ID][]string // what the machines have done; a restored one begins with its image
	sent  map[raft.Type]int
}

// together lets a story be told on a host, of a group of one that is to be joined by another.
func together(t *testing.T, story func(p *pair)) {
	w := sim.New(sim.Options{Seed: 1})
	t.Cleanup(w.Close)
	w.AddHost(sim.HostOptions{Name: "here", Main: func(env nodes.Env) error {
		p := &pair{t: t, cores: map[raft.ID]*core{}, now: env.Mark(), lost: func(*raft.Message) bool { return false }, did: map[raft.ID][]string{}, sent: map[raft.Type]int{}}
		for id, s := range map[raft.ID]raft.State{1: {Term: 1, Snapshot: raft.Snapshot{Index: 1, Term: 1, Members: raft.Members{Voters: member(1)}, Data: []byte("image")}}, 2: {}} {
			o := raft.Options{ID: id, Rand: env.Rand(), Election: 100 * time.Millisecond, ChunkBytes: 16}
			p.cores[id] = open(env, o, s).(*core)
		}
		story(p)
		return nil
	}})
	w.Run(time.Minute)
	require.Empty(t, w.Findings())
}

func member(id raft.ID) []raft.Member {
	return []raft.Member{{ID: id, Address: string(rune('a' + id))}}
}

// pass lets time pass, tick by tick.
func (p *pair) pass(d time.Duration) {
	for until := p.now.Add(d); p.now < until; p.now = p.now.Add(10 * time.Millisecond) {
		for id := raft.ID(1); id <= 2; id++ {
			p.cores[id].Tick(p.now)
		}
		for p.turn() {
		}
	}
}

// turn does what both have to do, and says whether there was anything.
func (p *pair) turn() (busy bool) {
	for id := raft.ID(1); id <= 2; id++ {
		out := p.cores[id].Output()
		if out.Save != nil {
			p.cores[id].Saved(out.Save.Number)
			busy = true
		}
		if out.Restore != nil {
			p.did[id] = []string{string(out.Restore.Data)}
		}
		for _, e := range out.Apply {
			if e.Kind == raft.Command {
				p.did[id] = append(p.did[id], string(e.Data))
			}
		}
		for _, m := range out.Send {
			busy = true
			p.sent[m.Type]++
			if !p.lost(&m) {
				got, err := decodeMessage(appendMessage(nil, &m))
				require.NoError(p.t, err)
				p.cores[m.To].Step(p.now, got)
			}
		}
	}
	return busy
}

// If this failed, a server that joins would be sent a snapshot that it has to refuse, or none, or would wait for ever for one
// of which a piece was lost.
func TestWhoJoinsIsSentASnapshotThatNamesIt(t *testing.T) {
	together(t, func(p *pair) {
		one := p.cores[1]
		p.pass(time.Second)
		require.Equal(t, raft.Leader, one.Role())
		index, err := one.Propose(p.now, []byte("a"), []byte("b"))
		require.NoError(t, err)
		p.pass(20 * time.Millisecond)
		require.Equal(t, []string{"a", "b"}, p.did[1])
		require.Equal(t, index+1, one.Commit())

		require.NoError(t, one.Change(p.now, member(1), member(2)))
		require.ErrorIs(t, one.Change(p.now, member(1), nil), raft.ErrChanging)
		p.pass(300 * time.Millisecond)
		require.True(t, one.WantsSnapshot())
		require.Zero(t, p.sent[raft.InstallSnapshot], "the only one there is says nothing of server 2")

		p.lost = func(m *raft.Message) bool {
			return m.Type == raft.InstallSnapshot && m.Offset > 32 && p.sent[m.Type] < 5
		}
		one.Compact(one.Compactable(), []byte("image with a and b"))
		require.False(t, one.WantsSnapshot())
		p.pass(time.Second)
		require.Equal(t, []string{"image with a and b"}, p.did[2])
		require.Equal(t, one.Members(), p.cores[2].Members())
		require.Equal(t, one.LastIndex(), one.Match(2))
	})
}

// If this failed, changes of members would not go as they do with package raft: a voter in the place of another, in two steps.
func TestAVoterTakesThePlaceOfAnother(t *testing.T) {
	together(t, func(p *pair) {
		one, two := p.cores[1], p.cores[2]
		p.pass(time.Second)
		require.ErrorIs(t, one.Change(p.now, nil, member(2)), raft.ErrMembers)
		require.ErrorIs(t, one.Change(p.now, member(1), member(1)), raft.ErrMembers)
		require.NoError(t, one.Change(p.now, member(1), member(2)))
		p.pass(100 * time.Millisecond)
		one.Compact(one.Compactable(), nil)
		p.pass(time.Second)
		require.ErrorIs(t, one.Transfer(p.now, 2), raft.ErrMembers, "a learner cannot lead")

		require.NoError(t, one.Change(p.now, member(2), nil))
		p.pass(time.Second)
		require.Equal(t, raft.Members{Voters: member(2)}, two.Members())
		require.Equal(t, raft.Leader, two.Role(), "the leader who is none of them any more steps down")
		require.ErrorIs(t, one.Read(p.now, 1), raft.ErrNotLeader)
		_, err := one.Propose(p.now, []byte("late"))
		require.ErrorIs(t, err, raft.ErrNotLeader)
	})
}

// If this failed, a read that nobody will answer would wait until its client gives up.
func TestReadsEndWithTheReign(t *testing.T) {
	together(t, func(p *pair) {
		one := p.cores[1]
		p.pass(time.Second)
		require.NoError(t, one.Change(p.now, append(member(1), member(2)...), nil))
		p.pass(100 * time.Millisecond)
		one.Compact(one.Compactable(), nil)
		p.pass(time.Second)
		require.True(t, one.Heard(2))
		p.lost = func(*raft.Message) bool { return true }
		require.NoError(t, one.Read(p.now, 7))
		var refused []uint64
		for range 50 {
			p.now = p.now.Add(10 * time.Millisecond)
			one.Tick(p.now)
			out := one.Output()
			require.Empty(t, out.Reads)
			refused = append(refused, out.Refused...)
		}
		require.Equal(t, []uint64{7}, refused)
		require.False(t, one.Heard(2))
	})
}

// If this failed, what the library calls a panic would go on.
func TestThePanicsOfTheLibraryAreOurs(t *testing.T) {
	l := logger{slog.New(slog.DiscardHandler)}
	l.Infof("%d", 1)
	require.PanicsWithValue(t, "etcd: no 7", func() { l.Panicf("no %d", 7) })
	require.PanicsWithValue(t, "etcd: no", func() { l.Fatal("no") })
}
