package partition

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"simrun/nodes/log/record"
)

// producers is what is known of those who number their records: what they sent last, and which transactions they have open.
//
// It is ahead of the disk by what was gathered; what a full disk refuses is undone. Source: KIP-98.
type producers struct {
	known    map[int64]producer
	open     []transaction // not ended yet, by first offset
	ended    []transaction // whose marker is not below the watermark yet, by marker
	aborted  []transaction // by marker
	most     int
	lifetime int64 // milliseconds
}

// producer is one of them.
type producer struct {
	epoch       int16
	coordinator int32 // the latest epoch of its transactions' coordinator; -1 for none
	first       int64 // the first offset of its open transaction; -1 for none
	used        int64 // when it was last heard of, in milliseconds since 1970
	sent        [5]sent
	count       int // of sent, oldest first
}

// sent is a batch that a producer sent, by sequence and by offset.
type sent struct {
	first, last int32
	base, next  int64
}

// transaction is the offsets from a transaction's first record to its marker.
type transaction struct {
	producer    int64
	first, last int64
}

// undo is what a producer was before a batch of it.
type undo struct {
	id     int64
	before producer
	known  bool
}

// add is a sequence so much later: after the greatest comes 0.
func add(sequence, n int32) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}

// check says whether a producer's batch may be appended. Seen is where it is already.
func (ps *producers) check(b record.Batch, now int64) (seen *sent, err error) {
	by := b.Producer()
	if by.ID < 0 {
		return nil, nil
	}
	p, known := ps.known[by.ID]
	if known && p.first < 0 && now-p.used > ps.lifetime {
		delete(ps.known, by.ID)
		known = false
	}
	if !known {
		return nil, ps.makeRoom(1)
	}
	switch {
	case by.Epoch < p.epoch:
		return nil, fmt.Errorf("%w: epoch %d after %d", ErrFenced, by.Epoch, p.epoch)
	case by.Epoch > p.epoch && by.Sequence != 0:
		return nil, fmt.Errorf("%w: a new epoch begins with %d", ErrOutOfOrder, by.Sequence)
	case by.Epoch > p.epoch && p.first >= 0 && !b.Attributes().Transactional():
		return nil, ErrTransaction
	case by.Epoch > p.epoch:
		return nil, nil
	}
	for _, s := range p.sent[:p.count] {
		if s.first == by.Sequence && s.last == add(by.Sequence, b.LastDelta()) {
			return &s, nil
		}
	}
	if p.count > 0 {
		if want := add(p.sent[p.count-1].last, 1); by.Sequence != want {
			return nil, fmt.Errorf("%w: %d comes where %d was to", ErrOutOfOrder, by.Sequence, want)
		}
	}
	if p.first >= 0 && !b.Attributes().Transactional() {
		return nil, ErrTransaction
	}
	return nil, nil
}

// checkMarker says whether a marker may be appended. Seen is that it has been.
func (ps *producers) checkMarker(b record.Batch, m record.Marker) (seen bool, err error) {
	by := b.Producer()
	p, known := ps.known[by.ID]
	switch {
	case by.ID < 0 || by.Epoch < 0:
		return false, fmt.Errorf("%w: its producer is none", record.ErrInvalid)
	case !known:
		return false, ps.makeRoom(1)
	case by.Epoch < p.epoch:
		return false, fmt.Errorf("%w: epoch %d after %d", ErrFenced, by.Epoch, p.epoch)
	case m.CoordinatorEpoch < p.coordinator:
		return false, fmt.Errorf("%w: epoch %d after %d", ErrCoordinator, m.CoordinatorEpoch, p.coordinator)
	}
	return m.Once && by.Epoch == p.epoch, nil
}

// makeRoom forgets those who have been idle for longest where there are too many, some at once; nobody with an open transaction.
func (ps *producers) makeRoom(n int) error {
	if len(ps.known)+n <= ps.most {
		return nil
	}
	var idle []int64
	for id, p := range ps.known {
		if p.first < 0 {
			idle = append(idle, id)
		}
	}
	slices.SortFunc(idle, func(a, b int64) int {
		return cmp.Or(cmp.Compare(ps.known[a].used, ps.known[b].used), cmp.Compare(a, b))
	})
	for _, id := range idle[:min(len(idle), n+ps.most/16)] {
		delete(ps.known, id)
	}
	if len(ps.known)+n > ps.most {
		return ErrProducers
	}
	return nil
}

// apply takes note of a batch in the log, and appends to the list how to undo that.
func (ps *producers) apply(b record.Batch, now, watermark int64, undone []undo) []undo {
	by := b.Producer()
	if by.ID < 0 {
		return undone
	}
	p, known := ps.known[by.ID]
	undone = append(undone, undo{by.ID, p, known})
	if !known {
		_ = ps.makeRoom(1) // a follower has no say in it: its leader has seen to the limit
		p = producer{epoch: by.Epoch, coordinator: -1, first: -1}
	}
	if by.Epoch > p.epoch {
		p.epoch, p.count = by.Epoch, 0
	}
	p.used = now
	if b.Attributes().Control() {
		ps.end(&p, b)
	} else {
		p.send(sent{first: by.Sequence, last: add(by.Sequence, b.LastDelta()), base: b.BaseOffset(), next: b.NextOffset()})
		if b.Attributes().Transactional() && p.first < 0 {
			p.first = b.BaseOffset()
			ps.open = append(ps.open, transaction{producer: by.ID, first: p.first, last: -1})
		}
	}
	ps.known[by.ID] = p
	ps.settle(watermark)
	return undone
}

