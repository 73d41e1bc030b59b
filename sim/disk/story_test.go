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
