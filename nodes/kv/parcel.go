package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A parcel is a run of records that carries what some slots hold from one store to another, a piece at a time: items and
// sessions as snapshots have them, and these:
const (
	recordDrop    byte = 'd' // a key that the other has no longer
	recordHeld    byte = 'v' // a key and its version, without the value: that it is held
	recordOpened  byte = 'q' // a session bound to a slot and its sequence, without the answer
	recordDropped byte = 'x' // a session bound to a slot that the other has no longer
)

// ErrParcel tells of records that are damaged, or of other slots.
var ErrParcel = errors.New("kv: not a parcel of these slots")

// Inventory is what another store is known to hold of some slots.
type Inventory struct {
	items    map[int]map[string]uint64 // the versions of a slot's keys
	sessions map[sessionName]uint64    // their sequences, and one more
	inSlot   map[int][]uint64          // the sessions of a slot, in order
}

// NewInventory is that of a store of which nothing is known to be held.
func NewInventory() *Inventory {
	return &Inventory{items: map[int]map[string]uint64{}, sessions: map[sessionName]uint64{}, inSlot: map[int][]uint64{}}
}

// Pack appends what the other store lacks of a slot that s has, and what it has too much, until dst is most bytes long. It
// says whether nothing is lacking beyond that. A slot of which it does not say so is to be packed again, once the other has
// taken what was appended and it was noted (Note).
func (v *Inventory) Pack(s *Store, slot, most int, dst []byte) (_ []byte, whole bool) {
	t := s.tally(slot)
	held := v.items[slot]
	found := 0
	for it := t.first; it != nil; it = it.nextInSlot {
		version, is := held[it.key]
		if is {
			found++
		}
		if is && version == it.version {
			continue
		}
		if len(dst) >= most {
			return dst, false
		}
		dst = appendItem(dst, it)
	}
	if found < len(held) {
		for _, key := range slices.Sorted(maps.Keys(held)) {
			if it := s.table.get(hash(key, 0), []byte(key)); it != nil {
				continue
			}
			if len(dst) >= most {
				return dst, false
			}
			dst = appendBytes(append(dst, recordDrop), key)
		}
	}
	return v.packSessions(s, slot, most, dst)
}

func (v *Inventory) packSessions(s *Store, slot, most int, dst []byte) (_ []byte, whole bool) {
	for c := s.sessions.inSlot[slot]; c != nil; c = c.nextInSlot {
		if v.sessions[c.sessionName] == c.sequence+1 {
			continue
		}
		if len(dst) >= most {
			return dst, false
		}
		dst = appendSession(dst, c)
	}
	for _, id := range v.inSlot[slot] {
		name := sessionName{slot, id}
		if s.sessions.byName[name] != nil {
			continue
		}
		if len(dst) >= most {
			return dst, false
		}
		dst = binary.AppendUvarint(append(dst, recordDropped), uint64(slot))
		dst = binary.AppendUvarint(dst, id)
	}
	return dst, true
}

// Note takes down what the other store has taken in, or has told that it holds. The error wraps ErrParcel.
func (v *Inventory) Note(records []byte) error {
	return eachRecord(records, func(r *record) error {
		switch {
		case r.session != nil:
			if v.sessions[r.session.sessionName] == 0 {
				v.inSlot[r.session.slot] = append(v.inSlot[r.session.slot], r.session.id)
			}
			v.sessions[r.session.sessionName] = r.session.sequence + 1
		case r.kind == recordDropped:
			delete(v.sessions, r.name)
			v.inSlot[r.name.slot] = slices.DeleteFunc(v.inSlot[r.name.slot], func(id uint64) bool { return id == r.name.id })
		case r.kind == recordDrop:
			delete(v.items[r.slot()], r.key)
		default:
			held := v.items[r.slot()]
			if held == nil {
				held = map[string]uint64{}
				v.items[r.slot()] = held
			}
			held[r.key] = r.version
		}
		return nil
	})
}

// record is one record of a parcel.
type record struct {
	kind    byte
	key     string // of all but sessions
	version uint64
	item    *item       // of recordItem
	session *session    // of recordSlotSession and recordOpened
	name    sessionName // of recordDropped
}

func (r *record) slot() int {
	switch {
	case r.item != nil:
		return int(r.item.slot)
	case r.session != nil:
		return r.session.slot
	case r.kind == recordDropped:
		return r.name.slot
	}
	return Slot([]byte(r.key))
}

