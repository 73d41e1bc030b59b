package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"simrun/nodes"
)

// headerSize is one sector, so that no later write touches the header's.
const headerSize = 512

const (
	headerMagic   = "simrunJ\n"
	headerVersion = 1
)

// header is the first sector of a segment or a snapshot. It is durable before the file has its name.
type header struct {
	snapshot  bool
	sequence  uint64
	first     uint64 // no record in it has a lower number
	salt      uint64
	prevEnd   int64  // where the frames of the segment before it end
	prevChain uint32 // and the checksum of the last of them
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, headerMagic)
	le := binary.LittleEndian
	le.PutUint32(b[8:], headerVersion)
	if h.snapshot {
		le.PutUint32(b[12:], 1)
	}
	le.PutUint64(b[16:], h.sequence)
	le.PutUint64(b[24:], h.first)
	le.PutUint64(b[32:], h.salt)
	le.PutUint64(b[40:], uint64(h.prevEnd))
	le.PutUint32(b[48:], h.prevChain)
	le.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	return b
}

// decodeHeader returns the header and why it is none.
func decodeHeader(b []byte) (header, string) {
	le := binary.LittleEndian
	switch {
	case len(b) < headerSize:
		return header{}, "the header is cut short"
	case string(b[:8]) != headerMagic:
		return header{}, "the header is not a journal's"
	case le.Uint32(b[headerSize-4:]) != crc32.Checksum(b[:headerSize-4], castagnoli):
		return header{}, "the header's checksum is wrong"
	case le.Uint32(b[8:]) != headerVersion:
		return header{}, fmt.Sprintf("the journal's version is %d, known is %d", le.Uint32(b[8:]), headerVersion)
	}
	return header{
		snapshot:  le.Uint32(b[12:]) == 1,
		sequence:  le.Uint64(b[16:]),
		first:     le.Uint64(b[24:]),
		salt:      le.Uint64(b[32:]),
		prevEnd:   int64(le.Uint64(b[40:])),
		prevChain: le.Uint32(b[48:]),
	}, ""
}

// sum is what the first frame of the file has as its chain.
func (h header) sum() uint32 { return binary.LittleEndian.Uint32(h.encode()[headerSize-4:]) }

// The extensions of files in a journal's directory.
const (
	extSegment  = ".log"
	extSnapshot = ".snap"
	extNew      = ".new" // appended to either while the file is being written
)

func fileName(sequence uint64, ext string) string { return fmt.Sprintf("%016x%s", sequence, ext) }

// parseName is the inverse of fileName.
func parseName(name string) (sequence uint64, ext string, ok bool) {
	stem, ext, found := strings.Cut(name, ".")
	ext = "." + ext
	sequence, err := strconv.ParseUint(stem, 16, 64)
	if !found || err != nil || fileName(sequence, ext) != name {
		return 0, "", false
	}
	return sequence, ext, true
}

// segment is the file that frames are appended to.
type segment struct {
	header
	file   nodes.File
	end    int64  // where the next frame goes
	synced int64  // what is before is durable
	size   int64  // of the file: zeros lie between end and size
	chain  uint32 // the last frame's checksum
}

// create makes a durable, empty file of its name.
func (j *Journal) create(h header, ext string) (nodes.File, error) {
	name := path.Join(j.dir, fileName(h.sequence, ext))
	file, err := j.fs.OpenFile(name+extNew, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	if _, err = file.WriteAt(h.encode(), 0); err == nil {
		return file, nil
	}
	return nil, errors.Join(err, j.abandon(file, name+extNew))
}

// publish gives a new file, once its content is durable, its name, durably.
func (j *Journal) publish(file nodes.File, h header, ext string) error {
	name := path.Join(j.dir, fileName(h.sequence, ext))
	if err := file.Sync(); err != nil {
		file.Close()
		return &finalError{"sync", err}
	}
	if err := j.fs.Rename(name+extNew, name); err != nil {
		return errors.Join(err, j.abandon(file, name+extNew))
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		file.Close()
		return &finalError{"sync of the directory", err}
	}
	return nil
}

// abandon removes a file that was not published.
func (j *Journal) abandon(file nodes.File, name string) error {
	return errors.Join(file.Close(), j.fs.Remove(name))
}

// begin makes a new, durable segment the tail.
func (j *Journal) begin(h header) error {
	file, err := j.create(h, extSegment)
	if err != nil {
		return err
	}
	if err := j.publish(file, h, extSegment); err != nil {
		return err
	}
	j.tail = &segment{header: h, file: file, end: headerSize, synced: headerSize, size: headerSize, chain: h.sum()}
	return nil
}

// finalError is a failure after which nothing that was written can be relied on.
type finalError struct {
	what string
	err  error
}

func (e *finalError) Error() string { return e.what + " failed: " + e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// isFull says that the disk has no room, which may pass.
func isFull(err error) bool {
	var final *finalError
	return !errors.As(err, &final) && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT))
}

// isMissing says that there is no such file.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
