package partition

import (
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// timers are what the partition's own task is to do at its time.
type timers struct {
	interval nodes.Timer // mode Interval: will set due; nil while all is synced
	settler  nodes.Timer // will set settle; nil at rest
	saver    nodes.Timer // will set save; nil while the disk has the watermark
	due      bool        // the time to sync has come
	settle   bool        // the time to write the last mark has come
	save     bool        // the time to write the watermark down has come
	quiet    nodes.Instant
}

func (t *timers) stop() {
	for _, timer := range []nodes.Timer{t.interval, t.settler, t.saver} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// saveEvery is how old the watermark on the disk may be.
const saveEvery = 5 * time.Second

// run is the partition's own task: it writes what was gathered, syncs, and tells those who wait, while the next group gathers.
func (p *Partition) run() {
	p.quieten()
	for {
		for len(p.waiting) == 0 && !p.timers.due && !p.timers.settle && !p.timers.save {
			if p.closing {
				p.finale()
				return
			}
			if p.work.Wait() != nil {
				return
			}
		}
		if p.files.take() != nil {
			return
		}
		p.step()
		p.files.give()
	}
}

// step takes all that waits to the disk with one sync. Whoever calls it has the turn of the files.
func (p *Partition) step() {
	p.flying, p.waiting, p.open = p.waiting, nil, nil
	due, settle, save := p.timers.due, p.timers.settle, p.timers.save
	p.timers.due, p.timers.settle, p.timers.save = false, false, false
	for i, g := range p.flying {
		if err := p.judge(p.place(g)); err != nil {
			p.refuse(i, err)
			break
		}
	}
	if len(p.flying) > 0 {
		p.grown()
	}
	if due || p.opts.Sync == Always {
		p.judge(p.sync())
	}
	if settle && len(p.flying) == 0 || p.env.Point(markNow) {
		p.mark(false)
	}
	if save && !p.env.Point(saveLate) {
		p.saveWatermark()
	}
	p.dawdle(slowTell)
	done := p.flying
	p.flying = nil
	for _, g := range done {
		if p.broken != nil && g.err == nil {
			g.err = p.broken
		}
		p.finish(g)
	}
	if p.opts.Sync == Interval && p.tail().synced < p.tail().end {
		p.syncLater()
	}
	p.quieten()
	p.saveLater()
}

// judge tells the disk that is full for now from the partition that is broken for ever.
func (p *Partition) judge(err error) error {
	if p.broken != nil {
		return p.broken
	}
	if err != nil && isFull(err) {
		p.env.Record().Reach(diskFull)
	}
	if err != nil && !isFull(err) {
		p.env.Record().Reach(broke)
		p.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		p.env.Log().Error("the partition is broken", "dir", p.dir, "error", err)
		return p.broken
	}
	return err
}

// place writes a group at the end of the log.
func (p *Partition) place(g *group) error {
	if p.broken != nil {
		return p.broken
	}
	if g.rolls {
		if err := p.roll(g); err != nil {
			return err
		}
	}
	if err := p.saveEpochs(); err != nil {
		return err
	}
	s := p.tail()
	p.env.Record().Always(inOrder, g.base == p.placed)
	end, noted := s.end+int64(len(g.buf)), len(s.writes)
	err := s.grow(end, int64(p.opts.GrowBytes))
	if err == nil {
		err = p.put(s, g.buf)
	}
	if err != nil {
		s.writes = s.writes[:noted]
		return s.cutBack(err)
	}
	batches := 0
	for rest := g.buf; len(rest) > 0; batches++ {
		b, after, err := record.Cut(rest)
		if err != nil {
			panic("partition: a group is not made of batches: " + err.Error())
		}
		s.index.note(b, end-int64(len(rest)), int64(p.opts.IndexBytes))
		rest = after
	}
	p.env.Record().Sometimes(sharedGroup, batches > 1)
	s.end, p.placed = end, g.next
	return nil
}

// put writes at the end of a segment.
func (p *Partition) put(s *segment, b []byte) error {
	at := s.end
	if half := len(b) / 2; p.env.Point(writeInPieces) {
		if _, err := s.file.WriteAt(b[:half], at); err != nil {
			return err
		}
		s.noteWrite(b[:half], at)
		b, at = b[half:], at+int64(half)
	}
	_, err := s.file.WriteAt(b, at)
	s.noteWrite(b, at)
	return err
}

// cutBack removes what a failed write left, durably, for some of it may be whole batches. It returns the write's error: final if that
// fails too.
func (s *segment) cutBack(failed error) error {
	if err := s.file.Truncate(s.end); err != nil {
		return &finalError{"cutting off a failed write", err}
	}
	s.size = s.end
	if err := s.file.Sync(); err != nil {
		return &finalError{"sync", err}
	}
	return failed
}

// refuse undoes all that is not placed: the group that the disk had no room for, and what was to follow it.
func (p *Partition) refuse(from int, err error) {
	refused := append(p.flying[from:len(p.flying):len(p.flying)], p.waiting...)
	p.env.Record().Sometimes(tookBack, len(refused[0].undo) > 0)
	p.flying = append(p.flying[:from:from], refused...)
	p.waiting, p.open = nil, nil
	p.producers.takeBack(p.placed, refused)
	p.next = p.placed
	p.epochs.retract(p.placed)
	p.frontier = p.tail().end
	p.watermark = min(p.watermark, p.next)
	for _, g := range refused {
		g.err = err
	}
}

// sync makes the active segment durable, and what the last sync made durable be known.
func (p *Partition) sync() error {
	s := p.tail()
	if p.broken != nil || s.synced == s.end && !s.resized {
		return nil
	}
	if err := s.writeMark(s.synced, false, s.vouched()...); err != nil {
		return err
	}
	p.dawdle(slowSync)
	end, placed, marked := s.end, p.placed, s.synced
	if err := s.file.Sync(); err != nil {
		return &finalError{"sync", err}
	}
	s.synced, s.marked, s.resized, s.writes, p.durable = end, marked, false, s.writes[:0], placed
	record := p.env.Record()
	record.Sometimes(gathered, len(p.waiting) > 0)
	record.Always(endsFit, p.durable <= p.placed && p.placed <= p.next)
	record.Always(endsInFile, s.synced <= s.end && s.end <= s.size)
	record.Always(inLog, p.start <= p.watermark && p.watermark <= p.next)
	p.grown()
	return nil
}

// roll makes the active segment durable as it is to stay, and begins the next with the group.
func (p *Partition) roll(g *group) error {
	p.env.Record().Reach(segmentFull)
	s := p.tail()
	if err := s.trim(); err != nil {
		return err
	}
	if err := p.sync(); err != nil {
		return err
	}
	if err := p.writeIndex(s, g.base, false); err != nil {
		return err
	}
	if err := p.write(fileName(g.base, extSnapshot), g.snapshot, true); err != nil {
		return err
	}
	if err := p.begin(g.base); err != nil {
		return err
	}
	return p.closeIdle()
}

// mark states, below everything, that it is durable.
func (p *Partition) mark(clean bool) {
	s := p.tail()
	if p.judge(p.sync()) != nil || s.marked == s.end && !clean {
		return
	}
	err := s.writeMark(s.end, clean)
	if err == nil {
		if err = s.file.Sync(); err != nil {
			err = &finalError{"sync", err}
		}
		s.marked = s.end
	}
	if p.judge(err) == nil {
		p.env.Record().Reach(markWritten)
	}
}

// finale is the end of a clean life: the next Open will find all that it would make anew.
func (p *Partition) finale() {
	if p.files.take() != nil {
		return
	}
	defer p.files.give()
	s := p.tail()
	if p.judge(p.sync()) != nil {
		return
	}
	if p.judge(p.ready(s)) == nil && s.size == s.end {
		p.mark(true)
	} else {
		p.mark(false) // no room for a clean end
	}
}

// ready writes down what a clean end needs.
func (p *Partition) ready(s *segment) error {
	if err := s.trim(); err != nil {
		return err
	}
	p.saveWatermark()
	if err := p.writeIndex(s, p.next, true); err != nil {
		return err
	}
	if err := p.write(fileName(p.next, extSnapshot), p.producers.encode(p.next), true); err != nil {
		return err
	}
	if err := p.fs.SyncDir(p.dir); err != nil {
		return &finalError{"sync of the directory", err}
	}
	return nil
}

// syncLater lets the interval begin, in mode Interval.
func (p *Partition) syncLater() {
	if p.timers.interval != nil || p.broken != nil {
		return
	}
	p.timers.interval = p.env.AfterFunc(p.opts.Interval, func() {
		p.timers.interval, p.timers.due = nil, true
		p.work.Signal()
	})
}

// quieten lets the time begin after which the last mark is written. One timer runs, and none at rest.
func (p *Partition) quieten() {
	p.timers.quiet = p.env.Mark()
	if p.timers.settler == nil && p.broken == nil && !p.closing && p.opts.Settle > 0 && p.tail().marked < p.tail().end {
		p.settleAfter(p.opts.Settle)
	}
}

// settleAfter looks after d whether it has been quiet for long enough.
func (p *Partition) settleAfter(d time.Duration) {
	p.timers.settler = p.env.AfterFunc(d, func() {
		if rest := p.opts.Settle - p.env.Mark().Sub(p.timers.quiet); rest > 0 {
			p.settleAfter(rest)
			return
		}
		p.timers.settler, p.timers.settle = nil, true
		p.work.Signal()
	})
}

// saveLater lets the watermark be written down in a while.
func (p *Partition) saveLater() {
	if p.timers.saver != nil || p.watermark == p.saved || p.broken != nil || p.closing {
		return
	}
	p.timers.saver = p.env.AfterFunc(saveEvery, func() {
		p.timers.saver, p.timers.save = nil, true
		p.work.Signal()
	})
}

// saveWatermark writes the watermark down. A full disk leaves an earlier one, which is as true.
func (p *Partition) saveWatermark() {
	watermark := p.watermark
	if p.broken != nil || watermark == p.saved {
		return
	}
	if p.judge(p.replaceNumber(fileWatermark, watermark)) == nil {
		p.saved = watermark
	}
}
