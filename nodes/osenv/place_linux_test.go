package osenv

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// If this failed, each sync of a journal would wait for the file system to find a place for what it holds; or
// growing a file would give it other bytes than zeros, or a disk's worth of them.
func TestAFileThatGrowsALittleHasItsPlaceOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	onHost(t, Options{DataDir: dir}, func(t *testing.T, env nodes.Env) {
		file, err := env.FS().OpenFile("journal", os.O_RDWR|os.O_CREATE, 0o644)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte("head"), 0)
		require.NoError(t, err)
		require.NoError(t, file.Truncate(256<<10))
		require.NoError(t, file.Sync())
		require.GreaterOrEqual(t, onDisk(t, filepath.Join(dir, "journal")), int64(256<<10))
		text := make([]byte, 256<<10)
		_, err = file.ReadAt(text, 0)
		require.NoError(t, err)
		require.Equal(t, append([]byte("head"), make([]byte, 256<<10-4)...), text)

		require.NoError(t, file.Truncate(1<<40))
		require.Less(t, onDisk(t, filepath.Join(dir, "journal")), int64(2<<20))
		require.NoError(t, file.Truncate(4))
		size, err := file.Size()
		require.NoError(t, err)
		require.Equal(t, int64(4), size)
		require.NoError(t, file.Close())
	})
}

// onDisk is how much of the disk a file takes.
func onDisk(t *testing.T, name string) int64 {
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}
