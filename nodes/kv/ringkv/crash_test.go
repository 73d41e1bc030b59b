package ringkv

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// lived is how many lives there were; no two draw the same name.
var lived uint64

// live runs one life of what a server has on a simulated disk.
func live(fs nodes.FS, config *Config, life func(s *server) error) error {
	lived++
	return lives.Drawing(lived, fs, func(env nodes.Env) error {
		rules, err := config.rules()
		if err != nil {
			return err
		}
		s := &server{env: env, config: config, record: env.Record(), rules: rules, end: env.NewCond()}
		if err := s.recover(); err != nil {
			return err
		}
		return errors.Join(life(s), s.failed, s.journal.Close())
	})
}

// diary is what a script was promised: of each key what is known of it, and of hints how many.
type diary struct {
	id    uint64
	keys  map[string]lore
	hints int
	epoch uint64 // the highest that was begun
}

// put writes a key as its owner does, and waits until it is on the disk.
func (d *diary) put(s *server, key, value string) error {
	l, err := s.compose(&change{key: []byte(key), value: []byte(value), deleted: value == ""}, s.shelf.lore([]byte(key)), true)
	if err != nil {
		return err
	}
	it := s.shelf.find([]byte(key))
	landed := errors.New("nothing came of it")
	s.save(it, func(err error) { landed = err })
	if err := s.settled(); err != nil || landed != nil {
		return errors.Join(err, landed)
	}
	d.keys[key], d.epoch = l, max(d.epoch, it.epoch)
	return nil
}

// settled waits until all that was appended is on the disk.
func (s *server) settled() error {
	at, err := s.journal.Append(appendNotes(nil, s.marks))
	if err != nil {
		return err
	}
	return s.journal.Commit(at)
}

// hold keeps a hint, and waits until it is on the disk.
func (d *diary) hold(s *server, key string) error {
	said := refused
	known := s.config.Versions.encode(s.shelf.lore([]byte(key)))
	s.hold(77, []entry{{[]byte(key), known}}, []lore{s.shelf.lore([]byte(key))}, func(st status, _ []byte) { said = st })
	if err := s.settled(); err != nil {
		return err
	}
	if said != done {
		return errors.New("the hint was refused")
	}
	d.hints = max(d.hints, s.hints.Len())
	return nil
}

// script is what a server goes through before the power fails.
func (d *diary) script(s *server) error {
	if d.keys == nil {
		d.keys = map[string]lore{}
	}
	d.id = uint64(s.self.id)
	s.marks.whole = true
	s.members.kept = []gossip.Member{{Address: "b:16379", State: gossip.Alive}}
	s.members.kept[0].ID = 77
	s.append(appendMembers(nil, s.members.kept), nil)
	compaction := func() error {
		task := s.env.Go("compact", s.compact)
		return errors.Join(d.put(s, "b", "2"), task.Join())
	}
	return errors.Join(d.put(s, "a", "1"), d.hold(s, "a"), d.put(s, "a", "2"), compaction(), d.put(s, "b", ""), d.hold(s, "b"), d.put(s, "c", "3"))
}

// recovers is the promise: nothing of what was acknowledged is missing, under the same name, and no epoch is begun again.
func (d *diary) recovers(config *Config) func(nodes.FS) error {
	return func(fs nodes.FS) error {
		err := live(fs, config, func(s *server) error {
			switch {
			case len(d.keys) > 0 && uint64(s.self.id) != d.id:
				return fmt.Errorf("it comes back as %d, and was %d", s.self.id, d.id)
			case s.hints.Len() < d.hints:
				return fmt.Errorf("%d hints were acknowledged, and there are %d", d.hints, s.hints.Len())
			case len(d.keys) > 0 && s.freshEpoch() <= d.epoch:
				return fmt.Errorf("epoch %d is begun again", d.epoch)
			}
			for _, key := range slices.Sorted(maps.Keys(d.keys)) {
				if there := s.shelf.lore([]byte(key)); !config.Versions.covers(there, d.keys[key]) {
					return fmt.Errorf("of %s there is %v, and %v was acknowledged", key, there, d.keys[key])
				}
			}
			return (&diary{keys: map[string]lore{}}).put(s, "further", "on")
		})
		if err != nil {
			return err
		}
		return live(fs, config, func(s *server) error {
			if s.shelf.find([]byte("further")) == nil {
				return errors.New("what was written after the crash is gone in the next life")
			}
			return nil
		})
	}
}

// If this failed, a power cut at some moment would take a copy or a hint that counted, or let a server give out a dot twice.
func TestEveryCrashLeavesWhatWasAcknowledged(t *testing.T) {
	for _, versions := range []Versions{Vector, Hybrid} {
		t.Run(string(versions), func(t *testing.T) {
			config := DefaultConfig()
			config.Segment, config.Versions = 1<<10, versions
			d := &diary{}
			tally := lives.EveryCrash(t, disk.Trial{
				Limit:   48,
				Script:  func(fs nodes.FS) error { return live(fs, config, d.script) },
				Recover: d.recovers(config),
			})
			require.Greater(t, tally.Crashes, 20)
			require.Len(t, d.keys, 3)
		})
	}
}

// If this failed, a server would show copies so old that what was deleted comes back with them, before it has asked anybody;
// or would forget without whom it has let tombstones go.
func TestCopiesThatAreTooOldAreInDoubt(t *testing.T) {
	config := DefaultConfig()
	config.Servers = []nodes.NodeName{"a", "b"}
	fs := disk.FS(disk.New(luck.Stream{}, disk.Options{}))
	var before uint64
	require.NoError(t, live(fs, config, func(s *server) error {
		before = uint64(s.self.id)
		require.False(t, s.inDoubt())
		s.marks.repaired = s.env.Now().Add(-11 * 24 * time.Hour)
		s.note()
		s.append(appendOutlived(nil, map[ring.ID]time.Time{7: s.marks.repaired}), nil)
		return (&diary{keys: map[string]lore{}}).put(s, "a", "1")
	}))
	require.NoError(t, live(fs, config, func(s *server) error {
		require.Equal(t, before, uint64(s.self.id))
		require.Equal(t, 1, s.shelf.count, "it may be that nobody else has it")
		require.True(t, s.inDoubt())
		require.Equal(t, map[ring.ID]time.Time{7: s.marks.repaired}, s.doubt.outlived)
		s.handle(getVerb, 7, []byte("a"), func(st status, _ []byte) { require.Equal(t, refused, st) })
		return nil
	}))
}
