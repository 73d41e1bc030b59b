package partition_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// onDisk is an Env whose files are on a simulated disk that answers at once, and whose wall clock stands where the test puts it.
type onDisk struct {
	nodes.Env
	fs    nodes.FS
	clock *time.Time
	on    func(point string) bool
}

func (e onDisk) FS() nodes.FS { return e.fs }

func (e onDisk) Now() time.Time {
	if e.clock != nil {
		return *e.clock
	}
	return time.UnixMilli(1_000_000)
}

func (e onDisk) Point(name string) bool { return e.on != nil && e.on(name) }

// liveOn runs one life of a node on a simulated disk.
func liveOn(fs nodes.FS, life func(env nodes.Env) error) error {
	return lives.On(fs, func(env nodes.Env) error { return life(onDisk{Env: env, fs: fs}) })
}

// live is liveOn for tests that stop at the first surprise. A property's stop is passed on to who drew it.
func live(t require.TestingT, fs nodes.FS, life func(env nodes.Env)) {
	var stopped any
	err := liveOn(fs, func(env nodes.Env) error {
		defer func() { stopped = recover() }()
		life(env)
		return nil
	})
	if stopped != nil {
		panic(stopped)
	}
	require.NoError(t, err)
}

func newDisk() (*disk.Disk, nodes.FS) {
	d := disk.New(luck.Seed(1).Stream("disk"), disk.Options{})
	return d, disk.FS(d)
}

const dir = "data/orders-0"

func open(t require.TestingT, env nodes.Env, o partition.Options) *partition.Partition {
	p, err := partition.Open(env, dir, o)
	require.NoError(t, err)
	return p
}

var codec record.Codec

// batch is a producer's batch of such values.
func batch(values ...string) record.Batch { return batchBy(record.Builder{}, values...) }

func batchBy(by record.Builder, values ...string) record.Batch {
	var records []record.Record
	for _, v := range values {
		key, value, _ := strings.Cut(v, "=")
		r := record.Record{Time: 1_000_000, Key: []byte(key), Value: []byte(value)}
		if value == "" {
			r.Value = nil
		}
		records = append(records, r)
	}
	b, err := codec.Build(by, records...)
	if err != nil {
		panic(err)
	}
	return b
}

// from is a batch of a producer that numbers its records.
func from(id int64, epoch int16, sequence int32, values ...string) record.Batch {
	return batchBy(record.Builder{Producer: &record.Producer{ID: id, Epoch: epoch, Sequence: sequence}}, values...)
}

func within(id int64, epoch int16, sequence int32, values ...string) record.Batch {
	return batchBy(record.Builder{Producer: &record.Producer{ID: id, Epoch: epoch, Sequence: sequence}, Transactional: true}, values...)
}

// put appends batches in the epoch and waits for the last.
func put(t testing.TB, p *partition.Partition, epoch int32, batches ...record.Batch) partition.Appended {
	t.Helper()
	var last partition.Appended
	for _, b := range batches {
		a, err := p.Append(b, epoch)
		require.NoError(t, err)
		last = a
	}
	require.NoError(t, p.Commit(last))
	return last
}

// entry is a record as tests write it: "3:key=value".
func entry(r record.Record) string { return fmt.Sprintf("%d:%s=%s", r.Offset, r.Key, r.Value) }

// entries are all records from an offset on, without control records.
func entries(p *partition.Partition, from int64, o partition.ReadOptions) (all []string, err error) {
	for {
		data, err := p.Read(from, o)
		if err != nil || len(data) == 0 {
			return all, err
		}
		for len(data) > 0 {
			b, rest, err := record.Cut(data)
			if err != nil {
				return all, err
			}
			if b.BaseOffset() > from {
				return all, fmt.Errorf("the batch at %d does not follow %d", b.BaseOffset(), from)
			}
			for r, err := range codec.Records(b) {
				if err != nil {
					return all, err
				}
				if r.Offset >= from && !b.Attributes().Control() {
					all = append(all, entry(r))
				}
			}
			data, from = rest, b.NextOffset()
		}
	}
}

func holds(t testing.TB, p *partition.Partition, want ...string) {
	t.Helper()
	all, err := entries(p, p.Start(), partition.ReadOptions{MaxBytes: 500})
	require.NoError(t, err)
	require.Equal(t, want, all)
}

// If this failed, nothing could be told to this log at all.
func TestWhatIsAppendedIsReadAgain(t *testing.T) {
	_, fs := newDisk()
	for life := range 3 {
		live(t, fs, func(env nodes.Env) {
			p := open(t, env, partition.Options{})
			require.Equal(t, life > 0, p.Recovery().Clean)
			require.EqualValues(t, 3*life, p.Next())
			a := put(t, p, 4, batch("a=1", "b=2"), batch("c="))
			require.EqualValues(t, 3*life+2, a.First)
			require.Equal(t, p.Next(), p.Durable())
			data, err := p.Read(a.First, partition.ReadOptions{})
			require.NoError(t, err)
			b, rest, err := record.Cut(data)
			require.NoError(t, err)
			require.Empty(t, rest)
			require.EqualValues(t, 4, b.LeaderEpoch())
			p.SetWatermark(p.Next() - 1)
			require.NoError(t, p.Close())
		})
	}
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		require.EqualValues(t, 8, p.Watermark())
		holds(t, p, "0:a=1", "1:b=2", "2:c=", "3:a=1", "4:b=2", "5:c=", "6:a=1", "7:b=2", "8:c=")
		_, err := p.Read(10, partition.ReadOptions{})
		require.ErrorIs(t, err, partition.ErrOutOfRange)
		require.NoError(t, p.Close())
	})
}
