package partition

import (
	"errors"
	"fmt"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// Errors of appends, beside those of package record, with the names that the protocol has for what a producer is told.
var (
	// ErrFenced says that a later epoch of the producer is known: INVALID_PRODUCER_EPOCH.
	ErrFenced = errors.New("partition: the producer is fenced")
	// ErrOutOfOrder says that the producer's sequence does not follow: OUT_OF_ORDER_SEQUENCE_NUMBER.
	ErrOutOfOrder = errors.New("partition: the producer's sequence is out of order")
	// ErrTransaction says that the batch does not fit the producer's transaction: INVALID_TXN_STATE.
	ErrTransaction = errors.New("partition: the transaction does not allow it")
	// ErrCoordinator says that a later epoch of the transaction's coordinator is known: TRANSACTION_COORDINATOR_FENCED.
	ErrCoordinator = errors.New("partition: the coordinator is fenced")
	// ErrProducers says that more producers have transactions open than may be known: THROTTLING_QUOTA_EXCEEDED.
	ErrProducers = errors.New("partition: too many producers")
	// ErrLeader says that a later leader epoch is known: FENCED_LEADER_EPOCH.
	ErrLeader = errors.New("partition: a later leader is known")
	// ErrKey says that a record of a compacted log has no key: INVALID_RECORD.
	ErrKey = errors.New("partition: a record has no key")
	// ErrGap says that what a leader sent does not follow what is here.
	ErrGap = errors.New("partition: the batches do not follow the log")
)

// group is batches that are written together: all of them are in the log, or none.
//
// Invariant: the batches in buf have the offsets from base to next.
type group struct {
	buf        []byte
	base, next int64
	rolls      bool   // it begins a segment
	snapshot   []byte // of the producers at base, if it does
	undo       []undo // of the producers, in the order of what was done

	done   bool
	err    error
	landed nodes.Cond // made by the first task that waits
	thens  []func(error)
}

// Appended is where something was appended.
type Appended struct {
	First, Last int64 // offsets
	Time        int64 // that the broker gave to the records, in milliseconds since 1970; -1 if they have their producer's
	Duplicate   bool  // it was there already, at these offsets

	group *group
}

// Append adds a producer's batch as the leader of an epoch. It never gives way, and the batch is copied. The records are in the
// log once Commit or Then say so. A batch that the producer sent before, among the last five, is not added again: its old offsets are
// returned, and Commit waits for those. Errors: ErrBroken, ErrClosed, ErrBehind, those above, and those of record.Codec.Verify; nothing
// is in the log then.
func (p *Partition) Append(b record.Batch, epoch int32) (Appended, error) {
	if err := p.refuses(len(b), epoch); err != nil {
		return Appended{}, err
	}
	if len(b) > int(p.opts.BatchBytes) {
		return Appended{}, fmt.Errorf("%w: %d bytes", record.ErrTooLarge, len(b))
	}
	latest, err := p.opts.Codec.Verify(b)
	if err != nil {
		return Appended{}, err
	}
	if err := p.keyed(b); err != nil {
		return Appended{}, err
	}
	now := p.now()
	seen, err := p.producers.check(b, now)
	if err != nil {
		return Appended{}, err
	}
	if seen != nil {
		p.env.Record().Reach(repeated)
		return Appended{First: seen.base, Last: seen.next - 1, Time: -1, Duplicate: true, group: p.groupOf(seen.base)}, nil
	}
	if p.opts.AppendTime {
		a := p.add(b, epoch, now, func(own record.Batch) { own.SetAppendTime(now) })
		a.Time = now
		return a, nil
	}
	return p.add(b, epoch, now, func(own record.Batch) {
		if latest != own.MaxTime() {
			own.SetMaxTime(latest)
		}
	}), nil
}

// AppendMarker ends a producer's transaction, as the leader of an epoch, on behalf of the transaction's coordinator. Without an open
// transaction it only fences earlier epochs of the producer. One that is to be there once, and is, is a duplicate: all that is in the log by
// then comes after it. Errors are those of Append.
func (p *Partition) AppendMarker(m record.Marker, producerID int64, producerEpoch int16, epoch int32) (Appended, error) {
	now := p.now()
	b := record.BuildMarker(m, producerID, producerEpoch, now)
	if err := p.refuses(len(b), epoch); err != nil {
		return Appended{}, err
	}
	seen, err := p.producers.checkMarker(b, m)
	switch {
	case err != nil:
		return Appended{}, err
	case seen:
		p.env.Record().Reach(markedTwice)
		return Appended{First: p.next - 1, Last: p.next - 1, Time: -1, Duplicate: true, group: p.groupOf(p.next - 1)}, nil
	}
	return p.add(b, epoch, now, nil), nil
}

// Follow adds what was fetched from the leader at Next: whole batches, with the offsets and epochs that the leader gave them. One at the
// end that is cut short is left out. It never gives way. Errors: ErrGap for a batch that does not begin at Next, ErrLeader for an
// epoch that is below the log's last, ErrBroken, ErrClosed, ErrBehind, record.ErrCorrupt and its like; what came before the error is in the
// log, and Appended says where.
func (p *Partition) Follow(data []byte) (a Appended, err error) {
	a = Appended{First: p.next, Last: p.next - 1, Time: -1, group: landed}
	now := p.now()
	for len(data) > 0 {
		b, rest, err := record.Cut(data)
		if errors.Is(err, record.ErrShort) {
			break
		}
		if err == nil {
			if b, err = p.fit(b); err == nil {
				err = p.refuses(len(b), b.LeaderEpoch())
			}
		}
		if err != nil {
			return a, err
		}
		data = rest
		added := p.add(b, b.LeaderEpoch(), now, nil)
		a.Last, a.group = added.Last, added.group
	}
	return a, nil
}

// fit makes a leader's batch the one that follows what is here: itself or, of a hole in which this log ends, what lies beyond that end. A hole
// stands for many batches of the leader's that it has compacted, and a follower may have had some of these.
func (p *Partition) fit(b record.Batch) (record.Batch, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	if b.Count() == 0 && b.Producer().ID < 0 && b.BaseOffset() < p.next && p.next < b.NextOffset() {
		p.env.Record().Reach(withinHole)
		return record.Hole(p.next, b.LastOffset(), b.LeaderEpoch()), nil
	}
	if b.BaseOffset() != p.next {
		return nil, fmt.Errorf("%w: offset %d at %d", ErrGap, b.BaseOffset(), p.next)
	}
	return b, nil
}

// refuses says why nothing can be appended.
func (p *Partition) refuses(size int, epoch int32) error {
	switch {
	case p.broken != nil:
		return p.broken
	case p.closing:
		return ErrClosed
	case epoch < p.epochs.latest() || epoch < 0:
		return fmt.Errorf("%w: epoch %d after %d", ErrLeader, epoch, p.epochs.latest())
	case p.pending > 0 && p.pending+int64(size) > int64(p.opts.PendingBytes) || p.halted():
		return ErrBehind
	}
	return nil
}

// keyed sees that the records of a compacted log have keys.
func (p *Partition) keyed(b record.Batch) error {
	if !p.opts.Compacted {
		return nil
	}
	for r, err := range p.opts.Codec.Records(b) {
		if err != nil {
			return err
		}
		if r.Key == nil {
			return ErrKey
		}
	}
	return nil
}

// add puts a batch, which is fit, at the end of the log, its times as the stamp makes them.
func (p *Partition) add(b record.Batch, epoch int32, now int64, stamp func(own record.Batch)) Appended {
	p.epochs.assign(epoch, p.next)
	g := p.gather(len(b))
	at := len(g.buf)
	g.buf = append(g.buf, b...)
	own := record.Batch(g.buf[at:])
	own.SetBaseOffset(p.next)
	own.SetLeaderEpoch(epoch)
	if stamp != nil {
		stamp(own)
	}
	g.undo = p.producers.apply(own, now, p.watermark, g.undo)
	p.pending += int64(len(b))
	p.frontier += int64(len(b))
	p.next = own.NextOffset()
	g.next = p.next
	return Appended{First: own.BaseOffset(), Last: own.LastOffset(), Time: -1, group: g}
}

// gather is the group that takes a batch of that size next.
func (p *Partition) gather(size int) *group {
	rolls := p.frontier > headSize && (p.frontier+int64(size) > int64(p.opts.SegmentBytes) || p.aged() || p.env.Point(rollOver))
	if g := p.open; g != nil && !rolls && len(g.buf)+size <= int(p.opts.GroupBytes) && !p.env.Point(loneBatches) {
		return g
	}
	g := &group{base: p.next, next: p.next, rolls: rolls}
	if rolls {
		g.snapshot = p.producers.encode(p.next)
		p.frontier = headSize
	}
	p.open = g
	p.waiting = append(p.waiting, g)
	p.work.Signal()
	return g
}

// aged says that the active segment is to take no more.
func (p *Partition) aged() bool {
	last := p.tail()
	for _, g := range p.waiting {
		if g.rolls {
			return false
		}
	}
	for _, g := range p.flying {
		if g.rolls {
			return false
		}
	}
	return p.now()-last.begun > p.opts.SegmentAge.Milliseconds()
}

// landed is the group of what is committed already.
var landed = &group{done: true}

// groupOf is the group that has the batch at the offset.
func (p *Partition) groupOf(offset int64) *group {
	for _, groups := range [][]*group{p.flying, p.waiting} {
		for _, g := range groups {
			if g.base <= offset && offset < g.next {
				return g
			}
		}
	}
	if p.opts.Sync == Always && offset >= p.durable {
		return &group{done: true, err: p.broken}
	}
	return landed
}

// Commit gives way until the batch is committed. An error that is not ErrBroken (ENOSPC) says that it is not in the log; after ErrBroken
// it may be.
func (p *Partition) Commit(a Appended) error {
	g := a.group
	for !g.done {
		if g.landed == nil {
			g.landed = p.env.NewCond()
		}
		if err := g.landed.Wait(); err != nil {
			return err
		}
	}
	return g.err
}

// Then calls f with what Commit would return, once that is known: at once, or later from the partition's own task, in the order of the
// calls for one group and of the groups among each other. While f gives way the partition waits, so f should not; nor may it Close
// or Truncate.
func (p *Partition) Then(a Appended, f func(error)) {
	if a.group.done {
		f(a.group.err)
		return
	}
	a.group.thens = append(a.group.thens, f)
}

// finish tells everyone who waits for the group what became of it.
func (p *Partition) finish(g *group) {
	p.pending -= int64(len(g.buf))
	g.buf, g.undo, g.snapshot = nil, nil, nil
	g.done = true
	if g.landed != nil {
		g.landed.Broadcast()
	}
	for _, then := range g.thens {
		then(g.err)
	}
	g.thens = nil
}
