package disk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/sim/luck"
)

// fileOracle knows what a crash may leave of one file by keeping the whole file after every change. It
// knows nothing of pages, versions and barriers.
type fileOracle struct {
	contents []string // after each change; the first is durable
	cuts     []int    // where the change made it shorter; far away if it did not
}

func (o *fileOracle) now() string { return o.contents[len(o.contents)-1] }

func (o *fileOracle) write(off int, data string) {
	was := o.now()
	if len(was) < off {
		was += strings.Repeat("\x00", off-len(was))
	}
	end := min(off+len(data), len(was))
	o.add(was[:off]+data+was[end:], far)
}

func (o *fileOracle) truncate(size int) {
	was := o.now()
	switch {
	case size < len(was):
		o.add(was[:size], size)
	case size > len(was):
		o.add(was+strings.Repeat("\x00", size-len(was)), far)
	}
}

const far = 1 << 30

func (o *fileOracle) add(content string, cut int) {
	o.contents, o.cuts = append(o.contents, content), append(o.cuts, cut)
}

func (o *fileOracle) sync() { *o = fileOracle{contents: []string{o.now()}, cuts: []int{far}} }

// left gives all that a crash may leave: any of the sizes, and of each sector what it held at any moment:
// cut by the shrinks from then until the moment of the size; and not later than a shrink of it that
// comes after the moment of the size.
func (o *fileOracle) left() map[string]bool {
	all := map[string]bool{}
	for k := range o.contents {
		size := len(o.contents[k])
		states := []string{""}
		for at := 0; at < size; at += SectorSize {
			end := min(at+SectorSize, size)
			held := map[string]bool{}
			for j := range o.contents {
				if j > k && slices.Min(o.cuts[k+1:j+1]) < at+SectorSize {
					continue
				}
				content := o.contents[j]
				if j < k {
					content = content[:min(len(content), slices.Min(o.cuts[j+1:k+1]))]
				}
				padded := content + strings.Repeat("\x00", max(0, end-len(content)))
				held[padded[at:end]] = true
			}
			var longer []string
			for _, s := range states {
				for h := range held {
					longer = append(longer, s+h)
				}
			}
			states = longer
		}
		for _, s := range states {
			all[s] = true
		}
	}
	return all
}

// If this failed, an enumeration would leave out a crash that can happen, or invent one that cannot.
func TestWhatACrashLeavesOfAFile(t *testing.T) {
	largest := 0
	rapid.Check(t, func(t *rapid.T) {
		d := fresh()
		f := FS(d)
		file := put(t, f, "file", "")
		require.NoError(t, f.SyncDir("."))
		o := &fileOracle{}
		o.add("", far)
		for i := range rapid.IntRange(1, 7).Draw(t, "changes") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1, 2:
				off := rapid.SampledFrom([]int{0, 100, 500, 512, 1000, 4000, 4096, 5000}).Draw(t, "off")
				data := strings.Repeat(string(rune('a'+i)), rapid.IntRange(1, 700).Draw(t, "length"))
				_, err := file.WriteAt([]byte(data), int64(off))
				require.NoError(t, err)
				o.write(off, data)
			case 3, 4:
				size := rapid.SampledFrom([]int{0, 50, 512, 800, 4096, 4200, 6000}).Draw(t, "size")
				require.NoError(t, file.Truncate(int64(size)))
				o.truncate(size)
			case 5:
				require.NoError(t, file.Sync())
				o.sync()
			}
		}
		want := o.left()
		if len(want) > 2000 {
			t.Skip("too many to list")
		}
		largest = max(largest, len(want))
		got := map[string]bool{}
		for c := range d.Crashes(1<<20, luck.Stream{}) {
			got[get(t, FS(c), "file")] = true
		}
		require.Equal(t, o.now(), get(t, f, "file"))
		requireSame(t, want, got)
	})
	require.Greater(t, largest, 8, "the cases were too small to mean anything")
}

func requireSame(t require.TestingT, want, got map[string]bool) {
	for s := range want {
		require.True(t, got[s], "left out: %s", legible([]byte(s)))
	}
	for s := range got {
		require.True(t, want[s], "invented: %s", legible([]byte(s)))
	}
}

// namesOracle knows what a crash may leave of one directory: for each name what it referred to after any
// of the changes since the sync, where the two names of a rename are on the same side of it.
type namesOracle struct {
	held    []map[string]string // after each change; the first is durable
	renames map[int][2]string   // by the number of the change
}

