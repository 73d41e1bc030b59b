// Package journal answers how a node remembers: records appended to it outlive the process, the machine
// and the power, in order, or their writer is told that they do not.
//
// A journal is a directory of segment files. Records are gathered in memory while the disk is busy with
// those before them, then written as one frame and made durable by one sync (group commit), so that a
// thousand writers share a sync instead of queueing for a thousand.
//
// # What a crash leaves, and how it is told from corruption
//
// A crash may leave anything in place of what was not yet synced: each 512-byte sector independently in
// any of its versions. Recovery keeps the longest run of intact frames and cuts off the rest, for a
// writer whose frame is cut off was never told that it was durable. Intact frames beyond a broken one go
// too: they were not durable either, and history must not have holes.
//
// The same bytes may be missing because the disk lost what it had promised to keep, and cutting off
// there would lose acknowledged records in silence. So each frame states, under its checksum, up to
// where the segment was durable when the frame was written. A frame that is found beyond the first
// broken one and says that the broken one was durable proves corruption; so does a broken frame in
// any segment but the last, for a segment is begun only when its predecessor is durable, and in a
// snapshot, which gets its name only when it is durable. Corruption is an error (*Corruption) that
// names file and offset, and the journal does not open.
//
// Of the last frames nobody has said yet that they were durable. There a sector that was never written
// tells a torn frame: it is as it was before, zeros. Each frame says how many of its sectors are zeros
// as they were written, so one that is broken though no more of them are was there as a whole, and has
// changed since: corruption as well. What is left untold is a sector of the last sync that is zeros
// again, because the disk lost a write that it had promised to keep; a mark that follows after a minute
// of quiet, and at Close, leaves no more than that minute open.
//
// # Failure
//
// A failed sync is final: what it failed to write may be gone although reads still return it, so the
// journal is broken, says so for ever (ErrBroken), and its node should stop and recover from what is
// there. A full disk (ENOSPC, EDQUOT) is not final: the records of that batch are refused, what was
// written of them is cut off, and the next append tries again.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"simrun/nodes"
)

// Errors of a journal.
var (
	// ErrBroken is wrapped by every error after a sync or a write has failed. Stop the node.
	ErrBroken = errors.New("journal: broken")
	// ErrClosed is what a closed or closing journal says.
	ErrClosed = errors.New("journal: closed")
	// ErrBehind says that too much is waiting for the disk. Commit the latest position, then try again.
	ErrBehind = errors.New("journal: too much is waiting for the disk")
	// ErrTooLarge says that a record is larger than Options.RecordBytes.
	ErrTooLarge = errors.New("journal: record too large")
)

// Mode says what a commit waits for.
type Mode string

// The modes.
const (
	// Always: a committed record is durable, whatever stops the machine.
	Always Mode = "always"
	// Interval: a committed record is in the page cache, where it outlives the process but not the
	// machine, and is durable Options.Interval later.
	Interval Mode = "interval"
)

// Values are the modes.
func (Mode) Values() []string { return []string{string(Always), string(Interval)} }

// Options of a journal. The zero value is a durable journal with the defaults named here.
type Options struct {
	Sync         Mode          // Always
	Interval     time.Duration // how long a record may stay unsynced in mode Interval: 1s
	SegmentBytes nodes.Bytes   // a segment is full at this size: 64MiB
	BatchBytes   nodes.Bytes   // a batch takes no more records at this size: 1MiB
	PendingBytes nodes.Bytes   // what may wait in memory for the disk before Append says ErrBehind: 64MiB
	RecordBytes  nodes.Bytes   // the largest record: 64MiB
	GrowBytes    nodes.Bytes   // a file grows in such steps, for a sync without a new size is faster: 256KiB
	CompactBytes nodes.Bytes   // no compaction is worth it while the log is shorter: 64MiB
	Settle       time.Duration // quiet after which the closing mark is written: 1m; negative: at Close only
}

