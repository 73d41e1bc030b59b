package journal_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// image is the files of a journal after some records, on a real-sized disk.
func image(t testing.TB, options journal.Options, records int, closed bool) (files map[string][]byte, held []string) {
	fs := disk.FS(disk.New(luck.Stream{}, disk.Options{}))
	require.NoError(t, lives.On(fs, func(env nodes.Env) error {
		l := &ledger{}
		j, _, err := open(env, options)
		for i := 0; err == nil && i < records; i++ {
			if err = l.commit(j, 1); err == nil && i == records/2 {
				err = l.compact(j)
			}
		}
		held = l.appended
		if err == nil && closed {
			err = j.Close()
		}
		return err
	}))
	return lives.Files(t, fs, "data/journal"), held
}

// If this failed, a bit that rots in acknowledged records would silently cut off all that follows, or
// be believed.
func TestCorruptionInTheMiddleIsTold(t *testing.T) {
	files, held := image(t, tiny, 24, true)
	told, harmless := 0, 0
	for name, data := range files {
		for at := 0; at < len(data); at += 7 {
			var found []string
			err := lives.On(lives.Place(t, "data/journal", lives.Rotten(files, name, 8*at+at%8)), func(env nodes.Env) error {
				j, held, err := open(env, tiny)
				found = held
				if err != nil {
					return err
				}
				return j.Close()
			})
			var corruption *journal.Corruption
			switch {
			case errors.As(err, &corruption):
				told++
				require.Equal(t, name, corruption.File)
				require.LessOrEqual(t, corruption.Offset, int64(at))
			case err != nil:
				t.Fatal(err)
			case slices.Equal(found, held):
				harmless++ // padding, the mark itself, or the zeros after the end
			default:
				t.Fatalf("bit %d of byte %d of %s changed what is recovered:\n%q", at%8, at, name, found)
			}
		}
	}
	t.Log(told, "told,", harmless, "harmless")
	require.Greater(t, told, 500)
}

// If this failed, the last record of a journal at rest could rot unnoticed.
func TestAfterAQuietTimeTheLastRecordIsProvenToo(t *testing.T) {
	d := disk.New(luck.Stream{}, disk.Options{})
	require.NoError(t, lives.On(disk.FS(d), func(env nodes.Env) error {
		l := &ledger{}
		j, _, err := open(env, journal.Options{Settle: time.Millisecond})
		require.NoError(t, err)
		require.NoError(t, l.commit(j, 1))
		size := j.LogBytes()
		for range 1000 {
			if j.LogBytes() > size && !d.Pending().Any() {
				break
			}
			require.NoError(t, env.Sleep(time.Millisecond))
		}
		require.Equal(t, size+40, j.LogBytes())
		return nil
	}))
	d.LoseCache(luck.Stream{}) // nothing is lost, but the process is gone
	f, err := disk.FS(d).OpenFile("data/journal/0000000000000001.log", os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{0xff}, 512+40)
	require.NoError(t, err)
	var corruption *journal.Corruption
	require.ErrorAs(t, lives.On(disk.FS(d), func(env nodes.Env) error {
		_, _, err := open(env, journal.Options{})
		return err
	}), &corruption)
	require.EqualValues(t, 512, corruption.Offset)
}

// If this failed, a file that the disk lost would take its records along in silence.
func TestAMissingFileIsTold(t *testing.T) {
	files, held := image(t, tiny, 24, false)
	last := ""
	for name := range files {
		if strings.HasSuffix(name, ".log") {
			last = max(last, name)
		}
	}
	for name := range files {
		if name == "lock" {
			continue
		}
		rest := maps.Clone(files)
		delete(rest, name)
		err := lives.On(lives.Place(t, "data/journal", rest), func(env nodes.Env) error {
			_, found, err := open(env, tiny)
			require.NotEqual(t, held, found)
			return err
		})
		var corruption *journal.Corruption
		if name == last {
			continue // nothing else says that there was one
		}
		require.ErrorAs(t, err, &corruption, name)
	}
}

// If this failed, a client could make a journal look corrupt, or grow records that were never
// appended, by sending bytes that look like frames: here another journal's, just where that had them.
func TestPayloadsAreNeverTakenForFrames(t *testing.T) {
	files, _ := image(t, journal.Options{}, 6, true)
	forged := append(files["0000000000000002.log"], bytes.Repeat([]byte{'x'}, 600)...)
	const before = 512 + 40 + 3 // the header, the frame's head, the record's length
	dir := t.TempDir()
	onHost(t, dir, func(env nodes.Env) error {
		j, _, err := recall(env, journal.Options{})
		require.NoError(t, err)
		require.NoError(t, write(j, string(forged[before:])))
		return nil // no Close: nothing proves the frame
	})
	name := filepath.Join(dir, "journal", "0000000000000001.log")
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, forged[before:1024], data[before:1024])
	clear(data[(len(forged)-1)&^511:]) // a torn tail
	require.NoError(t, os.WriteFile(name, data, 0o644))
	onHost(t, dir, func(env nodes.Env) error {
		j, seen, err := recall(env, journal.Options{})
		require.NoError(t, err)
		require.Empty(t, seen)
		require.Positive(t, j.Recovery().Torn)
		return j.Close()
	})
}

// If this failed, a damaged or malicious file could crash its reader or take all its memory.
func FuzzRecovery(f *testing.F) {
	files, _ := image(f, tiny, 8, true)
	for _, data := range files {
		f.Add(data, false)
		f.Add(data, true)
	}
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, data []byte, snapshot bool) {
		name := "0000000000000001.log"
		if snapshot {
			name = "0000000000000001.snap"
		}
		_ = lives.On(lives.Place(t, "data/journal", map[string][]byte{name: data}), func(env nodes.Env) error {
			j, held, err := open(env, journal.Options{})
			if err != nil {
				return err
			}
			again := j.Recovery()
			require.LessOrEqual(t, int(again.Bytes), len(data))
			require.LessOrEqual(t, len(held), len(data))
			return j.Close()
		})
	})
}
