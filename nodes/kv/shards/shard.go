package shards

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Group is what a Shard needs of the group of servers that keeps its Store.
type Group interface {
	// Leads says whether this server leads, as far as it knows.
	Leads() bool
	// Term is the leader's; a later leader has a greater one.
	Term() uint64
	// Propose has an entry done by all servers, in the order of all entries, and calls done with its answer, valid until done
	// returns, once this server has done it. Errors say that it was not done, or may have been.
	Propose(entry []byte, done func(answer []byte, err error))
	// Servers are the group's, this one among them.
	Servers() []Server
}

// Server is one server of a group, as it is told to clients and to other groups.
type Server struct {
	ID     uint64
	Client string // where clients reach it
	Bus    string // where its group reaches it; unknown of other groups' servers
	Self   bool
	Leads  bool
	Online bool
}

// Options of a Shard. The zero of Group is a group that keeps all slots by itself.
type Options struct {
	// Group is the name of this server's group.
	Group string
	// Slots are those that the group begins with: "0-8191", or "none".
	Slots string
	// Others are the addresses for clients of servers of other groups, some of each.
	Others []string
	// Poll is how often each of them is asked what its group owns. Default 1s.
	Poll time.Duration
	// Patience is how long another group may take to answer. Default 1s.
	Patience time.Duration
	// ParcelBytes is about how much of a slot goes to another group at a time. Default 256KiB.
	ParcelBytes nodes.Bytes
	// BatchKeys is how many keys are handed over together at most, unless one slot alone has more. Default 10,000.
	BatchKeys int
}

func (o Options) withDefaults() Options {
	o.Poll, o.Patience = cmp.Or(o.Poll, time.Second), cmp.Or(o.Patience, time.Second)
	o.ParcelBytes, o.BatchKeys = cmp.Or(o.ParcelBytes, 256<<10), cmp.Or(o.BatchKeys, 10_000)
	if o.Slots == "" {
		o.Slots = "none"
	}
	return o
}

// Validate says what cannot be meant.
func (o *Options) Validate() error {
	if o.Group == "" {
		return nil
	}
	if !FitsGroup(o.Group) {
		return fmt.Errorf("%q is no name of a group: letters, digits and -_./, at most %d bytes", o.Group, longestGroup)
	}
	_, err := ParseSlots(o.Slots)
	return err
}

// Shard is one server's part in a cluster of groups: it knows who owns which slots, sends clients there, and, while it leads,
// hands over what is to go. Its methods are for the tasks of one process.
type Shard struct {
	env    nodes.Env
	opts   Options
	record nodes.Recorder
	store  *Store
	group  Group
	atlas  atlas

	wake     nodes.Cond // the courier waits here
	tasks    []nodes.Task
	sequence uint64 // of what was said to other groups
	closed   bool
	owned    int    // that the gauge shows, and one more
	held     []held // in the order in which they came
}

// Open begins to ask other groups, and to hand over.
func Open(env nodes.Env, o Options, store *Store, group Group) *Shard {
	s := &Shard{env: env, opts: o.withDefaults(), record: env.Record(), store: store, group: group, wake: env.NewCond()}
	s.atlas.groups = map[string][]Server{}
	if s.opts.Group == "" {
		return s
	}
	store.changed = s.changed
	s.tasks = append(s.tasks, env.Go("shards", s.carry))
	for _, address := range s.opts.Others {
		s.tasks = append(s.tasks, env.Go("shards ask "+address, func() { s.askOften(address) }))
	}
	return s
}

// Close ends it.
func (s *Shard) Close() {
	s.closed = true
	s.release()
	s.wake.Signal()
	for _, t := range s.tasks {
		t.Cancel()
	}
	for _, t := range s.tasks {
		_ = t.Join()
	}
}

// changed is told that the store's slots have changed.
func (s *Shard) changed() {
	s.wake.Signal()
	if len(s.held) > 0 {
		s.env.AfterFunc(0, s.release)
	}
	if n := s.store.table.Count(s.store.group); n+1 != s.owned {
		s.owned = n + 1
		s.record.Gauge("slots", int64(n))
	}
}

// owner is who owns a slot, by what this group says and what others have told: the latest of it counts.
func (s *Shard) owner(slot int) (Span, bool) {
	own, known := s.store.table.At(slot)
	if far, heard := s.atlas.table.At(slot); heard && (!known || far.Epoch > own.Epoch) {
		return far, true
	}
	return own, known
}

// Refuse is what to answer to a command that this group does not do, as far as this server knows; nil if it does. Of a leader
// the store has the last word: see Reply.
func (s *Shard) Refuse(r *kv.Request, asking bool) []byte {
	if s.opts.Group == "" {
		return nil
	}
	slot, refusal := slotOf(r)
	switch {
	case refusal != "":
		return failure(refusal)
	case !s.store.Founded():
		s.record.Reach(notBegun)
		return failure("CLUSTERDOWN the group has not begun yet")
	case slot < 0:
		return nil
	}
	return s.refuseSlot(slot, asking)
}

// refuseSlot is Refuse of what is about a slot.
func (s *Shard) refuseSlot(slot int, asking bool) []byte {
	span, known := s.owner(slot)
	switch {
	case known && span.Group == s.store.group && !s.store.isFrozen(slot):
		return nil
	case known && span.Group == s.store.group:
		if at := s.atlas.leader(s.store.moving.to); at != "" {
			s.record.Reach(saidAsk)
			return failure(fmt.Sprintf("ASK %d %s", slot, at))
		}
		return failure("TRYAGAIN the slot is being handed over")
	case asking && s.store.arriving(slot) != nil:
		return failure("TRYAGAIN the slot has not arrived yet")
	case known:
		if at := s.atlas.leader(span.Group); at != "" {
			s.record.Reach(saidMoved)
			return failure(fmt.Sprintf("MOVED %d %s", slot, at))
		}
	}
	s.record.Reach(nobodyHas)
	return failure("CLUSTERDOWN Hash slot not served")
}

// Reply is the answer of the store to a command as a client is to have it: where the slot left before the command was done, it
// says where to.
func (s *Shard) Reply(answer []byte) []byte {
	if len(answer) <= len(elsewhere)+1 || answer[0] != '-' || string(answer[1:len(elsewhere)+1]) != elsewhere {
		return answer
	}
	s.record.Reach(leftMeanwhile)
	_, text, _ := strings.Cut(strings.TrimSpace(string(answer)), " ")
	if slot, number := resp.ParseInt([]byte(text)); number && slot >= 0 && slot < kv.Slots {
		if refusal := s.refuseSlot(int(slot), false); refusal != nil {
			return refusal
		}
	}
	return failure("TRYAGAIN the slot is on its way")
}

func failure(text string) []byte { return resp.AppendError(nil, text) }
