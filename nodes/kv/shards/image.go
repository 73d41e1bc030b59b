package shards

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"simrun/nodes/kv"
)

// A snapshot of a store of no group is that of its kv.Store. One of a group begins with imageMagic, and a head with its sum: what
// the group owns, gives, and awaits; then come a snapshot for each arrival and that of the kv.Store, each with its length but the last.
const (
	imageMagic   = "simrun.shards"
	imageVersion = 1
)

// Image is the store as it is now; the function appends it to dst, at any time later.
func (s *Store) Image() func(dst []byte) []byte {
	keys := s.Store.Image()
	if !s.Founded() {
		return keys.Append
	}
	head := s.appendHead(nil)
	var arrived []*kv.Image
	for _, a := range s.imports {
		arrived = append(arrived, a.held.Image())
	}
	return func(dst []byte) []byte {
		dst = append(append(dst, imageMagic...), imageVersion)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(head)))
		dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(head, castagnoli))
		dst = append(dst, head...)
		for _, image := range arrived {
			at := len(dst)
			dst = image.Append(binary.LittleEndian.AppendUint64(dst, 0))
			binary.LittleEndian.PutUint64(dst[at:], uint64(len(dst)-at-8))
		}
		return keys.Append(dst)
	}
}

// appendHead adds all but keys and sessions.
func (s *Store) appendHead(b []byte) []byte {
	text := func(t string) { b = append(binary.AppendUvarint(b, uint64(len(t))), t...) }
	numbers := func(all ...uint64) {
		for _, n := range all {
			b = binary.AppendUvarint(b, n)
		}
	}
	text(s.group)
	for _, t := range [...]*Table{&s.table, &s.wanted} {
		numbers(uint64(len(t.spans)))
		for _, span := range t.spans {
			b = appendSpan(b, span)
		}
	}
	h := &s.moving
	text(h.to)
	frozen := uint64(0)
	if h.frozen {
		frozen = 1
	}
	numbers(uint64(h.first), uint64(h.last), h.epoch, frozen, uint64(len(s.imports)))
	for _, a := range s.imports {
		text(a.from)
		numbers(uint64(a.first), uint64(a.last), a.epoch, a.term, a.sequence)
	}
	return b
}

// errImage tells of a snapshot that is damaged.
func errImage(what string) error { return fmt.Errorf("%w: %s", kv.ErrSnapshot, what) }

// Decode makes a store of a whole snapshot. The error wraps kv.ErrSnapshot.
func Decode(image []byte) (*Store, error) {
	rest, ours := bytes.CutPrefix(image, []byte(imageMagic))
	if !ours {
		keys, err := kv.Decode(image)
		return &Store{Store: keys}, err
	}
	if len(rest) < 9 || rest[0] != imageVersion {
		return nil, errImage("its head is of an unknown version, or cut short")
	}
	size, sum, rest := binary.LittleEndian.Uint32(rest[1:]), binary.LittleEndian.Uint32(rest[5:]), rest[9:]
	if uint64(size) > uint64(len(rest)) || crc32.Checksum(rest[:size], castagnoli) != sum {
		return nil, errImage("its head is cut short, or its sum does not fit")
	}
	s := &Store{}
	if !s.readHead(rest[:size]) {
		return nil, errImage("its head is out of bounds")
	}
	rest = rest[size:]
	for _, a := range s.imports {
		if len(rest) < 8 || binary.LittleEndian.Uint64(rest) > uint64(len(rest)-8) {
			return nil, errImage("what arrives is cut short")
		}
		n := binary.LittleEndian.Uint64(rest)
		var err error
		if a.held, err = kv.Decode(rest[8 : 8+n]); err != nil {
			return nil, err
		}
		rest = rest[8+n:]
	}
	var err error
	s.Store, err = kv.Decode(rest)
	return s, err
}

// readHead reads what appendHead wrote, and says whether that can be.
func (s *Store) readHead(head []byte) bool {
	in := reader{rest: head}
	s.group = string(in.text(longestGroup))
	for _, t := range [...]*Table{&s.table, &s.wanted} {
		next := 0
		for n := in.uvarint(); n > 0 && !in.bad; n-- {
			span := in.span()
			in.bad = in.bad || span.First < next
			next = span.Last + 1
			t.spans = append(t.spans, span)
		}
	}
	s.moving.to = string(in.text(longestGroup))
	first, last := in.uvarint(), in.uvarint()
	s.moving.epoch, s.moving.frozen = in.uvarint(), in.uvarint() == 1
	s.moving.first, s.moving.last = int(min(first, kv.Slots)), int(min(last, kv.Slots))
	in.bad = in.bad || first > last || last >= kv.Slots
	for n := in.uvarint(); n > 0 && !in.bad; n-- {
		a := &arrival{from: string(in.text(longestGroup))}
		first, last := in.uvarint(), in.uvarint()
		a.epoch, a.term, a.sequence = in.uvarint(), in.uvarint(), in.uvarint()
		in.bad = in.bad || first > last || last >= kv.Slots || len(s.imports) >= mostArrivals
		a.first, a.last = int(min(first, kv.Slots)), int(min(last, kv.Slots))
		s.imports = append(s.imports, a)
	}
	return !in.bad && len(in.rest) == 0 && FitsGroup(s.group)
}
