package raftkv

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
	"simrun/nodes/resp"
)

// served answers what is asked of the server itself.
func (s *server) served(r *kv.Request) []byte {
	switch r.Name {
	case "CLUSTER":
		return s.cluster(r.Args)
	case "RAFT":
		return s.raft(r.Args)
	}
	return failure("ERR unknown command")
}

// wait answers WAIT: how many others have all that was committed by now. What was answered is on a majority anyway, so
// there is something to wait for only for who wants more.
func (s *server) wait(c *front.Call) {
	wanted, number1 := resp.ParseInt(c.Args[1])
	millis, number2 := resp.ParseInt(c.Args[2])
	if !number1 || !number2 || wanted < 0 || millis < 0 || millis > 1<<40 {
		c.Reply(failure("ERR value is not an integer or out of range"))
		return
	}
	commit, until := s.replica.Commit(), s.env.Mark().Add(time.Duration(millis)*time.Millisecond)
	var look func()
	look = func() {
		n := s.caughtUp(commit)
		if n >= int(wanted) || c.Abandoned() || s.stopping || !s.replica.Leads() || millis > 0 && s.env.Mark() >= until {
			c.Reply(resp.AppendInt(nil, int64(n)))
			return
		}
		s.env.AfterFunc(waitEvery, look)
	}
	look()
}

// waitEvery is how often WAIT looks.
const waitEvery = 5 * time.Millisecond

// caughtUp is how many other servers are known to have all entries up to one.
func (s *server) caughtUp(index uint64) (n int) {
	for _, m := range s.replica.Standings() {
		if m.ID != s.replica.ID() && s.replica.Leads() && m.Match >= index {
			n++
		}
	}
	return n
}

func failure(text string) []byte { return resp.AppendError(nil, text) }

var done = []byte("+OK\r\n")

// word is a subcommand in capitals.
func word(arg []byte) string { return strings.ToUpper(string(arg[:min(len(arg), 32)])) }

// cluster answers CLUSTER, as a cluster of one group that has all slots.
func (s *server) cluster(args [][]byte) []byte {
	switch sub := word(args[1]); {
	case sub == "SLOTS" && len(args) == 2:
		return s.slots()
	case sub == "SHARDS" && len(args) == 2:
		return s.shards()
	case sub == "NODES" && len(args) == 2:
		return resp.AppendBulk(nil, s.nodes())
	case sub == "INFO" && len(args) == 2:
		return resp.AppendBulk(nil, s.clusterInfo())
	case sub == "MYID" && len(args) == 2:
		return resp.AppendBulk(nil, nodeID(s.replica.ID()))
	case sub == "KEYSLOT" && len(args) == 3:
		return resp.AppendInt(nil, int64(kv.Slot(args[2])))
	case sub == "COUNTKEYSINSLOT" && len(args) == 3:
		slot, number := resp.ParseInt(args[2])
		if !number || slot < 0 || slot >= kv.Slots {
			return failure("ERR Invalid slot")
		}
		_, count := s.store.SlotDigest(int(slot))
		return resp.AppendInt(nil, int64(count))
	}
	return failure("ERR unknown subcommand or wrong number of arguments for 'cluster'")
}

// nodeID is how clients of Redis Cluster name a server.
func nodeID(id raft.ID) string { return fmt.Sprintf("%040x", uint64(id)) }

// where is an address in two.
func where(address string) (host string, port int64) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	port, _ = strconv.ParseInt(text, 10, 32)
	return host, port
}

// members are the servers, the leader first.
func (s *server) members() []replica.Standing {
	all := s.replica.Standings()
	for i, m := range all {
		if m.Leads {
			copy(all[1:i+1], all[:i])
			all[0] = m
		}
	}
	return all
}

func (s *server) slots() []byte {
	all := s.members()
	if len(all) == 0 || !all[0].Leads {
		return failure("CLUSTERDOWN no leader is known")
	}
	out := resp.AppendArray(nil, 1)
	out = resp.AppendArray(out, 2+len(all))
	out = resp.AppendInt(resp.AppendInt(out, 0), kv.Slots-1)
	for _, m := range all {
		host, port := where(m.Client)
		out = resp.AppendInt(resp.AppendBulk(resp.AppendArray(out, 3), host), port)
		out = resp.AppendBulk(out, nodeID(m.ID))
	}
	return out
}

func (s *server) shards() []byte {
	all := s.members()
	out := resp.AppendArray(nil, 1)
	out = resp.AppendArray(out, 4)
	out = resp.AppendArray(resp.AppendBulk(out, "slots"), 2)
	out = resp.AppendInt(resp.AppendInt(out, 0), kv.Slots-1)
	out = resp.AppendArray(resp.AppendBulk(out, "nodes"), len(all))
	for _, m := range all {
		host, port := where(m.Client)
		out = resp.AppendArray(out, 12)
		out = resp.AppendBulk(resp.AppendBulk(out, "id"), nodeID(m.ID))
		out = resp.AppendInt(resp.AppendBulk(out, "port"), port)
		out = resp.AppendBulk(resp.AppendBulk(out, "ip"), host)
		out = resp.AppendBulk(resp.AppendBulk(out, "endpoint"), host)
		out = resp.AppendBulk(resp.AppendBulk(out, "role"), role(m))
		out = resp.AppendBulk(resp.AppendBulk(out, "health"), health(m))
	}
	return out
}

