package stable_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/raft"
	"simrun/nodes/raft/stable"
	"simrun/sim"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// tiny makes every save meet an edge: of a segment, of the file's size, of a batch.
var tiny = journal.Options{SegmentBytes: 1200, GrowBytes: 512, BatchBytes: 150}

// picture is a state as text.
func picture(s raft.State) string {
	var b strings.Builder
	fmt.Fprintf(&b, "term %d vote %d snapshot %d/%d %s %d:", s.Term, s.Vote, s.Snapshot.Index, s.Snapshot.Term, s.Snapshot.Members, len(s.Snapshot.Data))
	for _, e := range s.Entries {
		b.WriteString(" " + e.String())
	}
	return b.String()
}

// account is what a script has written: a picture of each state that a crash may leave, in order, and which of them was
// promised.
type account struct {
	pictures []string
	promised int
	state    raft.State
}

func (a *account) drawn() { a.pictures = append(a.pictures, picture(a.state)) }

func voters(ids ...raft.ID) (m raft.Members) {
	for _, id := range ids {
		m.Voters = append(m.Voters, raft.Member{ID: id, Address: fmt.Sprint("host-", id)})
	}
	return m
}

// entries are those of a term after an index.
func entries(after, term uint64, n int) (all []raft.Entry) {
	for i := range uint64(n) {
		at := after + 1 + i
		all = append(all, raft.Entry{Index: at, Term: term, Kind: raft.Command, Data: []byte(strings.Repeat("e", int(at*37%90)))})
	}
	return all
}

// save saves and keeps account of it; with wait it is promised.
func (a *account) save(s *stable.Store, save raft.Save, wait bool) error {
	if save.Snapshot != nil {
		a.state = raft.State{Term: save.Term, Vote: save.Vote, Snapshot: *save.Snapshot}
		a.drawn()
	}
	a.state.Term, a.state.Vote = save.Term, save.Vote
	if len(save.Entries) > 0 {
		at := save.Entries[0].Index - a.state.Snapshot.Index - 1
		a.state.Entries = append(slices.Clone(a.state.Entries[:at]), save.Entries...)
	}
	a.drawn()
	mine := len(a.pictures) - 1
	if err := s.Save(&save, func(err error) {
		if err == nil {
			a.promised = max(a.promised, mine)
		}
	}); err != nil {
		return err
	}
	if wait {
		return s.Settle()
	}
	return nil
}

// recovers is the promise: what is there was written, is no older than what was promised, and can be built upon.
func (a *account) recovers(fs nodes.FS) error {
	return lives.On(fs, func(env nodes.Env) error {
		s, err := stable.Open(env, "raft", tiny)
		if err != nil {
			return err
		}
		at := slices.Index(a.pictures[a.promised:], picture(s.State()))
		if at < 0 {
			return fmt.Errorf("there is %s\nand promised was %s", picture(s.State()), a.pictures[a.promised])
		}
		if s.Identity().ID != 7 && a.promised > 0 {
			return fmt.Errorf("the server has forgotten who it is: %v", s.Identity())
		}
		b := account{state: s.State()}
		last := b.state.Snapshot.Index + uint64(len(b.state.Entries))
		if err := b.save(s, raft.Save{Term: 9, Vote: 1, Entries: entries(last, 9, 2)}, true); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
		s, err = stable.Open(env, "raft", tiny)
		if err != nil {
			return err
		}
		if was, is := picture(b.state), picture(s.State()); was != is {
			return fmt.Errorf("saved was %s\nand there is %s", was, is)
		}
		return s.Close()
	})
}

