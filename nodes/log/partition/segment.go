package partition

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"simrun/nodes"
)

const (
	sector = 512
	// headSize is a sector that says which segment it is, and two that take turns in saying what of it is durable.
	headSize    = 3 * sector
	headMagic   = "simrunL\n"
	headVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The extensions of files in a partition's directory.
const (
	extLog      = ".log"
	extIndex    = ".index"
	extSnapshot = ".snapshot"
	extNew      = ".new" // appended while the file is being written
)

func fileName(offset int64, ext string) string { return fmt.Sprintf("%020d%s", offset, ext) }

// parseName is the inverse of fileName.
func parseName(name string) (offset int64, ext string, ok bool) {
	stem, ext, found := strings.Cut(name, ".")
	ext = "." + ext
	offset, err := strconv.ParseInt(stem, 10, 64)
	if !found || err != nil || offset < 0 || fileName(offset, ext) != name {
		return 0, "", false
	}
	return offset, ext, true
}

// segment is a stretch of the log in one file.
//
// Invariants: headSize <= marked <= synced <= end <= size; writes lie one after the other from synced to end, if they are not too many.
type segment struct {
	base    int64 // the offset of its first record
	prev    int64 // the base of the segment before it, when it was begun; -1 for none
	prevEnd int64 // and the size of that one
	covers  int64 // if compaction wrote it: the base of the next segment; segments that begin below count no more
	begun   int64 // the wall clock when it was begun, in milliseconds since 1970
	salt    int64 // its own, so that an index of what the file was before is known for one

	end     int64   // in bytes: where the next batch goes
	synced  int64   // what is before is durable
	marked  int64   // what is before is proven to be
	size    int64   // of the file: zeros lie between end and size
	resized bool    // the size is not durable
	turn    uint64  // counts its marks
	writes  []write // what is to be durable with the next sync

	index   *index     // nil until it is wanted
	file    nodes.File // nil if it is not open
	uses    int        // how many read it
	retired bool       // it is no part of the log any more
	used    uint64     // when its file was last wanted, for closing the one that was not for longest
}

func (s *segment) encode() []byte {
	b := make([]byte, sector)
	copy(b, headMagic)
	le := binary.LittleEndian
	le.PutUint32(b[8:], headVersion)
	for i, v := range []int64{s.base, s.prev, s.prevEnd, s.covers, s.begun, s.salt} {
		le.PutUint64(b[16+8*i:], uint64(v))
	}
	le.PutUint32(b[sector-4:], crc32.Checksum(b[:sector-4], castagnoli))
	return b
}

// decodeHead returns the segment that a head is of, and why it is none.
func decodeHead(b []byte, base int64) (s *segment, why string) {
	le := binary.LittleEndian
	switch {
	case len(b) < sector:
		return nil, "the head is cut short"
	case le.Uint32(b[sector-4:]) != crc32.Checksum(b[:sector-4], castagnoli) || string(b[:8]) != headMagic:
		return nil, "the head is not what it was"
	case le.Uint32(b[8:]) != headVersion:
		return nil, fmt.Sprintf("the version is %d, known is %d", le.Uint32(b[8:]), headVersion)
	}
	at := func(i int) int64 { return int64(le.Uint64(b[16+8*i:])) }
	s = &segment{base: at(0), prev: at(1), prevEnd: at(2), covers: at(3), begun: at(4), salt: at(5)}
	if s.base != base {
		return nil, "the head is that of another segment"
	}
	return s, ""
}

// mark is a statement about what of a segment is durable, and about what is to be with the sync that the mark itself goes to the disk with.
type mark struct {
	turn    uint64
	durable int64
	clean   bool    // the process ended here, and what is beyond counts no more
	writes  []write // one after the other, from durable on
}

func (s *segment) encodeMark(m mark) []byte {
	b := make([]byte, sector)
	le := binary.LittleEndian
	le.PutUint64(b, m.turn)
	le.PutUint64(b[8:], uint64(m.durable))
	if m.clean {
		b[16] = 1
	}
	le.PutUint64(b[24:], uint64(s.base))
	for i, w := range m.writes {
		le.PutUint32(b[markHead+writeSize*i:], uint32(w.length))
		le.PutUint32(b[markHead+writeSize*i+4:], w.zeros)
	}
	le.PutUint32(b[sector-4:], crc32.Checksum(b[:sector-4], castagnoli))
	return b
}

// decodeMarks returns the later of the marks in a head, and how many there are: two, unless one has rotted, for a sector is written as a whole.
func (s *segment) decodeMarks(head []byte) (latest mark, found int) {
	le := binary.LittleEndian
	for at := sector; at+sector <= len(head); at += sector {
		b := head[at : at+sector]
		if le.Uint32(b[sector-4:]) != crc32.Checksum(b[:sector-4], castagnoli) || int64(le.Uint64(b[24:])) != s.base {
			continue
		}
		m := mark{turn: le.Uint64(b), durable: int64(le.Uint64(b[8:])), clean: b[16] == 1}
		if found++; found == 1 || m.turn > latest.turn {
			m.writes = decodeWrites(b[markHead : sector-4])
			latest = m
		}
	}
	return latest, found
}

// writeMark states what is durable. It goes to the disk with the next sync.
func (s *segment) writeMark(durable int64, clean bool, writes ...write) error {
	s.turn++
	_, err := s.file.WriteAt(s.encodeMark(mark{s.turn, durable, clean, writes}), sector*int64(1+s.turn%2))
	return err
}

// writeMarks makes both marks state the same.
func (s *segment) writeMarks(durable int64, clean bool) error {
	if err := s.writeMark(durable, clean); err != nil {
		return err
	}
	return s.writeMark(durable, clean)
}

// trim makes the file end where the batches do.
func (s *segment) trim() error {
	if s.size == s.end {
		return nil
	}
	if err := s.file.Truncate(s.end); err != nil {
		return err
	}
	s.size, s.resized = s.end, true
	return nil
}

// grow makes the file large enough, in steps.
func (s *segment) grow(end, step int64) error {
	if end <= s.size {
		return nil
	}
	size := (end + step - 1) / step * step
	if err := s.file.Truncate(size); err != nil {
		return err
	}
	s.size = size
	return nil
}

// close closes the file once nobody reads it.
func (s *segment) close() error {
	if s.file == nil || s.uses > 0 {
		return nil
	}
	file := s.file
	s.file = nil
	return file.Close()
}

// retire takes the segment out of use. Who reads it reads on.
func (s *segment) retire() error {
	s.retired = true
	return s.close()
}

// create makes the file of a segment, under a name that does not count yet.
func (p *Partition) create(s *segment) error {
	name := p.path(fileName(s.base, extLog) + extNew)
	file, err := p.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	s.file, s.end, s.synced, s.marked, s.size = file, headSize, headSize, headSize, headSize
	begins := s.encodeMark(mark{durable: headSize})
	head := slices.Concat(s.encode(), begins, begins)
	if _, err := file.WriteAt(head, 0); err != nil {
		return errors.Join(err, p.abandon(s))
	}
	return nil
}

// publish makes a new segment durable and gives it its name.
func (p *Partition) publish(s *segment) error {
	name := p.path(fileName(s.base, extLog))
	if err := s.file.Sync(); err != nil {
		s.close()
		return &finalError{"sync", err}
	}
	if err := p.fs.Rename(name+extNew, name); err != nil {
		return errors.Join(err, p.abandon(s))
	}
	if err := p.fs.SyncDir(p.dir); err != nil {
		s.close()
		return &finalError{"sync of the directory", err}
	}
	return nil
}

// abandon removes the file of a segment that was not published.
func (p *Partition) abandon(s *segment) error {
	return errors.Join(s.close(), p.fs.Remove(p.path(fileName(s.base, extLog)+extNew)))
}

func (p *Partition) salt() int64 { return int64(p.env.Rand().Uint64()) }

// begin makes a new, durable segment the active one.
func (p *Partition) begin(base int64) error {
	s := &segment{base: base, prev: -1, begun: p.now(), salt: p.salt(), index: &index{maxTime: earliest, next: base}}
	if len(p.segments) > 0 {
		s.prev, s.prevEnd = p.tail().base, p.tail().end
	}
	if err := p.create(s); err != nil {
		return err
	}
	if err := p.publish(s); err != nil {
		return err
	}
	p.segments = append(p.segments, s)
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
