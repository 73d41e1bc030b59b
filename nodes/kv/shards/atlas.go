package shards

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// atlas is what the servers of other groups have told: which slots theirs owns, and who its servers are. It is not kept: who
// starts anew asks anew.
type atlas struct {
	table  Table
	groups map[string][]Server
}

// mostGroups bounds the groups that are remembered, mostServers the servers of each.
const (
	mostGroups  = 256
	mostServers = 64
)

// leader is where a group's leader is, or, if none is known, any of its servers; empty if there is none.
func (a *atlas) leader(group string) string {
	servers := a.groups[group]
	for _, s := range servers {
		if s.Leads {
			return s.Client
		}
	}
	if len(servers) > 0 {
		return servers[0].Client
	}
	return ""
}

// names are the other groups, in order.
func (a *atlas) names() []string { return slices.Sorted(maps.Keys(a.groups)) }

// account is what one server tells of its group.
type account struct {
	group   string
	servers []Server
	owned   []Span
}

// learn takes in what a server told.
func (a *atlas) learn(t *account) {
	if a.groups[t.group] == nil && len(a.groups) >= mostGroups {
		return
	}
	a.groups[t.group] = t.servers
	for _, span := range t.owned {
		a.table.Merge(span)
	}
}

// accountMark begins what a server tells, accountVersion follows.
const (
	accountMark    = 'm'
	accountVersion = 1
)

func (t *account) append(dst []byte) []byte {
	at := len(dst)
	text := func(text string) { dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...) }
	dst = append(dst, accountMark, accountVersion)
	text(t.group)
	dst = binary.AppendUvarint(dst, uint64(len(t.servers)))
	for _, s := range t.servers {
		dst = binary.AppendUvarint(dst, s.ID)
		text(s.Client)
		flags := byte(0)
		if s.Leads {
			flags |= 1
		}
		if s.Online {
			flags |= 2
		}
		dst = append(dst, flags)
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.owned)))
	for _, span := range t.owned {
		dst = appendSpan(dst, span)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// longestAddress is the most bytes of a server's address.
const longestAddress = 512

func decodeAccount(b []byte) (t account, err error) {
	body, err := checked(b, accountMark, accountVersion)
	if err != nil {
		return t, err
	}
	in := reader{rest: body}
	t.group = string(in.text(longestGroup))
	n := in.uvarint()
	t.servers = make([]Server, 0, min(n, mostServers))
	for ; n > 0 && !in.bad; n-- {
		s := Server{ID: in.uvarint(), Client: string(in.text(longestAddress))}
		flags := in.byte()
		s.Leads, s.Online = flags&1 != 0, flags&2 != 0
		in.bad = in.bad || len(t.servers) >= mostServers
		t.servers = append(t.servers, s)
	}
	next := 0
	n = in.uvarint()
	t.owned = make([]Span, 0, min(n, uint64(len(in.rest)/leastSpan)))
	for ; n > 0 && !in.bad; n-- {
		span := in.span()
		in.bad = in.bad || span.First < next || span.Group != t.group
		next = span.Last + 1
		t.owned = append(t.owned, span)
	}
	if in.bad || len(in.rest) > 0 || !FitsGroup(t.group) || next > kv.Slots {
		return account{}, fmt.Errorf("%w: an account that is cut short, or out of bounds", ErrChange)
	}
	return t, nil
}

// account is what this server tells.
func (s *Shard) account() *account {
	servers := s.group.Servers()
	return &account{s.opts.Group, servers[:min(len(servers), mostServers)], s.store.table.Of(s.store.group)}
}

// askOften asks one server of another group again and again.
func (s *Shard) askOften(address string) {
	c := contact{shard: s, address: address}
	defer c.close()
	for !s.closed {
		answer, err := c.ask("SHARDS", "MAP")
		if err == nil && answer.Kind == resp.Bulk {
			var told account
			if told, err = decodeAccount(answer.Text); err == nil && told.group != s.opts.Group {
				s.atlas.learn(&told)
				s.contest()
			}
		}
		if err != nil {
			s.env.Log().Debug("shards: nothing is heard", "of", address, "err", err)
			c.close()
		}
		if s.env.Sleep(s.opts.Poll) != nil {
			return
		}
	}
}

// contest wakes the courier if another group claims what this one has.
func (s *Shard) contest() {
	if s.group.Leads() && s.contested() != nil {
		s.wake.Signal()
	}
}

// contested is a span of this group's that another has under a greater epoch, or nil.
func (s *Shard) contested() *Span {
	for _, own := range s.store.table.Of(s.store.group) {
		for far := range s.atlas.table.Within(own.First, own.Last) {
			if far.Epoch > own.Epoch && far.Group != s.store.group {
				return &far
			}
		}
	}
	return nil
}
