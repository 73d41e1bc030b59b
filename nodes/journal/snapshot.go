package journal

import (
	"encoding/binary"
	"errors"
	"iter"
	"path"

	"simrun/nodes"
)

// ErrCompacting says that a compaction is under way already.
var ErrCompacting = errors.New("journal: compacting already")

// snapshot is the file that stands for the segments before one.
type snapshot struct {
	sequence uint64 // of the first segment that it does not stand for; 0 if there is no snapshot
	size     nodes.Bytes
}

// LogBytes is how much log a recovery would read after the snapshot.
func (j *Journal) LogBytes() nodes.Bytes { return nodes.Bytes(j.sealed + j.tail.end) }

// Bloated says that a compaction is worth its while: the log is longer than Options.CompactBytes and than
// twice the snapshot, so that compacting costs a share of what was appended, however large the state.
func (j *Journal) Bloated() bool {
	return !j.compacting && (j.LogBytes() > max(j.opts.CompactBytes, 2*j.snapshot.size) || j.env.Point(compactEarly))
}

// Compact replaces all that was appended before the call by the records of live, which must describe
// the state as of the call. It gives way while it writes, and others may append meanwhile: live is
// read as it is written out, so it has to walk over something that no longer changes. At any moment a
// crash leaves either the old records or the snapshot. Disk use is at most the snapshot before, the
// log, and the new snapshot. Errors: ErrBroken; ErrClosed; ErrCompacting; ENOSPC, after which the
// journal is as before.
func (j *Journal) Compact(live iter.Seq[[]byte]) error {
	switch {
	case j.broken != nil:
		return j.broken
	case j.closing:
		return ErrClosed
	case j.compacting:
		return ErrCompacting
	}
	j.compacting = true
	defer func() {
		j.compacting = false
		j.idle.Broadcast()
	}()
	j.env.Record().Sometimes(cutBusy, len(j.waiting) > 0)
	cut := &batch{first: j.next, cut: true}
	j.enqueue(cut)
	if err := j.Commit(Position{batch: cut}); err != nil {
		return err
	}
	h := header{snapshot: true, sequence: cut.into, first: cut.first, salt: j.env.Rand().Uint64()}
	size, err := j.writeSnapshot(h, live)
	if err != nil {
		if errors.Is(err, ErrClosed) {
			return err
		}
		return j.judge(err)
	}
	old := j.snapshot
	j.snapshot = snapshot{sequence: cut.into, size: nodes.Bytes(size)}
	return j.removeBelow(cut, old)
}

// writeSnapshot makes a durable snapshot and returns its size.
func (j *Journal) writeSnapshot(h header, live iter.Seq[[]byte]) (int64, error) {
	file, err := j.create(h, extSnapshot)
	if err != nil {
		return 0, err
	}
	w := &snapshotWriter{file: file, header: h, end: headerSize, chain: h.sum(), batch: int(j.opts.BatchBytes)}
	for payload := range live {
		if err = w.add(payload); err == nil && j.closing {
			err = ErrClosed
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		return 0, errors.Join(err, j.abandon(file, path.Join(j.dir, fileName(h.sequence, extSnapshot+extNew))))
	}
	if err := j.publish(file, h, extSnapshot); err != nil {
		return 0, err
	}
	return w.end, file.Close()
}

// removeBelow removes what the new snapshot stands for.
func (j *Journal) removeBelow(cut *batch, old snapshot) error {
	var names []string
	for sequence := j.oldest; sequence < cut.into; sequence++ {
		names = append(names, fileName(sequence, extSegment))
	}
	if old.sequence != 0 {
		names = append(names, fileName(old.sequence, extSnapshot))
	}
	j.oldest = cut.into
	j.sealed -= cut.below
	for _, name := range names {
		if err := j.fs.Remove(path.Join(j.dir, name)); err != nil && !isMissing(err) {
			return err
		}
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return j.judge(&finalError{"sync of the directory", err})
	}
	return nil
}

// snapshotWriter gathers records into frames.
type snapshotWriter struct {
	header
	file  nodes.File
	buf   []byte
	count uint32
	end   int64
	chain uint32
	batch int
}

func (w *snapshotWriter) add(payload []byte) error {
	if w.count > 0 && len(w.buf)+len(payload) > w.batch {
		if err := w.flush(kindBatch); err != nil {
			return err
		}
	}
	if w.count == 0 {
		w.buf = append(w.buf[:0], make([]byte, frameHead)...)
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(len(payload)))
	w.buf = append(w.buf, payload...)
	w.count++
	return nil
}

func (w *snapshotWriter) finish() error {
	if w.count > 0 {
		if err := w.flush(kindBatch); err != nil {
			return err
		}
	}
	w.buf = append(w.buf[:0], make([]byte, frameHead)...)
	return w.flush(kindEnd)
}

func (w *snapshotWriter) flush(kind uint32) error {
	f := frame{first: w.first, count: w.count, durable: headerSize, chain: w.chain, kind: kind}
	buf, sum := seal(w.buf, f, w.salt, w.end)
	if _, err := w.file.WriteAt(buf, w.end); err != nil {
		return err
	}
	w.buf, w.count, w.chain = buf, 0, sum
	w.end += int64(len(buf))
	return nil
}
