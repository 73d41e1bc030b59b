package disk

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/luck"
)

// ends gives the contents that a file may have after a crash, "-" where it is missing.
func ends(t require.TestingT, d *Disk, name string) map[string]bool {
	all := map[string]bool{}
	for c := range d.Crashes(1<<16, luck.Stream{}) {
		if _, err := FS(c).Stat(name); err != nil {
			all["-"] = true
			continue
		}
		all[get(t, FS(c), name)] = true
	}
	return all
}

func set(states ...string) map[string]bool {
	all := map[string]bool{}
	for _, s := range states {
		all[s] = true
	}
	return all
}

func settled(t require.TestingT, name, data string) (*Disk, nodes.FS, nodes.File) {
	d := fresh()
	f := FS(d)
	file := put(t, f, name, data)
	d.Flush()
	require.False(t, d.Pending().Any())
	return d, f, file
}

// If this failed, kill -9 would lose what the kernel holds.
func TestAProcessDiesAndTheKernelLives(t *testing.T) {
	d := fresh()
	p, err := d.Process(".")
	require.NoError(t, err)
	f := p.FS(&instant{})
	file := put(t, f, "journal", "written, not synced")
	_, err = f.Lock("lock")
	require.NoError(t, err)
	_, err = f.Lock("lock")
	require.ErrorIs(t, err, syscall.EWOULDBLOCK)
	other, err := d.Process(".")
	require.NoError(t, err)
	_, err = other.FS(&instant{}).Lock("lock")
	require.ErrorIs(t, err, syscall.EWOULDBLOCK, "another process has it")
	under := p.BeginStat(0, "journal")

	p.Exit()
	require.Panics(t, func() { under.Finish(time.Hour) }, "nobody waits for it any more")
	_, err = file.WriteAt([]byte("from the grave"), 0)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, f.Rename("journal", "stolen"), fs.ErrClosed)
	require.NoError(t, func() error { p.Exit(); return nil }())

	g := other.FS(&instant{})
	require.Equal(t, "written, not synced", get(t, g, "journal"))
	lock, err := g.Lock("lock")
	require.NoError(t, err, "the lock went with its owner")
	require.NoError(t, lock.Close())
	require.EqualValues(t, len("written, not synced"), d.Pending().Bytes, "and power can still take it")
}

// If this failed, a file could survive without anybody having synced its directory.
func TestAFilesEntryIsNotTheFiles(t *testing.T) {
	d := fresh()
	f := FS(d)
	file := put(t, f, "new", "data")
	require.NoError(t, file.Sync())
	require.Equal(t, Pending{Entries: 1}, d.Pending())
	require.Equal(t, set("-", "data"), ends(t, d, "new"))
	require.NoError(t, f.SyncDir("."))
	require.Equal(t, set("data"), ends(t, d, "new"))

	require.NoError(t, f.Remove("new"))
	require.Equal(t, set("-", "data"), ends(t, d, "new"), "nor is its end the end of it")
}

// If this failed, size and bytes would land together, as they do on no real disk.
func TestSizeAndBytesLandApart(t *testing.T) {
	d, _, file := settled(t, "log", "old")
	_, err := file.WriteAt([]byte("+new"), 3)
	require.NoError(t, err)
	require.Equal(t, set("old", "old\x00\x00\x00\x00", "old+new"), ends(t, d, "log"))
	require.EqualValues(t, 4, d.CrashWays(100), "beyond the old size nobody asks what landed, but within its sector")

	_, err = file.WriteAt([]byte("!"), 600)
	require.NoError(t, err)
	require.EqualValues(t, 2+2+4, d.CrashWays(100), "with the shorter sizes nobody asks for the last sector")
	far := func(head, last string) string { return head + strings.Repeat("\x00", 600-len(head)) + last }
	require.Equal(t, set("old", "old\x00\x00\x00\x00", "old+new", far("old", "\x00"), far("old", "!"),
		far("old+new", "\x00"), far("old+new", "!")), ends(t, d, "log"))
}