func (o *namesOracle) change(f func(now map[string]string)) {
	now := maps.Clone(o.held[len(o.held)-1])
	f(now)
	o.held = append(o.held, now)
}

func (o *namesOracle) left(names []string) map[string]bool {
	all := map[string]bool{}
	at := make([]int, len(names))
	for {
		possible := true
		for change, pair := range o.renames {
			a, b := slices.Index(names, pair[0]), slices.Index(names, pair[1])
			possible = possible && (at[a] >= change) == (at[b] >= change)
		}
		if possible {
			left := map[string]string{}
			for i, name := range names {
				if content, is := o.held[at[i]][name]; is {
					left[name] = content
				}
			}
			all[fmt.Sprint(left)] = true
		}
		i := 0
		for i < len(at) && at[i] == len(o.held)-1 {
			at[i] = 0
			i++
		}
		if i == len(at) {
			return all
		}
		at[i]++
	}
}

// If this failed, a crash could tear a rename apart, or a recovery would not be shown a directory that it
// may find.
func TestWhatACrashLeavesOfADirectory(t *testing.T) {
	names := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		d := fresh()
		f := FS(d)
		o := &namesOracle{held: []map[string]string{{}}, renames: map[int][2]string{}}
		for i := range rapid.IntRange(1, 6).Draw(t, "changes") {
			now := o.held[len(o.held)-1]
			name := rapid.SampledFrom(names).Draw(t, "name")
			_, there := now[name]
			switch what := rapid.IntRange(0, 4).Draw(t, "what"); {
			case what == 4:
				require.NoError(t, f.SyncDir("."))
				o.held, o.renames = []map[string]string{now}, map[int][2]string{}
			case !there:
				content := fmt.Sprint("file ", i)
				require.NoError(t, put(t, f, name, content).Sync())
				o.change(func(now map[string]string) { now[name] = content })
			case what < 2:
				require.NoError(t, f.Remove(name))
				o.change(func(now map[string]string) { delete(now, name) })
			default:
				to := rapid.SampledFrom(names).Draw(t, "to")
				require.NoError(t, f.Rename(name, to))
				if to != name {
					o.renames[len(o.held)] = [2]string{name, to}
					o.change(func(now map[string]string) { now[to] = now[name]; delete(now, name) })
				}
			}
		}
		got := map[string]bool{}
		for c := range d.Crashes(1<<20, luck.Stream{}) {
			got[fmt.Sprint(listing(t, FS(c)))] = true
		}
		requireSame(t, o.left(names), got)
	})
}

func listing(t require.TestingT, f nodes.FS) map[string]string {
	left := map[string]string{}
	entries, err := f.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		left[e.Name()] = get(t, f, e.Name())
	}
	return left
}

// scramble does to a file system whatever rapid likes, with small files in a few directories.
func scramble(t *rapid.T, f nodes.FS, changes int) {
	names := []string{"a", "b", "d/a", "d/b", "e/a", "d/e/a", "d", "e", "d/e"}
	name := func() string { return rapid.SampledFrom(names).Draw(t, "name") }
	var files []nodes.File
	for i := range changes {
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0:
			_ = f.MkdirAll(name(), 0o755)
		case 1, 2:
			if file, err := f.OpenFile(name(), 2|0o100, 0o644); err == nil {
				files = append(files, file)
			}
		case 3:
			_ = f.Remove(name())
		case 4, 5:
			_ = f.Rename(name(), name())
		case 6:
			_ = f.SyncDir(name())
		default:
			if len(files) == 0 {
				continue
			}
			file := rapid.SampledFrom(files).Draw(t, "file")
			switch rapid.IntRange(0, 3).Draw(t, "with it") {
			case 0:
				_ = file.Sync()
			case 1:
				_ = file.Truncate(int64(rapid.IntRange(0, 9000).Draw(t, "size")))
			default:
				data := strings.Repeat(string(rune('a'+i%26)), rapid.IntRange(1, 600).Draw(t, "length"))
				_, _ = file.WriteAt([]byte(data), int64(rapid.IntRange(0, 5000).Draw(t, "off")))
			}
		}
	}
}

