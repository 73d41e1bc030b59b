package partition_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// deed is one thing that a life does with its log.
type deed struct {
	what string
	n    int
}

// drawnLife is what a broker does from an opening of its log until it ends, one way or another.
type drawnLife struct {
	deeds []deed
	calls int    // of the disk, after which it is killed
	ends  string // what comes after it
}

func drawLife(t *rapid.T) (l drawnLife) {
	for range rapid.IntRange(0, 10).Draw(t, "deeds") {
		l.deeds = append(l.deeds, deed{
			what: rapid.SampledFrom([]string{"commit", "commit", "commit", "lead", "truncate", "shift", "fill the disk", "fail a sync"}).Draw(t, "deed"),
			n:    rapid.IntRange(0, 5).Draw(t, "n"),
		})
	}
	l.calls = 1 << 30
	if rapid.Bool().Draw(t, "is killed") {
		l.calls = rapid.IntRange(0, 120).Draw(t, "after calls")
	}
	l.ends = rapid.SampledFrom([]string{"with a close", "at once", "without power", "without power"}).Draw(t, "ends")
	return l
}

// adopt makes what was recovered what is promised.
func (l *ledger) adopt(p *partition.Partition) {
	l.appended = slices.Clone(l.appended[p.Start()-l.start : p.Next()-l.start])
	l.start, l.promised, l.shifting = p.Start(), p.Next(), false
	p.SetWatermark(p.Next())
}

// live is one life. Errors are those that it must not end with.
func (l *ledger) live(d *disk.Disk, o partition.Options, life drawnLife) error {
	calls := life.calls
	err := liveOn(lives.Killed(disk.FS(d), &calls), func(env nodes.Env) error {
		p, err := partition.Open(env, dir, o)
		if err != nil {
			return err
		}
		if err := l.fits(p); err != nil {
			return err
		}
		l.adopt(p)
		var faults []*disk.Fault
		for _, deed := range life.deeds {
			if err = l.do(d, p, deed, &faults); errors.Is(err, syscall.ENOSPC) {
				err = nil
			}
			if err != nil {
				break
			}
		}
		for _, fault := range faults {
			fault.Lift(0)
		}
		if life.ends != "with a close" {
			calls = 0
		}
		closed := p.Close()
		if err == nil && closed == nil {
			l.promised = l.next()
		}
		return errors.Join(err, closed)
	})
	if errors.Is(err, lives.ErrKilled) || errors.Is(err, partition.ErrBroken) {
		return nil
	}
	return err
}

func (l *ledger) do(d *disk.Disk, p *partition.Partition, deed deed, faults *[]*disk.Fault) error {
	switch deed.what {
	case "commit":
		return l.commit(p, 1+deed.n)
	case "lead":
		l.life++
		p.StartEpoch(int32(l.life))
	case "truncate":
		return l.truncate(p, max(l.next()-int64(deed.n), l.start))
	case "shift":
		return l.shift(p, min(l.start+int64(deed.n), l.promised))
	case "fill the disk":
		*faults = append(*faults, d.Fill(0, nodes.Bytes(deed.n)*disk.PageSize))
	case "fail a sync":
		*faults = append(*faults, d.FailSync(0, disk.Times{Next: 1}))
	}
	return nil
}

func drawOptions(t *rapid.T) partition.Options {
	pick := func(name string, among ...nodes.Bytes) nodes.Bytes { return rapid.SampledFrom(among).Draw(t, name) }
	return partition.Options{SegmentBytes: pick("segment", 1, 1536+300, 1536+1000, 1<<20), GrowBytes: pick("grow", 1, 512, 8192),
		GroupBytes: pick("group", 1, 300, 4000), IndexBytes: pick("index", 1, 200, 4096), OpenFiles: rapid.IntRange(1, 3).Draw(t, "open")}
}

// If this failed, a broker would forget what it had promised after some series of lives, deaths, truncations, full disks and failed syncs, or
// remember what never was.
func TestDrawnLivesLeaveWhatWasPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := luck.Seed(rapid.Uint64().Draw(t, "seed"))
		d := disk.New(seed.Stream("disk"), disk.Options{})
		o, l := drawOptions(t), &ledger{}
		for n := range rapid.IntRange(1, 6).Draw(t, "lives") {
			life := drawLife(t)
			require.NoError(t, l.live(d, o, life))
			if life.ends == "without power" {
				d.LoseCache(seed.Stream("power", fmt.Sprint(n)))
			}
		}
		require.NoError(t, l.live(d, o, drawnLife{calls: 1 << 30, ends: "with a close"}))
		require.NoError(t, l.recovers(o)(disk.FS(d)))
	})
}

// committed is what a reader of committed records makes of a log, and for each key the last of it.
func committed(p *partition.Partition, from int64) (last map[string]string, err error) {
	last = map[string]string{}
	for below := p.Stable(); ; {
		data, err := p.Read(from, partition.ReadOptions{MaxBytes: 700, Below: below})
		if err != nil || len(data) == 0 {
			return last, err
		}
		for len(data) > 0 {
			b, rest, err := record.Cut(data)
			if err != nil {
				return last, err
			}
			aborted := p.Aborted(b.BaseOffset(), b.NextOffset())
			for r, err := range codec.Records(b) {
				if err != nil {
					return last, err
				}
				isAborted := b.Attributes().Transactional() && slices.ContainsFunc(aborted, func(a partition.Aborted) bool {
					return a.Producer == b.Producer().ID && a.First <= b.BaseOffset()
				})
				if b.Attributes().Control() || isAborted {
					continue
				}
				if last[string(r.Key)] = string(r.Value); len(r.Value) == 0 {
					delete(last, string(r.Key))
				}
			}
			data, from = rest, b.NextOffset()
		}
	}
}