// If this failed, what one sector of a write came to would tell of the others.
func TestSectorsLandApart(t *testing.T) {
	d, _, file := settled(t, "page", strings.Repeat("a", 1536))
	_, err := file.WriteAt([]byte(strings.Repeat("b", 1536)), 0)
	require.NoError(t, err)
	all := ends(t, d, "page")
	require.Len(t, all, 8)
	require.Contains(t, all, strings.Repeat("b", 512)+strings.Repeat("a", 512)+strings.Repeat("b", 512))
}

// If this failed, a crash could bring a version back that had been synced over.
func TestASectorEndsInOneOfItsVersions(t *testing.T) {
	d, _, file := settled(t, "counter", "0")
	for i := 1; i <= 3; i++ {
		_, err := file.WriteAt([]byte{'0' + byte(i)}, 0)
		require.NoError(t, err)
	}
	require.Equal(t, set("0", "1", "2", "3"), ends(t, d, "counter"))
	require.NoError(t, file.Sync())
	require.Equal(t, set("3"), ends(t, d, "counter"))
}

// If this failed, old bytes would shine through a file that was cut and grew again.
func TestAShrinkIsABarrier(t *testing.T) {
	d, _, file := settled(t, "f", "secret")
	require.NoError(t, file.Truncate(0))
	require.NoError(t, file.Truncate(6))
	require.Equal(t, set("secret", "", "\x00\x00\x00\x00\x00\x00"), ends(t, d, "f"))
}

// If this failed, a rename could leave both names, or neither.
func TestARenameIsWhole(t *testing.T) {
	d, f, _ := settled(t, "new", "2")
	put(t, f, "old", "1")
	d.Flush()
	require.NoError(t, f.Rename("new", "old"))
	for c := range d.Crashes(100, luck.Stream{}) {
		require.Contains(t, []string{"map[new:2 old:1]", "map[old:2]"}, fmt.Sprint(listing(t, FS(c))))
	}
	require.EqualValues(t, 2, d.CrashWays(100))

	require.NoError(t, f.MkdirAll("d", 0o755))
	require.NoError(t, f.Rename("old", "d/moved"))
	require.NoError(t, f.SyncDir("d"))
	require.Equal(t, set("2"), ends(t, d, "d/moved"), "syncing either side makes it durable, with what it stands on")
}

// If this failed, syncing one directory would sync them all, or a move of a directory would need more to
// have landed than there is.
func TestDirectoriesLandApart(t *testing.T) {
	d := fresh()
	f := FS(d)
	require.NoError(t, f.MkdirAll("a", 0o755))
	require.NoError(t, f.MkdirAll("b", 0o755))
	d.Flush()
	put(t, f, "a/x", "")
	put(t, f, "b/y", "")
	require.NoError(t, f.SyncDir("a"))
	require.Equal(t, 1, d.Pending().Entries)
	require.NoError(t, f.Rename("b", "c"))
	left := map[string]bool{}
	for c := range d.Crashes(100, luck.Stream{}) {
		left[strings.ReplaceAll(c.Dump(), "\n", " ")] = true
	}
	require.Equal(t, set("a/ a/x 0  b/ ", "a/ a/x 0  b/ b/y 0  ", "a/ a/x 0  c/ ", "a/ a/x 0  c/ c/y 0  "), left)
}

// If this failed, a seed could draw a change without those it stands on.
func TestADrawnChangeHasWhatItStandsOn(t *testing.T) {
	drawn := map[string]bool{}
	for seed := range 300 {
		d := fresh()
		f := FS(d)
		require.NoError(t, put(t, f, "a", "1").Sync())
		require.NoError(t, f.Rename("a", "b"))
		require.NoError(t, put(t, f, "a", "2").Sync())
		loss := d.LoseCache(luck.Seed(seed).Stream("cut"))
		left := fmt.Sprint(listing(t, FS(d)))
		require.Equal(t, left != "map[a:2 b:1]", loss.Any())
		drawn[left] = true
	}
	require.Equal(t, set("map[]", "map[a:1]", "map[b:1]", "map[a:2 b:1]"), drawn)
}

