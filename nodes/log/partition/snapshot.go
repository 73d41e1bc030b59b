package partition

import (
	"maps"
	"slices"

	"simrun/nodes/log/record"
)

// A snapshot is what was known of producers and transactions at an offset, as numbers: the offset, how many producers, ended and aborted transactions
// there are, and then these.

// encode is the snapshot at the offset.
func (ps *producers) encode(offset int64) []byte {
	b := appendNumbers(nil, offset, int64(len(ps.known)), int64(len(ps.ended)), int64(len(ps.aborted)))
	for _, id := range slices.Sorted(maps.Keys(ps.known)) {
		p := ps.known[id]
		b = appendNumbers(b, id, int64(p.epoch), int64(p.coordinator), p.first, p.used, int64(p.count))
		for _, s := range p.sent[:p.count] {
			b = appendNumbers(b, int64(s.first), int64(s.last), s.base, s.next)
		}
	}
	for _, list := range [][]transaction{ps.ended, ps.aborted} {
		for _, t := range list {
			b = appendNumbers(b, t.producer, t.first, t.last)
		}
	}
	return b
}

// decode makes the producers those of a snapshot. It says whether it is one of that offset.
func (ps *producers) decode(content []byte, offset int64) bool {
	rest := numbers(content)
	ok := true
	take := func(n int) []int64 {
		if len(rest) < n {
			ok = false
			return make([]int64, n)
		}
		taken := rest[:n]
		rest = rest[n:]
		return taken
	}
	head := take(4)
	if !ok || head[0] != offset || min(head[1], head[2], head[3]) < 0 || max(head[1], head[2], head[3]) > int64(len(rest)) {
		return false
	}
	ps.known = make(map[int64]producer, head[1])
	for range head[1] {
		f := take(6)
		p := producer{epoch: int16(f[1]), coordinator: int32(f[2]), first: f[3], used: f[4]}
		if p.count = int(f[5]); p.count < 0 || p.count > len(p.sent) {
			return false
		}
		for i := range p.count {
			s := take(4)
			p.sent[i] = sent{int32(s[0]), int32(s[1]), s[2], s[3]}
		}
		ps.known[f[0]] = p
	}
	ps.ended, ps.aborted = nil, nil
	for i, list := range []*[]transaction{&ps.ended, &ps.aborted} {
		for range head[2+i] {
			t := take(3)
			*list = append(*list, transaction{t[0], t[1], t[2]})
		}
	}
	ps.reopen()
	return ok && len(rest) == 0
}

// forget makes the producers those of a log that has none.
func (ps *producers) forget() {
	ps.known, ps.open, ps.ended, ps.aborted = map[int64]producer{}, nil, nil, nil
}

// restore makes the producers those at the end of the log: by the newest snapshot that is whole, and what came after it. Before it is
// called, the segments are those of the log.
func (p *Partition) restore(snapshots []int64) error {
	p.producers.forget()
	from := p.segments[0].base
	for _, offset := range slices.Backward(snapshots) {
		if offset > p.next || offset < from {
			continue
		}
		content, _, err := p.read(fileName(offset, extSnapshot))
		if err != nil {
			return err
		}
		if content != nil && p.producers.decode(content, offset) {
			from = offset
			break
		}
		p.env.Record().Reach(snapshotWrong)
		p.producers.forget()
	}
	now := p.now()
	for _, s := range p.segments {
		if p.ends(s) <= from {
			continue
		}
		err := p.each(s, max(from, s.base), func(_ int64, b record.Batch) error {
			if b.BaseOffset() >= from {
				p.producers.apply(b, now, 0, nil)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	p.producers.begin(p.start)
	p.producers.settle(p.watermark)
	return nil
}
