package disk

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/luck"
)

func fresh() *Disk { return New(luck.Seed(1).Stream("disk", "a"), Options{}) }

func put(t require.TestingT, f nodes.FS, name, data string) nodes.File {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte(data), 0)
	require.NoError(t, err)
	return file
}

func get(t require.TestingT, f nodes.FS, name string) string {
	file, err := f.OpenFile(name, os.O_RDONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	size, err := file.Size()
	require.NoError(t, err)
	data, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	require.NoError(t, err)
	return string(data)
}

// If this failed, nothing could be stored.
func TestWhatIsSyncedOutlivesThePower(t *testing.T) {
	for seed := range 50 {
		d := fresh()
		f := FS(d)
		file := put(t, f, "journal", "hello, world")
		require.NoError(t, file.Sync())
		require.NoError(t, f.SyncDir("."))
		require.False(t, d.Pending().Any())
		loss := d.LoseCache(luck.Seed(seed).Stream("cut"))
		require.False(t, loss.Any(), "%s", loss)
		require.Equal(t, "hello, world", get(t, FS(d), "journal"))
		require.ErrorIs(t, file.Sync(), os.ErrClosed)
	}
}
