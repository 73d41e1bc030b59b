package raftkv

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/kv/shards"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
	"simrun/nodes/resp"
)

// served answers what is asked of the server itself.
func (s *server) served(r *kv.Request) []byte {
	switch r.Name {
	case "CLUSTER":
		return s.shard.Cluster(r.Args)
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

// group is the servers, as those of other groups hear of them.
type group struct{ *replica.Replica }

// Servers are the group's.
func (g group) Servers() []shards.Server {
	standings := g.Standings()
	all := make([]shards.Server, 0, len(standings))
	for _, m := range standings {
		all = append(all, shards.Server{ID: uint64(m.ID), Client: m.Client, Bus: m.Server, Self: m.ID == g.ID(), Leads: m.Leads, Online: m.Connected})
	}
	return all
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

func health(m replica.Standing) string {
	if m.Connected {
		return "online"
	}
	return "fail"
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
		return s.decided(s.replica.Invite(nodes.Address(string(args[2]), peerPort)))
	case sub == "REMOVE" && (len(args) == 3 || len(args) == 5 && word(args[3]) == "KEEP"):
		keep := 1
		if len(args) == 5 {
			var err error
			if keep, err = strconv.Atoi(string(args[4])); err != nil || keep < 1 {
				return failure("ERR KEEP takes how many voters are to be left")
			}
		}
		if id, found := s.member(args[2]); found {
			return s.decided(s.replica.Remove(id, keep))
		}
		return failure("ERR no such member")
	case sub == "TRANSFER" && len(args) == 3:
		if id, found := s.member(args[2]); found {
			return s.decided(s.replica.Transfer(id))
		}
		return failure("ERR no such member")
	}
	return failure("ERR say RAFT STATUS, MEMBERS, INVITE server-address, REMOVE member [KEEP voters] or TRANSFER member")
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
