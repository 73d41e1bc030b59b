package disk

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/luck"
)

// If this failed, a page after a failed sync would still be written by the next one, as the authors of
// many databases believed.
func TestAFailedSyncAsOnLinux(t *testing.T) {
	lost, stayed, evicted := 0, 0, 0
	for seed := range 60 {
		d := New(luck.Seed(seed).Stream("disk"), Options{})
		p, err := d.Process(".")
		require.NoError(t, err)
		w := &instant{}
		f := p.FS(w)
		file := put(t, f, "wal", strings.Repeat("a", 2*PageSize))
		d.Flush()
		second, err := f.OpenFile("wal", os.O_RDONLY, 0)
		require.NoError(t, err)
		fault := d.FailSync(w.now, Times{Next: 1})
		written := strings.Repeat("b", 2*PageSize)
		_, err = file.WriteAt([]byte(written), 0)
		require.NoError(t, err)

		require.ErrorIs(t, file.Sync(), syscall.EIO)
		require.Equal(t, written, get(t, f, "wal"), "reads return the new bytes")
		require.NoError(t, file.Sync(), "it is told once")
		require.ErrorIs(t, second.Sync(), syscall.EIO, "to each that had the file open")
		require.NoError(t, second.Sync())
		third, err := f.OpenFile("wal", os.O_RDONLY, 0)
		require.NoError(t, err)
		require.NoError(t, third.Sync(), "who came later knows of nothing")
		require.EqualValues(t, 1, fault.Effects())
		require.False(t, d.Pending().Any(), "the next sync succeeded without writing")

		pages := func(content string) string { return content[:1] + content[PageSize:PageSize+1] }
		var left string
		for c := range d.Crashes(10, luck.Stream{}) {
			require.Empty(t, left, "nothing is pending, so there is one way")
			left = pages(get(t, FS(c), "wal"))
		}
		require.NotEqual(t, "bb", left, "a page at least was not written")
		if left == "aa" {
			lost++
		} else {
			stayed++
		}
		w.now += time.Second
		if now := pages(get(t, f, "wal")); now != "bb" {
			evicted++
			for i := range now {
				require.True(t, now[i] == 'b' || now[i] == left[i], "%s of %s", now, left)
			}
		}
		d.LoseCache(luck.Seed(seed).Stream("cut"))
		require.Equal(t, left, pages(get(t, FS(d), "wal")))
		requireSound(t, d)
	}
	require.Greater(t, lost, 5, "both pages")
	require.Greater(t, stayed, 5, "one of them")
	require.Greater(t, evicted, 5)
	require.Less(t, evicted, 55)
}

// If this failed, a page that is written to after a failed sync would be written back in part.
func TestWritingAgainSavesTheWholePage(t *testing.T) {
	d, f, file := settled(t, "wal", strings.Repeat("a", 1024))
	fault := d.FailSync(0, Times{})
	_, err := file.WriteAt([]byte("b"), 0)
	require.NoError(t, err)
	require.ErrorIs(t, file.Sync(), syscall.EIO)
	fault.Lift(0)
	a, b, c := strings.Repeat("a", 511), strings.Repeat("a", 88), strings.Repeat("a", 423)
	require.Equal(t, set("a"+a+b+"a"+c), ends(t, d, "wal"), "given up")
	_, err = file.WriteAt([]byte("c"), 600)
	require.NoError(t, err)
	require.Equal(t, set("a"+a+b+"a"+c, "b"+a+b+"a"+c, "a"+a+b+"c"+c, "b"+a+b+"c"+c), ends(t, d, "wal"))
	require.NoError(t, file.Sync())
	require.Equal(t, set(get(t, f, "wal")), ends(t, d, "wal"))
	require.Equal(t, "ba", get(t, f, "wal")[:2])
	requireSound(t, d)
}

