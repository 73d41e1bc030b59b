package checkers

import (
	"slices"
	"time"

	"simrun/nodes/history"
)

// reach answers when a client had a server that could serve it: one that was up and unimpaired, with a path
// both ways, and that itself had such a path to a capable worker, where the request needs one.
type reach struct {
	e     *Evidence
	w     *weather
	delay time.Duration // what a step may be late and still count as calm
	grace time.Duration // how long all that must have been so
	// majority says that a server can serve nobody unless it and others that it reaches are a majority.
	majority bool
	settle   time.Duration // after how long servers are connected again; by the kernel's own probes if it is zero
	spans    map[need]Spans
	links    map[path]Spans
	bonds    map[path]Spans
	quorums  map[string]Spans
}

// reachKey is what one reach is unlike another in.
type reachKey struct {
	limit, grace time.Duration
	majority     bool
	settle       time.Duration
}

// need is what one class of requests needs.
type need struct {
	client   string
	server   string // empty: any that the client knows
	function string
	worker   bool
}

// reachFor is the reach for requests to be answered within limit. An answer takes a few steps, each of
// which may be late by a fiftieth of it.
func (e *Evidence) reachFor(limit, grace time.Duration) *reach {
	return e.reachOf(service{limit: limit, grace: grace})
}

// reachOf is the reach for what an availability claim asks for.
func (e *Evidence) reachOf(s service) *reach {
	key := reachKey{s.limit, s.grace, s.majority, s.settle}
	r := e.reaches[key]
	if r == nil {
		r = &reach{e: e, w: e.forecast(), delay: s.limit / 50, grace: s.grace, majority: s.majority, settle: s.settle, spans: map[need]Spans{},
			links: map[path]Spans{}, bonds: map[path]Spans{}, quorums: map[string]Spans{}}
		if e.reaches == nil {
			e.reaches = map[reachKey]*reach{}
		}
		e.reaches[key] = r
	}
	return r
}

// served is when the client had had, for the grace, a server that could serve it.
func (r *reach) served(n need) Spans {
	n.server = ""
	spans, known := r.spans[n]
	if !known {
		for _, server := range r.e.knows(n.client) {
			n.server = server
			spans = spans.Or(r.link(n.client, server).Late(r.grace).And(r.staffed(n)))
		}
		n.server = ""
		r.spans[n] = spans
	}
	return spans
}

// link is when a client and a server were both well, and the path between them; and a majority with that server, where
// it needs one.
func (r *reach) link(client, server string) Spans {
	spans := r.joint(r.links, client, server, nothing, nothing)
	if r.majority {
		spans = spans.And(r.quorum(server))
	}
	return spans
}

// quorum is when a server was connected with so many others that they were a majority together.
func (r *reach) quorum(server string) Spans {
	spans, known := r.quorums[server]
	if !known {
		var peers []Spans
		for _, peer := range r.e.selected("all", "server") {
			switch {
			case peer.Name == server:
			case r.settle > 0:
				peers = append(peers, r.joint(r.links, peer.Name, server, nothing, nothing).Late(r.settle))
			default:
				peers = append(peers, r.joint(r.bonds, peer.Name, server, sessions, sessions))
			}
		}
		spans = atLeast((len(peers)+1)/2, peers)
		r.quorums[server] = spans
	}
	return spans
}

// bond is when that was so of a worker and a server, and they were connected again after what had parted
// them: a worker that sleeps does not ask whether its server still knows it.
func (r *reach) bond(worker, server string) Spans {
	return r.joint(r.bonds, worker, server, traffic, sessions)
}

func (r *reach) joint(cache map[path]Spans, peer, server string, apart, at settling) Spans {
	key := path{peer, server}
	spans, known := cache[key]
	if !known {
		spans = r.w.host(peer, r.delay, apart).And(r.w.host(server, r.delay, at)).And(r.w.path(peer, server, r.delay, apart))
		cache[key] = spans
	}
	return spans
}

// staffed is when the server had had, for the grace, a capable worker, if that is needed.
func (r *reach) staffed(n need) Spans {
	if !n.worker {
		return Spans{r.w.run}
	}
	n.client = ""
	spans, known := r.spans[n]
	if !known {
		for _, worker := range r.e.staff(n.server, n.function) {
			spans = spans.Or(r.bond(worker, n.server).Late(r.grace))
		}
		r.spans[n] = spans
	}
	return spans
}

// through is the servers, each with its workers, with which nothing was wrong from one time to another.
func (r *reach) through(n need, from, to history.Time) (servers []string, workers []string) {
	for _, server := range r.e.knows(n.client) {
		if !r.link(n.client, server).Cover(from, to) {
			continue
		}
		if !n.worker {
			servers = append(servers, server)
			continue
		}
		staff := slices.DeleteFunc(slices.Clone(r.e.staff(server, n.function)), func(worker string) bool {
			return !r.bond(worker, server).Cover(from, to)
		})
		if len(staff) > 0 {
			servers, workers = append(servers, server), append(workers, staff...)
		}
	}
	return servers, workers
}

// knows is the servers that a client or worker is configured to use, else those that its node used.
func (e *Evidence) knows(host string) []string {
	if servers, known := e.known[host]; known {
		return servers
	}
	var servers []string
	if h := e.hosts[host]; h != nil && len(h.Servers) > 0 {
		servers = h.Servers
	} else if h != nil {
		servers = e.used(h)
	}
	if e.known == nil {
		e.known = map[string][]string{}
	}
	e.known[host] = servers
	return servers
}

// used is the servers that the copies of the host's node were seen to use; every server if they used none.
func (e *Evidence) used(h *history.Host) (servers []string) {
	add := func(host, server string) {
		if o := e.hosts[host]; o != nil && o.Node == h.Node && server != "" && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	v := e.jobView()
	for _, a := range v.attempts {
		add(a.Host, a.key.server)
	}
	for _, x := range v.runs {
		add(x.Host, x.key.server)
	}
	if len(servers) == 0 {
		for _, s := range e.selected("all", "server") {
			servers = append(servers, s.Name)
		}
	}
	slices.Sort(servers)
	return servers
}

// staff is the workers of a server that can do a function: those whose node was seen to, or all as long
// as nobody was seen to do anything.
func (e *Evidence) staff(server, function string) (workers []string) {
	key := what{server: server, function: function}
	if workers, known := e.staffs[key]; known {
		return workers
	}
	able := map[string]bool{}
	for _, x := range e.jobView().runs {
		if h := e.hosts[x.Host]; h != nil && (function == "" || x.function == function) {
			able[h.Node] = true
		}
	}
	for _, h := range e.selected("all", "worker") {
		if (able[h.Node] || len(e.jobView().runs) == 0) && slices.Contains(e.knows(h.Name), server) {
			workers = append(workers, h.Name)
		}
	}
	if e.staffs == nil {
		e.staffs = map[what][]string{}
	}
	e.staffs[key] = workers
	return workers
}

// crew is every worker that may work for the server: more than its staff, where a history does not know who
// can do what.
func (e *Evidence) crew(server string) []string {
	crew, known := e.crews[server]
	if !known {
		for _, h := range e.selected("all", "worker") {
			if len(h.Servers) == 0 || slices.Contains(h.Servers, server) {
				crew = append(crew, h.Name)
			}
		}
		if e.crews == nil {
			e.crews = map[string][]string{}
		}
		e.crews[server] = crew
	}
	return crew
}
