package shards

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// member is a group as CLUSTER tells of it: its slots, and its servers, the leader first.
type member struct {
	spans   []Span
	servers []Server
}

// members are the groups that are known, this one first. A group that keeps all slots by itself is alone.
func (s *Shard) members() []member {
	if s.opts.Group == "" {
		return []member{{[]Span{{0, kv.Slots - 1, "", 0}}, leaderFirst(s.group.Servers())}}
	}
	all := Table{append([]Span(nil), s.atlas.table.spans...)}
	for _, span := range s.store.table.spans {
		all.Merge(span)
	}
	groups := []member{{joined(all.Of(s.opts.Group)), leaderFirst(s.group.Servers())}}
	for _, name := range s.atlas.names() {
		groups = append(groups, member{joined(all.Of(name)), leaderFirst(s.atlas.groups[name])})
	}
	return groups
}

// joined are the spans of one group without the seams of different epochs. Each has the newest epoch of its parts.
func joined(spans []Span) (all []Span) {
	for _, span := range spans {
		if n := len(all); n > 0 && all[n-1].Last+1 == span.First {
			all[n-1].Last, all[n-1].Epoch = span.Last, max(all[n-1].Epoch, span.Epoch)
			continue
		}
		all = append(all, span)
	}
	return all
}

func leaderFirst(servers []Server) []Server {
	all := make([]Server, 0, len(servers))
	for _, leads := range [...]bool{true, false} {
		for _, m := range servers {
			if m.Leads == leads {
				all = append(all, m)
			}
		}
	}
	return all
}

// Cluster answers CLUSTER.
func (s *Shard) Cluster(args [][]byte) []byte {
	switch sub := strings.ToUpper(string(args[1][:min(len(args[1]), 32)])); {
	case sub == "SLOTS" && len(args) == 2:
		return s.slots()
	case sub == "SHARDS" && len(args) == 2:
		return s.shards()
	case sub == "NODES" && len(args) == 2:
		return resp.AppendBulk(nil, s.nodes())
	case sub == "INFO" && len(args) == 2:
		return resp.AppendBulk(nil, s.info())
	case sub == "MYID" && len(args) == 2:
		return resp.AppendBulk(nil, nodeID(s.self().ID))
	case sub == "KEYSLOT" && len(args) == 3:
		return resp.AppendInt(nil, int64(kv.Slot(args[2])))
	case sub == "COUNTKEYSINSLOT" && len(args) == 3:
		slot, number := resp.ParseInt(args[2])
		if !number || slot < 0 || slot >= kv.Slots {
			return failure("ERR Invalid slot")
		}
		_, count := s.store.SlotDigest(int(slot))
		return resp.AppendInt(nil, int64(count))
	case sub == "GETKEYSINSLOT" && len(args) == 4:
		slot, number1 := resp.ParseInt(args[2])
		most, number2 := resp.ParseInt(args[3])
		if !number1 || !number2 || slot < 0 || slot >= kv.Slots || most < 0 {
			return failure("ERR Invalid slot or number of keys")
		}
		keys := s.store.KeysInSlot(int(slot), int(min(most, mostKeys)))
		out := resp.AppendArray(nil, len(keys))
		for _, key := range keys {
			out = resp.AppendBulk(out, key)
		}
		return out
	}
	return failure(fmt.Sprintf("ERR unknown subcommand '%.32s', or wrong number of arguments. Slots are moved by SHARDS MOVE", args[1]))
}

// mostKeys bounds what GETKEYSINSLOT tells.
const mostKeys = 100_000

// nodeID is how clients of Redis Cluster name a server.
func nodeID(id uint64) string { return fmt.Sprintf("%040x", id) }

// self is this server.
func (s *Shard) self() Server {
	for _, m := range s.group.Servers() {
		if m.Self {
			return m
		}
	}
	return Server{}
}

// where is an address in two.
func where(address string) (host string, port int64) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	port, _ = strconv.ParseInt(text, 10, 32)
	return host, port
}

