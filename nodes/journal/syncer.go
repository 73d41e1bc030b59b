package journal

import (
	"fmt"
	"time"
)

// run is the journal's own task: it writes what was gathered, syncs, and tells those who wait, while the
// next batch gathers. Only here are frames written.
func (j *Journal) run() {
	for {
		for len(j.waiting) == 0 && !j.due && !j.settle {
			if j.closing {
				j.finale()
				return
			}
			if j.work.Wait() != nil {
				return
			}
		}
		j.step()
	}
}

// step takes all that waits to the disk with one sync.
func (j *Journal) step() {
	batches := j.waiting
	j.waiting, j.open = nil, nil
	due, settle := j.due, j.settle
	j.due, j.settle = false, false
	for _, b := range batches {
		if j.broken == nil {
			b.err = j.judge(j.place(b))
		}
	}
	if j.broken == nil && (due || j.opts.Sync == Always) {
		j.judge(j.sync())
	}
	if settle && len(batches) == 0 || j.env.Point(markNow) {
		j.mark()
	}
	j.dawdle(slowTell)
	for _, b := range batches {
		if j.broken != nil && b.err == nil {
			b.err = j.broken
		}
		j.finish(b)
	}
	if j.broken == nil && j.opts.Sync == Interval && j.tail.synced < j.tail.end {
		j.syncLater()
	}
}

// judge tells the disk that is full for now from the journal that is broken for ever.
func (j *Journal) judge(err error) error {
	if err != nil && isFull(err) {
		j.env.Record().Reach(diskFull)
	}
	if err != nil && !isFull(err) && j.broken == nil {
		j.env.Record().Reach(broke)
		j.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		j.env.Log().Error("the journal is broken", "dir", j.dir, "error", err)
		return j.broken
	}
	return err
}

// place writes a batch as a frame at the tail, into a new segment where this one is full.
func (j *Journal) place(b *batch) error {
	t := j.tail
	full := t.end > headerSize && (t.end+span(int64(len(b.buf)-frameHead)) > int64(j.opts.SegmentBytes) || j.env.Point(rollOver))
	if b.cut || full {
		j.env.Record().Sometimes(segmentFull, full)
		if err := j.rotate(b.first); err != nil {
			return err
		}
	}
	if b.cut {
		b.into, b.below = j.tail.sequence, j.sealed
		return nil
	}
	j.env.Record().Sometimes(sharedFrame, b.count > 1)
	return j.write(b.buf, frame{kind: kindBatch, first: b.first, count: b.count})
}

// write appends a frame to the tail. After an error the tail ends where it did.
func (j *Journal) write(buf []byte, f frame) error {
	t := j.tail
	f.chain, f.durable = t.chain, t.synced
	buf, sum := seal(buf, f, t.salt, t.end)
	end := t.end + int64(len(buf))
	err := t.grow(end, int64(j.opts.GrowBytes))
	if err == nil {
		err = j.put(buf, t.end)
	}
	if err != nil {
		j.env.Record().Reach(wroteShort)
		return t.cutBack(err)
	}
	j.env.Record().Always(inOrder, f.first >= j.placed)
	t.end, t.chain = end, sum
	j.placed = f.first + uint64(f.count)
	j.settled = f.kind == kindMark
	return nil
}

// put writes into the tail's file: each sector with one call, for what is in one a crash must not divide.
func (j *Journal) put(buf []byte, at int64) error {
	if half := int((at+int64(len(buf)/2))&^(sector-1) - at); j.env.Point(writeInPieces) && half > 0 {
		if _, err := j.tail.file.WriteAt(buf[:half], at); err != nil {
			return err
		}
		buf, at = buf[half:], at+int64(half)
	}
	_, err := j.tail.file.WriteAt(buf, at)
	return err
}

// grow makes the file large enough, in steps.
func (t *segment) grow(end, step int64) error {
	if end <= t.size {
		return nil
	}
	size := (end + step - 1) / step * step
	if err := t.file.Truncate(size); err != nil {
		return err
	}
	t.size = size
	return nil
}

// cutBack removes what a failed write left, and returns its error: final if that fails too.
func (t *segment) cutBack(failed error) error {
	if err := t.file.Truncate(t.end); err != nil {
		return &finalError{"cutting off a failed write", err}
	}
	t.size = t.end
	return failed
}

// sync makes the tail durable.
func (j *Journal) sync() error {
	t := j.tail
	if t.synced == t.end {
		return nil
	}
	j.dawdle(slowSync)
	end, placed := t.end, j.placed
	if err := t.file.Sync(); err != nil {
		return &finalError{"sync", err}
	}
	t.synced, j.durable = end, placed
	record := j.env.Record()
	record.Sometimes(gathered, len(j.waiting) > 0)
	record.Always(positionsFit, j.durable <= j.placed && j.placed <= j.next)
	record.Always(endsInFile, t.synced <= t.end && t.end <= t.size)
	j.quieten()
	return nil
}

// rotate begins the segment after the tail, with the record of that number.
func (j *Journal) rotate(first uint64) error {
	if err := j.sync(); err != nil {
		return err
	}
	full := j.tail
	err := j.begin(header{
		sequence:  full.sequence + 1,
		first:     first,
		salt:      j.env.Rand().Uint64(),
		prevEnd:   full.end,
		prevChain: full.chain,
	})
	if err != nil {
		return err
	}
	j.sealed += full.end
	j.settled = false
	return full.file.Close()
}

// mark states, below everything, that it is durable.
func (j *Journal) mark() {
	if j.broken != nil || j.settled || j.tail.synced < j.tail.end {
		return
	}
	if err := j.judge(j.write(make([]byte, frameHead), frame{kind: kindMark, first: j.placed})); err == nil {
		j.env.Record().Reach(markWritten)
		j.judge(j.sync())
	}
}

// finale is the end of a clean life.
func (j *Journal) finale() {
	if j.broken != nil {
		return
	}
	if j.judge(j.sync()) == nil {
		j.mark()
	}
}

// syncLater lets the interval begin, in mode Interval.
func (j *Journal) syncLater() {
	if j.interval != nil {
		return
	}
	j.interval = j.env.AfterFunc(j.opts.Interval, func() {
		j.interval, j.due = nil, true
		j.work.Signal()
	})
}

// quieten lets the time begin after which the closing mark is written. One timer runs, and none at rest.
func (j *Journal) quieten() {
	j.quiet = j.env.Mark()
	if j.settler == nil && !j.settled && j.opts.Settle > 0 {
		j.settleAfter(j.opts.Settle)
	}
}

// settleAfter looks after d whether it has been quiet for long enough.
func (j *Journal) settleAfter(d time.Duration) {
	j.settler = j.env.AfterFunc(d, func() {
		if rest := j.opts.Settle - j.env.Mark().Sub(j.quiet); rest > 0 {
			j.settleAfter(rest)
			return
		}
		j.settler, j.settle = nil, true
		j.work.Signal()
	})
}
