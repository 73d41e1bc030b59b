package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
)

// A snapshot is a run of chunks, each with its length and its sum (CRC-32C), so that it can be written, sent and read a
// piece at a time. The first chunk says what it is, the last how much there was and what it all comes to: a snapshot of
// which a chunk is missing, or has come twice, is no snapshot.
const (
	snapshotMagic   = "simrun.kv"
	snapshotVersion = 1

	chunkBytes = 64 << 10
	// mostChunk is what one chunk can have in it: the largest item and all that stands around it.
	mostChunk = 2*maxReply + chunkBytes

	recordItem        byte = 'k'
	recordSession     byte = 's'
	recordSlotSession byte = 'S' // with its slot
	recordEnd         byte = 'e'
)

// ErrSnapshot tells of a snapshot that is damaged, or is none.
var ErrSnapshot = errors.New("kv: not a snapshot, or a damaged one")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Image is a store as it was at one moment. The store may go on while it is read.
type Image struct {
	version  uint64
	now      int64
	digest   uint64
	items    []*item
	sessions []session // that was used longest ago first
}

// Image is the store as it is now. It takes time and memory for each key, but copies none.
func (s *Store) Image() *Image {
	m := &Image{version: s.version, now: s.now, digest: s.digest, items: s.table.all(),
		sessions: make([]session, 0, s.sessions.len())}
	for c := s.sessions.oldest; c != nil; c = c.newer {
		m.sessions = append(m.sessions, session{sessionName: c.sessionName, sequence: c.sequence, answer: c.answer})
	}
	return m
}

// Chunks are the image as a snapshot. A chunk is valid until the next.
func (m *Image) Chunks() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		w := chunkWriter{yield: yield}
		w.body = append(w.body, snapshotMagic...)
		w.body = append(w.body, snapshotVersion)
		w.body = binary.AppendUvarint(w.body, m.version)
		w.body = binary.AppendVarint(w.body, m.now)
		for _, it := range m.items {
			if !w.room() {
				return
			}
			w.body = appendItem(w.body, it)
		}
		for i := range m.sessions {
			if !w.room() {
				return
			}
			w.body = appendSession(w.body, &m.sessions[i])
		}
		w.body = append(w.body, recordEnd)
		w.body = binary.AppendUvarint(w.body, uint64(len(m.items)))
		w.body = binary.AppendUvarint(w.body, uint64(len(m.sessions)))
		w.body = binary.LittleEndian.AppendUint64(w.body, m.digest)
		w.flush()
	}
}

func appendItem(dst []byte, it *item) []byte {
	dst = appendBytes(append(dst, recordItem), it.key)
	dst = appendBytes(dst, it.value)
	dst = binary.AppendUvarint(dst, it.version)
	return binary.AppendVarint(dst, it.expiry)
}

func appendSession(dst []byte, c *session) []byte {
	if c.slot == anySlot {
		dst = append(dst, recordSession)
	} else {
		dst = binary.AppendUvarint(append(dst, recordSlotSession), uint64(c.slot))
	}
	dst = binary.AppendUvarint(dst, c.id)
	dst = binary.AppendUvarint(dst, c.sequence)
	return appendBytes(dst, c.answer)
}

// Append adds the image as a snapshot to dst.
func (m *Image) Append(dst []byte) []byte {
	for chunk := range m.Chunks() {
		dst = append(dst, chunk...)
	}
	return dst
}

// chunkWriter gathers records into chunks.
type chunkWriter struct {
	yield       func([]byte) bool
	body, chunk []byte
}

// room hands out a chunk that is full, and says whether to go on.
func (w *chunkWriter) room() bool { return len(w.body) < chunkBytes || w.flush() }

func (w *chunkWriter) flush() bool {
	w.chunk = binary.AppendUvarint(w.chunk[:0], uint64(len(w.body)))
	w.chunk = binary.LittleEndian.AppendUint32(w.chunk, crc32.Checksum(w.body, castagnoli))
	w.chunk = append(w.chunk, w.body...)
	w.body = w.body[:0]
	return w.yield(w.chunk)
}

// Loader makes a store of a snapshot, a chunk at a time.
type Loader struct {
	store *Store
	begun bool
	whole bool
}

// Decode makes a store of a whole snapshot. The error wraps ErrSnapshot.
func Decode(snapshot []byte) (*Store, error) {
	var l Loader
	for len(snapshot) > 0 {
		n, err := chunkSize(snapshot)
		if err != nil {
			return nil, err
		}
		if err := l.Add(snapshot[:n]); err != nil {
			return nil, err
		}
		snapshot = snapshot[n:]
	}
	return l.Store()
}

