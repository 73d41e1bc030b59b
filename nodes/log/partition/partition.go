// Package partition answers what the log of one partition is on a disk: batches of records at rising offsets, in segments, which
// outlive the process, the machine and the power as far as they were promised to.
//
// # Using it
//
//	p, err := partition.Open(env, "topics/orders-0", partition.Options{})   // recovers; *Corruption: see below
//	p.StartEpoch(7)                                                          // on becoming the leader in epoch 7
//	a, err := p.Append(batch, 7)                                             // as leader: gives offsets, never gives way
//	err = p.Commit(a)                                                        // gives way until it is as durable as Options.Sync says
//	p.Then(a, func(err error) { … })                                         // or be called
//	a, err = p.Follow(batches)                                               // as follower: the leader's bytes as they are
//	data, err := p.Read(offset, partition.ReadOptions{MaxBytes: 1 << 20, Below: p.Watermark()})
//	p.SetWatermark(offset)                                                   // replication decides; Stable() follows
//	epoch, end := p.EndOfEpoch(6)                                            // what OffsetForLeaderEpoch asks
//	end, err := p.Truncate(offset)                                           // as follower, to where the leader's log parts
//	err = p.Reset(offset)                                                    // as follower, whose log ends below the leader's start
//	p.Retain(); p.Compact(); p.DeleteBefore(offset)                          // from time to time; or on request
//	p.Close()                                                                // marks a clean end: nothing is scanned at the next Open
//
// There are four ends: Next is the offset of the next record; Placed the one below which all can be read; Durable the one below
// which all outlives the power; Watermark the one below which all is in every in-sync replica, of which the partition only keeps
// what it is told. Options.Grown is called when one of them moves, for those who poll.
//
// A partition is for the tasks of one process, and whoever opens it has locked the directory above it.
//
// # Files
//
// A segment is a head of three sectors and then the batches, byte for byte as clients fetch them, in a file named after its first offset
// (00000000000000000000.log). Batches follow each other without a gap in their offsets: where compaction leaves no record, an empty
// batch stands for the offsets (record.Hole). So each bit that no checksum of a batch covers is known all the same: the base offset
// follows from the batch before, the leader epoch from the file leader-epochs, which is durable before the first batch of an epoch
// is written. Beside a segment lie its .index, written once it is full and made anew when it is missing or wrong, and its .snapshot: what
// was known of producers and transactions at its first offset, durable before the segment has its name. The active segment's index is in memory.
// The files log-start, leader-epochs, high-watermark, cleaned and reset are each replaced as a whole.
//
// The package journal is not used underneath: records there have numbers that nobody chooses, can be neither truncated nor served by
// position, and are dropped from the front only behind a snapshot. What it does right is done here in the same way: group commit, marks of what is
// durable, the difference of a full disk from a broken one.
//
// # What a crash leaves, and how it is told from corruption
//
// Two sectors of the active segment's head take turns in stating up to where the segment is durable. Each goes to the disk with the batches that are
// synced next, so that it costs no sync of its own; after a minute's quiet, and at Close, one follows for the last. Recovery reads the active
// segment. A batch that is not what it should be below the last mark is corruption (*Corruption), as in any other segment, for a segment is begun only
// when its predecessor is durable. Beyond it, the mark says of each write that goes to the disk with it how many of its sectors are zeros: where no
// more are, all of them were there, and one has rotted. Anything else is the torn tail of a crash: it was never said to be durable, and is cut off with all
// that follows; but not where one of the marks has rotted, which may have told more. What is left untold is a sector of the last sync that has
// become zeros, and more writes in one sync than a mark has room for. A partition that is corrupt does not open, and nothing is changed: a broker that
// has other replicas calls Discard and fetches all again. What is read later is checked as it is read (its CRC-32C and its place), and a Read that
// meets corruption says so and serves nothing of it.
//
// # Failure
//
// A failed sync is final (ErrBroken): what it failed to write may be gone although reads still return it. A full disk refuses the batches
// that wait for it, and what they had changed is undone, producers' sequences too; the next append tries again.
package partition

