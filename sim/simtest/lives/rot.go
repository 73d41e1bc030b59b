package lives

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// Files is what the files of a folder hold, by their names; of one that is not there, nothing.
func Files(t testing.TB, disk nodes.FS, dir string) map[string][]byte {
	files := map[string][]byte{}
	entries, err := disk.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return files
	}
	require.NoError(t, err)
	for _, entry := range entries {
		f, err := disk.OpenFile(path.Join(dir, entry.Name()), os.O_RDONLY, 0)
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

// Place puts files into a folder of a disk of their own.
func Place(t testing.TB, dir string, files map[string][]byte) nodes.FS {
	fs := disk.FS(disk.New(luck.Stream{}, disk.Options{}))
	require.NoError(t, fs.MkdirAll(dir, 0o755))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := fs.OpenFile(path.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o644)
		require.NoError(t, err)
		_, err = f.WriteAt(files[name], 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return fs
}

// Rotten is files of which one has a bit turned round.
func Rotten(files map[string][]byte, name string, bit int) map[string][]byte {
	rotten := maps.Clone(files)
	rotten[name] = bytes.Clone(files[name])
	rotten[name][bit/8] ^= 1 << (bit % 8)
	return rotten
}

// EveryRot tries crashes after which a bit of a folder rots: either the recovery keeps its promise all the same, or it returns a
// Corruption. It returns how many it was told of. Between two bits that rot after one crash lie stride bytes, and over all
// crashes each bit has its turn.
func EveryRot[Corruption error](t *testing.T, trial disk.Trial, dir string, stride int) (told int) {
	t.Helper()
	harmless, turn, recovers := 0, 0, trial.Recover
	trial.Recover = func(fs nodes.FS) error {
		files := Files(t, fs, dir)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			for bit := turn % (8 * stride); bit < 8*len(files[name]); bit += 8 * stride {
				turn += 7
				err := recovers(Place(t, dir, Rotten(files, name, bit)))
				switch {
				case errors.As(err, new(Corruption)):
					told++
				case err != nil:
					return fmt.Errorf("bit %d of byte %d of %s: %w", bit%8, bit/8, name, err)
				default:
					harmless++
				}
			}
		}
		return nil
	}
	EveryCrash(t, trial)
	t.Log(told, "told,", harmless, "harmless")
	return told
}