// If this failed, a seed's crash would be one that no enumeration shows, or some crash would never be
// drawn by any seed.
func TestASeedDrawsWhatTheEnumerationLists(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		d := fresh()
		scramble(t, FS(d), rapid.IntRange(1, 12).Draw(t, "changes"))
		if d.CrashWays(24) > 24 {
			t.Skip("too many to be drawn all")
		}
		listed := map[uint64]string{}
		for c := range d.Crashes(24, luck.Stream{}) {
			listed[c.Fingerprint()] = c.Dump()
		}
		drawn := map[uint64]bool{}
		stream := luck.Seed(rapid.Uint64().Draw(t, "seed")).Stream("crash")
		for range 40 * len(listed) * len(listed) {
			c := d.crashed(d.draw(&stream))
			require.Contains(t, listed, c.Fingerprint(), "drawn but not listed:\n%s", c.Dump())
			drawn[c.Fingerprint()] = true
			if len(drawn) == len(listed) {
				break
			}
		}
		for print, dump := range listed {
			require.True(t, drawn[print], "listed but not drawn:\n%s", dump)
		}
		compared += len(listed)
	})
	require.Greater(t, compared, 20)
}

// If this failed, LoseCache would leave what the enumeration does not know.
func TestLosingTheCacheIsOneOfTheCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := fresh()
		f := FS(d)
		scramble(t, f, rapid.IntRange(1, 25).Draw(t, "changes"))
		before, pending := d.Fingerprint(), d.Pending()
		seed := luck.Seed(rapid.Uint64().Draw(t, "seed"))
		stream := seed.Stream("crash")
		twin := d.crashed(d.draw(&stream))
		require.Equal(t, before, d.Fingerprint(), "looking at crashes changed the disk")

		loss := d.LoseCache(seed.Stream("crash"))
		require.Equal(t, twin.Dump(), d.Dump())
		require.Equal(t, twin.Fingerprint(), d.Fingerprint())
		require.Equal(t, pending.Bytes, loss.Unsynced)
		require.False(t, d.Pending().Any())
		if !pending.Any() {
			require.Equal(t, before, d.Fingerprint())
		}
		requireSound(t, d)
		after := d.Fingerprint()
		d.LoseCache(seed.Stream("again"))
		require.Equal(t, after, d.Fingerprint(), "nothing was pending")
	})
}

// requireSound checks what Disk and its parts say of themselves.
func requireSound(t require.TestingT, d *Disk) {
	used, alive, dirty := int64(0), 0, int64(0)
	listed := map[*inode]bool{}
	for _, n := range d.touched {
		require.True(t, n.listed)
		require.False(t, listed[n], "listed twice")
		listed[n] = true
	}
	seen := map[*inode]bool{}
	count := func(_ string, n *inode) {
		require.False(t, seen[n], "two names")
		seen[n] = true
		alive++
		lost := 0
		for number, p := range n.pages {
			require.Equal(t, number, p.number)
			if p.counted {
				used += PageSize
			}
			if end := n.size() - number*PageSize; end < PageSize {
				require.True(t, allZero(p.now[max(end, 0):]), "something lies beyond the end")
			}
			require.Equal(t, p.dirty, slices.Contains(n.dirty, p))
			require.Equal(t, p.lost, slices.Contains(n.lost, p))
			if !p.dirty && !p.lost {
				require.True(t, p.now == p.medium, "a clean page differs from the medium")
				require.Empty(t, p.older)
			}
			if p.lost {
				lost++
			}
			for i := range p.sectors {
				if p.sectors[i].seq == 0 && p.dirty {
					require.Equal(t, p.medium.sector(i), p.now.sector(i))
				}
			}
		}
		if n.dir == nil && (n.pending() || lost > 0) {
			require.True(t, listed[n], "pending but not listed")
		}
	}
	d.walk(d.root, "", count)
	for _, p := range d.processes {
		for _, f := range p.files {
			if !f.inode.linked && !seen[f.inode] {
				count("", f.inode)
			}
		}
	}
	for _, n := range d.touched {
		dirty += int64(len(n.dirty))*PageSize + int64(len(n.sizes)-1)*sizedMemory
		for _, p := range n.dirty {
			dirty += int64(len(p.older)) * SectorSize
		}
	}
	require.Equal(t, used, d.used, "space")
	require.Equal(t, alive, d.alive, "inodes")
	require.Equal(t, dirty, d.dirty, "dirty memory")
	if len(d.touched) == 0 {
		require.Zero(t, d.unsynced)
	}
}