// If this failed, an error that nobody had been told of would be forgotten.
func TestAnErrorWaitsForSomebodyToTell(t *testing.T) {
	d := New(luck.Seed(1).Stream("disk"), Options{DirtyLimit: 8 * PageSize})
	f := FS(d)
	file := put(t, f, "big", "")
	fault := d.FailSync(0, Times{Next: 1})
	for i := range 20 {
		_, err := file.WriteAt(make([]byte, PageSize), int64(i)*PageSize)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, fault.Effects(), "the kernel wrote back by itself, and failed")
	require.LessOrEqual(t, d.dirty, int64(9*PageSize+1024))
	late, err := f.OpenFile("big", os.O_RDWR, 0)
	require.NoError(t, err)
	require.ErrorIs(t, late.Sync(), syscall.EIO, "nobody had been told")
	require.ErrorIs(t, file.Sync(), syscall.EIO)
	require.NoError(t, file.Sync())
	requireSound(t, d)

	d.FailSync(0, Times{Next: 1})
	for i := range 20 {
		_, err := file.WriteAt(make([]byte, PageSize), int64(i)*PageSize)
		require.NoError(t, err)
	}
	later, err := f.OpenFile("big", os.O_RDWR, 0)
	require.NoError(t, err)
	require.ErrorIs(t, later.Sync(), syscall.EIO, "nor of the second one")
}

// If this failed, a file would grow with its bytes, although these were not written.
func TestASizeOutlivesAFailedSync(t *testing.T) {
	d, _, file := settled(t, "f", "")
	d.FailSync(0, Times{Next: 1})
	_, err := file.WriteAt([]byte("data"), 0)
	require.NoError(t, err)
	require.ErrorIs(t, file.Sync(), syscall.EIO)
	require.Equal(t, set("", "\x00\x00\x00\x00"), ends(t, d, "f"))
	require.NoError(t, file.Sync())
	require.Equal(t, set("\x00\x00\x00\x00"), ends(t, d, "f"))
}

// If this failed, a directory's failed sync would be taken for a good one.
func TestAFailedSyncOfADirectory(t *testing.T) {
	d := fresh()
	f := FS(d)
	for i := range 5 {
		put(t, f, fmt.Sprint(i), "")
	}
	fault := d.FailSync(0, Times{Next: 1})
	require.ErrorIs(t, f.SyncDir("."), syscall.EIO)
	require.EqualValues(t, 1, fault.Effects())
	require.NotZero(t, d.Pending().Entries)
	require.NoError(t, f.SyncDir("."))
	require.Zero(t, d.Pending().Entries)
	require.ErrorIs(t, f.SyncDir("nowhere"), syscall.ENOENT)
	require.ErrorIs(t, f.SyncDir("1"), syscall.ENOTDIR)
	root, err := f.OpenFile(".", os.O_RDONLY, 0)
	require.NoError(t, err)
	put(t, f, "more", "")
	require.NoError(t, root.Sync(), "fsync of a directory's descriptor")
	require.Zero(t, d.Pending().Entries)
}

// If this failed, a disk could hold more than it holds.
func TestAFullDisk(t *testing.T) {
	d := New(luck.Seed(1).Stream("disk"), Options{Capacity: 4 * PageSize, Inodes: 4})
	f := FS(d)
	file := put(t, f, "a", "")
	n, err := file.WriteAt(make([]byte, 5*PageSize), 100)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, 4*PageSize-100, n, "what fitted was written")
	require.Equal(t, d.Capacity(), d.Used())
	_, err = file.WriteAt([]byte("over"), 100)
	require.NoError(t, err, "overwriting needs no space")
	require.NoError(t, file.Truncate(1<<40), "nor does a hole")
	require.NoError(t, file.Truncate(PageSize))
	_, err = file.WriteAt(make([]byte, PageSize), PageSize)
	require.NoError(t, err, "what was cut off is free")

	fault := d.Fill(0, 0)
	_, err = file.WriteAt(make([]byte, 1), 2*PageSize)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.EqualValues(t, 1, fault.Effects())
	fault.Lift(0)
	_, err = file.WriteAt(make([]byte, 1), 2*PageSize)
	require.NoError(t, err)

	put(t, f, "b", "")
	put(t, f, "c", "")
	_, err = f.OpenFile("d", os.O_CREATE, 0)
	require.ErrorIs(t, err, syscall.ENOSPC, "no inode left")
	require.NoError(t, f.Remove("c"))
	_, err = f.OpenFile("d", os.O_CREATE, 0)
	require.ErrorIs(t, err, syscall.ENOSPC, "it is still open")
	_, err = file.WriteAt([]byte("x"), maxFileSize)
	require.ErrorIs(t, err, syscall.EFBIG)
	requireSound(t, d)
}

