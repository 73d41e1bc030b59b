package partition

import (
	"cmp"
	"slices"

	"simrun/nodes/log/record"
)

// index is where some of a segment's batches lie, in the order of their offsets: one for every few kilobytes.
type index struct {
	spots   []spot
	maxTime int64 // the latest time of a record
	next    int64 // the offset after the last batch
}

// spot is a batch's place.
type spot struct {
	offset, at int64
	time       int64 // the latest time of a record before it in the segment
}

// earliest is before all times.
const earliest = -1 << 63

// note takes note of the batch at a position; they come in order.
func (x *index) note(b record.Batch, at, every int64) {
	if n := len(x.spots); n == 0 || at-x.spots[n-1].at >= every {
		x.spots = append(x.spots, spot{b.BaseOffset(), at, x.maxTime})
	}
	if b.Count() > 0 {
		x.maxTime = max(x.maxTime, b.MaxTime())
	}
	x.next = b.NextOffset()
}

// before is the last spot that is not above the offset.
func (x *index) before(offset int64, base int64) spot {
	i, found := slices.BinarySearchFunc(x.spots, offset, func(s spot, offset int64) int { return cmp.Compare(s.offset, offset) })
	if !found {
		i--
	}
	if i < 0 {
		return spot{base, headSize, earliest}
	}
	return x.spots[i]
}

// since is the last spot before which all records are earlier than the time.
func (x *index) since(time int64, base int64) spot {
	i, _ := slices.BinarySearchFunc(x.spots, time, func(s spot, time int64) int { return cmp.Compare(s.time, time) })
	if i == 0 {
		return spot{base, headSize, earliest}
	}
	return x.spots[i-1]
}

// writeIndex writes the index of a segment that is full. It need not be durable: what is wrong is made anew.
func (p *Partition) writeIndex(s *segment, next int64, durable bool) error {
	b := appendNumbers(nil, s.salt, s.end, next, s.index.maxTime)
	for _, spot := range s.index.spots {
		b = appendNumbers(b, spot.offset, spot.at, spot.time)
	}
	return p.write(fileName(s.base, extIndex), b, durable)
}

// readIndex reads the index of a segment, or makes it anew.
func (p *Partition) readIndex(s *segment) (*index, error) {
	content, _, err := p.read(fileName(s.base, extIndex))
	if err != nil {
		return nil, err
	}
	all := numbers(content)
	if len(all) < 4 || len(content)%8 != 0 || len(all)%3 != 1 || all[0] != s.salt || all[1] != s.end {
		return p.makeIndex(s)
	}
	x := &index{next: all[2], maxTime: all[3]}
	for all = all[4:]; len(all) > 0; all = all[3:] {
		x.spots = append(x.spots, spot{all[0], all[1], all[2]})
	}
	if !x.fits(s) {
		return p.makeIndex(s)
	}
	return x, nil
}

// fits says whether the index can be that of the segment.
func (x *index) fits(s *segment) bool {
	last := spot{s.base - 1, headSize - 1, earliest}
	for _, next := range x.spots {
		if next.offset <= last.offset || next.at <= last.at || next.at >= s.end || next.time < last.time {
			return false
		}
		last = next
	}
	return x.next > last.offset && (len(x.spots) > 0) == (s.end > headSize)
}

// makeIndex makes the index of a segment from its batches.
func (p *Partition) makeIndex(s *segment) (*index, error) {
	p.env.Record().Reach(indexWrong)
	x := &index{next: s.base, maxTime: earliest}
	end, err := p.scan(s, spot{s.base, headSize, earliest}, s.end, func(at int64, b record.Batch) error {
		x.note(b, at, int64(p.opts.IndexBytes))
		return nil
	})
	if err == nil && end.at < s.end {
		err = &Corruption{File: fileName(s.base, extLog), Offset: end.at, What: end.why}
	}
	return x, err
}
