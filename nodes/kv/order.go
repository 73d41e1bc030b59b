package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"simrun/nodes"
	"simrun/nodes/resp"
)

// Order is what whoever orders a command says with it, so that all copies of the store come to the same: they ask neither
// a clock nor their own configuration.
type Order struct {
	Now      int64 // the orderer's wall clock, in milliseconds since 1970
	Sessions int   // how many client sessions are kept; 0 is DefaultSessions
}

// How many client sessions are kept where nothing else is said, and how many may be asked for.
const (
	DefaultSessions = 10_000
	MaxSessions     = 10_000_000
)

// ErrEntry tells of an entry that no version of this package has written.
var ErrEntry = errors.New("kv: not an entry")

// entryVersion begins every entry.
const entryVersion = 1

// AppendEntry adds a command and its order to dst: what a log holds of it.
func AppendEntry(dst []byte, o Order, args [][]byte) []byte {
	dst = append(dst, entryVersion)
	dst = binary.AppendVarint(dst, o.Now)
	dst = binary.AppendUvarint(dst, uint64(max(o.Sessions, 0)))
	dst = binary.AppendUvarint(dst, uint64(len(args)))
	for _, arg := range args {
		dst = appendBytes(dst, arg)
	}
	return dst
}

// ParseEntry reads what AppendEntry wrote. The strings lie in the entry's memory; their slice is args, grown.
func ParseEntry(entry []byte, args [][]byte) (o Order, _ [][]byte, err error) {
	if len(entry) == 0 || entry[0] != entryVersion {
		return o, nil, fmt.Errorf("%w: of an unknown version", ErrEntry)
	}
	in := fields{rest: entry[1:]}
	o.Now = in.varint()
	sessions, n := in.uvarint(), in.uvarint()
	if in.bad || n == 0 || n > uint64(len(in.rest)) || sessions > 1<<31 {
		return o, nil, fmt.Errorf("%w: cut short", ErrEntry)
	}
	o.Sessions = int(sessions)
	args = slices.Grow(args[:0], int(n))
	for range n {
		args = append(args, in.bytes())
	}
	if in.bad || len(in.rest) > 0 {
		return o, nil, fmt.Errorf("%w: cut short, or too long", ErrEntry)
	}
	return o, args, nil
}

// ApplyEntry is Apply of what AppendEntry wrote.
func (s *Store) ApplyEntry(entry, dst []byte) ([]byte, error) {
	o, args, err := ParseEntry(entry, s.args)
	if err != nil {
		return dst, err
	}
	s.args = args[:0]
	return s.Apply(o, args, dst), nil
}

func appendBytes[S ~string | ~[]byte](dst []byte, b S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// fields reads the parts of a record one after the other. After the first that is not there, all are empty and bad is
// true.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) uvarint() uint64 {
	n, size := binary.Uvarint(f.rest)
	return read(f, n, size)
}

func (f *fields) varint() int64 {
	n, size := binary.Varint(f.rest)
	return read(f, n, size)
}

func read[T int64 | uint64](f *fields, n T, size int) T {
	if size <= 0 || f.bad {
		f.bad, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

func (f *fields) bytes() []byte {
	n := f.uvarint()
	if f.bad || n > uint64(len(f.rest)) {
		f.bad, f.rest = true, nil
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

// EntryWords is what AppendEntry wrote, for people.
func EntryWords(entry []byte) string {
	_, args, err := ParseEntry(entry, nil)
	if err != nil {
		return nodes.Brief(entry)
	}
	return resp.ArgsWords(args)
}
