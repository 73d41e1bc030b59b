// Package shards answers which of several groups of servers keeps a key, and how keys get from one group to another while they
// are read and written. Keys are in 16,384 hash slots, as in Redis Cluster; a slot is a token that one group owns.
//
// # Where ownership is
//
// In the group's own replicated state: Store is a kv.Store that knows which slots are the group's. There is no other
// authority. A command is refused where it is done, at its place of the log, so no write that waited at a leader's door is
// done after its slot has left. Every hand-over gives the slot a greater epoch, and of two who claim it the greater counts.
//
// # How a slot moves
//
// Each step is a change in one of the two logs, and does nothing where it was done before:
//
//	begin   the group that has the slots notes to whom they go; it serves them on
//	offer   the other group makes room beside its keys
//	put     parcels of keys with their versions and expiries, and of client sessions with their answers, go there; what
//	        was written since, and what was deleted, follows in further rounds
//	freeze  when little is left: the slots are served by nobody, and clients are sent to the other group with ASK
//	put     the rest
//	take    the other group compares sums, and owns the slots, at their new epoch; it serves them from here on
//	gone    the first group forgets them, and answers MOVED
//
// Whoever leads the first group does this (Shard), and whoever leads next asks the other group what it holds already, and
// goes on from there. Terms and numbers of parcels keep those of former leaders out.
package shards

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Store is a key-value store that holds the slots that its group owns. The zero of ownership, before found, is a store that has
// all keys and knows of no slots.
//
// Invariants: moving is within what the group owns, and imports are not; the keys and sessions in the kv.Store are all of slots
// that it owns.
type Store struct {
	*kv.Store
	group   string // the name of this one; empty before it is founded
	table   Table  // what this group owns, and what it has given away
	moving  handover
	wanted  Table // the slots that are to go, to the groups that are said
	imports []*arrival
	changed func() // called when any of these has changed; may be nil
}

// handover is one that has begun. The zero is none.
type handover struct {
	to          string
	first, last int
	epoch       uint64
	frozen      bool
}

// arrival is what another group has sent of slots that it gives to this one.
type arrival struct {
	from           string
	first, last    int
	epoch          uint64
	term, sequence uint64    // of the last parcel
	held           *kv.Store // beside the group's own, for they are not served
}

// New makes an empty store of no group.
func New() *Store { return &Store{Store: kv.New()} }

// Founded says whether the store is of a group that owns slots, rather than all there is.
func (s *Store) Founded() bool { return s.group != "" }

// Bytes is about how much memory the store takes, with what is arriving.
func (s *Store) Bytes() (n nodes.Bytes) {
	n = s.Store.Bytes()
	for _, a := range s.imports {
		n += a.held.Bytes()
	}
	return n
}

// elsewhere is the code of the error for a command whose slot is not served by this group. Shard.Reply tells clients where.
const elsewhere = "ELSEWHERE"

// storeCommands are those whose keys decide where they go.
var storeCommands = kv.StoreCommands()

// ApplyEntry does an entry of the log: a command or a change.
func (s *Store) ApplyEntry(entry, dst []byte) ([]byte, error) {
	if isChange(entry) {
		c, err := decodeChange(entry)
		if err != nil {
			return dst, err
		}
		dst = s.change(&c, dst)
		if s.changed != nil {
			s.changed()
		}
		return dst, nil
	}
	if s.Founded() {
		_, args, err := kv.ParseEntry(entry, nil)
		if err != nil {
			return dst, err
		}
		if refusal := s.refusal(args); refusal != "" {
			return resp.AppendError(dst, refusal), nil
		}
	}
	return s.Store.ApplyEntry(entry, dst)
}

// Read does a command that reads, as of a time in milliseconds since 1970.
func (s *Store) Read(args [][]byte, now int64, dst []byte) []byte {
	if s.Founded() {
		if refusal := s.refusal(args); refusal != "" {
			return resp.AppendError(dst, refusal)
		}
	}
	return s.Store.Read(args, now, dst)
}

// refusal is why a command is not done here; empty if it is.
func (s *Store) refusal(args [][]byte) string {
	r, problem := storeCommands.Parse(args)
	if problem != "" {
		return "" // the store says so itself
	}
	slot, refusal := slotOf(&r)
	switch {
	case refusal != "":
		return refusal
	case slot < 0 && r.Is(kv.Write) && s.moving.frozen:
		return "TRYAGAIN slots are being handed over"
	case slot >= 0 && !s.serves(slot):
		return elsewhere + " " + strconv.Itoa(slot)
	}
	return ""
}