func (s *Shard) slots() []byte {
	all := s.members()
	if own := all[0].servers; len(all) == 1 && (len(own) == 0 || !own[0].Leads) {
		return failure("CLUSTERDOWN no leader is known")
	}
	n, out := 0, []byte(nil)
	for _, g := range all {
		for _, span := range g.spans {
			if len(g.servers) == 0 {
				continue
			}
			n++
			out = resp.AppendArray(out, 2+len(g.servers))
			out = resp.AppendInt(resp.AppendInt(out, int64(span.First)), int64(span.Last))
			for _, m := range g.servers {
				host, port := where(m.Client)
				out = resp.AppendInt(resp.AppendBulk(resp.AppendArray(out, 3), host), port)
				out = resp.AppendBulk(out, nodeID(m.ID))
			}
		}
	}
	return append(resp.AppendArray(nil, n), out...)
}

func (s *Shard) shards() []byte {
	all := s.members()
	out := resp.AppendArray(nil, len(all))
	for _, g := range all {
		out = resp.AppendArray(out, 4)
		out = resp.AppendArray(resp.AppendBulk(out, "slots"), 2*len(g.spans))
		for _, span := range g.spans {
			out = resp.AppendInt(resp.AppendInt(out, int64(span.First)), int64(span.Last))
		}
		out = resp.AppendArray(resp.AppendBulk(out, "nodes"), len(g.servers))
		for _, m := range g.servers {
			host, port := where(m.Client)
			out = resp.AppendArray(out, 12)
			out = resp.AppendBulk(resp.AppendBulk(out, "id"), nodeID(m.ID))
			out = resp.AppendInt(resp.AppendBulk(out, "port"), port)
			out = resp.AppendBulk(resp.AppendBulk(out, "ip"), host)
			out = resp.AppendBulk(resp.AppendBulk(out, "endpoint"), host)
			out = resp.AppendBulk(resp.AppendBulk(out, "role"), choose(m.Leads, "master", "replica"))
			out = resp.AppendBulk(resp.AppendBulk(out, "health"), choose(m.Online, "online", "fail"))
		}
	}
	return out
}

func choose(yes bool, one, other string) string {
	if yes {
		return one
	}
	return other
}

func (s *Shard) nodes() string {
	var b strings.Builder
	for i, g := range s.members() {
		for _, m := range g.servers {
			_, bus := where(m.Bus)
			flags, master := "master", "-"
			if !m.Leads {
				flags = "slave"
				if g.servers[0].Leads {
					master = nodeID(g.servers[0].ID)
				}
			}
			if m.Self {
				flags = "myself," + flags
			}
			epoch := s.group.Term()
			if i > 0 || s.opts.Group != "" {
				epoch = newest(g.spans)
			}
			fmt.Fprintf(&b, "%s %s@%d %s %s 0 0 %d %s", nodeID(m.ID), m.Client, bus, flags, master, epoch, choose(m.Online, "connected", "disconnected"))
			for _, span := range g.spans {
				switch {
				case !m.Leads:
				case span.First == span.Last:
					fmt.Fprintf(&b, " %d", span.First)
				default:
					fmt.Fprintf(&b, " %d-%d", span.First, span.Last)
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// newest is the greatest epoch of any of the slots.
func newest(spans []Span) (epoch uint64) {
	for _, span := range spans {
		epoch = max(epoch, span.Epoch)
	}
	return epoch
}

func (s *Shard) info() string {
	all := s.members()
	assigned, known, size, led := 0, 0, 0, true
	epoch, own := s.group.Term(), s.group.Term()
	if s.opts.Group != "" {
		epoch, own = 0, newest(all[0].spans)
	}
	for _, g := range all {
		known += len(g.servers)
		led = led && (len(g.spans) == 0 || len(g.servers) > 0 && g.servers[0].Leads)
		if len(g.spans) > 0 {
			size++
		}
		epoch = max(epoch, newest(g.spans))
		for _, span := range g.spans {
			assigned += span.Last - span.First + 1
		}
	}
	return fmt.Sprintf("cluster_enabled:1\r\ncluster_state:%s\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\ncluster_known_nodes:%d\r\n"+
		"cluster_size:%d\r\ncluster_current_epoch:%d\r\ncluster_my_epoch:%d\r\n",
		choose(led && assigned == kv.Slots, "ok", "fail"), assigned, assigned, known, size, epoch, own)
}
