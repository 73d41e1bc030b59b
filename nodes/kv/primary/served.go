package primary

import (
	"fmt"
	"hash/fnv"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/kv/shards"
	"simrun/nodes/probe"
	"simrun/nodes/resp"
)

// served answers what is asked of the server itself.
func (s *server) served(r *kv.Request) []byte {
	switch r.Name {
	case "CLUSTER":
		return s.shard.Cluster(r.Args)
	case "ROLE":
		return s.role()
	}
	return failure("ERR unknown command")
}

// waiter is a WAIT: for so many replicas to have everything up to an offset on disk.
type waiter struct {
	call   *front.Call
	offset uint64
	wanted int
	over   bool
}

func (w *waiter) answer(r *reign) {
	if !w.over {
		w.over = true
		w.call.Reply(resp.AppendInt(nil, int64(r.have(w.offset))))
	}
}

// have is how many replicas have everything up to an offset on disk.
func (r *reign) have(offset uint64) (n int) {
	for _, f := range r.feeds {
		if f.durable >= offset {
			n++
		}
	}
	return n
}

func (r *reign) answerWaiters() {
	rest := r.waiters[:0]
	for _, w := range r.waiters {
		if r.have(w.offset) >= w.wanted {
			w.answer(r)
		}
		if !w.over {
			rest = append(rest, w)
		}
	}
	clear(r.waiters[len(rest):])
	r.waiters = rest
}

// wait answers WAIT replicas milliseconds: how many replicas have on disk all that was ordered before it, once there are so many,
// or when the time is over; 0 is no time. Those that a write needs anyway are among them.
func (s *server) wait(c *front.Call) {
	wanted, number1 := resp.ParseInt(c.Args[1])
	millis, number2 := resp.ParseInt(c.Args[2])
	r := s.reign
	switch {
	case !number1 || !number2 || wanted < 0 || millis < 0 || millis > 1<<40:
		c.Error("ERR value is not an integer or out of range")
		return
	case r == nil:
		c.Error("ERR WAIT cannot be used with replica instances.")
		return
	case len(r.waiters) >= s.config.MaxWaiting:
		c.Error("TRYAGAIN " + errBusy.Error())
		return
	}
	w := &waiter{call: c, offset: s.log.end(), wanted: int(min(wanted, math.MaxInt32))}
	if r.have(w.offset) >= w.wanted {
		w.answer(r)
		return
	}
	r.waiters = append(r.waiters, w)
	if millis > 0 {
		s.env.AfterFunc(time.Duration(millis)*time.Millisecond, func() {
			w.answer(r)
			r.answerWaiters()
		})
	}
}

// group is the servers, as clients and other groups hear of them.
type group struct{ *server }

// Servers are the group's.
func (g group) Servers() []shards.Server {
	s := g.server
	d := &s.tenure.decree
	all := make([]shards.Server, 0, max(len(s.tenure.members), 1))
	for _, m := range s.tenure.members {
		self := m.server == s.self
		all = append(all, shards.Server{ID: idOf(m.server), Client: m.client, Bus: m.server, Self: self,
			Leads: self && s.reign != nil || !self && m.server == d.primary, Online: self || m.online})
	}
	if len(all) == 0 {
		all = append(all, shards.Server{ID: idOf(s.self), Client: s.client, Bus: s.self, Self: true, Online: true})
	}
	return all
}

// idOf is a number for a server by its address.
func idOf(address string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(address))
	return h.Sum64()
}

