package nodes

import (
	"io"
	"io/fs"
)

// FS is a host's disk as Linux shows it. Names are slash-separated and relative to the node's own data
// directory. What a crash leaves of it: written bytes are durable after File.Sync, a directory's entries
// (created, renamed, removed) after SyncDir of that directory, a rename is atomic.
type FS interface {
	// OpenFile takes the flags of package os: O_RDONLY, O_WRONLY, O_RDWR, O_CREATE, O_EXCL, O_TRUNC.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	MkdirAll(name string, perm fs.FileMode) error
	// ReadDir lists a directory in the order of names.
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock on a file, created where it is missing, and fails with EWOULDBLOCK if
	// another process holds it. Closing it, or the end of the process, frees it.
	Lock(name string) (io.Closer, error)
}

// File is an open file description. A failed Sync tells its error once for each description, and what it
// failed to write may be gone although reads still return it: stop, do not try again.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
}
