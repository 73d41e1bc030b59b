package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// deed is one thing that a life does with its journal.
type deed struct {
	what  string
	sizes []int // of the records that are committed together
}

// drawnLife is what a node does from an opening of its journal until it ends, one way or another.
type drawnLife struct {
	deeds []deed
	calls int    // of the disk, after which it is killed
	ends  string // what comes after it
}

func drawLife(t *rapid.T) (l drawnLife) {
	for range rapid.IntRange(0, 8).Draw(t, "deeds") {
		d := deed{what: rapid.SampledFrom([]string{"commit", "commit", "commit", "append", "compact", "fail a sync"}).Draw(t, "deed")}
		if d.what == "commit" || d.what == "append" {
			d.sizes = rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 3000)), 1, 5).Draw(t, "sizes")
		}
		l.deeds = append(l.deeds, d)
	}
	l.calls = 1 << 30
	if rapid.Bool().Draw(t, "is killed") {
		l.calls = rapid.IntRange(0, 80).Draw(t, "after calls")
	}
	l.ends = rapid.SampledFrom([]string{"with a close", "at once", "without power", "without power"}).Draw(t, "ends")
	return l
}

// write appends records of these sizes, and commits them together if told to.
func (l *ledger) write(j *journal.Journal, sizes []int, commits bool) error {
	var last journal.Position
	for _, size := range sizes {
		entry := fmt.Sprintf("%d/%d/%s", len(l.appended), l.life, strings.Repeat("x", size))
		at, err := j.Append([]byte(entry))
		if err != nil {
			return err
		}
		l.appended = append(l.appended, entry)
		last = at
	}
	if !commits {
		return nil
	}
	err := j.Commit(last)
	if err == nil {
		l.promised = len(l.appended)
	}
	return err
}

// holds sees that what was recovered is a beginning of what was appended with all in it that was promised. It is
// promised from then on.
func (l *ledger) holds(held []string) error {
	if len(held) < l.promised || len(held) > len(l.appended) || !slices.Equal(held, l.appended[:len(held)]) {
		return fmt.Errorf("of %d records of which %d were promised there are %d: %.200q", len(l.appended), l.promised, len(held), held)
	}
	l.appended, l.promised = slices.Clone(held), len(held)
	return nil
}

// live is one life. Errors are those that it must not end with.
func (l *ledger) live(d *disk.Disk, options journal.Options, life drawnLife) error {
	l.life++
	calls := life.calls
	err := lives.On(lives.Killed(disk.FS(d), &calls), func(env nodes.Env) error {
		j, held, err := open(env, options)
		if err != nil {
			return err
		}
		if err := l.holds(held); err != nil {
			return err
		}
		var faults []*disk.Fault
		for _, deed := range life.deeds {
			switch deed.what {
			case "compact":
				err = l.compact(j)
			case "fail a sync":
				faults = append(faults, d.FailSync(0, disk.Times{Next: 1}))
			default:
				err = l.write(j, deed.sizes, deed.what == "commit")
			}
			if err != nil {
				break
			}
		}
		if life.ends != "with a close" {
			calls = 0
		}
		closed := j.Close()
		if err == nil && closed == nil {
			l.promised = len(l.appended)
		}
		for _, fault := range faults {
			fault.Lift(0)
		}
		return errors.Join(err, closed)
	})
	if errors.Is(err, lives.ErrKilled) || errors.Is(err, journal.ErrBroken) {
		return nil
	}
	return err
}

func drawOptions(t *rapid.T) journal.Options {
	pick := func(name string, among ...nodes.Bytes) nodes.Bytes { return rapid.SampledFrom(among).Draw(t, name) }
	return journal.Options{SegmentBytes: pick("segment", 700, 1400, 5000, 1<<20), GrowBytes: pick("grow", 1, 512, 1024, 8192),
		BatchBytes: pick("batch", 1, 200, 4000)}
}

// If this failed, a node would forget what it had promised after some series of lives, deaths and failed syncs, or
// remember what never was.
func TestDrawnLivesLeaveWhatWasPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := luck.Seed(rapid.Uint64().Draw(t, "seed"))
		d := disk.New(seed.Stream("disk"), disk.Options{})
		options, l := drawOptions(t), &ledger{}
		for n := range rapid.IntRange(1, 6).Draw(t, "lives") {
			life := drawLife(t)
			require.NoError(t, l.live(d, options, life))
			if life.ends == "without power" {
				d.LoseCache(seed.Stream("power", fmt.Sprint(n)))
			}
		}
		require.NoError(t, l.live(d, options, drawnLife{calls: 1 << 30, ends: "with a close"}))
	})
}

// If this failed, a bit that rots on the disk would change what is remembered, and nobody would be told.
func TestRotIsToldAndNotServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := disk.New(luck.Seed(1).Stream("disk"), disk.Options{})
		options, l := drawOptions(t), &ledger{}
		for range rapid.IntRange(1, 3).Draw(t, "lives") {
			life := drawLife(t)
			life.calls, life.ends = 1<<30, "with a close"
			life.deeds = slices.DeleteFunc(life.deeds, func(d deed) bool { return d.what == "fail a sync" })
			require.NoError(t, l.live(d, options, life))
		}
		rot(t, disk.FS(d))
		var held []string
		err := lives.On(disk.FS(d), func(env nodes.Env) error {
			j, found, err := open(env, options)
			held = found
			if err != nil {
				return err
			}
			return j.Close()
		})
		if !errors.As(err, new(*journal.Corruption)) {
			require.NoError(t, err)
			require.True(t, slices.Equal(l.appended, held), "rot was served: %.200q, and not %.200q", held, l.appended)
		}
	})
}

// rot turns a bit of the journal over.
func rot(t *rapid.T, fs nodes.FS) {
	var names []string
	sizes := map[string]int64{}
	entries, err := fs.ReadDir("data/journal")
	require.NoError(t, err)
	for _, entry := range entries {
		f, err := fs.OpenFile(path.Join("data/journal", entry.Name()), os.O_RDONLY, 0)
		require.NoError(t, err)
		size, err := f.Size()
		require.NoError(t, err)
		require.NoError(t, f.Close())
		if size > 0 {
			names = append(names, entry.Name())
			sizes[entry.Name()] = size
		}
	}
	name := rapid.SampledFrom(names).Draw(t, "file")
	f, err := fs.OpenFile(path.Join("data/journal", name), os.O_RDWR, 0)
	require.NoError(t, err)
	b := make([]byte, 1)
	at := rapid.Int64Range(0, sizes[name]-1).Draw(t, "at")
	_, err = f.ReadAt(b, at)
	require.NoError(t, err)
	b[0] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	_, err = f.WriteAt(b, at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
