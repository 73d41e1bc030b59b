package ringkv

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
)

// served answers what is asked of the server itself.
func (s *server) served(r *kv.Request) []byte {
	switch r.Name {
	case "CLUSTER":
		return s.cluster(r.Args)
	case "WAIT": // what was acknowledged is on W copies, and who wants more says so with QUORUM
		return resp.AppendInt(nil, int64(s.config.Write-1))
	}
	return failure("ERR " + strings.ToLower(r.Name) + " goes before another command")
}

// word is a subcommand in capitals.
func word(arg []byte) string { return strings.ToUpper(string(arg[:min(len(arg), 32)])) }

// cluster answers CLUSTER. To clients of Redis Cluster the ring is one shard that has all slots: whichever server is asked
// coordinates.
func (s *server) cluster(args [][]byte) []byte {
	switch sub := word(args[1]); {
	case sub == "SLOTS" && len(args) == 2:
		return s.slots()
	case sub == "SHARDS" && len(args) == 2:
		return s.shards()
	case sub == "NODES" && len(args) == 2:
		return resp.AppendBulk(nil, s.nodes())
	case sub == "INFO" && len(args) == 2:
		return resp.AppendBulk(nil, fmt.Sprintf("cluster_enabled:1\r\ncluster_state:ok\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\n"+
			"cluster_known_nodes:%d\r\ncluster_size:1\r\ncluster_current_epoch:0\r\ncluster_my_epoch:0\r\n", kv.Slots, kv.Slots, len(s.members.ring.Members())))
	case sub == "MYID" && len(args) == 2:
		return resp.AppendBulk(nil, nodeID(s.self.id))
	case sub == "KEYSLOT" && len(args) == 3:
		return resp.AppendInt(nil, int64(kv.Slot(args[2])))
	case sub == "OWNERS" && len(args) == 3:
		return s.owners(args[2])
	case sub == "DIGEST" && len(args) == 2:
		return resp.AppendBulk(nil, fmt.Sprintf("%016x", s.shelf.digest))
	case sub == "FORGET" && len(args) == 3:
		return s.forgetMember(string(args[2]))
	case sub == "LEAVE" && len(args) == 2:
		return s.leaveSoon()
	}
	return failure("ERR unknown subcommand or wrong number of arguments for 'cluster'")
}

// nodeID is how clients of Redis Cluster name a server.
func nodeID(id ring.ID) string { return fmt.Sprintf("%040x", uint64(id)) }

// where is an address in two.
func where(address string) (host string, port int64) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	port, _ = strconv.ParseInt(text, 10, 32)
	return host, port
}

// clientOf is where clients reach a member; what it said, or else its host with this server's own port.
func (s *server) clientOf(m gossip.Member) string {
	own := s.config.client(s.env.Host())
	if m.ID == s.self.id {
		return own
	}
	if known := s.members.clients[m.ID]; known != "" {
		return known
	}
	host, _ := where(m.Address)
	_, port := where(own)
	return net.JoinHostPort(host, strconv.FormatInt(port, 10))
}

// present are the members of the ring, this server first.
func (s *server) present() (all []gossip.Member) {
	all = append(all, s.members.core.Self())
	for _, m := range s.members.core.Members() {
		if m.ID != s.self.id && m.State != gossip.Left {
			all = append(all, m)
		}
	}
	return all
}

func (s *server) slots() []byte {
	all := s.present()
	out := resp.AppendArray(resp.AppendArray(nil, 1), 2+len(all))
	out = resp.AppendInt(resp.AppendInt(out, 0), kv.Slots-1)
	for _, m := range all {
		host, port := where(s.clientOf(m))
		out = resp.AppendInt(resp.AppendBulk(resp.AppendArray(out, 3), host), port)
		out = resp.AppendBulk(out, nodeID(m.ID))
	}
	return out
}

func (s *server) shards() []byte {
	all := s.present()
	out := resp.AppendArray(resp.AppendArray(nil, 1), 4)
	out = resp.AppendArray(resp.AppendBulk(out, "slots"), 2)
	out = resp.AppendInt(resp.AppendInt(out, 0), kv.Slots-1)
	out = resp.AppendArray(resp.AppendBulk(out, "nodes"), len(all))
	for i, m := range all {
		host, port := where(s.clientOf(m))
		role, health := "replica", "online"
		if i == 0 {
			role = "master"
		}
		if m.State == gossip.Dead {
			health = "fail"
		}
		out = resp.AppendBulk(resp.AppendBulk(resp.AppendArray(out, 12), "id"), nodeID(m.ID))
		out = resp.AppendInt(resp.AppendBulk(out, "port"), port)
		out = resp.AppendBulk(resp.AppendBulk(out, "ip"), host)
		out = resp.AppendBulk(resp.AppendBulk(out, "endpoint"), host)
		out = resp.AppendBulk(resp.AppendBulk(out, "role"), role)
		out = resp.AppendBulk(resp.AppendBulk(out, "health"), health)
	}
	return out
}

func (s *server) nodes() string {
	var b strings.Builder
	for i, m := range s.present() {
		_, bus := where(m.Address)
		flags, state := "master", "connected"
		if i == 0 {
			flags = "myself,master"
		}
		switch m.State {
		case gossip.Suspect:
			flags += ",fail?"
		case gossip.Dead:
			flags, state = flags+",fail", "disconnected"
		}
		fmt.Fprintf(&b, "%s %s@%d %s - 0 0 %d %s", nodeID(m.ID), s.clientOf(m), bus, flags, m.Incarnation, state)
		if i == 0 {
			fmt.Fprintf(&b, " 0-%d", kv.Slots-1)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// owners tells who keeps a key, in the order in which they are preferred.
func (s *server) owners(key []byte) []byte {
	ids := s.members.ring.Owners(ring.Position(key))
	out := resp.AppendArray(nil, len(ids))
	for _, id := range ids {
		for _, m := range s.present() {
			if m.ID == id {
				out = resp.AppendBulk(out, nodeID(id)+" "+s.clientOf(m))
			}
		}
	}
	return out
}

// forgetMember says of a server that is dead that it has left for good, on an administrator's word. If it comes back all the same it
// finds that out, and comes back empty.
func (s *server) forgetMember(name string) []byte {
	for _, m := range s.present() {
		switch {
		case name != nodeID(m.ID) && name != m.Address && name != s.clientOf(m):
		case m.ID == s.self.id:
			return failure("ERR I tried hard but I can't forget myself...")
		case m.State != gossip.Dead:
			return failure("ERR it is not dead: CLUSTER LEAVE, said to it, lets it hand over what it has")
		default:
			s.sayLeft(m)
			s.spread()
			return resp.AppendSimple(nil, "OK")
		}
	}
	return failure("ERR Unknown node " + cut(name))
}

func cut(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s[:min(len(s), 64)])
}

// leaveSoon lets this server hand over what it has, leave and end.
func (s *server) leaveSoon() []byte {
	if s.leaving {
		return failure("ERR it is leaving")
	}
	s.env.Go("leave", func() {
		if err := s.leave(); err != nil {
			s.env.Log().Warn("the server stays", "err", err)
			return
		}
		s.stop(nil)
	})
	return resp.AppendSimple(nil, "OK")
}
