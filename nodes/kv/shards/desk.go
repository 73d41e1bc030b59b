package shards

import (
	"errors"
	"strings"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Commands are those that a Shard answers, for a front.
var Commands = []kv.Command{
	{Name: "CLUSTER", Arity: -2, Flags: kv.Served},
	{Name: "SHARDS", Arity: -2, Flags: kv.Served},
}

// mostListed is about how many bytes of a list are told at a time.
const mostListed = 256 << 10

// longestParts is the most bytes in which slots are named.
const longestParts = 64 << 10

// Shards answers SHARDS, at once or later. Whoever keeps the group says what a change that was not done is answered with.
func (s *Shard) Shards(args [][]byte, refused func(err error) []byte, reply func(answer []byte)) {
	sub := strings.ToUpper(string(args[1][:min(len(args[1]), 32)]))
	switch {
	case s.opts.Group == "":
		reply(failure("ERR this group keeps all slots by itself"))
	case sub == "MAP" && len(args) == 2:
		reply(resp.AppendBulk(nil, s.account().append(nil)))
	case sub == "STATUS" && len(args) == 2:
		reply(resp.AppendBulk(nil, s.status()))
	case sub == "HELD" && len(args) == 7:
		reply(s.heldHere(args))
	case sub == "STEP" && len(args) == 3:
		s.step(args[2], refused, reply)
	case sub == "MOVE" && len(args) == 4:
		s.move(string(args[2]), string(args[3]), refused, reply)
	default:
		reply(failure("ERR say SHARDS MOVE slots group, STATUS or MAP; HELD and STEP are for other groups"))
	}
}

// status is what this server knows, for people.
func (s *Shard) status() string {
	lines := []string{s.store.String()}
	if owned := (&Table{s.store.table.Of(s.store.group)}); len(owned.spans) > 0 {
		lines = append(lines, "owned "+owned.String())
	}
	if len(s.store.wanted.spans) > 0 {
		lines = append(lines, "wanted "+s.store.wanted.String())
	}
	if len(s.atlas.table.spans) > 0 {
		lines = append(lines, "heard "+s.atlas.table.String())
	}
	return strings.Join(lines, "\n")
}

// move notes that slots are to go to a group, and answers how many of them this group has to give. Where it has none, it says who
// has the first of those that are to go.
func (s *Shard) move(slots, to string, refused func(error) []byte, reply func([]byte)) {
	parts, err := ParseSlots(slots[:min(len(slots), longestParts)])
	switch {
	case err != nil:
		reply(failure("ERR " + err.Error()))
		return
	case !FitsGroup(to) || to != s.opts.Group && s.atlas.leader(to) == "":
		reply(failure("ERR nothing is known of such a group"))
		return
	}
	c := change{step: wantStep, from: s.opts.Group, to: to, records: []byte(slots)}
	s.group.Propose(c.append(nil), func(answer []byte, err error) {
		if err != nil {
			answer = refused(err)
		} else if string(answer) == ":0\r\n" {
			for _, part := range parts {
				for slot := part[0]; slot <= part[1]; slot++ {
					if span, known := s.owner(slot); known && span.Group != to && span.Group != s.opts.Group {
						answer = s.refuseSlot(slot, false)
						reply(answer)
						return
					}
				}
			}
		}
		reply(answer)
	})
}

// step is what another group asks for.
func (s *Shard) step(blob []byte, refused func(error) []byte, reply func([]byte)) {
	c, err := decodeChange(blob)
	switch {
	case err != nil:
		reply(failure("ERR " + err.Error()))
	case c.step < offerStep:
		reply(failure("ERR that is no step for another group to ask for"))
	default:
		s.group.Propose(append([]byte(nil), blob...), func(answer []byte, err error) {
			if err != nil {
				answer = refused(err)
			}
			reply(answer)
		})
	}
}

var errNumbers = errors.New("ERR HELD group first last epoch slot")

// heldHere answers HELD: what has arrived of a handover, from a slot on.
func (s *Shard) heldHere(args [][]byte) []byte {
	var n [4]int64
	for i := range n {
		var is bool
		if n[i], is = resp.ParseInt(args[i+3]); !is || n[i] < 0 || i != 2 && n[i] >= kv.Slots {
			return failure(errNumbers.Error())
		}
	}
	c := change{from: string(args[2]), first: int(n[0]), last: int(n[1]), epoch: uint64(n[2])}
	a := s.store.arrivalFor(&c)
	if a == nil {
		return failure(errUnknown)
	}
	list, next := a.held.List(int(n[3]), a.last, mostListed, nil)
	return resp.AppendBulk(resp.AppendInt(resp.AppendArray(nil, 2), int64(next)), list)
}
