package journal

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"slices"

	"simrun/nodes"
)

// Recovery is what Open found.
type Recovery struct {
	Snapshot uint64      // records of the snapshot
	Records  uint64      // records of the log after it
	Bytes    nodes.Bytes // of the files that were read
	Torn     nodes.Bytes // cut off the end: written before a crash and never durable
}

// Corruption says that the disk lost or changed what had been durable. The journal stays as it is.
type Corruption struct {
	File   string // within the journal's directory
	Offset int64  // from where on the file is not what it was
	What   string
}

func (c *Corruption) Error() string {
	return fmt.Sprintf("journal: %s is corrupt at offset %d: %s", c.File, c.Offset, c.What)
}

// survey is the files of a journal's directory.
type survey struct {
	segments []uint64 // that count, in order
	snapshot uint64   // the newest, or 0
	stale    []string // names of files that no longer count, or never did
}

func (j *Journal) survey() (s survey, err error) {
	entries, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return s, err
	}
	var snapshots []uint64
	for _, entry := range entries {
		switch sequence, ext, ok := parseName(entry.Name()); {
		case !ok:
		case ext == extSegment:
			s.segments = append(s.segments, sequence)
		case ext == extSnapshot:
			snapshots = append(snapshots, sequence)
		case ext == extSegment+extNew || ext == extSnapshot+extNew:
			s.stale = append(s.stale, entry.Name())
		}
	}
	slices.Sort(s.segments)
	slices.Sort(snapshots)
	if n := len(snapshots); n > 0 {
		s.snapshot = snapshots[n-1]
		for _, sequence := range snapshots[:n-1] {
			s.stale = append(s.stale, fileName(sequence, extSnapshot))
		}
	}
	kept := slices.IndexFunc(s.segments, func(n uint64) bool { return n >= s.snapshot })
	if kept < 0 {
		kept = len(s.segments)
	}
	for _, sequence := range s.segments[:kept] {
		s.stale = append(s.stale, fileName(sequence, extSegment))
	}
	s.segments = s.segments[kept:]
	return s, nil
}

// gap is the first file that must be there and is not.
func (s survey) gap() *Corruption {
	want := max(s.snapshot, 1)
	for _, sequence := range s.segments {
		if sequence != want {
			break
		}
		want++
	}
	if want > max(s.snapshot, 1) && want > s.segments[len(s.segments)-1] {
		return nil
	}
	return &Corruption{File: fileName(want, extSegment), What: "the segment is missing"}
}

// recover reads the journal, and leaves it durable, without what a crash left over, and with its tail
// open.
func (j *Journal) recover(replay func(Record) error) error {
	s, err := j.survey()
	if err != nil {
		return err
	}
	if len(s.segments) == 0 && s.snapshot == 0 {
		j.oldest = 1
		if err := j.begin(header{sequence: 1, salt: j.env.Rand().Uint64()}); err != nil {
			return err
		}
		return j.clean(s.stale)
	}
	if gap := s.gap(); gap != nil {
		return gap
	}
	j.oldest = s.segments[0]
	if s.snapshot != 0 {
		if err := j.readSnapshot(s.snapshot, replay); err != nil {
			return err
		}
	}
	if err := j.readLog(s.segments, replay); err != nil {
		return err
	}
	return j.clean(s.stale)
}

