package gearman

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What the journal holds of jobs is one record for each of these moments. A record begins with its kind; the
// journal frames it and checks its sum.
const (
	recordSubmitted byte = 0x11 // a background job, with all that is needed to run it
	recordAttempted byte = 0x12 // it is handed out; only where attempts are bounded
	recordEnded     byte = 0x13 // it is over
)

// submitted is the content of a recordSubmitted.
type submitted struct {
	number                                  uint64
	epoch                                   int64
	attempts                                int
	priority                                priority
	handle, function, unique, reducer, data []byte
}

// errRecord tells of a record that no version of this server has written.
var errRecord = errors.New("gearman: not a job record")

// appendSubmitted adds the record of a submission to dst.
func appendSubmitted(dst []byte, s *submitted) []byte {
	dst = append(dst, recordSubmitted, byte(s.priority))
	dst = binary.AppendUvarint(dst, s.number)
	dst = binary.AppendVarint(dst, s.epoch)
	dst = binary.AppendUvarint(dst, uint64(s.attempts))
	for _, field := range [...][]byte{s.handle, s.function, s.unique, s.reducer} {
		dst = binary.AppendUvarint(dst, uint64(len(field)))
		dst = append(dst, field...)
	}
	return append(dst, s.data...)
}

// appendAttempted adds the record of the job's so many-th attempt to dst.
func appendAttempted(dst, handle []byte, attempts int) []byte {
	dst = append(dst, recordAttempted)
	dst = binary.AppendUvarint(dst, uint64(attempts))
	return append(dst, handle...)
}

// appendEnded adds the record of a job's end to dst.
func appendEnded(dst, handle []byte) []byte {
	return append(append(dst, recordEnded), handle...)
}

// parseSubmitted reads what appendSubmitted wrote, less the kind. The fields lie in the record's memory.
func parseSubmitted(record []byte) (s submitted, err error) {
	if len(record) == 0 || record[0] >= byte(priorities) {
		return s, fmt.Errorf("%w: no such priority", errRecord)
	}
	s.priority = priority(record[0])
	in := fields{rest: record[1:]}
	s.number = in.uvarint()
	s.epoch = in.varint()
	s.attempts = in.count()
	s.handle, s.function, s.unique, s.reducer = in.bytes(), in.bytes(), in.bytes(), in.bytes()
	s.data = in.rest
	switch {
	case in.short:
		return s, fmt.Errorf("%w: cut short", errRecord)
	case len(s.handle) == 0 || len(s.handle) > MaxHandle || len(s.unique) > MaxUnique:
		return s, fmt.Errorf("%w: handle or unique id out of bounds", errRecord)
	}
	return s, nil
}

// parseAttempted reads what appendAttempted wrote, less the kind.
func parseAttempted(record []byte) (handle []byte, attempts int, err error) {
	in := fields{rest: record}
	attempts = in.count()
	if in.short {
		return nil, 0, fmt.Errorf("%w: cut short", errRecord)
	}
	return in.rest, attempts, nil
}

// fields reads the parts of a record one after the other. After the first that is not there, all are empty
// and short is true.
type fields struct {
	rest  []byte
	short bool
}

func (f *fields) advance(n int) {
	if n <= 0 {
		f.rest, f.short = nil, true
		return
	}
	f.rest = f.rest[n:]
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.rest)
	f.advance(n)
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	f.advance(n)
	return v
}

// count is a number that fits an int anywhere.
func (f *fields) count() int {
	v := f.uvarint()
	if v > 1<<30 {
		f.rest, f.short = nil, true
		return 0
	}
	return int(v)
}

func (f *fields) bytes() []byte {
	n := f.uvarint()
	if n > uint64(len(f.rest)) {
		f.rest, f.short = nil, true
		return nil
	}
	field := f.rest[:n:n]
	f.rest = f.rest[n:]
	return field
}
