package lives

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// BenchDir is a folder on a real disk: the system's temporary one may be in memory.
func BenchDir(b *testing.B) string {
	dir, err := os.MkdirTemp(".", "bench-")
	require.NoError(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// OnRealDisk runs one life of a node with its files in a folder.
func OnRealDisk(b *testing.B, dir string, life func(env nodes.Env) error) {
	b.Helper()
	require.NoError(b, osenv.New(osenv.Options{DataDir: dir}).Run(life))
}

// Together measures what b.N times takes that so many tasks share, each doing it again once it is done.
func Together(b *testing.B, env nodes.Env, tasks int, do func() error) error {
	left := b.N
	b.ResetTimer()
	var all []nodes.Task
	for range tasks {
		all = append(all, env.Go("bench", func() {
			for left > 0 {
				left--
				if err := do(); err != nil {
					b.Error(err)
				}
			}
		}))
	}
	for _, task := range all {
		if err := task.Join(); err != nil {
			return err
		}
	}
	b.StopTimer()
	return nil
}