func role(m replica.Standing) string {
	if m.Leads {
		return "master"
	}
	return "replica"
}

func health(m replica.Standing) string {
	if m.Connected {
		return "online"
	}
	return "fail"
}

func (s *server) nodes() string {
	var b strings.Builder
	all := s.members()
	for _, m := range all {
		_, bus := where(m.Server)
		flags, master := "master", "-"
		if !m.Leads {
			flags = "slave"
			if all[0].Leads {
				master = nodeID(all[0].ID)
			}
		}
		if m.ID == s.replica.ID() {
			flags = "myself," + flags
		}
		state := "connected"
		if !m.Connected {
			state = "disconnected"
		}
		fmt.Fprintf(&b, "%s %s@%d %s %s 0 0 %d %s", nodeID(m.ID), m.Client, bus, flags, master, s.replica.Term(), state)
		if m.Leads {
			fmt.Fprintf(&b, " 0-%d", kv.Slots-1)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *server) clusterInfo() string {
	state := "fail"
	if client, _ := s.replica.Leader(); client != "" {
		state = "ok"
	}
	return fmt.Sprintf("cluster_enabled:1\r\ncluster_state:%s\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\ncluster_known_nodes:%d\r\n"+
		"cluster_size:1\r\ncluster_current_epoch:%d\r\ncluster_my_epoch:%d\r\n",
		state, kv.Slots, kv.Slots, len(s.replica.Standings()), s.replica.Term(), s.replica.Term())
}

// raft answers RAFT, which is for whoever runs the group.
func (s *server) raft(args [][]byte) []byte {
	switch sub := word(args[1]); {
	case sub == "STATUS" && len(args) == 2:
		return resp.AppendBulk(nil, s.replica.String())
	case sub == "MEMBERS" && len(args) == 2:
		all := s.members()
		out := resp.AppendArray(nil, len(all))
		for _, m := range all {
			out = resp.AppendBulk(out, standing(m))
		}
		return out
	case sub == "INVITE" && len(args) == 3:
		return s.decided(s.replica.Invite(peerAddress(string(args[2]))))
	case sub == "REMOVE" && len(args) == 3:
		if id, found := s.member(args[2]); found {
			return s.decided(s.replica.Remove(id))
		}
		return failure("ERR no such member")
	case sub == "TRANSFER" && len(args) == 3:
		if id, found := s.member(args[2]); found {
			return s.decided(s.replica.Transfer(id))
		}
		return failure("ERR no such member")
	}
	return failure("ERR say RAFT STATUS, MEMBERS, INVITE server-address, REMOVE member or TRANSFER member")
}

// standing is a member on one line.
func standing(m replica.Standing) string {
	what := "voter"
	if !m.Votes {
		what = "learner"
	}
	if m.Leads {
		what = "leader"
	}
	return fmt.Sprintf("%d %s client %s server %s %s match %d", uint64(m.ID), what, m.Client, m.Server, health(m), m.Match)
}

// member is whom an administrator means: by id, or by one of the addresses.
func (s *server) member(name []byte) (raft.ID, bool) {
	return s.replica.Find(func(id raft.ID, client, server string) bool {
		return string(name) == strconv.FormatUint(uint64(id), 10) || string(name) == client || string(name) == server
	})
}

// decided is the answer to a change that was asked for. It goes on from here by itself.
func (s *server) decided(err error) []byte {
	switch {
	case err == nil:
		return done
	case err == replica.ErrNotLeader:
		return s.redirection(&kv.Request{})
	}
	return failure("TRYAGAIN " + err.Error())
}

// Info is front.Backend's.
func (s *server) Info() []front.Section {
	name := "slave"
	if s.replica.Leads() {
		name = "master"
	}
	lines := []string{"role:" + name, fmt.Sprintf("connected_slaves:%d", s.caughtUp(s.replica.Commit())), fmt.Sprintf("raft_id:%d", uint64(s.replica.ID())),
		"raft_role:" + s.replica.Role().String(), fmt.Sprintf("raft_term:%d", s.replica.Term()), fmt.Sprintf("raft_commit:%d", s.replica.Commit()),
		fmt.Sprintf("raft_applied:%d", s.replica.Applied())}
	if client, _ := s.replica.Leader(); client != "" && name == "slave" {
		host, port := where(client)
		lines = append(lines, "master_host:"+host, fmt.Sprintf("master_port:%d", port), "master_link_status:up")
	}
	for i, m := range s.members() {
		lines = append(lines, fmt.Sprintf("raft_member%d:%s", i, standing(m)))
	}
	return []front.Section{
		{Name: "Memory", Lines: []string{fmt.Sprintf("used_memory:%d", int64(s.store.Bytes())), fmt.Sprintf("maxmemory:%d", int64(s.config.MaxMemory))}},
		{Name: "Persistence", Lines: []string{"loading:0", "aof_enabled:1"}},
		{Name: "Replication", Lines: lines},
		{Name: "Cluster", Lines: []string{"cluster_enabled:1"}},
		{Name: "Keyspace", Lines: []string{fmt.Sprintf("db0:keys=%d,version=%d,digest=%016x", s.store.Len(), s.store.Version(), s.store.Digest())}},
	}
}
