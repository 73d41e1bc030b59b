package partition

import (
	"fmt"

	"simrun/nodes"
)

// Retain removes the oldest segments as Options.RetainBytes and RetainFor say, and moves the log's start, durably. What is not below the high
// watermark stays, and so does the active segment. It gives way. Errors: ErrBroken, ErrClosed, ENOSPC, with which nothing was removed.
func (p *Partition) Retain() error {
	if p.opts.RetainBytes <= 0 && p.opts.RetainFor <= 0 {
		return nil
	}
	if err := p.chores.take(); err != nil {
		return err
	}
	defer p.chores.give()
	start, size := p.start, p.Bytes()
	for i := 0; i+1 < len(p.segments); i++ {
		s, end := p.segments[i], p.segments[i+1].base
		tooOld, err := p.isOld(s)
		if err != nil {
			return err
		}
		tooMuch := p.opts.RetainBytes > 0 && size-nodes.Bytes(s.end) >= p.opts.RetainBytes
		if end > p.watermark || !tooOld && !tooMuch {
			break
		}
		start, size = max(start, end), size-nodes.Bytes(s.end)
	}
	return p.moveStart(start)
}

// isOld says that a segment has no record that is young enough to stay.
func (p *Partition) isOld(s *segment) (bool, error) {
	if p.opts.RetainFor <= 0 {
		return false, nil
	}
	if err := p.use(s); err != nil {
		return false, err
	}
	defer p.leave(s)
	return s.index.maxTime < p.env.Now().Add(-p.opts.RetainFor).UnixMilli(), nil
}

// DeleteBefore removes, for readers at once and from the disk by segments, all records below the offset, which is at most the high watermark, durably.
// It gives way. Errors: ErrOutOfRange, ErrBroken, ErrClosed, ENOSPC, with which nothing was removed.
func (p *Partition) DeleteBefore(offset int64) error {
	p.hurry++
	err := p.chores.take()
	p.hurry--
	if err != nil {
		return err
	}
	defer p.chores.give()
	if offset > p.watermark || offset < 0 {
		return fmt.Errorf("%w: %d is above the high watermark, %d", ErrOutOfRange, offset, p.watermark)
	}
	return p.moveStart(offset)
}

// moveStart moves the log's start, durably, and then removes the segments below it.
func (p *Partition) moveStart(start int64) error {
	switch {
	case p.broken != nil:
		return p.broken
	case p.closing:
		return ErrClosed
	case start <= p.start:
		return nil
	}
	if err := p.files.take(); err != nil {
		return err
	}
	defer p.files.give()
	if start > p.durable {
		if err := p.judge(p.sync()); err != nil {
			return err
		}
	}
	if err := p.judge(p.replaceNumber(fileStart, start)); err != nil {
		return err
	}
	p.start = start
	p.watermark = max(p.watermark, start)
	var names []string
	for len(p.segments) > 1 && p.segments[1].base <= start {
		s := p.segments[0]
		p.segments = p.segments[1:]
		names = append(names, fileName(s.base, extLog), fileName(s.base, extIndex), fileName(s.base, extSnapshot))
		if err := s.retire(); err != nil {
			return p.judge(err)
		}
	}
	p.cuts++
	p.epochs.begin(start)
	p.producers.begin(start)
	if len(names) > 0 {
		p.env.Record().Reach(retained)
	}
	err := p.judge(p.remove(names))
	p.grown()
	return err
}