// producer is a client of the drawn log of keys.
type producer struct {
	id       int64
	epoch    int16
	sequence int32
	open     map[string]string // what its open transaction wrote; nil if none is
}

// If this failed, a compacted log would tell another story than the log it was made from: to who reads it, to a follower that fetches it, or to its
// producers.
func TestACompactedLogTellsTheSameStory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, fs := newDisk()
		o := compactible
		o.SegmentBytes = rapid.SampledFrom([]nodes.Bytes{1, 1536 + 300, 1536 + 2000}).Draw(t, "segment")
		o.CompactKeys = rapid.SampledFrom([]int{1, 3, 100}).Draw(t, "keys")
		o.TombstonesFor = rapid.SampledFrom([]time.Duration{1, time.Second, 1 << 60}).Draw(t, "stay")
		want := map[string]string{}
		producers := []*producer{{id: 1}, {id: 2}, {id: 3}}
		for range rapid.IntRange(1, 3).Draw(t, "lives") {
			deeds := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 25).Draw(t, "deeds")
			live(t, fs, func(env nodes.Env) {
				p := open(t, env, o)
				p.SetWatermark(p.Next())
				for _, what := range deeds {
					by := producers[rapid.IntRange(0, 2).Draw(t, "producer")]
					switch {
					case what < 6:
						key, value := fmt.Sprint("k", rapid.IntRange(0, 3).Draw(t, "key")), fmt.Sprint("v", p.Next())
						if rapid.IntRange(0, 3).Draw(t, "removes") == 0 {
							value = ""
						}
						by.write(t, p, key, value, want, rapid.Bool().Draw(t, "in a transaction"))
					case what < 8:
						by.end(t, p, rapid.Bool().Draw(t, "commits"), want)
					default:
						_, err := p.Compact()
						require.NoError(t, err)
					}
					p.SetWatermark(p.Next())
				}
				if !slices.ContainsFunc(producers, func(by *producer) bool { return by.open != nil }) {
					got, err := committed(p, p.Start())
					require.NoError(t, err)
					require.Equal(t, want, got)
				}
				tellsFollowers(t, p, o)
				require.NoError(t, p.Close())
			})
		}
	})
}

func (by *producer) write(t *rapid.T, p *partition.Partition, key, value string, want map[string]string, transactional bool) {
	transactional = transactional || by.open != nil
	build, into := from, want
	if transactional {
		if build = within; by.open == nil {
			by.open = map[string]string{}
		}
		into = by.open
	}
	a, err := p.Append(build(by.id, by.epoch, by.sequence, key+"="+value), 0)
	require.NoError(t, err)
	require.False(t, a.Duplicate)
	require.NoError(t, p.Commit(a))
	by.sequence++
	if into[key] = value; value == "" && !transactional {
		delete(into, key)
	}
	if transactional { // what is committed later counts as later only where nobody else writes the key; so nobody does
		by.end(t, p, len(key)%2 == 0 == (by.sequence%3 == 0), want)
	}
}

func (by *producer) end(t *rapid.T, p *partition.Partition, commits bool, want map[string]string) {
	if by.open == nil {
		return
	}
	a, err := p.AppendMarker(record.Marker{Commit: commits, CoordinatorEpoch: 1}, by.id, by.epoch, 0)
	require.NoError(t, err)
	require.NoError(t, p.Commit(a))
	if commits {
		for _, key := range slices.Sorted(maps.Keys(by.open)) {
			if want[key] = by.open[key]; by.open[key] == "" {
				delete(want, key)
			}
		}
	}
	by.open = nil
}

// tellsFollowers sees that a replica that fetches the log reads the same, and knows the same producers.
func tellsFollowers(t *rapid.T, leader *partition.Partition, o partition.Options) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, o)
		for p.Next() < leader.Next() {
			data, err := leader.Read(p.Next(), partition.ReadOptions{MaxBytes: 400})
			require.NoError(t, err)
			a, err := p.Follow(data)
			require.NoError(t, err)
			require.NoError(t, p.Commit(a))
		}
		p.SetWatermark(leader.Watermark())
		require.Equal(t, leader.Stable(), p.Stable())
		ours, err := committed(p, 0)
		require.NoError(t, err)
		theirs, err := committed(leader, 0)
		require.NoError(t, err)
		require.Equal(t, theirs, ours)
		want, got := leader.Producers(), p.Producers()
		for i := range want {
			want[i].LastTime, want[i].CoordinatorEpoch = 0, 0 // the marker that told of the coordinator may be gone
		}
		for i := range got {
			got[i].LastTime, got[i].CoordinatorEpoch = 0, 0
		}
		require.Equal(t, want, got)
		require.NoError(t, p.Close())
	})
}