// If this failed, a crash with much at risk would always lose about half of it.
func TestSomeCrashesLoseAllAndSomeNothing(t *testing.T) {
	lost, torn := map[int64]int{}, 0
	const written = 60 * SectorSize
	for seed := range 200 {
		d, _, file := settled(t, "f", strings.Repeat("a", written))
		_, err := file.WriteAt([]byte(strings.Repeat("b", written)), 0)
		require.NoError(t, err)
		loss := d.LoseCache(luck.Seed(seed).Stream("cut"))
		require.EqualValues(t, written, loss.Unsynced)
		require.EqualValues(t, strings.Count(get(t, FS(d), "f"), "a"), loss.Bytes)
		lost[loss.Bytes]++
		torn += loss.Torn
		require.Equal(t, loss.Bytes > 0 && loss.Bytes < written, loss.Torn == 1, "%s", loss)
	}
	require.Greater(t, lost[0], 15)
	require.Greater(t, lost[written], 15)
	require.Greater(t, torn, 80)
	require.Greater(t, len(lost), 15)
}

// If this failed, a disk would be written to through a copy of it, or the other way round.
func TestACrashIsACopy(t *testing.T) {
	d, f, file := settled(t, "f", strings.Repeat("a", 2*PageSize))
	_, err := file.WriteAt([]byte("b"), 0)
	require.NoError(t, err)
	var copies []*Disk
	var prints []uint64
	for c := range d.Crashes(10, luck.Stream{}) {
		copies, prints = append(copies, c), append(prints, c.Fingerprint())
	}
	require.Len(t, copies, 2)
	for i := range 40 {
		for _, g := range []nodes.FS{f, FS(copies[0])} {
			file := put(t, g, "f", strings.Repeat(string(rune('c'+i%20)), (2+i%5)*PageSize))
			require.NoError(t, file.Sync())
			require.NoError(t, file.Truncate(0))
			require.NoError(t, file.Sync())
		}
		require.Equal(t, prints[1], copies[1].Fingerprint())
	}
}

// If this failed, changes of names could pile up for ever.
func TestTheFileSystemCommitsItsJournalUnasked(t *testing.T) {
	d := fresh()
	f := FS(d)
	for range 3 * maxChanges {
		put(t, f, "f", "").Close()
		require.NoError(t, f.Remove("f"))
		require.LessOrEqual(t, d.Pending().Entries, maxChanges)
	}
	require.Greater(t, d.Pending().Entries, maxChanges/4)
	requireSound(t, d)
}

// If this failed, moving directories about could lose files that had been durable all along.
func TestMovesLoseNoFile(t *testing.T) {
	d := fresh()
	f := FS(d)
	require.NoError(t, f.MkdirAll("a/b", 0o755))
	put(t, f, "a/b/treasure", "gold")
	d.Flush()
	require.NoError(t, f.Rename("a/b", "b"))
	require.NoError(t, f.Rename("a", "b/a"))
	require.NoError(t, f.Rename("b/treasure", "treasure"))
	require.NoError(t, f.Remove("b/a"))
	require.NoError(t, f.Remove("b"))
	require.NoError(t, f.MkdirAll("new/place", 0o755))
	require.NoError(t, f.Rename("treasure", "new/place/treasure"))
	ways := 0
	for c := range d.Crashes(1000, luck.Stream{}) {
		ways++
		require.Contains(t, c.Dump(), `treasure 4 "gold"`)
	}
	require.Greater(t, ways, 5)
}

// If this failed, a file without a name would vanish under those who have it open.
func TestAFileWithoutANameLivesWhileItIsOpen(t *testing.T) {
	d, f, file := settled(t, "f", strings.Repeat("x", 5000))
	used := d.Used()
	require.NoError(t, f.Remove("f"))
	put(t, f, "f", "another").Close()
	_, err := file.WriteAt([]byte("still"), 0)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	data := make([]byte, 5)
	_, err = file.ReadAt(data, 0)
	require.NoError(t, err)
	require.Equal(t, "still", string(data))
	require.Equal(t, "another", get(t, f, "f"))
	require.Equal(t, used+PageSize, d.Used(), "it takes space")
	require.NoError(t, file.Close())
	require.EqualValues(t, PageSize, d.Used(), "until it is closed")
}

