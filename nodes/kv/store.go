// Package kv answers what a replicated key-value store holds: a state machine that comes to the same from the same
// commands in the same order, on every machine. It does nothing by itself: kv.single puts a journal under it, kv.raft
// a replicated log, and package front puts a server of the Redis protocol in front of either.
//
// Who orders a command gives it the time (Order), so that what expires does so at one place of the log. Apply does
// commands that write, Read those that do not. A value has a version, which no other write of any key ever has, and
// later writes have greater ones. A client that opens a session may send a command again, and it is done once
// (Ongaro's dissertation, §6.3); sessions are part of the state, and of its snapshots.
package kv

import (
	"fmt"

	"simrun/nodes"
)

// Limits of a store, the same in all copies.
const (
	MaxKey   = 64 << 10 // bytes of a key
	MaxValue = 16 << 20 // bytes of a value
	maxReply = 64 << 20 // bytes of the answer to a command that asks for much
)

// Store is the state machine.
//
// Invariants: bytes is the sum of the items' sizes; digest that of their marks, and each slot's likewise; an item is in
// expiries exactly if it has an expiry; no version is greater than version.
type Store struct {
	table    table
	slots    [Slots / slotPage]*[slotPage]slotTally
	expiries expiries
	sessions sessions

	version uint64 // of the last write
	now     int64  // the latest time of any order
	bytes   int64
	digest  uint64

	x    execution // memory of the command that is done
	args [][]byte  // memory for the strings of an entry
}

// item is what is held under a key. Images hold items while the store goes on, so none is changed once it is there;
// only its places in expiries and in its slot are the store's own.
type item struct {
	key     string
	value   []byte
	hash    uint64 // of the key
	version uint64
	expiry  int64 // in milliseconds since 1970; 0 is never
	slot    uint16

	place                  int // in expiries
	nextInSlot, prevInSlot *item
}

// itemSize is what an item costs beside its key and value.
const itemSize = 128

func (it *item) size() int64 { return int64(len(it.key)+len(it.value)) + itemSize }

// mark is the item's part of a digest.
func (it *item) mark() uint64 {
	return fold(hash(it.value, it.version)^it.hash, uint64(it.expiry)^0x589965cc75374cc3)
}

// slotPage is how many slots share a piece of memory, made with the first key in any of them.
const slotPage = 128

// slotTally is what is known of a slot.
type slotTally struct {
	digest uint64
	count  int
	first  *item
}

// New makes an empty store.
func New() *Store { return &Store{table: newTable(), sessions: newSessions()} }

// Len is how many keys there are, those that have expired and are not removed yet among them.
func (s *Store) Len() int { return s.table.count }

// Bytes is about how much memory the store's keys, values and sessions take.
func (s *Store) Bytes() nodes.Bytes { return nodes.Bytes(s.bytes + s.sessions.bytes) }

// Sessions is how many client sessions there are.
func (s *Store) Sessions() int { return s.sessions.len() }

// Version is that of the last write.
func (s *Store) Version() uint64 { return s.version }

// Skip leaves out the versions up to one, where another store may have given them to what this one never had.
func (s *Store) Skip(version uint64) { s.version = max(s.version, version) }

// Now is the latest time that any command was ordered with, in milliseconds since 1970.
func (s *Store) Now() int64 { return s.now }

// Digest is equal for stores that hold the same keys with the same values, versions and expiries, and hardly for others.
func (s *Store) Digest() uint64 { return s.digest }

// SlotDigest is the digest of one slot's keys, and how many there are.
func (s *Store) SlotDigest(slot int) (digest uint64, count int) {
	t := s.tally(slot)
	return t.digest, t.count
}

// KeysInSlot are up to most keys of a slot, the newest first.
func (s *Store) KeysInSlot(slot, most int) (keys []string) {
	for it := s.tally(slot).first; it != nil && len(keys) < most; it = it.nextInSlot {
		keys = append(keys, it.key)
	}
	return keys
}

// String is the store on one line.
func (s *Store) String() string {
	return fmt.Sprintf("%d keys, %s, version %d, %d sessions, digest %016x",
		s.Len(), s.Bytes(), s.version, s.sessions.len(), s.digest)
}

func (s *Store) tally(slot int) slotTally {
	if p := s.slots[slot/slotPage]; p != nil {
		return p[slot%slotPage]
	}
	return slotTally{}
}

// find is the item of a key at a time, or nil.
func (s *Store) find(key []byte, now int64) *item {
	it := s.table.get(hash(key, 0), key)
	if it == nil || it.expired(now) {
		return nil
	}
	return it
}

func (it *item) expired(now int64) bool { return it.expiry != 0 && it.expiry <= now }

// put makes the value of a key a new one, under the next version. The value is the store's from here on.
func (s *Store) put(key, value []byte, expiry int64) *item {
	s.version++
	it := &item{value: value, hash: hash(key, 0), version: s.version, expiry: expiry}
	old := s.table.get(it.hash, key)
	if old != nil {
		it.key, it.slot = old.key, old.slot
		s.forget(old)
	} else {
		it.key, it.slot = string(key), uint16(Slot(key))
	}
	s.hold(it)
	return it
}

// hold takes in an item whose key is not held.
func (s *Store) hold(it *item) {
	s.table.put(it)
	s.bytes += it.size()
	page := &s.slots[it.slot/slotPage]
	if *page == nil {
		*page = new([slotPage]slotTally)
	}
	t, mark := &(*page)[it.slot%slotPage], it.mark()
	t.digest += mark
	s.digest += mark
	t.count++
	if it.nextInSlot = t.first; t.first != nil {
		t.first.prevInSlot = it
	}
	t.first = it
	if it.expiry != 0 {
		s.expiries.push(it)
	}
}

// forget takes an item out of all but the table, where another is to take its place.
func (s *Store) forget(it *item) {
	s.bytes -= it.size()
	t, mark := &s.slots[it.slot/slotPage][it.slot%slotPage], it.mark()
	t.digest -= mark
	s.digest -= mark
	t.count--
	if it.prevInSlot != nil {
		it.prevInSlot.nextInSlot = it.nextInSlot
	} else {
		t.first = it.nextInSlot
	}
	if it.nextInSlot != nil {
		it.nextInSlot.prevInSlot = it.prevInSlot
	}
	it.nextInSlot, it.prevInSlot = nil, nil
	if it.expiry != 0 {
		s.expiries.remove(it)
	}
}

// remove takes an item out.
func (s *Store) remove(it *item) {
	s.forget(it)
	s.table.remove(it)
}

// flush removes everything but the sessions.
func (s *Store) flush() {
	s.table, s.expiries = newTable(), nil
	clear(s.slots[:])
	s.bytes, s.digest = 0, 0
}
