package partition

import (
	"fmt"
	"io"
	"os"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// ReadOptions say how much is read. The zero value reads one batch, up to the end.
type ReadOptions struct {
	MaxBytes nodes.Bytes // so much at most
	Below    int64       // only batches that end below this offset, such as Watermark or Stable; 0: up to Placed
	Strict   bool        // not even the first batch may be larger than MaxBytes; else it comes whatever its size
}

// Read is whole batches from the one that has the offset on, as their bytes lie in the log: the first may begin below the offset. It is nothing
// where the end, or Below, is reached; batches of one segment come at a time. The bytes are the caller's. It gives way.
// Errors: ErrOutOfRange, *Corruption, ErrBroken, those of the file system.
func (p *Partition) Read(from int64, o ReadOptions) ([]byte, error) {
	for {
		cuts := p.cuts
		if p.broken != nil {
			return nil, p.broken
		}
		if from < p.start || from > p.next {
			return nil, fmt.Errorf("%w: %d, there is %d..%d", ErrOutOfRange, from, p.start, p.next)
		}
		below := p.placed
		if o.Below > 0 {
			below = min(below, o.Below)
		}
		if from >= below {
			return nil, nil
		}
		data, err := p.readFrom(p.segmentOf(from), from, below, o)
		if p.cuts == cuts {
			return data, err
		}
	}
}

// segmentOf is the segment that has the offset.
func (p *Partition) segmentOf(offset int64) *segment {
	lo, hi := 0, len(p.segments)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; p.segments[mid].base <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return p.segments[lo]
}

// ends is the offset at which the segment ends.
func (p *Partition) ends(s *segment) int64 {
	for i, other := range p.segments[:len(p.segments)-1] {
		if other == s {
			return p.segments[i+1].base
		}
	}
	return p.placed
}

// readFrom reads batches of one segment.
func (p *Partition) readFrom(s *segment, from, below int64, o ReadOptions) ([]byte, error) {
	if err := p.use(s); err != nil {
		return nil, err
	}
	defer p.leave(s)
	most := max(int64(o.MaxBytes), record.HeadSize)
	if p.env.Point(shortRead) {
		most = record.HeadSize
	}
	end := s.end
	at := s.index.before(from, s.base)
	buf := make([]byte, min(most+int64(p.opts.IndexBytes), end-at.at))
	if err := readFull(s.file, buf, at.at); err != nil {
		return nil, err
	}
	first, length := -1, 0 // where in buf the batches are that are wanted
	for pos := 0; at.at+int64(pos) < end; {
		rest := buf[pos:]
		size, why := p.fits(rest, end-at.at-int64(pos))
		if why == "" && size > len(rest) {
			if first >= 0 {
				break
			}
			at.at += int64(pos) // a batch larger than was read
			buf, pos = make([]byte, size), 0
			if err := readFull(s.file, buf, at.at); err != nil {
				return nil, err
			}
			continue
		}
		if why == "" {
			why = p.wrong(record.Batch(rest[:size]), at.offset)
		}
		if why != "" {
			p.env.Record().Reach(rotten)
			return nil, &Corruption{File: fileName(s.base, extLog), Offset: at.at + int64(pos), What: why}
		}
		at.offset = record.Batch(rest[:size]).NextOffset()
		if at.offset > from {
			if at.offset > below || int64(length+size) > most && (first >= 0 || o.Strict) {
				break
			}
			if first < 0 {
				first = pos
			}
			length += size
		}
		pos += size
	}
	if first < 0 {
		return nil, nil
	}
	return buf[first : first+length : first+length], nil
}

// fits is the size of the batch that the bytes begin with, and why there can be none of that size in what is left of the segment. Where not
// even a head is there, it is that of a head.
func (p *Partition) fits(data []byte, left int64) (size int, why string) {
	if left < record.HeadSize {
		return 0, "the segment ends within a batch"
	}
	if len(data) < record.HeadSize {
		return record.HeadSize, ""
	}
	size, err := record.Size(data)
	switch {
	case err != nil:
		return 0, "there is no batch"
	case int64(size) > left:
		return 0, "the batch is cut short"
	}
	return size, ""
}

// wrong is why a batch is not the one that belongs at the offset, or "".
func (p *Partition) wrong(b record.Batch, offset int64) string {
	if err := b.Check(); err != nil {
		return err.Error()
	}
	if b.BaseOffset() != offset {
		return fmt.Sprintf("the batch begins at offset %d, %d was to come", b.BaseOffset(), offset)
	}
	if epoch := p.epochs.at(offset); epoch != NoEpoch && b.LeaderEpoch() != epoch {
		return fmt.Sprintf("the batch is of epoch %d, %d was to come", b.LeaderEpoch(), epoch)
	}
	return ""
}

// readFull reads exactly so many bytes.
func readFull(file nodes.File, b []byte, at int64) error {
	if len(b) == 0 {
		return nil
	}
	n, err := file.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// scanned is where a scan came to its end, and why.
type scanned struct {
	at     int64 // in bytes
	offset int64 // of the next record
	why    string
}

// chunk is how much a scan reads at once.
const chunk = 1 << 20

// scan yields the batches from a spot on, each the successor of the one before, and ends before the first that is not or at the position.
func (p *Partition) scan(s *segment, from spot, to int64, yield func(at int64, b record.Batch) error) (scanned, error) {
	end := scanned{at: from.at, offset: from.offset}
	var buf []byte
	pos := 0
	for end.at < to {
		size, why := p.fits(buf[pos:], to-end.at)
		if why == "" && size > len(buf)-pos {
			buf, pos = make([]byte, min(max(int64(size), chunk), to-end.at)), 0
			if err := readFull(s.file, buf, end.at); err != nil {
				return end, err
			}
			continue
		}
		if why == "" {
			why = p.wrong(record.Batch(buf[pos:pos+size]), end.offset)
		}
		if why != "" {
			end.why = why
			return end, nil
		}
		b := record.Batch(buf[pos : pos+size : pos+size])
		if err := yield(end.at, b); err != nil {
			return end, err
		}
		pos += size
		end.at += int64(size)
		end.offset = b.NextOffset()
	}
	end.why = "the segment ends"
	return end, nil
}

// each yields the batches of a segment from the one that has the offset on. All of them must be there.
func (p *Partition) each(s *segment, offset int64, yield func(at int64, b record.Batch) error) error {
	if err := p.use(s); err != nil {
		return err
	}
	defer p.leave(s)
	from := s.index.before(offset, s.base)
	to := s.end
	end, err := p.scan(s, from, to, yield)
	if err == nil && end.at < to {
		p.env.Record().Reach(rotten)
		err = &Corruption{File: fileName(s.base, extLog), Offset: end.at, What: end.why}
	}
	return err
}

// use opens a segment's file and index, where they are not open, until leave.
func (p *Partition) use(s *segment) error {
	s.uses++
	p.tick++
	s.used = p.tick
	err := p.openFile(s)
	if err == nil && s.index == nil {
		var x *index
		if x, err = p.readIndex(s); err == nil && s.index == nil {
			s.index = x
		}
	}
	if err != nil {
		p.leave(s)
	}
	return err
}

func (p *Partition) openFile(s *segment) error {
	if s.file != nil {
		return nil
	}
	file, err := p.fs.OpenFile(p.path(fileName(s.base, extLog)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if s.file != nil { // another task was faster
		return file.Close()
	}
	s.file = file
	return nil
}

func (p *Partition) leave(s *segment) {
	s.uses--
	if s.retired && s.uses == 0 {
		_ = s.close() // nothing was written to it
		return
	}
	_ = p.closeIdle()
}

// closeIdle closes the files of full segments that were not wanted for longest, where too many are open.
func (p *Partition) closeIdle() error {
	for {
		var idlest *segment
		count := 0
		for _, s := range p.segments[:len(p.segments)-1] {
			if s.file == nil && s.index == nil {
				continue
			}
			count++
			if s.uses == 0 && (idlest == nil || s.used < idlest.used) {
				idlest = s
			}
		}
		if count <= p.opts.OpenFiles || idlest == nil {
			return nil
		}
		idlest.index = nil
		if err := idlest.close(); err != nil {
			return err
		}
	}
}
