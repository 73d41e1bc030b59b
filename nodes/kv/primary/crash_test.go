package primary

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/shards"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
)

// live runs one life of what a server has on a simulated disk.
func live(fs nodes.FS, config *Config, life func(s *server) error) error {
	return lives.On(fs, func(env nodes.Env) error {
		s := &server{env: env, config: config, record: env.Record(), end: env.NewCond(), store: shards.New(), life: 1}
		if err := s.recover(); err != nil {
			return err
		}
		return errors.Join(life(s), s.journal.Close())
	})
}

// standing is all that a server must not forget, as text. What the log has done is not in it: who comes back does it again.
func (s *server) standing() string {
	done := shards.New()
	if err := func() error {
		loaded, err := shards.Decode(s.store.Image()(nil))
		done = loaded
		return err
	}(); err != nil {
		return err.Error()
	}
	for offset := s.log.applied + 1; offset <= s.log.end(); offset++ {
		if entry := s.log.entry(offset); entry[0] == entryCommand {
			_, _ = done.ApplyEntry(entry[1:], nil)
		}
	}
	return fmt.Sprintf("to %s, lineage %v, promised %d, whole %v, all done: %s", s.log.place(), s.log.lineage.until(s.log.end()), s.promised, s.whole, done)
}

// diary is what a script did, and how much of it was durable.
type diary struct {
	stood   []string // after each step
	durable int      // the last of them that is
}

// note ends a step: from when the record is durable, nothing older may come back.
func (d *diary) note(s *server, record []byte) {
	at := s.keep(record)
	d.stood = append(d.stood, s.standing())
	n := len(d.stood) - 1
	s.landed(at, func() { d.durable = max(d.durable, n) })
}

// set orders a write.
func (d *diary) set(s *server, key, value string) {
	entry := kv.AppendEntry([]byte{entryCommand}, kv.Order{Now: 1_000_000}, [][]byte{[]byte("SET"), []byte(key), []byte(value)})
	record := appendEntryRecord(nil, s.log.end()+1, entry)
	s.log.add(entry)
	d.note(s, record)
}

// settle waits for the disk.
func (d *diary) settle(s *server) error {
	at, err := s.journal.Append(putNumbers([]byte{recordPromise}, s.promised))
	if err == nil {
		err = s.journal.Commit(at)
	}
	s.log.dry(s.log.end())
	return err
}

// apply does what is durable.
func (s *server) apply(upTo uint64) {
	s.log.committed = upTo
	for s.log.applied < upTo {
		s.do(s.log.applied + 1)
	}
}

// scripts are what befalls a server's journal.
var scripts = map[string]func(d *diary, s *server) error{
	"a fork": func(d *diary, s *server) error {
		s.log.lineage = lineage{{1, 77, 1}}
		d.note(s, appendLineageRecord(nil, 0, s.log.lineage))
		d.set(s, "a", "1")
		d.set(s, "b", "1")
		err := d.settle(s)
		d.set(s, "a", "2")
		s.promised = 3
		d.note(s, putNumbers([]byte{recordPromise}, 3))
		err = errors.Join(err, d.settle(s))
		s.log.cut(2)
		s.log.lineage = lineage{{1, 77, 1}, {3, 78, 3}}
		d.note(s, appendLineageRecord(nil, 2, s.log.lineage))
		d.set(s, "a", "3")
		return errors.Join(err, d.settle(s))
	},
	"a compaction while entries wait": func(d *diary, s *server) error {
		s.log.lineage = lineage{{1, 77, 1}}
		d.note(s, appendLineageRecord(nil, 0, s.log.lineage))
		s.whole = true
		d.note(s, []byte{recordWhole})
		d.set(s, "a", "1")
		d.set(s, "b", "1")
		err := d.settle(s)
		s.apply(1)
		compaction := s.env.Go("compact", s.compact)
		d.set(s, "c", "1")
		return errors.Join(err, compaction.Join(), d.settle(s))
	},
	"a snapshot of another history": func(d *diary, s *server) error {
		s.log.lineage = lineage{{1, 77, 1}}
		d.note(s, appendLineageRecord(nil, 0, s.log.lineage))
		d.set(s, "lost", "1")
		err := d.settle(s)
		s.apply(1)
		other := shards.New()
		other.Apply(kv.Order{Now: 1_000_000}, [][]byte{[]byte("SET"), []byte("kept"), []byte("2")}, nil)
		base := foundation{offset: 9, goal: 12, lineage: lineage{{2, 99, 1}}}
		next := &server{store: other}
		next.log.reset(base.offset, base.lineage)
		d.stood = append(d.stood, next.standing())
		if err := s.journal.Compact(records(base, other.Image()(nil), nil)); err != nil {
			return err
		}
		d.durable = len(d.stood) - 1
		s.store.Become(other)
		s.log.reset(base.offset, base.lineage)
		d.set(s, "kept", "3")
		return errors.Join(err, d.settle(s))
	},
}

// trial is a script, and what may be there after it.
func trial(script func(d *diary, s *server) error) disk.Trial {
	config := DefaultConfig()
	config.Segment = 1 << 10
	d := &diary{stood: []string{(&server{store: shards.New()}).standing()}}
	return disk.Trial{
		Limit:  64,
		Script: func(fs nodes.FS) error { return live(fs, config, func(s *server) error { return script(d, s) }) },
		Recover: func(fs nodes.FS) error {
			return live(fs, config, func(s *server) error {
				found := s.standing()
				// A compaction may be the last word on what was on its way to the disk beside it.
				for n := d.durable; n < len(d.stood); n++ {
					if d.stood[n] == found {
						return nil
					}
				}
				return fmt.Errorf("there is %s, and %v may be there", found, d.stood[d.durable:])
			})
		},
	}
}

// If this failed, a power cut at some moment would take what was promised or acknowledged, or bring back what had been discarded.
func TestEveryCrashLeavesWhatWasPromised(t *testing.T) {
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			require.Greater(t, lives.EveryCrash(t, trial(script)).Crashes, 20)
		})
	}
}

// If this failed, a server whose journal rots, in its last record as well, would come back as one that has everything, without what
// it acknowledged or promised.
func TestABitThatRotsAfterACrashIsToldOrLosesNothing(t *testing.T) {
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			require.Greater(t, lives.EveryRot[*journal.Corruption](t, trial(script), journalDir, 67), 300)
		})
	}
}