// slotOf is the slot that a command is about, -1 if it is about none; refusal says why no group can do it.
func slotOf(r *kv.Request) (slot int, refusal string) {
	slot, one := r.Slot(r.Args)
	switch {
	case !one:
		return slot, "CROSSSLOT Keys in request don't hash to the same slot"
	case slot < 0 && r.Session != 0:
		return slot, "ERR ONCE is for commands with a key, where slots are in several groups"
	case slot < 0 && r.Name == "ONCE OPEN":
		return slot, "ERR where slots are in several groups a session is for one of them: ONCE OPEN key"
	}
	return slot, ""
}

// owns says whether a slot is the group's.
func (s *Store) owns(slot int) bool {
	span, known := s.table.At(slot)
	return known && span.Group == s.group
}

// serves says whether keys of a slot are read and written here.
func (s *Store) serves(slot int) bool { return s.owns(slot) && !s.isFrozen(slot) }

// isFrozen says that a slot is the group's, and it does not serve it any more.
func (s *Store) isFrozen(slot int) bool {
	return s.moving.frozen && s.moving.first <= slot && slot <= s.moving.last
}

// arriving is what is coming of a slot, or nil.
func (s *Store) arriving(slot int) *arrival {
	for _, a := range s.imports {
		if a.first <= slot && slot <= a.last {
			return a
		}
	}
	return nil
}

// under says whether this group has the slots of the change under its epoch, or gave them on since.
func (s *Store) under(c *change) bool {
	return s.table.Whole(c.first, c.last, func(span Span) bool { return span.Epoch >= c.epoch })
}

// change does a step, and appends its answer: OK, TAKEN for what the other group has already, or an error.
func (s *Store) change(c *change, dst []byte) []byte {
	problem := ""
	switch {
	case c.step == foundStep:
		problem = s.found(c)
	case !s.Founded():
		problem = "CLUSTERDOWN the group has not begun yet"
	case c.step == wantStep:
		slots, err := ParseSlots(string(c.records))
		if err != nil {
			return resp.AppendError(dst, "ERR "+err.Error())
		}
		n := 0
		for _, part := range slots {
			n += s.want(part[0], part[1], c.to)
		}
		return resp.AppendInt(dst, int64(n))
	case c.step == beginStep:
		problem = s.begin(c)
	case c.step == freezeStep:
		problem = s.freeze(c)
	case c.step == goneStep:
		problem = s.gone(c)
	case c.step == yieldStep:
		s.yield(c)
	case c.to != s.group || c.from == s.group:
		problem = fmt.Sprintf("ERR this is the group %s", s.group)
	case s.under(c):
		return resp.AppendSimple(dst, "TAKEN")
	case c.step == offerStep:
		problem = s.offer(c)
	case c.step == putStep:
		problem = s.put(c)
	case c.step == takeStep:
		problem = s.take(c)
	default:
		problem = fmt.Sprintf("ERR an unknown step %d", c.step)
	}
	if problem != "" {
		return resp.AppendError(dst, problem)
	}
	return resp.AppendSimple(dst, "OK")
}

// found makes the store one of a group that owns the slots which the records say.
func (s *Store) found(c *change) string {
	if s.Founded() {
		return ""
	}
	slots, err := ParseSlots(string(c.records))
	if err != nil {
		return "ERR " + err.Error()
	}
	if s.Len() > 0 {
		return "ERR the store has keys already"
	}
	s.group = strings.Clone(c.from)
	for _, part := range slots {
		s.table.Set(Span{part[0], part[1], s.group, 1})
	}
	return ""
}

// want notes that slots are to go to a group, those of them that are here, and tells how many these are. Those that are on their
// way already go on.
func (s *Store) want(first, last int, to string) (n int) {
	for span := range s.table.Within(first, last) {
		if span.Group != s.group {
			continue
		}
		s.wanted.Cut(span.First, span.Last)
		if to == s.group {
			continue
		}
		n += span.Last - span.First + 1
		s.wanted.Set(Span{span.First, span.Last, strings.Clone(to), 0})
	}
	if s.moving.to != "" {
		s.wanted.Cut(s.moving.first, s.moving.last)
	}
	return n
}

// Become makes the store what another is. The other is not to be used any more.
func (s *Store) Become(other *Store) {
	changed := s.changed
	*s = *other
	if s.changed = changed; changed != nil {
		changed()
	}
}

// String is the store on one line.
func (s *Store) String() string {
	if !s.Founded() {
		return s.Store.String()
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "group %s owns %d slots", s.group, s.table.Count(s.group))
	if h := s.moving; h.to != "" {
		word := "giving"
		if h.frozen {
			word = "handing over"
		}
		fmt.Fprintf(&b, ", %s %d-%d to %s@%d", word, h.first, h.last, h.to, h.epoch)
	}
	if n := s.wanted.Count(""); n > 0 {
		fmt.Fprintf(&b, ", %d more wanted", n)
	}
	for _, a := range s.imports {
		fmt.Fprintf(&b, ", %d keys of %d-%d@%d arrived from %s", a.held.Len(), a.first, a.last, a.epoch, a.from)
	}
	return b.String()
}
