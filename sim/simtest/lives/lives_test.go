package lives

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/disk"
)

// errRotten is what the toy below says of a file that is not what it wrote.
type errRotten struct{ error }

// keep is a toy of code with a file: a word, and the same word again by which rot is told.
func keep(fs nodes.FS) error {
	return On(fs, func(env nodes.Env) error {
		if err := env.FS().MkdirAll("kept", 0o755); err != nil {
			return err
		}
		f, err := env.FS().OpenFile("kept/word", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("wordword"), 0)
		return errors.Join(err, f.Sync(), f.Close(), env.FS().SyncDir("kept"))
	})
}

// If this failed, tests of what is killed would let all of it happen.
func TestWhoIsKilledDoesNothingMore(t *testing.T) {
	fs := Place(t, "kept", nil)
	for calls := range 4 {
		left := calls
		require.ErrorIs(t, keep(Killed(fs, &left)), ErrKilled)
		require.Negative(t, left)
		want := map[string][]byte{}
		if calls > 0 {
			want["word"] = []byte{}
		}
		if calls > 1 {
			want["word"] = []byte("wordword")
		}
		require.Equal(t, want, Files(t, fs, "kept"), "%d calls", calls)
	}
	left := 4
	require.NoError(t, keep(Killed(fs, &left)))
	require.Zero(t, left)
}

// If this failed, no life would be cut short, or the last would not be tried.
func TestEachCallIsTheLastOfSomeLife(t *testing.T) {
	lives, ended := 0, 0
	EveryKill(t, 1, func() disk.Trial {
		return disk.Trial{Script: func(fs nodes.FS) error {
			lives++
			err := keep(fs)
			if err == nil {
				ended++
			}
			return err
		}, Recover: keep}
	})
	require.Equal(t, 12, lives) // in the sixth trial the first life has a call left
	require.Equal(t, 6+2, ended)
}

// If this failed, rot would be tried that is none, or what a recovery says of it would not be heard.
func TestEachBitRotsAfterSomeCrash(t *testing.T) {
	told := EveryRot[errRotten](t, disk.Trial{Script: keep, Recover: func(fs nodes.FS) error {
		if word := string(Files(t, fs, "kept")["word"]); len(word) == 8 && word[:4] != word[4:] {
			return errRotten{errors.New(word)}
		}
		return nil
	}}, "kept", 1)
	require.Positive(t, told)
	files := map[string][]byte{"word": {0, 0}}
	require.Equal(t, map[string][]byte{"word": {0, 4}}, Rotten(files, "word", 10))
	require.Equal(t, map[string][]byte{"word": {0, 0}}, files)
}
