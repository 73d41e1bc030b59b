package partition

import (
	"fmt"
	"os"
	"slices"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// Recovery is what Open found.
type Recovery struct {
	Clean   bool        // the life before ended with Close: nothing was scanned
	Scanned nodes.Bytes // of the active segment
	Torn    nodes.Bytes // cut off the end: written before a crash and never durable
}

// Corruption says that the disk lost or changed what had been durable. Open leaves the partition as it is.
type Corruption struct {
	File   string // within the partition's directory
	Offset int64  // in bytes: from where on the file is not what it was
	What   string
}

func (c *Corruption) Error() string {
	return fmt.Sprintf("partition: %s is corrupt at byte %d: %s", c.File, c.Offset, c.What)
}

// survey is the files of a partition's directory.
type survey struct {
	logs      []int64 // base offsets of segments, in order
	indexes   []int64
	snapshots []int64 // in order
	stale     []string
}

func (p *Partition) survey() (v survey, err error) {
	entries, err := p.fs.ReadDir(p.dir)
	if err != nil {
		return v, err
	}
	for _, entry := range entries {
		name := entry.Name()
		switch offset, ext, ok := parseName(name); {
		case ok && ext == extLog:
			v.logs = append(v.logs, offset)
		case ok && ext == extIndex:
			v.indexes = append(v.indexes, offset)
		case ok && ext == extSnapshot:
			v.snapshots = append(v.snapshots, offset)
		case ok && ext == extLog+extNew, name == fileStart+extNew, name == fileEpochs+extNew, name == fileWatermark+extNew,
			name == fileCleaned+extNew, name == fileReset+extNew:
			v.stale = append(v.stale, name)
		}
	}
	return v, nil
}

// recover reads what there is, and leaves it durable, without what a crash left over, and with its active segment open.
func (p *Partition) recover() error {
	p.producers = producers{most: p.opts.Producers, lifetime: p.opts.ProducersFor.Milliseconds()}
	reset, found, err := p.read(fileReset)
	if err != nil {
		return err
	}
	if found {
		if len(reset) != 8 {
			return &Corruption{File: fileReset, What: "its checksum is wrong"}
		}
		return p.beginAnew(numbers(reset)[0])
	}
	v, err := p.survey()
	if err != nil {
		return err
	}
	if err := p.readWholes(); err != nil {
		return err
	}
	if len(v.logs) == 0 {
		return p.beginFresh(v)
	}
	if err := p.readHeads(&v); err != nil {
		return err
	}
	if err := p.readTail(); err != nil {
		return err
	}
	p.placed, p.durable = p.next, p.next
	if p.epochs.cut(p.next); len(p.epochs.list) == 0 && p.next > p.start {
		return &Corruption{File: fileEpochs, What: "it is missing"}
	}
	if err := p.restore(v.snapshots); err != nil {
		return err
	}
	if p.start > p.next {
		return &Corruption{File: fileName(p.tail().base, extLog), Offset: p.tail().end, What: "the log ends below its start"}
	}
	p.watermark = min(max(p.watermark, p.start), p.next)
	p.cleaned.cut(p.next)
	p.frontier = p.tail().end
	return p.clean(v)
}

// readWholes reads the files that are replaced as a whole.
func (p *Partition) readWholes() (err error) {
	if p.start, err = p.readNumber(fileStart, 0); err != nil {
		return err
	}
	content, found, err := p.read(fileEpochs)
	if err != nil {
		return err
	}
	ok := !found
	if content != nil {
		p.epochs, ok = decodeEpochs(content)
	}
	if !ok {
		return &Corruption{File: fileEpochs, What: "its checksum is wrong"}
	}
	if content, _, err = p.read(fileCleaned); err != nil {
		return err
	}
	p.cleaned = decodeCleaned(content) // without it compaction begins again
	content, found, err = p.read(fileWatermark)
	if err != nil {
		return err
	}
	if p.watermark = p.start; len(content) == 8 {
		p.watermark = numbers(content)[0]
	} else if found {
		p.env.Log().Warn("the high watermark was lost, and begins at the log's start", "dir", p.dir)
	}
	p.saved = p.watermark
	return nil
}

// beginFresh makes the first segment of a partition that has none.
func (p *Partition) beginFresh(v survey) error {
	if p.start > 0 || len(p.epochs.list) > 0 || len(v.snapshots) > 0 {
		return &Corruption{File: fileName(p.start, extLog), What: "the segment is missing"}
	}
	p.producers.forget()
	if err := p.begin(0); err != nil {
		return err
	}
	p.frontier = headSize
	return p.clean(v)
}

// readHeads opens the segments that count, and sees that each follows the one before. Those that do not count any more are stale: what
// lies below the log's start, and what compaction has written into another.
func (p *Partition) readHeads(v *survey) error {
	var last *segment
	var stale []int64
	for i, base := range v.logs {
		if i+1 < len(v.logs) && v.logs[i+1] <= p.start || last != nil && base < last.covers {
			stale = append(stale, base)
			continue
		}
		s, err := p.readHead(base)
		if err != nil {
			return err
		}
		switch {
		case last == nil && base > p.start:
			return &Corruption{File: fileName(p.start, extLog), What: "the segment is missing"}
		case last != nil && last.covers != 0 && last.covers != base,
			last != nil && last.covers == 0 && (s.prev != last.base || s.prevEnd != last.end):
			return &Corruption{File: fileName(last.base, extLog), Offset: last.end, What: "the next segment does not follow it"}
		}
		p.segments = append(p.segments, s)
		last = s
	}
	for _, base := range stale {
		v.stale = append(v.stale, fileName(base, extLog))
	}
	isStale := func(offset int64) bool { return offset < p.segments[0].base || slices.Contains(stale, offset) }
	for _, base := range v.indexes {
		if isStale(base) || !slices.Contains(v.logs, base) {
			v.stale = append(v.stale, fileName(base, extIndex))
		}
	}
	v.snapshots = slices.DeleteFunc(v.snapshots, func(offset int64) bool {
		if offset < p.segments[0].base {
			v.stale = append(v.stale, fileName(offset, extSnapshot))
			return true
		}
		return false
	})
	return nil
}

// readHead reads the head of a segment. Its file stays closed.
func (p *Partition) readHead(base int64) (*segment, error) {
	name := fileName(base, extLog)
	file, err := p.fs.OpenFile(p.path(name), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if size < headSize {
		return nil, &Corruption{File: name, Offset: size, What: "the head is cut short"}
	}
	head := make([]byte, sector)
	if err := readFull(file, head, 0); err != nil {
		return nil, err
	}
	s, why := decodeHead(head, base)
	if why != "" {
		return nil, &Corruption{File: name, What: why}
	}
	s.end, s.synced, s.marked, s.size = size, size, size, size
	return s, nil
}

// readTail finds where the active segment ends.
func (p *Partition) readTail() error {
	s := p.tail()
	if err := p.openFile(s); err != nil {
		return err
	}
	head := make([]byte, headSize)
	if err := readFull(s.file, head, 0); err != nil {
		return err
	}
	m, found := s.decodeMarks(head)
	if found == 0 || m.durable < headSize {
		return &Corruption{File: fileName(s.base, extLog), Offset: sector, What: "there is no mark of what is durable"}
	}
	if m.durable > s.size {
		return &Corruption{File: fileName(s.base, extLog), Offset: s.size, What: fmt.Sprintf("the file ends, though all before %d was durable", m.durable)}
	}
	s.turn = m.turn
	if m.clean {
		s.end = m.durable
		if x, err := p.readIndex(s); err != nil {
			return err
		} else {
			s.index = x
		}
		p.next = s.index.next
		p.recovery.Clean = true
		p.env.Record().Reach(cleanStart)
		return p.mend(s, m.durable)
	}
	s.index = &index{maxTime: earliest, next: s.base}
	end, err := p.scan(s, spot{s.base, headSize, earliest}, s.size, func(at int64, b record.Batch) error {
		s.index.note(b, at, int64(p.opts.IndexBytes))
		return nil
	})
	if err != nil {
		return err
	}
	if end.at < m.durable {
		what := end.why + fmt.Sprintf(", though all before %d was durable", m.durable)
		return &Corruption{File: fileName(s.base, extLog), Offset: end.at, What: what}
	}
	if why, err := p.disprove(s, m, found, end.at); err != nil {
		return err
	} else if why != "" {
		p.env.Record().Reach(rotSinceSync)
		return &Corruption{File: fileName(s.base, extLog), Offset: end.at, What: end.why + why}
	}
	s.end, p.next = end.at, end.offset
	p.recovery.Scanned = nodes.Bytes(end.at)
	return p.mend(s, m.durable)
}

// disprove says why what is broken at the end of the active segment, beyond its last mark, is no torn tail, if it is known to be none: all of it was
// written, or the mark that would tell has rotted itself.
func (p *Partition) disprove(s *segment, m mark, marks int, end int64) (why string, err error) {
	if whole, err := m.wereWhole(s.file, end, s.size); err != nil || whole {
		return ", though no sector of what was written is missing", err
	}
	if marks == 2 || end == s.size {
		return "", nil
	}
	zero, err := isZero(s.file, end, s.size)
	if err != nil || zero {
		return "", err
	}
	return ", and so is one of the marks of what is durable", nil
}

// mend makes the active segment durable as it was read. What nothing proves to be durable is written again: if the life before ended
// with a failed sync, the page cache holds it as clean, and a sync alone would do nothing.
func (p *Partition) mend(s *segment, durable int64) error {
	record := p.env.Record()
	if s.size > s.end {
		zero, err := isZero(s.file, s.end, s.size)
		if err != nil {
			return err
		}
		if !zero {
			record.Reach(tornTail)
			p.recovery.Torn = nodes.Bytes(s.size - s.end)
		}
		if err := s.trim(); err != nil {
			return err
		}
	}
	record.Sometimes(rewritten, durable < s.end)
	if p.env.Point(rewriteAll) {
		durable = headSize
	}
	buf := make([]byte, min(chunk, max(s.end-durable, 0)))
	for at := durable; at < s.end; {
		piece := buf[:min(s.end-at, chunk)]
		if err := readFull(s.file, piece, at); err != nil {
			return err
		}
		if _, err := s.file.WriteAt(piece, at); err != nil {
			return err
		}
		at += int64(len(piece))
	}
	if s.covers != 0 { // a truncation has removed what came after it
		s.covers = 0
		if _, err := s.file.WriteAt(s.encode(), 0); err != nil {
			return err
		}
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	if err := s.writeMarks(s.end, false); err != nil {
		return err
	}
	s.synced, s.marked, s.resized = s.end, s.end, false
	return s.file.Sync()
}

// isZero says whether a file holds zeros from one position to another.
func isZero(file nodes.File, from, to int64) (bool, error) {
	buf := make([]byte, min(chunk, to-from))
	for from < to {
		piece := buf[:min(int64(len(buf)), to-from)]
		if err := readFull(file, piece, from); err != nil {
			return false, err
		}
		if !isZeroed(piece) {
			return false, nil
		}
		from += int64(len(piece))
	}
	return true, nil
}

// clean removes what no longer counts, but only once what counts instead is durable.
func (p *Partition) clean(v survey) error {
	if err := p.saveEpochs(); err != nil {
		return err
	}
	if err := p.fs.SyncDir(p.dir); err != nil {
		return err
	}
	for _, offset := range v.snapshots {
		if offset != p.next && !slices.Contains(v.logs, offset) { // of a clean end long ago, or beyond the log
			v.stale = append(v.stale, fileName(offset, extSnapshot))
		}
	}
	p.env.Record().Sometimes(staleRemoved, len(v.stale) > 0)
	return p.remove(v.stale)
}

// remove removes files, durably.
func (p *Partition) remove(names []string) error {
	for _, name := range names {
		if err := p.fs.Remove(p.path(name)); err != nil && !isMissing(err) {
			return err
		}
	}
	if len(names) == 0 {
		return nil
	}
	if err := p.fs.SyncDir(p.dir); err != nil {
		return &finalError{"sync of the directory", err}
	}
	return nil
}
