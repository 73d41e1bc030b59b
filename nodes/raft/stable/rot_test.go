package stable_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// content is the files of a store.
func content(t *testing.T, fs nodes.FS) map[string][]byte {
	files := map[string][]byte{}
	entries, err := fs.ReadDir("raft")
	if errors.Is(err, os.ErrNotExist) {
		return files
	}
	require.NoError(t, err)
	for _, entry := range entries {
		f, err := fs.OpenFile(path.Join("raft", entry.Name()), os.O_RDONLY, 0)
		require.NoError(t, err)
		size, err := f.Size()
		require.NoError(t, err)
		data := make([]byte, size)
		if size > 0 {
			_, err = f.ReadAt(data, 0)
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
		files[entry.Name()] = data
	}
	return files
}

// place puts files on a disk of their own.
func place(t *testing.T, files map[string][]byte) nodes.FS {
	fs := disk.FS(disk.New(luck.Stream{}, disk.Options{}))
	require.NoError(t, fs.MkdirAll("raft", 0o755))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := fs.OpenFile(path.Join("raft", name), os.O_RDWR|os.O_CREATE, 0o644)
		require.NoError(t, err)
		_, err = f.WriteAt(files[name], 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return fs
}

// If this failed, a voter whose last record rots would come back as who it was, without the vote that it gave or the entries that
// it said it has, and might give another.
func TestABitThatRotsAfterACrashIsToldOrLosesNothing(t *testing.T) {
	a := &account{}
	told, harmless, turn := 0, 0, 0
	tally, err := disk.EveryCrash(disk.Trial{
		Limit:  32,
		Script: func(fs nodes.FS) error { return liveOn(fs, a.script) },
		Recover: func(fs nodes.FS) error {
			files := content(t, fs)
			for _, name := range slices.Sorted(maps.Keys(files)) {
				const stride = 97 * 8 // in bits; over all crashes each bit has its turn
				for at := turn % stride; at < 8*len(files[name]); at += stride {
					turn += 7
					rotten := maps.Clone(files)
					rotten[name] = bytes.Clone(files[name])
					rotten[name][at/8] ^= 1 << (at % 8)
					err := a.recovers(place(t, rotten))
					switch {
					case errors.As(err, new(*journal.Corruption)):
						told++
					case err != nil:
						return fmt.Errorf("bit %d of byte %d of %s: %w", at%8, at/8, name, err)
					default:
						harmless++
					}
				}
			}
			return nil
		},
	})
	require.NoError(t, err)
	t.Log(tally, told, "told,", harmless, "harmless")
	require.Greater(t, told, 2000)
}
