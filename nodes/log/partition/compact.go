package partition

import (
	"crypto/sha256"
	"errors"
	"math"
	"slices"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// cleaned is how far compaction has come.
//
// Invariant: no other of these offsets is above below.
type cleaned struct {
	below  int64  // every key has one record at most below
	reaped int64  // and removals older than Options.TombstonesFor are gone below
	passes []pass // those after which removals are to stay for a while yet, oldest first
}

// pass is one compaction: what it compacted, and when, in milliseconds since 1970.
type pass struct{ below, at int64 }

// cut forgets what was cleaned beyond the log's end, and says whether there was any.
func (c *cleaned) cut(end int64) bool {
	if c.below <= end {
		return false
	}
	c.below, c.reaped = min(c.below, end), min(c.reaped, end)
	for i := range c.passes {
		c.passes[i].below = min(c.passes[i].below, end)
	}
	return true
}

// ripe is the offset below which removals may go now: they were the last word on their key for as long as they are to stay.
func (c *cleaned) ripe(now, stay int64) int64 {
	below := c.reaped
	for _, p := range c.passes {
		if now-p.at >= stay {
			below = max(below, p.below)
		}
	}
	return below
}

// passed takes note of a compaction.
func (c *cleaned) passed(below, reaped, now int64) {
	c.below, c.reaped = max(c.below, below), max(c.reaped, reaped)
	c.passes = slices.DeleteFunc(c.passes, func(p pass) bool { return p.below <= c.reaped })
	if n := len(c.passes); n > 0 && c.passes[n-1].below >= below {
		return
	}
	if len(c.passes) == maxPasses { // the youngest of two stands for both: removals stay longer, and never too short
		c.passes = slices.Delete(c.passes, 0, 1)
	}
	c.passes = append(c.passes, pass{below, now})
}

// maxPasses bounds how many passes are remembered.
const maxPasses = 64

func (c *cleaned) encode() []byte {
	b := appendNumbers(nil, c.below, c.reaped)
	for _, p := range c.passes {
		b = appendNumbers(b, p.below, p.at)
	}
	return b
}

func decodeCleaned(content []byte) (c cleaned) {
	all := numbers(content)
	if len(all) < 2 || len(all)%2 != 0 {
		return c
	}
	c.below, c.reaped = all[0], all[1]
	for all = all[2:]; len(all) > 0; all = all[2:] {
		c.passes = append(c.passes, pass{all[0], all[1]})
	}
	return c
}

// errHurried says that a compaction gave up.
var errHurried = errors.New("partition: there is something more urgent")

// Compact keeps, of a compacted log, the last record of each key, and says whether it did anything. It looks at full segments below Stable, once
// Options.DirtyShare of them is new, or removals are due to go. Offsets stay, and so does the last batch's head of each producer. Records of
// aborted transactions go; so do, after Options.TombstonesFor, removals of keys, and markers of transactions without a record. It gives
// way, and gives up for Close, Truncate, Reset and DeleteBefore. A crash leaves each segment as it was or as it is to be. Errors: *Corruption,
// ErrBroken, ENOSPC, with which the rest stays as it is.
func (p *Partition) Compact() (did bool, err error) {
	if !p.opts.Compacted || p.closing || p.broken != nil {
		return false, p.broken
	}
	if err := p.chores.take(); err != nil {
		return false, err
	}
	defer p.chores.give()
	w := &compaction{p: p, now: p.now(), live: map[int64]bool{}}
	if !w.worthwhile() {
		return false, nil
	}
	if err = w.learn(); err == nil {
		err = w.rewrite()
	}
	if errors.Is(err, errHurried) {
		p.env.Record().Reach(hurried)
		return false, nil
	}
	if err != nil {
		if !errors.As(err, new(*Corruption)) {
			err = p.judge(err)
		}
		return false, err
	}
	p.env.Record().Reach(wasCompacted)
	p.cleaned.passed(w.upto, w.ripe, w.now)
	p.producers.begin(max(p.start, w.upto))
	return true, p.judge(p.replace(fileCleaned, p.cleaned.encode()))
}

// compaction is one that is under way.
type compaction struct {
	p       *Partition
	now     int64
	upto    int64 // it stands for records below
	ripe    int64 // removals below may go
	last    map[[16]byte]int64
	aborted map[int64][]transaction
	live    map[int64]bool // producers whose transaction has a record that stays
}

// KeepRemovals says that from the offset on removals of keys are to stay, however old they are, for another replica may not have had them: it
// would have the key's last value for ever, and bring it back when it leads. Where nobody says so there is no other replica.
func (p *Partition) KeepRemovals(from int64) { p.removals = from }

// worthwhile says whether there is enough to do, and how far.
func (w *compaction) worthwhile() bool {
	p := w.p
	stable := p.Stable()
	var clean, dirty int64
	for i, s := range p.segments[:len(p.segments)-1] {
		end := p.segments[i+1].base
		switch {
		case end > stable:
		case end <= p.cleaned.below:
			clean += s.end
			w.upto = end
		default:
			dirty += s.end
			w.upto = end
		}
	}
	w.ripe = p.cleaned.ripe(w.now, p.opts.TombstonesFor.Milliseconds())
	if w.ripe > p.removals {
		p.env.Record().Reach(stayed)
		w.ripe = max(p.removals, p.cleaned.reaped)
	}
	if w.upto == 0 {
		return false
	}
	much := dirty*int64(nodes.PerMillion) >= (clean+dirty)*int64(p.opts.DirtyShare)
	enough := dirty > 0 && (much || p.env.Point(compactEarly))
	return enough || w.ripe > p.cleaned.reaped && w.upto > p.cleaned.reaped
}

// hash stands for a key. Two keys with one hash would need a collision of SHA-256.
func hash(key []byte) (h [16]byte) {
	sum := sha256.Sum256(key)
	copy(h[:], sum[:])
	return h
}

// learn finds the last record of each key in what is new. Where there are more keys than may be known, the compaction ends there.
func (w *compaction) learn() error {
	p := w.p
	w.last = map[[16]byte]int64{}
	w.aborted = map[int64][]transaction{}
	for _, t := range p.producers.aborted {
		w.aborted[t.producer] = append(w.aborted[t.producer], t)
	}
	from, upto := max(p.cleaned.below, p.start), w.upto
	for _, s := range slices.Clone(p.segments) {
		if s.base >= upto || p.ends(s) <= from {
			continue
		}
		err := p.each(s, max(from, s.base), func(_ int64, b record.Batch) error {
			if len(w.last) >= p.opts.CompactKeys && b.BaseOffset() > from {
				w.upto = min(w.upto, b.BaseOffset())
				return errFound
			}
			return w.learnFrom(b)
		})
		if err == errFound {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *compaction) learnFrom(b record.Batch) error {
	if w.p.hurry > 0 {
		return errHurried
	}
	if b.Attributes().Control() || w.isAborted(b) {
		return nil
	}
	for r, err := range w.p.opts.Codec.Records(b) {
		if err != nil {
			return err
		}
		if r.Key != nil {
			w.last[hash(r.Key)] = r.Offset
		}
	}
	return nil
}

// isAborted says that the batch is of a transaction that was aborted.
func (w *compaction) isAborted(b record.Batch) bool {
	return b.Attributes().Transactional() && slices.ContainsFunc(w.aborted[b.Producer().ID], func(t transaction) bool {
		return t.first <= b.BaseOffset() && b.BaseOffset() < t.last
	})
}

// keeps says whether a record stays.
func (w *compaction) keeps(r record.Record) bool {
	last, known := w.last[hash(r.Key)]
	switch {
	case r.Offset >= w.upto:
		return true
	case r.Offset < w.p.start || r.Key == nil || known && last > r.Offset:
		return false
	}
	return r.Value != nil || r.Offset >= w.ripe
}

// rewrite writes the segments again, several into one where they have become small.
func (w *compaction) rewrite() error {
	p := w.p
	for i := 0; i < len(p.segments)-1 && p.segments[i].base < w.upto; i++ {
		if err := w.merge(i); err != nil {
			return err
		}
	}
	return nil
}

// merge writes what stays of a segment, and of those after it as long as there is room, into one that takes their place.
func (w *compaction) merge(i int) error {
	p, first := w.p, w.p.segments[i]
	s := &segment{base: first.base, prev: first.prev, prevEnd: first.prevEnd, begun: first.begun, salt: p.salt(),
		index: &index{maxTime: earliest, next: first.base}}
	if err := p.create(s); err != nil {
		return err
	}
	out := &rewriter{w: w, s: s}
	group, err := out.takeAll(i)
	if err == nil && len(group) == 1 && !out.changed {
		return p.abandon(s)
	}
	if err == nil {
		err = out.finish(p.segments[i+len(group)].base)
	}
	if err != nil {
		return errors.Join(err, p.abandon(s))
	}
	return w.swap(group, s)
}

// swap puts a segment in the place of others.
func (w *compaction) swap(group []*segment, s *segment) error {
	p := w.p
	if err := p.files.take(); err != nil {
		return err
	}
	defer p.files.give()
	if p.hurry > 0 || p.broken != nil {
		return errors.Join(errHurried, p.abandon(s))
	}
	if err := p.publish(s); err != nil {
		return err
	}
	i := slices.Index(p.segments, group[0])
	p.segments = slices.Replace(slices.Clone(p.segments), i, i+len(group), s)
	p.cuts++
	var names []string
	for n, old := range group {
		if err := old.retire(); err != nil {
			return err
		}
		if n > 0 {
			names = append(names, fileName(old.base, extLog), fileName(old.base, extIndex), fileName(old.base, extSnapshot))
		}
	}
	s.synced, s.marked = s.end, s.end
	if err := p.writeIndex(s, s.covers, false); err != nil {
		return err
	}
	return p.remove(names)
}

// rewriter writes the batches that stay, and empty ones in the place of those that do not.
type rewriter struct {
	w       *compaction
	s       *segment
	buf     []byte
	changed bool

	hole        bool // offsets wait for an empty batch to stand for them
	first, last int64
	epoch       int32
	was         int // how many batches the hole is made of
}

// takeAll writes what stays of the segments from number i on, and says which those are.
func (o *rewriter) takeAll(i int) (group []*segment, err error) {
	p := o.w.p
	for ; i < len(p.segments)-1 && p.segments[i].base < o.w.upto; i++ {
		s := p.segments[i]
		size := o.s.end + int64(len(o.buf)) + record.HeadSize + s.end - headSize
		if len(group) > 0 && size > int64(p.opts.SegmentBytes) {
			break
		}
		if err := p.each(s, s.base, func(_ int64, b record.Batch) error { return o.take(b) }); err != nil {
			return nil, err
		}
		group = append(group, s)
	}
	return group, nil
}

// take writes a batch, or what stays of it.
func (o *rewriter) take(b record.Batch) error {
	w := o.w
	if w.p.hurry > 0 {
		return errHurried
	}
	left, err := w.left(b)
	if err != nil {
		return err
	}
	if left == nil {
		return o.drop(b)
	}
	o.changed = o.changed || len(left) != len(b) || left.Count() != b.Count()
	if err := o.fill(); err != nil {
		return err
	}
	return o.write(left)
}

// left is what stays of a batch: nil if nothing but its offsets does.
func (w *compaction) left(b record.Batch) (record.Batch, error) {
	by := b.Producer()
	k, known := w.p.producers.known[by.ID]
	if b.BaseOffset() >= w.upto {
		return b, nil
	}
	if b.Attributes().Control() {
		ended := w.live[by.ID]
		delete(w.live, by.ID)
		if ended || b.BaseOffset() >= w.ripe || known && k.count == 0 {
			return b, nil
		}
		return nil, nil
	}
	aborted := w.isAborted(b)
	left, n, err := w.p.opts.Codec.Retain(b, func(r record.Record) bool { return !aborted && w.keeps(r) })
	switch {
	case err != nil:
		return nil, err
	case n > 0:
		if b.Attributes().Transactional() {
			w.live[by.ID] = true
		}
		return left, nil
	}
	isLast := known && by.Epoch == k.epoch && slices.ContainsFunc(k.sent[:k.count], func(s sent) bool { return s.base == b.BaseOffset() })
	if by.ID >= 0 && isLast {
		return left, nil
	}
	return nil, nil
}

// drop makes the batch part of a hole.
func (o *rewriter) drop(b record.Batch) error {
	if o.hole && (b.LeaderEpoch() != o.epoch || b.LastOffset()-o.first > math.MaxInt32) {
		if err := o.fill(); err != nil {
			return err
		}
	}
	if !o.hole {
		o.hole, o.first, o.epoch, o.was = true, b.BaseOffset(), b.LeaderEpoch(), 0
	}
	o.last = b.LastOffset()
	o.was++
	o.changed = o.changed || o.was > 1 || b.Count() > 0 || b.Producer().ID >= 0
	return nil
}

// fill writes the hole.
func (o *rewriter) fill() error {
	if !o.hole {
		return nil
	}
	o.hole = false
	return o.write(record.Hole(o.first, o.last, o.epoch))
}

// write puts a batch at the end, through a buffer.
func (o *rewriter) write(b record.Batch) error {
	o.s.index.note(b, o.s.end+int64(len(o.buf)), int64(o.w.p.opts.IndexBytes))
	o.buf = append(o.buf, b...)
	if len(o.buf) < chunk {
		return nil
	}
	return o.flush()
}

func (o *rewriter) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	if _, err := o.s.file.WriteAt(o.buf, o.s.end); err != nil {
		return err
	}
	o.s.end += int64(len(o.buf))
	o.s.size, o.buf = o.s.end, o.buf[:0]
	return nil
}

// finish writes what is left to write, and that the segment stands for all below the offset.
func (o *rewriter) finish(covers int64) error {
	if err := o.fill(); err != nil {
		return err
	}
	if err := o.flush(); err != nil {
		return err
	}
	o.s.covers = covers
	_, err := o.s.file.WriteAt(o.s.encode(), 0)
	return err
}
