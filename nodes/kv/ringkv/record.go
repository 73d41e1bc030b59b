package ringkv

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
	"simrun/nodes/ring/repair"
	"simrun/nodes/ring/version"
	"simrun/nodes/ring/wire"
)

// What the journal holds is these records. A record begins with its kind; the journal frames it and checks its sum.
const (
	recordSelf     byte = 0x31 // who this server is
	recordItem     byte = 0x32 // a copy: all that is known of a key
	recordDropped  byte = 0x33 // a copy is no longer
	recordHint     byte = 0x34 // as repair.AppendRecord has it
	recordMembers  byte = 0x35 // who else belongs to the ring
	recordMarks    byte = 0x36 // marks
	recordOutlived byte = 0x37 // without whom tombstones are dropped
)

// identity is who a server is, for as long as it has its disk.
type identity struct {
	id       ring.ID
	versions Versions
	since    time.Time // when it began
}

// marks are what a server must not forget beside its copies.
type marks struct {
	floor    version.Stamp // no stamp up to it is given again
	epoch    uint64        // no epoch up to it is begun again
	whole    bool          // its copies were complete once: it has compared them with everybody's since it began
	repaired time.Time     // when it had last compared all of them with all who keep the same
}

func appendSelf(b []byte, i identity) []byte {
	b = binary.AppendUvarint(append(b, recordSelf), uint64(i.id))
	return wire.AppendBytes(binary.AppendVarint(b, i.since.UnixNano()), string(i.versions))
}

func appendItem(b []byte, key string, epoch uint64, known []byte) []byte {
	b = wire.AppendBytes(append(b, recordItem), key)
	return wire.AppendBytes(binary.AppendUvarint(b, epoch), known)
}

func appendDropped(b []byte, key string) []byte {
	return wire.AppendBytes(append(b, recordDropped), key)
}

func appendHint(b []byte, r repair.Record) []byte {
	return repair.AppendRecord(append(b, recordHint), r)
}

func appendMembers(b []byte, members []gossip.Member) []byte {
	b = binary.AppendUvarint(append(b, recordMembers), uint64(len(members)))
	for _, m := range members {
		b = binary.AppendUvarint(b, uint64(m.ID))
		b = binary.AppendUvarint(b, m.Incarnation)
		b = binary.AppendUvarint(b, uint64(m.Weight))
		b = wire.AppendBytes(wire.AppendBytes(b, m.Address), m.Site)
	}
	return b
}

func appendNotes(b []byte, m marks) []byte {
	whole := byte(0)
	if m.whole {
		whole = 1
	}
	b = append(b, recordMarks, whole)
	b = binary.AppendVarint(b, m.floor.Wall)
	b = binary.AppendUvarint(b, uint64(m.floor.Logical))
	b = binary.AppendUvarint(b, m.epoch)
	return binary.AppendVarint(b, m.repaired.UnixNano())
}

// recovered is what the records of a journal come to.
type recovered struct {
	versions Versions
	self     identity
	marks    marks
	members  []gossip.Member
	items    map[string]saved
	hints    *repair.Hints
	outlived map[ring.ID]time.Time
}

// saved is a copy as the disk has it.
type saved struct {
	epoch uint64
	known []byte
}

// take takes over a record, in their order.
func (r *recovered) take(record []byte) error {
	if len(record) == 0 {
		return fmt.Errorf("%w: an empty record", errFrame)
	}
	d := decode(record[1:])
	switch record[0] {
	case recordSelf:
		r.self.id = ring.ID(d.Uint(math.MaxUint64))
		r.self.since, r.self.versions = time.Unix(0, d.Int()).UTC(), Versions(d.Bytes())
		if r.self.id == 0 {
			d.Fail()
		}
		return d.end("who it is")
	case recordItem:
		key, epoch, known := string(d.Bytes()), d.Uint(math.MaxUint64), d.Bytes()
		if err := d.end("a copy"); err != nil {
			return err
		}
		if _, err := r.versions.decode(known); err != nil || len(known) == 0 {
			return fmt.Errorf("%w: a copy of %q: %w", errFrame, key, err)
		}
		r.items[key] = saved{epoch, append([]byte{}, known...)}
		r.marks.epoch = max(r.marks.epoch, epoch)
	case recordDropped:
		delete(r.items, string(d.Bytes()))
		return d.end("a dropped copy")
	case recordHint:
		hint, err := repair.DecodeRecord(append([]byte{}, d.Rest()...))
		if err != nil {
			return err
		}
		return r.hints.Replay(hint)
	case recordMembers:
		return r.takeMembers(d)
	case recordOutlived:
		return r.takeOutlived(d)
	case recordMarks:
		m := marks{whole: d.Byte() == 1}
		m.floor = version.Stamp{Wall: d.Int(), Logical: uint32(d.Uint(math.MaxUint32))}
		m.epoch, m.repaired = d.Uint(math.MaxUint64), time.Unix(0, d.Int()).UTC()
		m.epoch = max(m.epoch, r.marks.epoch)
		if r.marks.floor.Compare(m.floor) > 0 {
			m.floor = r.marks.floor
		}
		r.marks = m
		return d.end("marks")
	default:
		return fmt.Errorf("%w: a record of the kind %#x", errFrame, record[0])
	}
	return nil
}

func (r *recovered) takeMembers(d decoder) error {
	r.members = nil
	for range d.Count(5) {
		var m gossip.Member
		m.ID, m.Incarnation, m.Weight = ring.ID(d.Uint(math.MaxUint64)), d.Uint(math.MaxUint64), int(d.Uint(ring.MaxWeight))
		m.Address, m.Site, m.State = string(d.Bytes()), string(d.Bytes()), gossip.Alive
		r.members = append(r.members, m)
	}
	return d.end("members")
}