// chunkSize is how long the first chunk is.
func chunkSize(snapshot []byte) (int, error) {
	n, size := binary.Uvarint(snapshot)
	if size <= 0 || n > mostChunk || n+4 > uint64(len(snapshot)-size) {
		return 0, fmt.Errorf("%w: a chunk is cut short", ErrSnapshot)
	}
	return size + 4 + int(n), nil
}

// Add takes the next chunk, whose memory it does not keep. The error wraps ErrSnapshot.
func (l *Loader) Add(chunk []byte) error {
	n, err := chunkSize(chunk)
	if err != nil {
		return err
	}
	if n != len(chunk) || l.whole {
		return fmt.Errorf("%w: it goes on behind its end", ErrSnapshot)
	}
	_, size := binary.Uvarint(chunk)
	body := chunk[size+4:]
	if binary.LittleEndian.Uint32(chunk[size:]) != crc32.Checksum(body, castagnoli) {
		return fmt.Errorf("%w: a chunk's sum does not fit", ErrSnapshot)
	}
	in := fields{rest: body}
	if !l.begun {
		if err := l.begin(&in); err != nil {
			return err
		}
	}
	for len(in.rest) > 0 {
		if err := l.record(&in); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) begin(in *fields) error {
	head := len(snapshotMagic)
	if len(in.rest) <= head || string(in.rest[:head]) != snapshotMagic {
		return fmt.Errorf("%w: it does not begin as one", ErrSnapshot)
	}
	if v := in.rest[head]; v != snapshotVersion {
		return fmt.Errorf("%w: version %d, and this program reads %d", ErrSnapshot, v, snapshotVersion)
	}
	in.rest = in.rest[head+1:]
	l.store, l.begun = New(), true
	l.store.version, l.store.now = in.uvarint(), in.varint()
	if in.bad {
		return fmt.Errorf("%w: its head is cut short", ErrSnapshot)
	}
	return nil
}

// record takes one record.
func (l *Loader) record(in *fields) error {
	kind := in.rest[0]
	in.rest = in.rest[1:]
	switch kind {
	case recordItem:
		return l.item(in)
	case recordSession, recordSlotSession:
		return l.session(in, kind)
	case recordEnd:
		return l.end(in)
	}
	return fmt.Errorf("%w: a record of the unknown kind %#x", ErrSnapshot, kind)
}

func (l *Loader) item(in *fields) error {
	s := l.store
	it := readItem(in)
	if it == nil || it.version > s.version {
		return fmt.Errorf("%w: an item out of bounds", ErrSnapshot)
	}
	if s.table.get(it.hash, []byte(it.key)) != nil {
		return fmt.Errorf("%w: a key twice", ErrSnapshot)
	}
	s.hold(it)
	return nil
}

// readItem reads what appendItem wrote after its kind, into memory of its own; nil if that is none.
func readItem(in *fields) *item {
	key, value := in.bytes(), in.bytes()
	it := &item{version: in.uvarint(), expiry: in.varint()}
	if in.bad || len(key) > MaxKey || len(value) > MaxValue || it.expiry < 0 {
		return nil
	}
	it.key, it.value = string(key), append(make([]byte, 0, len(value)), value...)
	it.hash, it.slot = hash(key, 0), uint16(Slot(key))
	return it
}

func (l *Loader) session(in *fields, kind byte) error {
	s := l.store
	c := readSession(in, kind)
	if c == nil || c.id > s.version || s.sessions.byName[c.sessionName] != nil {
		return fmt.Errorf("%w: a session out of bounds", ErrSnapshot)
	}
	s.sessions.add(c)
	return nil
}

// readSession reads what appendSession wrote after its kind, into memory of its own; nil if that is none.
func readSession(in *fields, kind byte) *session {
	slot := uint64(0)
	if kind == recordSlotSession {
		slot = in.uvarint()
	}
	c := &session{sessionName: sessionName{int(min(slot, Slots)), in.uvarint()}, sequence: in.uvarint(), answer: append([]byte(nil), in.bytes()...)}
	if in.bad || slot >= Slots {
		return nil
	}
	if kind == recordSession {
		c.slot = anySlot
	}
	return c
}

func (l *Loader) end(in *fields) error {
	s := l.store
	items, sessions := in.uvarint(), in.uvarint()
	if in.bad || len(in.rest) != 8 || items != uint64(s.Len()) || sessions != uint64(s.sessions.len()) ||
		binary.LittleEndian.Uint64(in.rest) != s.digest {
		return fmt.Errorf("%w: its parts do not come to what it says", ErrSnapshot)
	}
	in.rest, l.whole = nil, true
	return nil
}

// Store is the store that the chunks make. The error wraps ErrSnapshot.
func (l *Loader) Store() (*Store, error) {
	if !l.whole {
		return nil, fmt.Errorf("%w: its end is missing", ErrSnapshot)
	}
	return l.store, nil
}
