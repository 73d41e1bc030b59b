package journal_test

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
)

// content is the files of a journal.
func content(t testing.TB, fs nodes.FS) map[string][]byte {
	files := map[string][]byte{}
	entries, err := fs.ReadDir("data/journal")
	if errors.Is(err, os.ErrNotExist) {
		return files
	}
	require.NoError(t, err)
	for _, entry := range entries {
		f, err := fs.OpenFile(path.Join("data/journal", entry.Name()), os.O_RDONLY, 0)
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

// If this failed, a bit that rots in the last record before a crash would be taken for what a crash leaves of a record that nobody
// was promised, and the record be cut off in silence.
func TestABitThatRotsAfterACrashIsToldOrLosesNothing(t *testing.T) {
	for _, options := range []journal.Options{tiny, {SegmentBytes: 3000, GrowBytes: 1, BatchBytes: 700}} {
		l := &ledger{}
		told, harmless, turn := 0, 0, 0
		everyCrash(t, disk.Trial{
			Limit: 24,
			Script: func(fs nodes.FS) error {
				return liveOn(fs, func(env nodes.Env) error {
					j, _, err := open(env, options)
					for i := 0; err == nil && i < 7; i++ {
						if err = l.commit(j, 1+i%4); err == nil && i == 3 {
							err = l.compact(j)
						}
					}
					return err // and no Close, which would prove the last record
				})
			},
			Recover: func(fs nodes.FS) error {
				files := content(t, fs)
				for _, name := range slices.Sorted(maps.Keys(files)) {
					const stride = 121 * 8 // in bits; over all crashes each bit has its turn
					for at := turn % stride; at < 8*len(files[name]); at += stride {
						turn += 7
						rotten := maps.Clone(files)
						rotten[name] = bytes.Clone(files[name])
						rotten[name][at/8] ^= 1 << (at % 8)
						err := l.recovers(options)(place(t, rotten))
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
		t.Log(told, "told,", harmless, "harmless")
		require.Greater(t, told, 500)
	}
}