import (
	"errors"
	"fmt"
	"math"
	"path"
	"time"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// Errors. Those of appends that a producer is to be told are in append.go.
var (
	// ErrBroken is wrapped by every error after a sync or a write has failed. Stop the node.
	ErrBroken = errors.New("partition: broken")
	// ErrClosed is what a closed or closing partition says.
	ErrClosed = errors.New("partition: closed")
	// ErrBehind says that too much is waiting for the disk, or that the log is being truncated. Try again later.
	ErrBehind = errors.New("partition: too much is waiting for the disk")
	// ErrOutOfRange says that an offset is below the start of the log or above its end.
	ErrOutOfRange = errors.New("partition: offset out of range")
)

// Sync says what a commit waits for.
type Sync string

// The modes.
const (
	// Always: a committed batch is durable, whatever stops the machine.
	Always Sync = "always"
	// Interval: a committed batch is in the page cache, where it outlives the process but not the machine, and is durable
	// Options.Interval later.
	Interval Sync = "interval"
	// Never: it is durable once its segment is full, or at Close.
	Never Sync = "never"
)

// Values are the modes.
func (Sync) Values() []string { return []string{string(Always), string(Interval), string(Never)} }

// Options of a partition. The zero value is a durable log that keeps everything, with the defaults named here.
type Options struct {
	Sync         Sync          // Always
	Interval     time.Duration // how long a batch may stay unsynced in mode Interval: 1s
	SegmentBytes nodes.Bytes   // a segment is full at this size: 64MiB
	SegmentAge   time.Duration // or when its first batch is so old, by the wall clock: 7d
	BatchBytes   nodes.Bytes   // the largest batch that is taken: 1MiB
	GroupBytes   nodes.Bytes   // how much is gathered into one write: 1MiB
	PendingBytes nodes.Bytes   // what may wait in memory for the disk before an append says ErrBehind: 64MiB
	GrowBytes    nodes.Bytes   // a file grows in such steps, for a sync without a new size is faster: 256KiB
	IndexBytes   nodes.Bytes   // the index has an entry for so many bytes: 4KiB
	OpenFiles    int           // how many full segments are kept open: 16
	Settle       time.Duration // quiet after which the last mark is written: 1m; negative: at Close only

	RetainBytes nodes.Bytes   // Retain removes the oldest segments while the log is larger; 0: never
	RetainFor   time.Duration // and those whose latest record is older, by the wall clock; 0: never

	Compacted     bool          // records have keys, and Compact keeps the last of each
	DirtyShare    nodes.Percent // no compaction is worth it while less of the log is new: 50%
	TombstonesFor time.Duration // how long a key's removal stays in a compacted log: 24h
	CompactKeys   int           // how many keys one compaction goes by, 40 bytes of memory each: 1,000,000

	AppendTime   bool          // records get the time of the append
	Producers    int           // whose sequences are known at most; those idle for longest are forgotten first: 10,000
	ProducersFor time.Duration // how long the sequences of an idle producer are known: 24h

	// Codec is the process's. Nil makes one.
	Codec *record.Codec
	// Grown, if not nil, is called when Placed, Durable, Watermark or Start has moved. It must not give way.
	Grown func()
}

func (o Options) withDefaults() Options {
	bytes := func(field *nodes.Bytes, value nodes.Bytes) {
		if *field <= 0 {
			*field = value
		}
	}
	bytes(&o.SegmentBytes, 64<<20)
	bytes(&o.BatchBytes, 1<<20)
	bytes(&o.GroupBytes, 1<<20)
	bytes(&o.PendingBytes, 64<<20)
	bytes(&o.GrowBytes, 256<<10)
	bytes(&o.IndexBytes, 4<<10)
	span := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	span(&o.Interval, time.Second)
	span(&o.SegmentAge, 7*24*time.Hour)
	span(&o.Settle, time.Minute)
	span(&o.TombstonesFor, 24*time.Hour)
	span(&o.ProducersFor, 24*time.Hour)
	count := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	count(&o.OpenFiles, 16)
	count(&o.CompactKeys, 1_000_000)
	count(&o.Producers, 10_000)
	if o.Sync == "" {
		o.Sync = Always
	}
	if o.DirtyShare == 0 {
		o.DirtyShare = nodes.PerMillion / 2
	}
	if o.Codec == nil {
		o.Codec = new(record.Codec)
	}
	return o
}

// Partition is an open partition. Its methods are for the tasks of one process.
//
// Invariants: start <= watermark <= next; durable <= placed <= next; the segments follow each other without a gap, the first of them
// begins at start or below, and only the last of them grows.
type Partition struct {
	env  nodes.Env
	fs   nodes.FS
	dir  string
	opts Options

	start     int64 // of the log: what is below was removed, durably
	next      int64 // the offset of the next record
	placed    int64 // what is below can be read
	durable   int64
	watermark int64
	saved     int64 // the watermark as the disk has it

	segments  []*segment // oldest first
	tick      uint64     // counts uses of segments
	cuts      uint64     // counts truncations: who read meanwhile reads again
	epochs    epochs
	producers producers
	cleaned   cleaned
	removals  int64 // from here on removals of keys stay, however old they are

	open     *group   // the last of waiting while it takes more batches, else nil
	waiting  []*group // for the syncer, oldest first
	flying   []*group // with the syncer
	pending  int64    // bytes of the groups that are not done
	frontier int64    // bytes that the active segment will have once all that was gathered is placed

	work    nodes.Cond // the syncer waits here for something to do
	syncer  nodes.Task
	timers  timers
	files   turn // of who changes the active segment, or which segments there are
	chores  turn // of who removes or rewrites segments
	hurry   int  // how many wait for a chore to give up
	halts   int  // how many keep appends off
	closing bool
	broken  error

	recovery Recovery
}

// Configure changes what the log goes by from now on: how large and how old segments and batches become, what is retained, and whether and when
// the log is compacted. The other options stay as they were. It does not give way.
func (p *Partition) Configure(o Options) {
	o = o.withDefaults()
	p.opts.SegmentBytes, p.opts.SegmentAge, p.opts.BatchBytes, p.opts.GrowBytes = o.SegmentBytes, o.SegmentAge, o.BatchBytes, o.GrowBytes
	p.opts.RetainBytes, p.opts.RetainFor = o.RetainBytes, o.RetainFor
	p.opts.Compacted, p.opts.DirtyShare, p.opts.TombstonesFor = o.Compacted, o.DirtyShare, o.TombstonesFor
}

// Open recovers the partition in dir, which it creates where it is missing. Errors: *Corruption; those of the file system.
func Open(env nodes.Env, dir string, opts Options) (*Partition, error) {
	p := &Partition{env: env, fs: env.FS(), dir: dir, opts: opts.withDefaults(), work: env.NewCond(), removals: math.MaxInt64}
	p.files.freed, p.chores.freed = env.NewCond(), env.NewCond()
	if err := p.makeDir(); err != nil {
		return nil, err
	}
	if err := p.recover(); err != nil {
		for _, s := range p.segments {
			s.close()
		}
		return nil, err
	}
	p.syncer = env.Go("partition "+path.Base(dir), p.run)
	return p, nil
}

// makeDir creates the partition's directory, durably.
func (p *Partition) makeDir() error {
	if err := p.fs.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	for dir := path.Clean(p.dir); dir != "." && dir != "/"; {
		dir = path.Dir(dir)
		if err := p.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Start is the first offset of the log.
func (p *Partition) Start() int64 { return p.start }

// Next is the offset of the record that is appended next.
func (p *Partition) Next() int64 { return p.next }

// Placed is the offset below which all can be read.
func (p *Partition) Placed() int64 { return p.placed }

// Durable is the offset below which all is durable.
func (p *Partition) Durable() int64 { return p.durable }

// Watermark is the offset below which all is in every in-sync replica, as it was last told. A restart may bring back an earlier one.
func (p *Partition) Watermark() int64 { return p.watermark }

// SetWatermark keeps the high watermark, within the log. It is written down every few seconds, and at Close.
func (p *Partition) SetWatermark(offset int64) {
	offset = min(max(offset, p.start), p.next)
	if offset == p.watermark {
		return
	}
	p.watermark = offset
	p.producers.settle(offset)
	p.saveLater()
	p.grown()
}

// Stable is the offset below which all is in every in-sync replica and part of no transaction that may still be aborted: where
// readers of committed records end.
func (p *Partition) Stable() int64 { return min(p.watermark, p.producers.unstable(p.next)) }

// Broken is the error that broke the partition, or nil.
func (p *Partition) Broken() error { return p.broken }

// Recovery says what Open found.
func (p *Partition) Recovery() Recovery { return p.recovery }

// Bytes is how much the segments take.
func (p *Partition) Bytes() (total nodes.Bytes) {
	for _, s := range p.segments {
		total += nodes.Bytes(s.end)
	}
	return total
}

// String is the partition's one line about itself.
func (p *Partition) String() string {
	return fmt.Sprintf("offsets [%d..%d watermark ..%d durable ..%d next] segments %d log %s epoch %d producers %d waiting %s", p.start,
		p.watermark, p.durable, p.next, len(p.segments), p.Bytes(), p.epochs.latest(), len(p.producers.known), nodes.Bytes(p.pending))
}

func (p *Partition) grown() {
	if p.opts.Grown != nil {
		p.opts.Grown()
	}
}

// tail is the active segment.
func (p *Partition) tail() *segment { return p.segments[len(p.segments)-1] }

func (p *Partition) path(name string) string { return path.Join(p.dir, name) }

// now is the wall clock in milliseconds since 1970.
func (p *Partition) now() int64 { return p.env.Now().UnixMilli() }

// Close makes durable what was appended, marks a clean end, and ends the partition. It returns the error that broke it, if one did.
func (p *Partition) Close() error {
	if p.closing {
		return ErrClosed
	}
	p.closing = true
	p.hurry++
	p.work.Signal()
	if err := p.syncer.Join(); err != nil {
		return err
	}
	if err := p.chores.take(); err != nil {
		return err
	}
	p.timers.stop()
	failed := p.broken
	for _, s := range p.segments {
		failed = errors.Join(failed, s.close())
	}
	return failed
}

// Discard removes all that is in the directory of a partition that is not open, so that Open makes a new one. It is for replicas
// whose log is corrupt, and which will fetch all again.
func Discard(env nodes.Env, dir string) error {
	entries, err := env.FS().ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := env.FS().Remove(path.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return env.FS().SyncDir(dir)
}

// turn lets one task after the other do something in which it gives way.
type turn struct {
	taken bool
	freed nodes.Cond
}

func (t *turn) take() error {
	for t.taken {
		if err := t.freed.Wait(); err != nil {
			return err
		}
	}
	t.taken = true
	return nil
}

func (t *turn) give() {
	t.taken = false
	t.freed.Signal()
}
