// Package lives answers how code that keeps files is tried without a world: it lives on a simulated disk that answers
// at once, is killed at any of its calls, loses its power at any moment, finds bits that rotted, and lives again.
package lives

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
	"simrun/sim/disk"
)

// On runs one life of a node whose files are there, and whose tasks are goroutines. All lives draw the same.
func On(fs nodes.FS, life func(env nodes.Env) error) error { return Drawing(1, fs, life) }

// Drawing is On for a life that draws what this seed gives.
func Drawing(seed uint64, fs nodes.FS, life func(env nodes.Env) error) error {
	host := osenv.New(osenv.Options{Seed: seed, Log: slog.New(slog.DiscardHandler)})
	return host.Run(func(env nodes.Env) error { return life(onDisk{env, fs}) })
}

type onDisk struct {
	nodes.Env
	fs nodes.FS
}

func (e onDisk) FS() nodes.FS { return e.fs }

// EveryCrash is disk.EveryCrash for a test: the first recovery that fails ends it.
func EveryCrash(t *testing.T, trial disk.Trial) disk.Tally {
	t.Helper()
	tally, err := disk.EveryCrash(trial)
	require.NoError(t, err)
	t.Log(tally)
	return tally
}
