package partition

import (
	"fmt"
	"slices"

	"simrun/nodes/log/record"
)

// halted says that nothing can be appended for now, because the log is being cut.
func (p *Partition) halted() bool { return p.halts > 0 }

// halt keeps appends off, lets what was gathered be placed, and chores give up. Afterwards the caller has the turn of both.
func (p *Partition) halt() error {
	p.halts++
	p.hurry++
	err := p.chores.take()
	p.hurry--
	if err == nil {
		if err = p.files.take(); err != nil {
			p.chores.give()
		}
	}
	if err != nil {
		p.halts--
		return err
	}
	if len(p.waiting) > 0 {
		p.step()
	}
	if err := p.judge(p.sync()); err != nil {
		p.resume()
		return err
	}
	return nil
}

func (p *Partition) resume() {
	p.halts--
	p.files.give()
	p.chores.give()
}

// Truncate removes, durably, what lies at the offset or beyond, and returns the new end: the offset, or that of the batch that it lies within.
// What waits for the disk is committed before. At Next or above, only epochs without a record go. It gives way, and appends meanwhile say ErrBehind. Errors:
// ErrOutOfRange below Start, ErrBroken, ErrClosed, ENOSPC, with which nothing was removed.
func (p *Partition) Truncate(to int64) (end int64, err error) {
	if p.closing {
		return p.next, ErrClosed
	}
	if err := p.halt(); err != nil {
		return p.next, err
	}
	defer p.resume()
	if to < p.start {
		return p.next, fmt.Errorf("%w: truncation to %d, the log begins at %d", ErrOutOfRange, to, p.start)
	}
	if to >= p.next {
		p.epochs.cut(p.next)
		return p.next, nil
	}
	p.env.Record().Reach(truncated)
	err = p.judge(p.truncate(to))
	p.grown()
	return p.next, err
}

// truncate is Truncate without what it has to wait for. A full disk may refuse its first step; what fails then leaves the log neither as it
// was nor as it is to be.
func (p *Partition) truncate(to int64) error {
	if p.cleaned.cut(max(p.segmentOf(to).base, p.start)) { // what comes there instead will not have been cleaned
		if err := p.replace(fileCleaned, p.cleaned.encode()); err != nil {
			return err
		}
	}
	if err := p.cutTo(to); err != nil {
		return &finalError{"truncation", err}
	}
	return nil
}

// cutTo removes segments from the last to the first, so that at each moment the disk holds a log, and lets the files that tell of
// the log's end follow it.
func (p *Partition) cutTo(to int64) error {
	p.cuts++
	for len(p.segments) > 1 && p.tail().base >= to {
		s := p.tail()
		p.segments = p.segments[:len(p.segments)-1]
		p.end(s.base)
		if err := s.retire(); err != nil {
			return err
		}
		if err := p.remove([]string{fileName(s.base, extLog)}); err != nil {
			return err
		}
	}
	if err := p.cutTail(to); err != nil {
		return err
	}
	v, err := p.survey()
	if err != nil {
		return err
	}
	var stale []string
	for _, offset := range v.indexes {
		if offset >= p.tail().base {
			stale = append(stale, fileName(offset, extIndex))
		}
	}
	for _, offset := range v.snapshots {
		if offset > p.next {
			stale = append(stale, fileName(offset, extSnapshot))
		}
	}
	if err := p.remove(stale); err != nil {
		return err
	}
	p.epochs.cut(p.next)
	if err := p.saveEpochs(); err != nil && !isFull(err) { // they are saved before the next write in any case
		return err
	}
	return p.restore(v.snapshots)
}

// end lets the log end at the offset.
func (p *Partition) end(offset int64) {
	p.next, p.placed, p.durable = offset, offset, offset
	p.watermark = min(p.watermark, offset)
}

// cutTail makes the last segment the active one, and cuts it off before the batch that has the offset.
func (p *Partition) cutTail(to int64) error {
	s := p.tail()
	if err := p.use(s); err != nil {
		return err
	}
	defer p.leave(s)
	x := &index{maxTime: earliest, next: s.base}
	end, err := p.scan(s, spot{s.base, headSize, earliest}, s.end, func(at int64, b record.Batch) error {
		if b.NextOffset() > to {
			return errFound
		}
		x.note(b, at, int64(p.opts.IndexBytes))
		return nil
	})
	if err != errFound && err != nil {
		return err
	}
	if err == nil && end.at < s.end {
		return &Corruption{File: fileName(s.base, extLog), Offset: end.at, What: end.why}
	}
	if s.covers != 0 {
		s.covers = 0
		if _, err := s.file.WriteAt(s.encode(), 0); err != nil {
			return err
		}
	}
	if err := s.writeMarks(end.at, false); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return &finalError{"sync", err}
	}
	s.end, s.synced, s.marked, s.index = end.at, end.at, end.at, x
	if err := s.trim(); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return &finalError{"sync", err}
	}
	s.resized = false
	p.end(end.offset)
	p.frontier = s.end
	return nil
}

// Reset removes all that there is, and begins the log anew at the offset, durably: a follower's way to a leader whose log begins above
// its own end. What waits for the disk is committed before. It gives way, and appends meanwhile say ErrBehind. Errors: ErrBroken, ErrClosed.
func (p *Partition) Reset(offset int64) error {
	switch {
	case p.closing:
		return ErrClosed
	case offset < 0:
		return fmt.Errorf("%w: %d", ErrOutOfRange, offset)
	}
	if err := p.halt(); err != nil {
		return err
	}
	defer p.resume()
	err := p.judge(p.replaceNumber(fileReset, offset))
	if err == nil {
		p.cuts++
		for _, s := range p.segments {
			err = p.judge(s.retire())
		}
		if err == nil {
			err = p.beginAnew(offset)
		}
		if err != nil {
			err = p.judge(&finalError{"beginning anew", err})
		}
	}
	p.grown()
	return err
}

// beginAnew is the second half of a Reset, and of a recovery that finds a first half.
func (p *Partition) beginAnew(offset int64) error {
	p.env.Record().Reach(wasReset)
	v, err := p.survey()
	if err != nil {
		return err
	}
	names := slices.Clone(v.stale)
	names = append(names, namesOf(v.logs, extLog)...)
	names = append(names, namesOf(v.indexes, extIndex)...)
	names = append(names, namesOf(v.snapshots, extSnapshot)...)
	if err := p.remove(append(names, fileEpochs, fileCleaned)); err != nil {
		return err
	}
	p.segments, p.epochs, p.cleaned = nil, epochs{}, cleaned{}
	p.producers.forget()
	if err := p.begin(offset); err != nil {
		return err
	}
	if err := p.replaceNumber(fileStart, offset); err != nil {
		return err
	}
	if err := p.replaceNumber(fileWatermark, offset); err != nil {
		return err
	}
	p.start, p.next, p.placed, p.durable, p.watermark, p.saved = offset, offset, offset, offset, offset, offset
	p.frontier = headSize
	return p.remove([]string{fileReset})
}

func namesOf(offsets []int64, ext string) (names []string) {
	for _, offset := range offsets {
		names = append(names, fileName(offset, ext))
	}
	return names
}