// send takes note of what was sent, and forgets all but the last five.
func (p *producer) send(s sent) {
	if p.count == len(p.sent) {
		copy(p.sent[:], p.sent[1:])
		p.count--
	}
	p.sent[p.count] = s
	p.count++
}

// end takes note of a marker.
func (ps *producers) end(p *producer, b record.Batch) {
	m, err := b.Marker()
	if err != nil {
		return // of another sort, which ends nothing
	}
	p.coordinator = max(p.coordinator, m.CoordinatorEpoch)
	if p.first < 0 {
		return
	}
	t := transaction{producer: b.Producer().ID, first: p.first, last: b.LastOffset()}
	p.first = -1
	ps.open = slices.DeleteFunc(ps.open, func(o transaction) bool { return o.producer == t.producer })
	ps.ended = append(ps.ended, t)
	if !m.Commit {
		ps.aborted = append(ps.aborted, t)
	}
}

// takeBack undoes what was noted of batches from the offset on.
func (ps *producers) takeBack(offset int64, groups []*group) {
	for _, g := range slices.Backward(groups) {
		for _, u := range slices.Backward(g.undo) {
			if u.known {
				ps.known[u.id] = u.before
			} else {
				delete(ps.known, u.id)
			}
		}
	}
	isLater := func(t transaction) bool { return t.last >= offset }
	ps.ended = slices.DeleteFunc(ps.ended, isLater)
	ps.aborted = slices.DeleteFunc(ps.aborted, isLater)
	ps.reopen()
}

// reopen lists the open transactions as the producers have them.
func (ps *producers) reopen() {
	ps.open = ps.open[:0]
	for id, p := range ps.known {
		if p.first >= 0 {
			ps.open = append(ps.open, transaction{producer: id, first: p.first, last: -1})
		}
	}
	slices.SortFunc(ps.open, func(a, b transaction) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.producer, b.producer))
	})
}

// settle forgets that transactions ended whose end is in every in-sync replica.
func (ps *producers) settle(watermark int64) {
	n := 0
	for n < len(ps.ended) && ps.ended[n].last < watermark {
		n++
	}
	if n > 0 {
		ps.ended = slices.Delete(ps.ended, 0, n)
	}
}

// unstable is the first offset of a transaction that is open, or of which the end may still be lost; else the end.
func (ps *producers) unstable(end int64) int64 {
	if len(ps.open) > 0 {
		end = min(end, ps.open[0].first)
	}
	for _, t := range ps.ended {
		end = min(end, t.first)
	}
	return end
}

// begin forgets what the log's start has passed.
func (ps *producers) begin(start int64) {
	ps.aborted = slices.DeleteFunc(ps.aborted, func(t transaction) bool { return t.last < start })
}

// Aborted is a transaction that was aborted: a reader of committed records leaves out the producer's from First on, up to the next
// marker of that producer.
type Aborted struct {
	Producer, First int64
}

// Aborted are the aborted transactions that have records from one offset to below another, by first offset. Ask in the same breath as Read.
func (p *Partition) Aborted(from, below int64) (all []Aborted) {
	i, _ := slices.BinarySearchFunc(p.producers.aborted, from, func(t transaction, from int64) int { return cmp.Compare(t.last, from) })
	for _, t := range p.producers.aborted[i:] {
		if t.first < below {
			all = append(all, Aborted{t.producer, t.first})
		}
	}
	slices.SortFunc(all, func(a, b Aborted) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Producer, b.Producer))
	})
	return all
}

// ProducerState is what is known of a producer, as DescribeProducers shows it.
type ProducerState struct {
	ID               int64
	Epoch            int16
	LastSequence     int32 // -1 for none
	LastTime         int64 // when it was last heard of, in milliseconds since 1970
	CoordinatorEpoch int32 // -1 for none
	TransactionStart int64 // offset; -1 for no open transaction
}

// Producers is what is known of producers, by ID.
func (p *Partition) Producers() (all []ProducerState) {
	for id, k := range p.producers.known {
		all = append(all, k.state(id))
	}
	slices.SortFunc(all, func(a, b ProducerState) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Producer is what is known of one.
func (p *Partition) Producer(id int64) (state ProducerState, known bool) {
	k, known := p.producers.known[id]
	return k.state(id), known
}

func (k *producer) state(id int64) ProducerState {
	last := int32(-1)
	if k.count > 0 {
		last = k.sent[k.count-1].last
	}
	return ProducerState{id, k.epoch, last, k.used, k.coordinator, k.first}
}
