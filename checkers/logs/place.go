package logs

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/linear"
)

// places enters what was shown at each offset, by senders that were told it and by those who polled it: an offset has one
// value, and a value one offset.
func (b *board) places() {
	for i := range b.ops {
		o := &b.ops[i]
		for j := range o.Sent {
			if m := &o.Sent[j]; m.Told && o.Certain() { // else it may stand there and be undone
				b.show(b.messages[m.Value], Record{m.Partition, m.Offset, m.Value}, o)
			}
		}
		if !o.ok() {
			continue
		}
		for _, r := range o.Polled {
			m := b.messages[r.Value]
			b.show(m, r, o)
			b.read(m, r, o)
		}
	}
}

// show enters a value at an offset.
func (b *board) show(m *message, r Record, by *Op) {
	p := b.partition(r.Partition)
	before, known := p.shown[r.Offset]
	switch {
	case !known:
		p.shown[r.Offset] = sight{r.Value, by}
	case before.value != r.Value:
		b.take("inconsistent-offsets", b.name(r.Partition), fmt.Sprintf("offset %d of partition %s is %s for operation %d and %s for operation %d",
			r.Offset, b.name(r.Partition), b.name(before.value), before.by.ID, b.name(r.Value), by.ID), before.by, by)
	}
	if m == nil {
		return
	}
	switch at := (place{r.Partition, r.Offset}); {
	case m.shown == nil:
		m.at, m.shown = at, by
	case m.at != at:
		b.take("duplicate", b.name(r.Partition), fmt.Sprintf("%s, sent once by operation %d, stands at offset %d of partition %s and at %d of %s",
			b.name(r.Value), m.by.ID, m.at.offset, b.name(m.at.partition), r.Offset, b.name(r.Partition)), m.by, m.shown, by)
	}
}

// read holds a record against the message that it is.
func (b *board) read(m *message, r Record, by *Op) {
	p := b.partition(r.Partition)
	if p.by == nil || r.Offset > p.highest {
		p.highest = r.Offset
		if p.by == nil {
			p.lowest = r.Offset
		}
		p.by = by
	}
	p.lowest = min(p.lowest, r.Offset)
	if b.Retained > 0 {
		p.polled = append(p.polled, sighting{r.Offset, r.Offset, by})
	}
	switch {
	case m == nil:
		b.take("phantom-read", b.name(r.Partition), fmt.Sprintf("operation %d polled %s, which nobody sent", by.ID, b.name(r.Value)), by)
		return
	case !m.by.Possible():
		b.take("G1a", b.name(r.Partition), fmt.Sprintf("operation %d polled %s, which operation %d had sent, but that failed", by.ID, b.name(r.Value), m.by.ID), m.by, by)
	case by.Return < m.by.Call:
		b.take("early-read", b.name(r.Partition), fmt.Sprintf("operation %d polled %s before operation %d sent it", by.ID, b.name(r.Value), m.by.ID), by, m.by)
	}
	if m.polled == nil {
		m.polled = by
	}
}

// losses looks for messages that certainly were sent and that nobody polled, and finds the records that must be seen.
func (b *board) losses() {
	latest := b.newestOfKeys()
	for _, p := range b.partitions {
		p.order()
	}
	for i := range b.sent {
		m := &b.sent[i]
		if !m.by.Possible() {
			continue
		}
		gone := m.shown != nil && b.Compacted && m.Key != linear.Nil && m.at.offset < latest[keyed{m.at.partition, m.Key}]
		if m.shown != nil && !gone {
			p := b.partition(m.at.partition)
			p.offsets = append(p.offsets, m.at.offset)
		}
		if m.polled != nil || gone || !m.by.Certain() {
			continue
		}
		switch p := b.partitions[m.at.partition]; {
		case m.shown != nil && p.by != nil && m.at.offset < p.highest:
			if b.Latest && m.at.offset < p.lowest {
				continue
			}
			by, beyond := p.by, p.highest
			if b.Retained > 0 {
				first := p.passed(m.at.offset)
				if by, beyond = first.by, first.beyond; by.Return >= m.by.Call+b.Retained {
					continue // it was old enough to be gone
				}
			}
			b.take("lost-write", b.name(m.at.partition), fmt.Sprintf("nobody polled %s, sent to offset %d of partition %s, although operation %d polled offset %d",
				b.name(m.Value), m.at.offset, b.name(m.at.partition), by.ID, beyond), m.by, by)
		case b.CaughtUp:
			b.take("unseen", b.name(m.Partition), fmt.Sprintf("nobody polled %s, which operation %d had sent", b.name(m.Value), m.by.ID), m.by)
		}
	}
	for _, p := range b.partitions {
		slices.Sort(p.offsets)
	}
}

// order makes the sightings of a partition say who was the first at each offset or beyond.
func (p *partition) order() {
	slices.SortStableFunc(p.polled, func(a, b sighting) int { return cmp.Compare(a.offset, b.offset) })
	for i := len(p.polled) - 2; i >= 0; i-- {
		if next := p.polled[i+1]; next.by.Return < p.polled[i].by.Return {
			p.polled[i].by, p.polled[i].beyond = next.by, next.beyond
		}
	}
}

// passed is who was the first to have polled beyond an offset. Somebody did.
func (p *partition) passed(offset int64) sighting {
	i, _ := slices.BinarySearchFunc(p.polled, offset+1, func(s sighting, offset int64) int { return cmp.Compare(s.offset, offset) })
	return p.polled[i]
}

// keyed is a key in a partition.
type keyed struct{ partition, key linear.Value }

// newestOfKeys is the last offset of each key, and finds keys that went to two partitions.
func (b *board) newestOfKeys() map[keyed]int64 {
	latest := map[keyed]int64{}
	home := map[linear.Value]*message{}
	for i := range b.sent {
		m := &b.sent[i]
		if m.shown == nil || m.Key == linear.Nil || !m.by.Possible() {
			continue
		}
		k := keyed{m.at.partition, m.Key}
		if at, known := latest[k]; !known || m.at.offset > at {
			latest[k] = m.at.offset
		}
		switch first := home[m.Key]; {
		case first == nil:
			home[m.Key] = m
		case first.at.partition != m.at.partition:
			b.take("split-key", b.name(m.Key), fmt.Sprintf("key %s went to partition %s by operation %d and to %s by operation %d", b.name(m.Key),
				b.name(first.at.partition), first.by.ID, b.name(m.at.partition), m.by.ID), first.by, m.by)
		}
	}
	return latest
}
