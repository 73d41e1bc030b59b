package osenv

import (
	"os"
	"path"
	"syscall"
)

// rename is rename(2) between two directories of the root. Root.Rename would refuse to replace an empty directory and
// has other errors than Linux where the new name is a directory.
func rename(root *os.Root, from, to string) error {
	from, to = path.Clean(from), path.Clean(to)
	source, err := root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := root.Open(path.Dir(to))
	if err != nil {
		return err
	}
	defer target.Close()
	err = syscall.Renameat(int(source.Fd()), path.Base(from), int(target.Fd()), path.Base(to))
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