// eachRecord reads a parcel, and calls f with each of its records until one fails.
func eachRecord(records []byte, f func(*record) error) error {
	in := fields{rest: records}
	for len(in.rest) > 0 {
		r := record{kind: in.rest[0]}
		in.rest = in.rest[1:]
		switch r.kind {
		case recordItem:
			if r.item = readItem(&in); r.item == nil {
				return fmt.Errorf("%w: an item out of bounds", ErrParcel)
			}
			r.key, r.version = r.item.key, r.item.version
		case recordSlotSession:
			if r.session = readSession(&in, r.kind); r.session == nil {
				return fmt.Errorf("%w: a session out of bounds", ErrParcel)
			}
		case recordOpened, recordDropped:
			r.name = sessionName{int(min(in.uvarint(), Slots)), in.uvarint()}
			if r.kind == recordOpened {
				r.session = &session{sessionName: r.name, sequence: in.uvarint()}
			}
			in.bad = in.bad || r.name.slot >= Slots
		case recordDrop, recordHeld:
			r.key = string(in.bytes())
			if r.kind == recordHeld {
				r.version = in.uvarint()
			}
			in.bad = in.bad || len(r.key) > MaxKey
		default:
			return fmt.Errorf("%w: a record of the unknown kind %#x", ErrParcel, r.kind)
		}
		if in.bad {
			return fmt.Errorf("%w: a record is cut short, or out of bounds", ErrParcel)
		}
		if err := f(&r); err != nil {
			return err
		}
	}
	return nil
}

// Unpack takes in a parcel of slots from first to last. The error wraps ErrParcel, and nothing was taken in then.
func (s *Store) Unpack(records []byte, first, last int) error {
	err := eachRecord(records, func(r *record) error {
		if slot := r.slot(); slot < first || slot > last {
			return fmt.Errorf("%w: slot %d is none of %d-%d", ErrParcel, slot, first, last)
		}
		if r.kind == recordHeld || r.kind == recordOpened {
			return fmt.Errorf("%w: it says what is held, and does not carry it", ErrParcel)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return eachRecord(records, func(r *record) error {
		switch r.kind {
		case recordItem:
			s.exchange(r.item)
		case recordDrop:
			if it := s.table.get(hash(r.key, 0), []byte(r.key)); it != nil {
				s.remove(it)
			}
		case recordSlotSession:
			if old := s.sessions.byName[r.session.sessionName]; old != nil {
				s.sessions.remove(old)
			}
			s.sessions.add(r.session)
			s.version = max(s.version, r.session.id)
		case recordDropped:
			if old := s.sessions.byName[r.name]; old != nil {
				s.sessions.remove(old)
			}
		}
		return nil
	})
}

// exchange takes in an item, in the place of that of the same key.
func (s *Store) exchange(it *item) {
	if old := s.table.get(it.hash, []byte(it.key)); old != nil {
		s.remove(old)
	}
	s.hold(it)
	s.version = max(s.version, it.version)
}

// List appends what is held of the slots from first on, without the values, in whole slots until dst is most bytes long. Next is the
// slot to go on with; it is beyond last at the end.
func (s *Store) List(first, last, most int, dst []byte) (_ []byte, next int) {
	for next = first; next <= last && len(dst) < most; next++ {
		for it := s.tally(next).first; it != nil; it = it.nextInSlot {
			dst = appendBytes(append(dst, recordHeld), it.key)
			dst = binary.AppendUvarint(dst, it.version)
		}
		for c := s.sessions.inSlot[next]; c != nil; c = c.nextInSlot {
			dst = binary.AppendUvarint(append(dst, recordOpened), uint64(c.slot))
			dst = binary.AppendUvarint(dst, c.id)
			dst = binary.AppendUvarint(dst, c.sequence)
		}
	}
	return dst, next
}

// Contents is equal for stores that hold the same keys and sessions in slots from first to last, and hardly for others.
func (s *Store) Contents(first, last int) (digest uint64) {
	for slot := first; slot <= last; slot++ {
		digest += s.tally(slot).digest
		for c := s.sessions.inSlot[slot]; c != nil; c = c.nextInSlot {
			digest += fold(hash(c.answer, c.id)^uint64(slot), c.sequence^0x589965cc75374cc3)
		}
	}
	return digest
}

// Adopt takes over all that another store holds, which is empty then, and lets versions and time go on from where they stood
// for those keys: from version and now at least. None of the keys is held here.
func (s *Store) Adopt(from *Store, version uint64, now int64) {
	s.version, s.now = max(s.version, version, from.version), max(s.now, now)
	for _, it := range from.table.all() {
		from.remove(it)
		s.exchange(it)
	}
	for c := from.sessions.oldest; c != nil; c = from.sessions.oldest {
		from.sessions.remove(c)
		if old := s.sessions.byName[c.sessionName]; old != nil {
			s.sessions.remove(old)
		}
		s.sessions.add(c)
	}
}

// Discard forgets what is held of slots from first to last, sessions too.
func (s *Store) Discard(first, last int) {
	for slot := first; slot <= last; slot++ {
		for it := s.tally(slot).first; it != nil; it = s.tally(slot).first {
			s.remove(it)
		}
		for c := s.sessions.inSlot[slot]; c != nil; c = s.sessions.inSlot[slot] {
			s.sessions.remove(c)
		}
	}
}