// If this failed, a sync would promise too much, or a crash in its midst would be no crash.
func TestASyncPromisesWhatWasThereWhenItBegan(t *testing.T) {
	d := fresh()
	p, err := d.Process(".")
	require.NoError(t, err)
	file := put(t, p.FS(&instant{}), "f", "1")
	d.Flush()
	f := p.files[0]
	_, err = file.WriteAt([]byte("2"), 0)
	require.NoError(t, err)

	sync := f.BeginSync(0)
	require.Greater(t, sync.Due(), 300*time.Microsecond)
	require.Equal(t, set("1", "2"), ends(t, d, "f"), "in its midst")
	_, err = file.WriteAt([]byte("3"), 0)
	require.NoError(t, err)
	require.NoError(t, sync.Finish(sync.Due()))
	require.Equal(t, set("2", "3"), ends(t, d, "f"))
	require.EqualValues(t, 1, d.Pending().Bytes)

	sync = f.BeginSync(0)
	for _, later := range []string{"4", "5", "6"} {
		_, err = file.WriteAt([]byte(later), 0)
		require.NoError(t, err)
	}
	require.NoError(t, sync.Finish(sync.Due()))
	require.Equal(t, set("3", "4", "5", "6"), ends(t, d, "f"))
	require.NoError(t, file.Sync())
	_, err = file.WriteAt([]byte("3"), 0)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	_, err = file.WriteAt([]byte("2"), 0)
	require.NoError(t, err)

	sync = f.BeginSync(0)
	sync.Abandon()
	require.Equal(t, set("2", "3"), ends(t, d, "f"))
	require.Panics(t, func() { sync.Finish(Never) })
	sync = f.BeginSync(0)
	require.Panics(t, func() { sync.Finish(0) }, "it was not due")
}

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
		w.now += time.Minute
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
	slow := d.Slow(half, 10_000)
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
	d, f, file := settled(t, "dir-less", strings.Repeat("x", 700))
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

// If this failed, processes of one machine would see each other's files, or a limit of descriptors would
// not hold.
func TestProcessesHaveRootsAndLimits(t *testing.T) {
	d := fresh()
	a, err := d.Process("srv/a")
	require.NoError(t, err)
	b, err := d.Process("srv/b")
	require.NoError(t, err)
	require.False(t, d.Pending().Any(), "roots are durable")
	free := 2
	a.Acquire = func() error {
		if free == 0 {
			return syscall.EMFILE
		}
		free--
		return nil
	}
	a.Release = func() { free++ }
	put(t, a.FS(&instant{}), "x", "of a")
	_, err = b.FS(&instant{}).Stat("x")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = a.FS(&instant{}).OpenFile("nowhere", os.O_RDONLY, 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	put(t, a.FS(&instant{}), "y", "")
	_, err = a.FS(&instant{}).OpenFile("x", os.O_RDONLY, 0)
	require.ErrorIs(t, err, syscall.EMFILE)
	require.Equal(t, 2, a.OpenFiles())
	a.Exit()
	require.Equal(t, 2, free)
	require.Equal(t, "srv/\nsrv/a/\nsrv/a/x 4 \"of a\"\nsrv/a/y 0 \nsrv/b/\n", d.Dump())
	_, err = d.Process("srv/a/x")
	require.ErrorIs(t, err, syscall.ENOTDIR)
	_, err = d.Process("../x")
	require.ErrorIs(t, err, syscall.EINVAL)
}

// If this failed, a cancelled task would still write.
func TestATaskThatDoesNotWaitChangesNothing(t *testing.T) {
	d := fresh()
	p, err := d.Process(".")
	require.NoError(t, err)
	f := p.FS(&instant{})
	file := put(t, f, "f", "data")
	d.Flush()
	_, err = file.WriteAt([]byte("more"), 0)
	require.NoError(t, err)
	d.Stall(0)
	require.ErrorIs(t, file.Sync(), errStalled)
	require.Empty(t, d.inflight)
	require.True(t, d.Pending().Any())
	_, err = file.ReadAt(make([]byte, 5), 0)
	require.ErrorIs(t, err, io.EOF)
}