// If this failed, a slow disk would be fast, or a stalled one would never go on.
func TestSlowAndStalled(t *testing.T) {
	d := fresh()
	var told []*Op
	d.Changed = func(o *Op) { told = append(told, o) }
	p, err := d.Process(".")
	require.NoError(t, err)
	file := put(t, p.FS(&instant{}), "f", "data")
	require.NoError(t, file.Sync())
	_, err = file.WriteAt([]byte("more"), 4)
	require.NoError(t, err)
	f := p.files[0]

	op := f.BeginSync(time.Second)
	read := f.BeginRead(time.Second, make([]byte, 8), 0)
	calm := op.Due() - op.call
	require.Positive(t, calm)
	half := op.call + calm/2
	slow := d.Slow(half, 10_000, 0)
	require.True(t, len(told) == 1 && told[0] == op, "what is cached does not wait for the medium")
	require.InDelta(t, int64(half+10*(calm-calm/2)), int64(op.Due()), 10)
	stall := d.Stall(half + calm)
	require.Equal(t, Never, op.Due())
	require.Less(t, read.Due(), time.Second+time.Millisecond)
	require.NoError(t, read.Finish(read.Due()))
	require.Equal(t, 8, read.N())
	late := f.BeginSync(half + 2*calm)
	require.Equal(t, Never, late.Due())
	stall.Lift(time.Hour)
	stall.Lift(time.Hour)
	require.Greater(t, late.Due(), time.Hour)
	require.InDelta(t, int64(time.Hour+10*(calm-calm/2)-calm), int64(op.Due()), 20)
	slow.Lift(time.Hour)
	require.Less(t, op.Due(), time.Hour+calm)
	require.EqualValues(t, 2, stall.Effects())
	require.EqualValues(t, 2, slow.Effects())
	require.NoError(t, op.Finish(op.Due()))
	require.NoError(t, late.Finish(late.Due()))
	require.Empty(t, d.inflight)
}

// If this failed, the first read after a boot would cost nothing, or every one would cost.
func TestTheFirstReadAfterABootReachesTheMedium(t *testing.T) {
	d, _, _ := settled(t, "f", strings.Repeat("x", 2*PageSize))
	d.LoseCache(luck.Stream{})
	p, err := d.Process(".")
	require.NoError(t, err)
	stall := d.Stall(0)
	open := p.BeginOpen(0, "f", os.O_RDONLY, 0)
	require.Equal(t, Never, open.Due(), "not even the inode is cached")
	stall.Lift(0)
	require.NoError(t, open.Finish(open.Due()))
	f := open.File()
	read := f.BeginRead(0, make([]byte, 10), 0)
	require.Greater(t, read.Due(), 60*time.Microsecond)
	require.NoError(t, read.Finish(read.Due()))
	require.Less(t, f.BeginRead(0, make([]byte, 10), 0).Due(), 5*time.Microsecond)
	require.Greater(t, f.BeginRead(0, make([]byte, 10), PageSize).Due(), 60*time.Microsecond)
}

// If this failed, a bad sector would heal by itself or stay bad after being written.
func TestReadsThatFail(t *testing.T) {
	d, f, file := settled(t, "f", strings.Repeat("x", 3*PageSize))
	fault := d.FailRead(0, Times{})
	data := make([]byte, 3*PageSize)
	n, err := file.ReadAt(data, 0)
	require.ErrorIs(t, err, syscall.EIO)
	require.Zero(t, n)
	_, err = file.WriteAt(make([]byte, 10), 5)
	require.ErrorIs(t, err, syscall.EIO, "to write a part of a page, the page is read")
	require.ErrorIs(t, file.Truncate(100), syscall.EIO, "or to cut it")
	_, err = file.WriteAt(make([]byte, PageSize), 0)
	require.NoError(t, err)
	d.Evict(0)
	n, err = file.ReadAt(data, 0)
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, PageSize, n, "up to the bad page; what is dirty stays cached")
	require.EqualValues(t, 4, fault.Effects())
	require.NoError(t, file.Sync())
	d.Evict(0)
	_, err = file.ReadAt(data[:PageSize], 0)
	require.NoError(t, err, "a page that was written anew is good")
	fault.Lift(0)
	require.Len(t, get(t, f, "f"), 3*PageSize)

	d.FailRead(0, Times{Next: 1})
	_, err = file.ReadAt(data, 0)
	require.ErrorIs(t, err, syscall.EIO)
	_, err = file.ReadAt(data, 0)
	require.NoError(t, err)
}

