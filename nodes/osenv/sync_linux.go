package osenv

import (
	"io/fs"
	"os"
	"syscall"
)

// datasync leaves out the times that fsync would write too; a size that grew is written.
func datasync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		for {
			if result = syscall.Fdatasync(int(fd)); result != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		result = fs.ErrClosed
	}
	if result != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: result}
	}
	return nil
}
