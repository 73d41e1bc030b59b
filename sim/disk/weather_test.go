package disk

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/sim/luck"
)

// weather does to a disk whatever can be done to one: operations that overlap, faults that come and go,
// processes that die, and power cuts. It returns what an observer saw.
func weather(t *rapid.T, seed luck.Seed) []any {
	d := New(seed.Stream("disk"), Options{Capacity: 64 * PageSize, DirtyLimit: 10 * PageSize, Inodes: 12})
	d.Changed = func(o *Op) { require.False(t, o.over) }
	w := &instant{}
	var seen []any
	var p *Process
	var under []*Op
	var faults []*Fault
	var files []*File
	begin := func() {
		var err error
		p, err = d.Process(".")
		require.NoError(t, err)
		under, files = nil, nil
	}
	begin()
	name := func() string {
		return rapid.SampledFrom([]string{"a", "b", "d", "d/a", "d/b", "d/e", ".", ""}).Draw(t, "name")
	}
	times := func() Times {
		return Times{Next: rapid.IntRange(0, 2).Draw(t, "next"),
			Rate: nodes.Percent(rapid.IntRange(0, 1_000_000).Draw(t, "rate"))}
	}
	file := func() *File {
		if len(files) == 0 {
			return nil
		}
		return rapid.SampledFrom(files).Draw(t, "file")
	}
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		w.now += time.Duration(rapid.IntRange(0, 2_000_000).Draw(t, "pause"))
		off := int64(rapid.IntRange(-1, 5*PageSize).Draw(t, "off"))
		length := rapid.IntRange(0, 2*PageSize).Draw(t, "length")
		switch what := rapid.IntRange(0, 24).Draw(t, "what"); what {
		case 0, 1, 2:
			flag := rapid.SampledFrom([]int{0, os.O_RDWR | os.O_CREATE, os.O_WRONLY | os.O_TRUNC}).Draw(t, "flag")
			under = append(under, p.BeginOpen(w.now, name(), flag, 0o644))
		case 3:
			under = append(under, p.BeginRename(w.now, name(), name()))
		case 4:
			under = append(under, p.BeginRemove(w.now, name()))
		case 5:
			under = append(under, p.BeginMkdirAll(w.now, name(), 0o755))
		case 6:
			under = append(under, p.BeginSyncDir(w.now, name()), p.BeginStat(w.now, name()), p.BeginReadDir(w.now, name()))
		case 7:
			under = append(under, p.BeginLock(w.now, name()))
		case 8, 9, 10, 11, 12:
			if f := file(); f != nil {
				data := make([]byte, length)
				for i := range data {
					data[i] = byte(len(seen)) | 1
				}
				under = append(under, f.BeginWrite(w.now, data, off), f.BeginRead(w.now, make([]byte, length), off))
			}
		case 13:
			if f := file(); f != nil {
				under = append(under, f.BeginTruncate(w.now, off))
			}
		case 14, 15:
			if f := file(); f != nil {
				under = append(under, f.BeginSync(w.now))
			}
		case 16:
			if f := file(); f != nil {
				_ = f.Close()
			}
		case 17:
			faults = append(faults, d.Slow(w.now, int64(rapid.IntRange(0, 100_000).Draw(t, "slower")), time.Duration(rapid.IntRange(0, 1e9).Draw(t, "lag"))))
		case 18:
			faults = append(faults, d.Stall(w.now))
		case 19:
			faults = append(faults, d.FailSync(w.now, times()), d.FailRead(w.now, times()))
		case 20:
			faults = append(faults, d.MisdirectWrite(w.now, times()), d.Fill(w.now, nodes.Bytes(off)))
		case 21:
			d.Corrupt(w.now, Corruption{Sectors: rapid.IntRange(0, 3).Draw(t, "sectors")})
		case 22:
			if rapid.IntRange(0, 5).Draw(t, "wipe") == 0 {
				d.Wipe(w.now)
			}
			p.Exit()
			begin()
		case 23:
			stream := seed.Stream("cut")
			seen = append(seen, d.LoseCache(stream.Numbered(uint64(len(seen)))))
			require.Empty(t, d.inflight)
			begin()
		case 24:
			for _, f := range faults {
				f.Lift(w.now)
				seen = append(seen, f.Verb(), f.Fired(), f.Effects())
			}
			faults = nil
		}
		left := under[:0]
		for _, o := range under {
			if o.Due() > w.now {
				left = append(left, o)
				continue
			}
			seen = append(seen, o.String(), o.Finish(w.now), o.N())
			if o.File() != nil {
				files = append(files, o.File())
			}
		}
		under = left
		require.Len(t, d.inflight, len(under))
		requireSound(t, d)
		seen = append(seen, d.Fingerprint(), d.Pending(), d.Used())
	}
	before := d.Fingerprint()
	for _, lands := range []bool{false, true} {
		c := d.crashed(d.wholly(lands))
		requireSound(t, c)
		require.False(t, c.Pending().Any())
	}
	require.Equal(t, before, d.Fingerprint(), "a copy is written to its original")
	return seen
}