// If this failed, bit rot would be no rot, or nobody would count that it was seen.
func TestBitRot(t *testing.T) {
	d, f, _ := settled(t, "dir-less", strings.Repeat("x", 700))
	require.Zero(t, d.Corrupt(0, Corruption{Prefix: "other"}).Fired())
	fault := d.Corrupt(0, Corruption{Prefix: "dir"})
	require.EqualValues(t, 1, fault.Fired())
	require.Zero(t, fault.Effects())
	read := get(t, f, "dir-less")
	require.NotEqual(t, strings.Repeat("x", 700), read)
	require.EqualValues(t, 1, fault.Effects())
	require.Equal(t, set(read), ends(t, d, "dir-less"), "on the medium too")
	d.LoseCache(luck.Stream{})
	require.Equal(t, read, get(t, FS(d), "dir-less"))
	require.EqualValues(t, 2, fault.Effects())

	g := FS(d)
	file, err := g.OpenFile("dir-less", os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte(strings.Repeat("y", 700)), 0)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	require.Equal(t, strings.Repeat("y", 700), get(t, g, "dir-less"))
	require.EqualValues(t, 2, fault.Effects(), "what was written anew is sound")
}

// If this failed, a misdirected write would hit what it was meant for.
func TestAMisdirectedWrite(t *testing.T) {
	struck := 0
	for seed := range 20 {
		d := New(luck.Seed(seed).Stream("disk"), Options{})
		f := FS(d)
		put(t, f, "victim", strings.Repeat("v", 512))
		file := put(t, f, "wal", strings.Repeat("a", 512))
		d.Flush()
		fault := d.MisdirectWrite(0, Times{Next: 1})
		_, err := file.WriteAt([]byte("new"), 0)
		require.NoError(t, err)
		require.NoError(t, file.Sync())
		require.Equal(t, "new", get(t, f, "wal")[:3], "the cache has it right")
		require.EqualValues(t, 1, fault.Fired())
		requireSound(t, d)
		d.LoseCache(luck.Stream{})
		g := FS(d)
		require.Equal(t, strings.Repeat("a", 512), get(t, g, "wal"))
		if v := get(t, g, "victim"); v[0] != 'v' {
			struck++
			require.Equal(t, "newaaa", v[:6])
		}
		require.Positive(t, fault.Effects())
	}
	require.Equal(t, 20, struck, "there is but one other sector")
}

// If this failed, something would be left of a disk that was wiped.
func TestAWipedDisk(t *testing.T) {
	d, f, file := settled(t, "f", "data")
	put(t, f, "g", "pending")
	fault := d.Wipe(0)
	require.EqualValues(t, 2, fault.Effects())
	_, err := file.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorIs(t, file.Sync(), syscall.EIO)
	_, err = f.Stat("f")
	require.ErrorIs(t, err, syscall.EIO)
	require.NoError(t, file.Close())
	g := FS(d)
	list, err := g.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, list)
	put(t, g, "f", "new")
	require.Equal(t, "f 3 \"new\"\n", d.Dump())
	requireSound(t, d)
}

// If this failed, taking one fault out of a plan would change where the others strike.
func TestFaultsDoNotShareTheirLuck(t *testing.T) {
	struck := func(also bool, at time.Duration) (failed string) {
		d := fresh()
		f := FS(d)
		file := put(t, f, "f", "")
		if also {
			d.FailRead(0, Times{Rate: nodes.PerMillion / 2})
			d.FailSync(0, Times{Rate: 1})
		}
		d.FailSync(at, Times{Rate: nodes.PerMillion / 2})
		for i := range 40 {
			_, err := file.WriteAt(make([]byte, PageSize), int64(i)*PageSize)
			require.NoError(t, err)
			failed += fmt.Sprint(file.Sync() != nil, " ")
		}
		return failed
	}
	require.Equal(t, struck(false, 7), struck(true, 7))
	require.NotEqual(t, struck(false, 7), struck(false, 8))
}

// If this failed, a disk that answers late, but works at full speed, could not be had.
func TestALagIsAddedToWhatTheMediumDoes(t *testing.T) {
	due := func(lag time.Duration) time.Duration {
		d := New(luck.Seed(1).Stream("disk"), Options{})
		p, err := d.Process(".")
		require.NoError(t, err)
		if lag > 0 {
			d.Slow(0, 1000, lag)
		}
		o := p.BeginOpen(0, "f", os.O_RDWR|os.O_CREATE, 0o644)
		require.NoError(t, o.Finish(o.Due()))
		w := o.File().BeginWrite(o.Due(), []byte("x"), 0)
		require.NoError(t, w.Finish(w.Due()))
		return o.File().BeginSync(w.Due()).Due()
	}
	require.Equal(t, due(0)+200*time.Millisecond, due(200*time.Millisecond))
}