// clean removes what no longer counts, but only once what counts instead is durable.
func (j *Journal) clean(stale []string) error {
	if err := j.fs.SyncDir(j.dir); err != nil {
		return err
	}
	j.env.Record().Sometimes(staleRemoved, len(stale) > 0)
	for _, name := range stale {
		if err := j.fs.Remove(path.Join(j.dir, name)); err != nil && !isMissing(err) {
			return err
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return j.fs.SyncDir(j.dir)
}

// openFile opens a file of the journal, with its header.
func (j *Journal) openFile(sequence uint64, ext string) (*reader, error) {
	name := fileName(sequence, ext)
	file, err := j.fs.OpenFile(path.Join(j.dir, name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	r := &reader{file: file, name: name}
	if err := r.readHeader(sequence, ext == extSnapshot); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// readLog replays the segments. The successor's header says where each but the last must end.
func (j *Journal) readLog(sequences []uint64, replay func(Record) error) error {
	r, err := j.openFile(sequences[0], extSegment)
	if err != nil {
		return err
	}
	for _, sequence := range sequences[1:] {
		next, err := j.openFile(sequence, extSegment)
		if err != nil {
			r.file.Close()
			return err
		}
		end, err := j.replay(r, false, replay)
		r.file.Close()
		if err == nil && (end.offset != next.header.prevEnd || end.chain != next.header.prevChain) {
			err = r.corrupt(end.offset, end.why+fmt.Sprintf(", though the next segment says that it ends at %d", next.header.prevEnd))
		}
		if err != nil {
			next.file.Close()
			return err
		}
		j.sealed += end.offset
		r = next
	}
	end, err := j.replay(r, false, replay)
	if err == nil {
		err = r.disprove(end)
	}
	if err != nil {
		r.file.Close()
		return err
	}
	j.tail = &segment{header: r.header, file: r.file, end: end.offset, synced: end.offset, size: r.size, chain: end.chain}
	j.next, j.placed, j.durable = end.next, end.next, end.next
	j.settled = end.marked
	return j.mend(r, end)
}

// mend makes the tail durable as it was read. What nothing proves to be durable is written again: if
// the life before ended with a failed sync, the page cache holds it as clean, and a sync alone would
// do nothing.
func (j *Journal) mend(r *reader, end ending) error {
	zero, err := r.isZero(end.offset)
	if err != nil {
		return err
	}
	if !zero {
		j.env.Record().Reach(tornTail)
		j.recovery.Torn = nodes.Bytes(r.size - end.offset)
		if err := r.file.Truncate(end.offset); err != nil {
			return err
		}
		j.tail.size = end.offset
	}
	j.env.Record().Sometimes(rewritten, end.durable < end.offset)
	from := end.durable
	if j.env.Point(rewriteAll) {
		from = headerSize
	}
	for at := from; at < end.offset; {
		piece, err := r.bytes(at, min(end.offset-at, chunk))
		if err != nil {
			return err
		}
		if _, err := r.file.WriteAt(piece, at); err != nil {
			return err
		}
		at += int64(len(piece))
	}
	return r.file.Sync()
}

// readSnapshot replays a snapshot, which must be whole.
func (j *Journal) readSnapshot(sequence uint64, replay func(Record) error) error {
	r, err := j.openFile(sequence, extSnapshot)
	if err != nil {
		return err
	}
	defer r.file.Close()
	end, err := j.replay(r, true, replay)
	if err != nil {
		return err
	}
	if !end.complete || end.offset != r.size {
		return r.corrupt(end.offset, end.why+", though a snapshot is complete")
	}
	j.env.Record().Reach(snapshotRead)
	j.snapshot = snapshot{sequence: sequence, size: nodes.Bytes(r.size)}
	return nil
}

// replay hands the records of a file to replay.
func (j *Journal) replay(r *reader, isSnapshot bool, replay func(Record) error) (ending, error) {
	return r.frames(func(f frame, body []byte) error {
		count := &j.recovery.Records
		if isSnapshot {
			count = &j.recovery.Snapshot
		}
		*count += uint64(f.count)
		j.recovery.Bytes += nodes.Bytes(span(int64(f.length)))
		if replay == nil {
			return nil
		}
		_, err := records(body, f.count, func(i uint64, payload []byte) error {
			if isSnapshot {
				i = 0
			}
			return replay(Record{Number: f.first + i, Snapshot: isSnapshot, Payload: payload})
		})
		return err
	})
}

// isZeroed says whether all bytes are zero.
func isZeroed(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }
