package single

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
)

// live runs one life of a server's store on a simulated disk.
func live(fs nodes.FS, config *Config, life func(s *server) error) error {
	return lives.On(fs, func(env nodes.Env) error {
		s := &server{env: env, config: config, record: env.Record(), end: env.NewCond()}
		if err := s.recover(); err != nil {
			return err
		}
		return errors.Join(life(s), s.journal.Close())
	})
}

// whole is all that a store is, to the last byte.
func whole(s *kv.Store) string { return s.String() + string(s.Image().Append(nil)) }

// diary is what a script was promised.
type diary struct {
	asked    []string // the stores that there were, one after each write; the first is empty
	promised int      // how many writes were acknowledged
	model    *kv.Store
}

func newDiary() *diary {
	model := kv.New()
	return &diary{asked: []string{whole(model)}, model: model}
}

// put does writes, and waits for all of them together.
func (d *diary) put(s *server, commands ...[]string) error {
	if err := d.order(s, commands...); err != nil {
		return err
	}
	return s.journal.Commit(s.last)
}

// order sends writes on their way.
func (d *diary) order(s *server, commands ...[]string) error {
	for _, words := range commands {
		args := make([][]byte, len(words))
		for i, w := range words {
			args[i] = []byte(w)
		}
		order := kv.Order{Now: 1_000_000, Sessions: 2}
		d.model.Apply(order, args, nil)
		d.asked = append(d.asked, whole(d.model))
		p := &pending{server: s, record: kv.AppendEntry([]byte{recordEntry}, order, args)}
		at, err := s.journal.Append(p.record)
		if err != nil {
			return err
		}
		s.pending, s.last = append(s.pending, p), at
		s.journal.Then(at, func(err error) {
			s.pending = s.pending[1:]
			if err == nil {
				_, err = s.store.ApplyEntry(p.record[1:], nil)
				d.promised++
			}
			if err != nil {
				s.stop(err)
			}
		})
	}
	return nil
}

// recovers is the promise: the store is one that there was, and none from before the last acknowledgement; and what it
// is told from then on is there in its next life.
func (d *diary) recovers(config *Config) func(nodes.FS) error {
	return func(fs nodes.FS) error {
		var found string
		err := live(fs, config, func(s *server) error {
			found = whole(s.store)
			for n := d.promised; ; n++ {
				if n == len(d.asked) {
					return fmt.Errorf("%d writes were acknowledged, and there is %s", d.promised, s.store)
				}
				if d.asked[n] == found {
					break
				}
			}
			next := &diary{model: s.store}
			order := kv.Order{Now: 1_000_000}
			p := kv.AppendEntry([]byte{recordEntry}, order, [][]byte{[]byte("SET"), []byte("further"), []byte("on")})
			at, err := s.journal.Append(p)
			if err == nil {
				err = s.journal.Commit(at)
			}
			next.model.Apply(order, [][]byte{[]byte("SET"), []byte("further"), []byte("on")}, nil)
			found = whole(next.model)
			return err
		})
		if err != nil {
			return err
		}
		return live(fs, config, func(s *server) error {
			if whole(s.store) != found {
				return fmt.Errorf("in the next life there is %s", s.store)
			}
			return nil
		})
	}
}

// If this failed, a power cut at some moment would take acknowledged writes, or sessions, or bring back what never was.
func TestEveryCrashLeavesWhatWasAcknowledged(t *testing.T) {
	config := DefaultConfig()
	config.Segment = 1 << 10
	for name, script := range map[string]func(d *diary, s *server) error{
		"writes": func(d *diary, s *server) error {
			return errors.Join(
				d.put(s, []string{"SET", "a", "1"}),
				d.put(s, []string{"INCR", "a"}, []string{"SET", "b", "2", "PX", "50"}, []string{"ONCE", "OPEN"}),
				d.put(s, []string{"ONCE", "4", "1", "APPEND", "a", "x"}, []string{"ONCE", "4", "1", "APPEND", "a", "x"}),
				d.put(s, []string{"DEL", "a"}, []string{"FLUSHALL"}, []string{"SET", "c", "3"}))
		},
		"a compaction": func(d *diary, s *server) error {
			err := d.put(s, []string{"SET", "a", "1"}, []string{"ONCE", "OPEN"}, []string{"ONCE", "2", "1", "INCR", "a"})
			compaction := s.env.Go("compact", s.compact)
			return errors.Join(err, d.put(s, []string{"ONCE", "2", "1", "INCR", "a"}, []string{"ONCE", "2", "2", "INCR", "a"}),
				compaction.Join(), d.put(s, []string{"DEL", "a"}))
		},
		"a compaction while writes are on their way": func(d *diary, s *server) error {
			err := d.order(s, []string{"SET", "a", "1"}, []string{"SET", "b", "1"}, []string{"ONCE", "OPEN"})
			s.compact()
			return errors.Join(err, s.failed, d.put(s, []string{"SET", "b", "2"}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDiary()
			tally := lives.EveryCrash(t, disk.Trial{
				Limit:   64,
				Script:  func(fs nodes.FS) error { return live(fs, config, func(s *server) error { return script(d, s) }) },
				Recover: d.recovers(config),
			})
			require.Greater(t, tally.Crashes, 20)
			require.Equal(t, len(d.asked), d.promised+1)
		})
	}
}