// script is a server's life: it gets members, votes, follows two leaders, compacts, and is sent a snapshot.
func (a *account) script(env nodes.Env) error {
	a.drawn()
	s, err := stable.Open(env, "raft", tiny)
	if err != nil {
		return err
	}
	if !s.Blank() {
		return errors.New("a new server has a past")
	}
	if err := s.Be(stable.Identity{ID: 7, Cluster: 70}); err != nil {
		return err
	}
	own := raft.Snapshot{Index: 1, Term: 1, Members: voters(7, 8, 9)}
	theirs := raft.Snapshot{Index: 11, Term: 4, Members: voters(7, 8), Data: []byte(strings.Repeat("t", 300))}
	for _, step := range []func() error{
		func() error {
			a.state = raft.State{Term: 1, Snapshot: own}
			a.drawn()
			return errors.Join(s.Begin(own, 1, 0), s.Settle())
		},
		func() error { return a.save(s, raft.Save{Term: 2, Vote: 7}, true) },
		func() error { return a.save(s, raft.Save{Term: 2, Vote: 7, Entries: entries(1, 2, 3)}, false) },
		func() error { return a.save(s, raft.Save{Term: 3, Vote: 8}, false) },
		func() error { return a.save(s, raft.Save{Term: 3, Vote: 8, Entries: entries(2, 3, 4)}, true) },
		func() error {
			mine := raft.Snapshot{Index: 4, Term: 3, Members: own.Members, Data: []byte(strings.Repeat("m", 200))}
			a.state.Snapshot, a.state.Entries = mine, a.state.Entries[3:]
			a.drawn()
			return s.Compact(mine)
		},
		func() error { return a.save(s, raft.Save{Term: 4, Vote: 0, Entries: entries(5, 4, 3)}, true) },
		func() error {
			return a.save(s, raft.Save{Term: 4, Vote: 0, Snapshot: &theirs, Entries: entries(11, 4, 1)}, false)
		},
		func() error { return a.save(s, raft.Save{Term: 5, Vote: 9, Entries: entries(11, 5, 2)}, true) },
		func() error {
			mine := theirs
			mine.Index, mine.Term = 12, 5
			a.state.Snapshot, a.state.Entries = mine, a.state.Entries[1:]
			a.drawn()
			return s.Compact(mine)
		},
		func() error { return a.save(s, raft.Save{Term: 6, Vote: 7}, true) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	a.promised = len(a.pictures) - 1
	return s.Close()
}

// If this failed, a power cut could make a server vote twice in a term, or forget an entry that it had said it has.
func TestWhatWasSavedIsThereAfterEveryCrash(t *testing.T) {
	a := &account{}
	tally := lives.EveryCrash(t, disk.Trial{
		Limit:   48,
		Script:  func(fs nodes.FS) error { return lives.On(fs, a.script) },
		Recover: a.recovers,
	})
	require.Greater(t, tally.Crashes, 500)
}

// If this failed, a Save that a full disk refused would leave a hole, and what was written after it be put upon entries that
// it was to replace: a log that no leader ever had.
func TestARefusedSaveIsTheEnd(t *testing.T) {
	w := sim.New(sim.Options{Seed: 1})
	t.Cleanup(w.Close)
	lives := 0
	var held []string
	var host *sim.Host
	host = w.AddHost(sim.HostOptions{Name: "a", Restart: time.Millisecond, Main: func(env nodes.Env) error {
		lives++
		s, err := stable.Open(env, "raft", journal.Options{BatchBytes: 1, GrowBytes: 1})
		require.NoError(t, err)
		held = append(held, picture(s.State()))
		switch lives {
		case 1:
			require.NoError(t, s.Be(stable.Identity{ID: 7}))
			require.NoError(t, s.Begin(raft.Snapshot{Index: 1, Term: 1, Members: voters(7)}, 1, 0))
			require.NoError(t, s.Save(&raft.Save{Term: 1, Entries: entries(1, 1, 4)}, func(error) {}))
			require.NoError(t, s.Settle())
			full := host.Disk().Fill(w.Now(), 0)
			first := true
			large := entries(2, 2, 2)
			large[0].Data = make([]byte, 10_000)
			require.NoError(t, s.Save(&raft.Save{Term: 2, Entries: large}, func(err error) {
				require.ErrorIs(t, err, syscall.ENOSPC)
				full.Lift(w.Now())
				first = false
			}))
			require.NoError(t, s.Save(&raft.Save{Term: 3, Entries: entries(4, 3, 1)}, func(error) {}))
			require.NoError(t, s.Settle())
			require.False(t, first)
			return errors.New("a save was refused")
		case 2:
			require.NoError(t, s.Save(&raft.Save{Term: 4, Entries: entries(5, 4, 1)}, func(error) {}))
			require.NoError(t, s.Settle())
			return errors.New("once more")
		}
		return s.Close()
	}})
	w.Run(time.Minute)
	require.Equal(t, 3, lives)
	require.Equal(t, held[1], picture(raft.State{Term: 1, Snapshot: raft.Snapshot{Index: 1, Term: 1, Members: voters(7)}, Entries: entries(1, 1, 4)}))
	require.Equal(t, held[2], picture(raft.State{Term: 4, Snapshot: raft.Snapshot{Index: 1, Term: 1, Members: voters(7)},
		Entries: append(entries(1, 1, 4), entries(5, 4, 1)...)}))
}

// If this failed, a large snapshot or a large batch could not be saved, or not be read again.
func TestLargeOnesAreDividedAndPutTogether(t *testing.T) {
	d := disk.New(luck.Seed(1).Stream("disk"), disk.Options{})
	a := &account{}
	snapshot := raft.Snapshot{Index: 3, Term: 1, Members: voters(7), Data: []byte(strings.Repeat("0123456", 500_000))}
	many := entries(3, 2, 40)
	for i := range many {
		many[i].Data = []byte(strings.Repeat("x", 100_000))
	}
	require.NoError(t, lives.On(disk.FS(d), func(env nodes.Env) error {
		s, err := stable.Open(env, "raft", journal.Options{RecordBytes: 2 << 20})
		require.NoError(t, err)
		require.NoError(t, s.Be(stable.Identity{ID: 7, Cluster: 1}))
		require.NoError(t, a.save(s, raft.Save{Term: 2, Snapshot: &snapshot, Entries: many}, true))
		return s.Close()
	}))
	require.NoError(t, lives.On(disk.FS(d), func(env nodes.Env) error {
		s, err := stable.Open(env, "raft", journal.Options{RecordBytes: 2 << 20})
		require.NoError(t, err)
		require.Equal(t, picture(a.state), picture(s.State()))
		require.Equal(t, snapshot.Data, s.State().Snapshot.Data)
		require.Equal(t, stable.Identity{ID: 7, Cluster: 1}, s.Identity())
		return s.Close()
	}))
}
