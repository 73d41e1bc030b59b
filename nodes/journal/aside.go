package journal

import (
	"errors"
	"io/fs"
	"path"

	"simrun/nodes"
)

// PutAside renames the directory of a journal that is not open, in the place of one that was put aside before, which is removed.
// When it returns, that is durable. It is for who finds Corruption and can have all of it from others: what is damaged is still
// there for people to look at, and nobody takes it for what it was.
func PutAside(f nodes.FS, dir, aside string) error {
	old, err := f.ReadDir(aside)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range old {
		if err := f.Remove(path.Join(aside, entry.Name())); err != nil {
			return err
		}
	}
	if err == nil {
		if err := f.Remove(aside); err != nil {
			return err
		}
	}
	if err := f.Rename(dir, aside); err != nil {
		return err
	}
	return f.SyncDir(path.Dir(aside))
}