func (o Options) withDefaults() Options {
	bytes := func(field *nodes.Bytes, value nodes.Bytes) {
		if *field <= 0 {
			*field = value
		}
	}
	bytes(&o.SegmentBytes, 64<<20)
	bytes(&o.BatchBytes, 1<<20)
	bytes(&o.PendingBytes, 64<<20)
	bytes(&o.RecordBytes, 64<<20)
	bytes(&o.GrowBytes, 256<<10)
	bytes(&o.CompactBytes, 64<<20)
	if o.Sync == "" {
		o.Sync = Always
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Settle == 0 {
		o.Settle = time.Minute
	}
	return o
}

// Record is what Open hands back of what was appended.
type Record struct {
	// Number counts the appended records from 0, over all lives of the journal; it may skip refused ones.
	// A record of a snapshot has the number of the first record that the snapshot does not stand for.
	Number uint64
	// Snapshot says that the record is part of the snapshot and not of the log after it.
	Snapshot bool
	// Payload is valid until the function returns.
	Payload []byte
}

// Journal is an open journal. Its methods are for the tasks of one process.
//
// Invariants: tail.synced <= tail.end <= tail.size; durable <= placed <= next.
type Journal struct {
	env  nodes.Env
	fs   nodes.FS
	dir  string
	opts Options
	lock io.Closer

	next    uint64   // the number of the next record
	placed  uint64   // every record below, less the refused, is in a file
	durable uint64   // every record below, less the refused, is durable
	open    *batch   // the last of waiting while it takes more records, else nil
	waiting []*batch // for the syncer, oldest first
	pending int64    // bytes of the batches that are not done
	spares  [][]byte // buffers for the next batches

	tail     *segment // where frames go
	oldest   uint64   // the first segment that is still there
	sealed   int64    // bytes of the segments from oldest to the one before tail
	snapshot snapshot // what stands for the segments before oldest
	quiet    nodes.Instant

	work       nodes.Cond // the syncer waits here for something to do
	idle       nodes.Cond // Close waits here for a compaction to end
	syncer     nodes.Task
	interval   nodes.Timer // mode Interval: will set due; nil while all is synced
	due        bool        // mode Interval: the time to sync has come
	settler    nodes.Timer // will set settle; nil at rest
	settle     bool        // the time to write the closing mark has come
	settled    bool        // the tail's last frame is a mark
	closing    bool
	compacting bool
	broken     error
	recovery   Recovery
}

// Open recovers the journal in dir, which it creates where it is missing, hands every record to
// replay in order, the snapshot's first, and makes durable what it recovered. Errors: *Corruption;
// those of the file system, EWOULDBLOCK if another process has the journal open; what replay returns.
func Open(env nodes.Env, dir string, opts Options, replay func(Record) error) (*Journal, error) {
	j := &Journal{
		env: env, fs: env.FS(), dir: dir, opts: opts.withDefaults(),
		work: env.NewCond(), idle: env.NewCond(),
	}
	if err := j.makeDir(); err != nil {
		return nil, err
	}
	lock, err := j.fs.Lock(path.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	j.lock = lock
	if err := j.recover(replay); err != nil {
		if j.tail != nil {
			j.tail.file.Close()
		}
		lock.Close()
		return nil, err
	}
	j.syncer = env.Go("journal", j.run)
	j.quieten()
	return j, nil
}

// makeDir creates the journal's directory, durably.
func (j *Journal) makeDir() error {
	if err := j.fs.MkdirAll(j.dir, 0o755); err != nil {
		return err
	}
	for dir := path.Clean(j.dir); dir != "." && dir != "/"; {
		dir = path.Dir(dir)
		if err := j.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Append adds a record to the batch that is being gathered. It never gives way, and the payload is
// copied. The record is on its way to the disk; Commit or Then tell when it has arrived. Errors:
// ErrBroken, ErrClosed, ErrBehind, ErrTooLarge; the record is not in the journal then.
func (j *Journal) Append(payload []byte) (Position, error) {
	size := int64(len(payload)) + binary.MaxVarintLen64
	switch {
	case j.broken != nil:
		return Position{}, j.broken
	case j.closing:
		return Position{}, ErrClosed
	case int64(len(payload)) > int64(j.opts.RecordBytes):
		return Position{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(payload))
	case j.pending > 0 && j.pending+size > int64(j.opts.PendingBytes):
		return Position{}, ErrBehind
	}
	b := j.gather(len(payload))
	before := len(b.buf)
	b.buf = binary.AppendUvarint(b.buf, uint64(len(payload)))
	b.buf = append(b.buf, payload...)
	b.count++
	j.pending += int64(len(b.buf) - before)
	j.next++
	return Position{batch: b, number: j.next - 1}, nil
}

// Commit gives way until the record is committed. An error that is not ErrBroken (ENOSPC) says that
// the record is not in the journal; after ErrBroken it may be.
func (j *Journal) Commit(at Position) error {
	b := at.batch
	for !b.done {
		if b.landed == nil {
			b.landed = j.env.NewCond()
		}
		if err := b.landed.Wait(); err != nil {
			return err
		}
	}
	return b.err
}

// Then calls f with what Commit would return, once that is known: at once, or later from the
// journal's own task, in the order of the calls for one batch and of the batches among each other.
// While f gives way the journal waits, so f should not; nor may it Close the journal.
func (j *Journal) Then(at Position, f func(error)) {
	if at.batch.done {
		f(at.batch.err)
		return
	}
	at.batch.thens = append(at.batch.thens, f)
}

// Durable is the number below which every record that was not refused is durable.
func (j *Journal) Durable() uint64 { return j.durable }

// Next is the number of the record that is appended next.
func (j *Journal) Next() uint64 { return j.next }

// Broken is the error that broke the journal, or nil.
func (j *Journal) Broken() error { return j.broken }

// Recovery says what Open found.
func (j *Journal) Recovery() Recovery { return j.recovery }

// String is the journal's one line about itself.
func (j *Journal) String() string {
	return fmt.Sprintf("records [..%d durable ..%d next] segments %d..%d log %s snapshot %s waiting %s",
		j.durable, j.next, j.oldest, j.tail.sequence, j.LogBytes(), j.snapshot.size, nodes.Bytes(j.pending))
}

// Close commits what was appended, makes it durable, and frees the directory. It returns the error that
// broke the journal, if one did.
func (j *Journal) Close() error {
	if j.closing {
		return ErrClosed
	}
	j.closing = true
	j.work.Signal()
	if err := j.syncer.Join(); err != nil {
		return err
	}
	for j.compacting {
		if err := j.idle.Wait(); err != nil {
			return err
		}
	}
	for _, t := range []nodes.Timer{j.interval, j.settler} {
		if t != nil {
			t.Stop()
		}
	}
	return errors.Join(j.broken, j.tail.file.Close(), j.lock.Close())
}
