package explore

import (
	"errors"
	"fmt"
	"iter"

	"simrun/scenarios"
)

// Part is a shard of a sweep that has been run.
type Part struct {
	Name string // to tell of it: its directory
	Shard
	Entries iter.Seq2[*Entry, error]
	// Batch is what the shard came to alone; of it are the causes of its failures.
	Batch *Batch
}

// Merge puts the shards of a sweep together: what comes of it is what the sweep would have come to in one piece,
// but for what the wall clock says. It runs nothing: Shard, Past, More, Jobs, Run and Look do not count.
//
// It adds the runs in the order of their turns and stops where the sweep would have stopped, so that the rest of
// shards that ran on does not count.
func (s Sweep) Merge(parts []Part) (*Batch, error) {
	s.Values, s.Shard = max(s.Values, 1), Shard{}
	if err := complete(parts); err != nil {
		return nil, err
	}
	m := &merger{Sweep: s, batch: s.batch(), causes: map[[2]string]*Cause{}}
	for i := range parts {
		p := &parts[i]
		for j := range p.Batch.Failures {
			f := &p.Batch.Failures[j]
			m.causes[[2]string{f.Seed, f.Value}] = f.Cause
		}
		next, stop := iter.Pull2(p.Entries)
		defer stop()
		h := &head{Part: p, next: next}
		if err := h.step(); err != nil {
			return nil, err
		}
		m.heads = append(m.heads, h)
	}
	if err := m.merge(); err != nil {
		return nil, err
	}
	m.batch.causes(func(f *Failure) *Cause { return m.causes[[2]string{f.Seed, f.Value}] })
	m.batch.conclude()
	return m.batch, nil
}

// complete says what is missing of the shards, or there twice.
func complete(parts []Part) error {
	if len(parts) == 0 {
		return errors.New("there is nothing to merge")
	}
	of := parts[0].Of
	have := make([]*Part, max(of, 0))
	for i := range parts {
		p := &parts[i]
		switch n := p.Number; {
		case n < 1 || n > p.Of:
			return fmt.Errorf("%s is no shard", p.Name)
		case p.Of != of:
			return fmt.Errorf("%s is shard %s, but %s is %s", p.Name, p.Shard, parts[0].Name, parts[0].Shard)
		case have[n-1] != nil:
			return fmt.Errorf("%s and %s are the same shard, %d/%d", have[n-1].Name, p.Name, n, of)
		default:
			have[n-1] = p
		}
	}
	missing := ""
	for i, p := range have {
		if p == nil {
			missing += fmt.Sprintf(" %d/%d", i+1, of)
		}
	}
	if missing != "" {
		return fmt.Errorf("shards are missing:%s", missing)
	}
	return nil
}

// merger is a merge under way.
type merger struct {
	Sweep
	heads  []*head
	batch  *Batch
	causes map[[2]string]*Cause // by seed and value
}

// head is the next run of a shard; nil where there is no more.
type head struct {
	*Part
	next  func() (*Entry, error, bool)
	entry *Entry
	told  int
}

func (h *head) step() error {
	e, err, ok := h.next()
	switch {
	case !ok:
		h.entry = nil
	case err != nil:
		return fmt.Errorf("%s: %w", h.Name, err)
	default:
		h.entry = e
	}
	return nil
}

// merge adds the runs in the order of their turns.
func (m *merger) merge() error {
	for {
		var first *head
		for _, h := range m.heads {
			if h.entry != nil && (first == nil || h.entry.Turn < first.entry.Turn) {
				first = h
			}
		}
		if first == nil {
			return m.ended()
		}
		e := first.entry
		if err := m.fits(first); err != nil {
			return err
		}
		m.batch.add(e)
		if m.Each != nil {
			m.Each(m.batch, e)
		}
		if !m.KeepGoing && e.failed() {
			return nil
		}
		first.told++
		if err := first.step(); err != nil {
			return err
		}
	}
}

// fits says whether the run is the one that its shard has next.
func (m *merger) fits(h *head) error {
	s := m.Sweep
	s.Shard = h.Shard
	turn, number := s.turn(h.told)
	if e := h.entry; e.Turn != number || e.Seed != scenarios.FormatSeed(turn.Seed) || m.Count > 0 && turn.Index >= m.Count {
		return fmt.Errorf("%s: turn %d, of seed %s, is not the one that follows", h.Name, e.Turn, e.Seed)
	}
	return nil
}

// ended says whether a sweep of so many seeds has all of them.
func (m *merger) ended() error {
	if m.Count == 0 {
		return nil
	}
	for _, h := range m.heads {
		if want := h.share(m.Count) * m.Values; h.told < want {
			return fmt.Errorf("%s has %d of its %d runs", h.Name, h.told, want)
		}
	}
	return nil
}