// If this failed, some weather would break the disk rather than what is on it.
func TestNoWeatherBreaksTheDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { weather(t, luck.Seed(rapid.Uint64().Draw(t, "seed"))) })
}

func FuzzWeather(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { weather(t, 1) }))
}

// If this failed, a run could not be had again from its seed.
func TestASeedIsAFate(t *testing.T) {
	fates := map[uint64]bool{}
	for seed := range luck.Seed(40) {
		var twice [2]uint64
		for i := range twice {
			d := New(seed.Stream("disk"), Options{})
			f := FS(d)
			d.FailSync(0, Times{Rate: nodes.PerMillion / 2})
			d.MisdirectWrite(0, Times{Rate: nodes.PerMillion / 2})
			for round := range 30 {
				name := string(rune('a' + round%7))
				file := put(t, f, name, "content of "+name)
				_, err := file.WriteAt(make([]byte, 700), int64(round*700))
				require.NoError(t, err)
				_ = file.Sync()
				_ = f.SyncDir(".")
				_ = f.Rename(name, "z"+name)
				require.NoError(t, file.Close())
			}
			d.Corrupt(0, Corruption{Sectors: 3})
			d.LoseCache(seed.Stream("cut"))
			twice[i] = d.Fingerprint()
		}
		require.Equal(t, twice[0], twice[1], "seed %d", seed)
		fates[twice[0]] = true
	}
	require.Greater(t, len(fates), 35, "seeds differ")
}

// What a commit of a small record costs a run, simulated time apart: the goal is no allocation.
func BenchmarkAppendAndSync(b *testing.B) {
	d := fresh()
	p, err := d.Process(".")
	require.NoError(b, err)
	f := p.FS(&instant{})
	file := put(b, f, "journal", "x")
	require.NoError(b, f.SyncDir("."))
	record := make([]byte, 100)
	off := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := file.WriteAt(record, off); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
		off = (off + 100) % (1 << 20)
	}
}

// What it costs to write on, and to sync for many at once.
func BenchmarkAppendsThenSync(b *testing.B) {
	d := fresh()
	file := put(b, FS(d), "journal", "x")
	record := make([]byte, 100)
	off := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		for range 64 {
			if _, err := file.WriteAt(record, off); err != nil {
				b.Fatal(err)
			}
			off = (off + 100) % (1 << 20)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// What each host of each world of a sweep costs.
func BenchmarkNewDisk(b *testing.B) {
	stream := luck.Seed(1).Stream("disk")
	b.ReportAllocs()
	for b.Loop() {
		d := New(stream, Options{})
		FS(d)
	}
}

// What a power cut costs, with a journal of a megabyte of which two pages are not synced.
func BenchmarkLoseCache(b *testing.B) {
	d := fresh()
	file := put(b, FS(d), "journal", "x")
	_, err := file.WriteAt(make([]byte, 1<<20), 0)
	require.NoError(b, err)
	d.Flush()
	stream := luck.Seed(1).Stream("cut")
	b.ReportAllocs()
	for b.Loop() {
		f := FS(d)
		file, _ := f.OpenFile("journal", os.O_RDWR, 0)
		if _, err := file.WriteAt(make([]byte, 2*PageSize), 5*PageSize); err != nil {
			b.Fatal(err)
		}
		d.LoseCache(stream)
	}
}

// What one crash of an enumeration costs, the recovery apart.
func BenchmarkEnumerateCrashes(b *testing.B) {
	d := fresh()
	file := put(b, FS(d), "journal", "x")
	d.Flush()
	_, err := file.WriteAt([]byte(string(make([]byte, 8*SectorSize))+"x"), 1)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range d.Crashes(64, luck.Stream{}) {
			n++
		}
		require.Positive(b, n)
	}
}
