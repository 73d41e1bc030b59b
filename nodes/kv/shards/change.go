package shards

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"simrun/nodes/kv"
)

// step is what a change does.
type step byte

// The steps of a group's own.
const (
	foundStep  step = iota + 1 // the group begins, with the slots that the records say, as text
	wantStep                   // slots are to go to another group
	beginStep                  // a handover begins
	freezeStep                 // nobody reads or writes the slots here any more
	goneStep                   // the other group owns them
	yieldStep                  // another group owns them, although nobody here gave them to it
)

// The steps that another group asks for.
const (
	offerStep step = iota + 32 // a handover begins there
	putStep                    // a parcel of what the slots hold
	takeStep                   // that was all: they are this group's now
)

// change is one step in the life of slots. It is what a log holds of it, and what one group says to another.
type change struct {
	step        step
	from, to    string // groups: who gives, and who takes
	first, last int
	epoch       uint64 // that the slots have with whoever takes them
	term        uint64 // of the leader that gives
	sequence    uint64 // of what the leader has said, within the term
	version     uint64 // that of the last write where the slots were
	now         int64  // the latest time of any order there
	digest      uint64 // kv.Store.Contents of the slots
	records     []byte
}

// ErrChange tells of bytes that no version of this package has written.
var ErrChange = errors.New("shards: not a change")

// changeMark begins the entry of a change in a log. Those of commands begin otherwise (kv.AppendEntry).
const changeMark = 's'

// changeVersion follows it.
const changeVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append adds the change to dst, with its sum: RESP has none.
func (c *change) append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, changeMark, changeVersion, byte(c.step))
	for _, name := range [...]string{c.from, c.to} {
		dst = append(binary.AppendUvarint(dst, uint64(len(name))), name...)
	}
	for _, n := range [...]uint64{uint64(c.first), uint64(c.last), c.epoch, c.term, c.sequence, c.version, uint64(c.now), c.digest} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(c.records))), c.records...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// isChange says whether an entry is a change's.
func isChange(entry []byte) bool { return len(entry) > 0 && entry[0] == changeMark }

// decodeChange reads what append wrote. The records lie in its memory.
func decodeChange(b []byte) (c change, err error) {
	body, err := checked(b, changeMark, changeVersion)
	if err != nil {
		return c, err
	}
	in := reader{rest: body}
	c.step = step(in.byte())
	c.from, c.to = string(in.text(longestGroup)), string(in.text(longestGroup))
	first, last := in.uvarint(), in.uvarint()
	c.epoch, c.term, c.sequence, c.version, c.now, c.digest = in.uvarint(), in.uvarint(), in.uvarint(), in.uvarint(), int64(in.uvarint()), in.uvarint()
	c.records = in.text(len(body))
	if in.bad || len(in.rest) > 0 || first > last || last >= kv.Slots || c.now < 0 || !FitsGroup(c.from) || c.to != "" && !FitsGroup(c.to) {
		return change{}, fmt.Errorf("%w: cut short, or out of bounds", ErrChange)
	}
	c.first, c.last = int(first), int(last)
	return c, nil
}

// checked is what stands between the head and the sum of b.
func checked(b []byte, mark, version byte) ([]byte, error) {
	switch {
	case len(b) < 6 || b[0] != mark:
		return nil, fmt.Errorf("%w: it does not begin as one", ErrChange)
	case b[1] != version:
		return nil, fmt.Errorf("%w: version %d, known is %d", ErrChange, b[1], version)
	case crc32.Checksum(b[:len(b)-4], castagnoli) != binary.LittleEndian.Uint32(b[len(b)-4:]):
		return nil, fmt.Errorf("%w: its sum does not fit", ErrChange)
	}
	return b[2 : len(b)-4], nil
}

// reader reads the parts of a record one after the other. After the first that is not there, all are empty and bad is true.
type reader struct {
	rest  []byte
	bad   bool
	group string // the last that was read as a span's
}

func (r *reader) byte() byte {
	if r.bad || len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || r.bad {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text(most int) []byte {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.rest)) || n > uint64(most) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// span reads what appendSpan wrote.
func (r *reader) span() Span {
	first, last := r.uvarint(), r.uvarint()
	if name := r.text(longestGroup); string(name) != r.group { // spans that follow each other are of one group, mostly
		r.group = string(name)
		r.bad = r.bad || !FitsGroup(r.group)
	}
	s := Span{Group: r.group, Epoch: r.uvarint()}
	if r.bad = r.bad || first > last || last >= kv.Slots || s.Group == ""; r.bad {
		return Span{}
	}
	s.First, s.Last = int(first), int(last)
	return s
}

// leastSpan is how many bytes a span takes at least.
const leastSpan = 5

func appendSpan(dst []byte, s Span) []byte {
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(s.First)), uint64(s.Last))
	dst = append(binary.AppendUvarint(dst, uint64(len(s.Group))), s.Group...)
	return binary.AppendUvarint(dst, s.Epoch)
}