// groupOf is a number for the servers of a group, in which its monitors agree with them.
func groupOf(cluster string, servers []string) uint64 {
	return idOf(strings.Join(append([]string{cluster}, servers...), " "))
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

// clientOf is where clients reach a server.
func (s *server) clientOf(server string) string {
	for _, m := range s.tenure.members {
		if m.server == server {
			return m.client
		}
	}
	return server
}

// role answers ROLE.
func (s *server) role() []byte {
	if r := s.reign; r != nil {
		var replicas [][3]string
		for _, f := range r.feeds {
			if f.isAlive() {
				host, port := where(s.clientOf(f.address))
				replicas = append(replicas, [3]string{host, strconv.FormatInt(port, 10), strconv.FormatUint(f.durable, 10)})
			}
		}
		out := resp.AppendInt(resp.AppendBulk(resp.AppendArray(nil, 3), "master"), int64(s.log.end()))
		out = resp.AppendArray(out, len(replicas))
		for _, replica := range replicas {
			out = resp.AppendArray(out, 3)
			for _, text := range replica {
				out = resp.AppendBulk(out, text)
			}
		}
		return out
	}
	host, port := where(s.tenure.decree.client)
	out := resp.AppendBulk(resp.AppendBulk(resp.AppendArray(nil, 5), "slave"), host)
	out = resp.AppendBulk(resp.AppendInt(out, port), s.linkState())
	return resp.AppendInt(out, int64(s.log.end()))
}

// linkState is how a replica stands with its primary, as ROLE calls it.
func (s *server) linkState() string {
	switch f := s.session; {
	case f == nil:
		return "connect"
	case s.installing || len(f.image) > 0:
		return "sync"
	case !f.resumed:
		return "connecting"
	}
	return "connected"
}

// Info is front.Backend's.
func (s *server) Info() []front.Section {
	d := &s.tenure.decree
	history := fmt.Sprintf("%040x", s.log.lineage.at(s.log.end()).id)
	lines := []string{"role:slave", fmt.Sprintf("epoch:%d", d.epoch), fmt.Sprintf("promised_epoch:%d", s.promised), "master_replid:" + history,
		fmt.Sprintf("master_repl_offset:%d", s.log.end()), fmt.Sprintf("repl_durable_offset:%d", s.log.durable),
		fmt.Sprintf("repl_committed_offset:%d", s.log.committed), fmt.Sprintf("repl_applied_offset:%d", s.log.applied),
		fmt.Sprintf("repl_backlog_first_byte_offset:%d", s.log.base+1), fmt.Sprintf("repl_backlog_histlen:%d", len(s.log.entries)),
		fmt.Sprintf("repl_discarded:%d", s.discarded), fmt.Sprintf("repl_whole:%d", one(s.whole))}
	if r := s.reign; r != nil {
		lines[0] = "role:master"
		lines = append(lines, fmt.Sprintf("connected_slaves:%d", r.good()), fmt.Sprintf("min_slaves_good_slaves:%d", r.good()),
			fmt.Sprintf("lease_ms:%d", s.timeLeft().Milliseconds()))
		n := 0
		for _, f := range r.feeds {
			if f.isAlive() {
				host, port := where(s.clientOf(f.address))
				lines = append(lines, fmt.Sprintf("slave%d:ip=%s,port=%d,state=%s,offset=%d,lag=%d", n, host, port,
					map[bool]string{true: "online", false: "sync"}[f.isGood()], f.durable, s.env.Mark().Sub(f.heard)/time.Second))
				n++
			}
		}
	} else if d.client != "" {
		host, port := where(d.client)
		state := map[bool]string{true: "up", false: "down"}[s.linkState() == "connected"]
		lines = append(lines, "master_host:"+host, fmt.Sprintf("master_port:%d", port), "master_link_status:"+state, "slave_read_only:1")
	}
	return []front.Section{
		{Name: "Memory", Lines: []string{fmt.Sprintf("used_memory:%d", int64(s.store.Bytes())), fmt.Sprintf("maxmemory:%d", int64(s.config.MaxMemory))}},
		{Name: "Persistence", Lines: []string{"loading:0", "aof_enabled:1", "journal:" + s.journal.String(), fmt.Sprintf("journal_put_aside:%d", one(s.aside))}},
		{Name: "Replication", Lines: lines},
		{Name: "Cluster", Lines: []string{"cluster_enabled:1"}},
		{Name: "Keyspace", Lines: []string{fmt.Sprintf("db0:keys=%d,version=%d,digest=%016x", s.store.Len(), s.store.Version(), s.store.Digest())}},
	}
}

// String is the server's one line about itself.
func (s *server) String() string {
	d := &s.tenure.decree
	what := "replica of nobody"
	switch {
	case s.reign != nil:
		what = fmt.Sprintf("primary of epoch %d, %d good replicas", s.reign.epoch, s.reign.good())
	case s.session != nil:
		what = fmt.Sprintf("replica of %s in epoch %d, %s", s.session.primary, s.session.epoch, s.linkState())
	case d.epoch > 0:
		what = fmt.Sprintf("waits for an epoch after %d", d.epoch)
	}
	if !s.whole {
		what += ", not whole"
	}
	return what
}

// tell tells what has changed: gauges, the line, the fingerprint.
func (s *server) tell() {
	if s.front == nil {
		return // it is not open yet
	}
	behind := s.log.end() - s.log.applied
	if f := s.session; f != nil && f.told > s.log.applied {
		behind = f.told - s.log.applied
	}
	for i, g := range [...]struct {
		name  string
		value int64
	}{{"epoch", int64(s.tenure.decree.epoch)}, {"leads", one(s.reign != nil)}, {"lag", int64(behind)}, {"discarded", int64(s.discarded)},
		{"digest", int64(s.store.Digest())}, {"keys", int64(s.store.Len())}} {
		if s.shown[i] != g.value || !s.shownOnce {
			s.shown[i] = g.value
			s.record.Gauge(g.name, g.value)
		}
	}
	s.shownOnce = true
	if line := s.standpoint(); line != s.said {
		s.said = line
		s.record.State(s.String())
	}
	f := probe.Fingerprint(0).Flag(s.reign != nil).Flag(s.session != nil).Flag(s.installing).Flag(s.whole).Size(int(min(behind, 1<<20))).
		Flag(s.promised > s.tenure.decree.epoch).Flag(s.compacting)
	if r := s.reign; r != nil {
		f = f.Among(min(r.good(), 3), 4).Size(len(r.waiting)).Flag(s.leased())
	}
	if f != s.signed {
		s.signed = f
		s.record.Fingerprint(f)
	}
}

// standpoint is what the state line is told anew for.
type standpoint struct {
	epoch           uint64
	reigns, follows bool
	whole, resumed  bool
	good            int
}

func (s *server) standpoint() standpoint {
	p := standpoint{epoch: s.tenure.decree.epoch, reigns: s.reign != nil, follows: s.session != nil, whole: s.whole}
	if s.reign != nil {
		p.good = s.reign.good()
	}
	p.resumed = s.session != nil && s.session.resumed
	return p
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
