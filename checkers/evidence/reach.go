package evidence

import (
	"slices"
	"time"

	"simrun/checkers/weather"
	"simrun/nodes/history"
)

// Reach answers when a client had a server that could serve it: one that was up and unimpaired, with a path
// both ways, and that itself had such a path to a capable worker, where the request needs one.
type Reach struct {
	e     *Evidence
	w     *weather.Weather
	delay time.Duration // what a step may be late and still count as calm
	grace time.Duration // how long all that must have been so
	// majority says that a server can serve nobody unless it and others that it reaches are a majority.
	majority bool
	settle   time.Duration // after how long servers are connected again; by the kernel's own probes if it is zero
	spans    map[Need]weather.Spans
	links    map[pair]weather.Spans
	bonds    map[pair]weather.Spans
	quorums  map[string]weather.Spans
}

// reachKey is what one reach is unlike another in.
type reachKey struct {
	limit, grace time.Duration
	majority     bool
	settle       time.Duration
}

type pair struct{ peer, server string }

// Need is what one class of requests needs.
type Need struct {
	Client   string
	server   string // empty: any that the client knows
	function string
	Worker   bool
}

// ReachFor is the reach for requests to be answered within limit. An answer takes a few steps, each of
// which may be late by a fiftieth of it.
func (e *Evidence) ReachFor(limit, grace time.Duration) *Reach {
	return e.ReachOf(Indicator{Limit: limit, Grace: grace})
}

// ReachOf is the reach for operations that are measured so.
func (e *Evidence) ReachOf(i Indicator) *Reach {
	key := reachKey{i.Limit, i.Grace, i.Majority, i.Settle}
	r := e.reaches[key]
	if r == nil {
		r = &Reach{e: e, w: e.Weather(), delay: i.Limit / 50, grace: i.Grace, majority: i.Majority, settle: i.Settle,
			spans: map[Need]weather.Spans{},
			links: map[pair]weather.Spans{}, bonds: map[pair]weather.Spans{}, quorums: map[string]weather.Spans{}}
		if e.reaches == nil {
			e.reaches = map[reachKey]*Reach{}
		}
		e.reaches[key] = r
	}
	return r
}

// served is when the client had had, for the grace, a server that could serve it.
func (r *Reach) served(n Need) weather.Spans {
	n.server = ""
	spans, known := r.spans[n]
	if !known {
		for _, server := range r.e.knows(n.Client) {
			n.server = server
			spans = spans.Or(r.Link(n.Client, server).Late(r.grace).And(r.staffed(n)))
		}
		n.server = ""
		r.spans[n] = spans
	}
	return spans
}

// Link is when a client and a server were both well, and the path between them; and a majority with that server, where
// it needs one.
func (r *Reach) Link(client, server string) weather.Spans {
	spans := r.joint(r.links, client, server, weather.Nothing, weather.Nothing)
	if r.majority {
		spans = spans.And(r.quorum(server))
	}
	return spans
}

// Well is when nothing was wrong with a host itself.
func (r *Reach) Well(host string) weather.Spans { return r.w.Host(host, r.delay, weather.Nothing) }

// quorum is when a server was connected with so many others that they were a majority together.
func (r *Reach) quorum(server string) weather.Spans {
	spans, known := r.quorums[server]
	if !known {
		var peers []weather.Spans
		for _, peer := range r.e.Selected("all", "server") {
			switch {
			case peer.Name == server:
			case r.settle > 0:
				peers = append(peers, r.joint(r.links, peer.Name, server, weather.Nothing, weather.Nothing).Late(r.settle))
			default:
				peers = append(peers, r.joint(r.bonds, peer.Name, server, weather.Sessions, weather.Sessions))
			}
		}
		spans = weather.AtLeast((len(peers)+1)/2, peers)
		r.quorums[server] = spans
	}
	return spans
}

// Bond is when that was so of a worker and a server, and they were connected again after what had parted
// them: a worker that sleeps does not ask whether its server still knows it.
func (r *Reach) Bond(worker, server string) weather.Spans {
	return r.joint(r.bonds, worker, server, weather.Traffic, weather.Sessions)
}

func (r *Reach) joint(cache map[pair]weather.Spans, peer, server string, apart, at weather.Settling) weather.Spans {
	key := pair{peer, server}
	spans, known := cache[key]
	if !known {
		spans = r.w.Host(peer, r.delay, apart).And(r.w.Host(server, r.delay, at)).And(r.w.Path(peer, server, r.delay, apart))
		cache[key] = spans
	}
	return spans
}

// staffed is when the server had had, for the grace, a capable worker, if that is needed.
func (r *Reach) staffed(n Need) weather.Spans {
	if !n.Worker {
		return weather.Spans{r.w.Run}
	}
	n.Client = ""
	spans, known := r.spans[n]
	if !known {
		for _, worker := range r.e.Staff(n.server, n.function) {
			spans = spans.Or(r.Bond(worker, n.server).Late(r.grace))
		}
		r.spans[n] = spans
	}
	return spans
}

// Through is the servers, each with its workers, with which nothing was wrong from one time to another.
func (r *Reach) Through(n Need, from, to history.Time) (servers []string, workers []string) {
	for _, server := range r.e.knows(n.Client) {
		if !r.Link(n.Client, server).Cover(from, to) {
			continue
		}
		if !n.Worker {
			servers = append(servers, server)
			continue
		}
		staff := slices.DeleteFunc(slices.Clone(r.e.Staff(server, n.function)), func(worker string) bool {
			return !r.Bond(worker, server).Cover(from, to)
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
	if h := e.Host(host); h != nil && len(h.Servers) > 0 {
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
		if o := e.Host(host); o != nil && o.Node == h.Node && server != "" && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	v := e.Jobs()
	for _, a := range v.Attempts {
		add(a.Host, a.Key.Server)
	}
	for _, x := range v.Runs {
		add(x.Host, x.Key.Server)
	}
	if len(servers) == 0 {
		for _, s := range e.Selected("all", "server") {
			servers = append(servers, s.Name)
		}
	}
	slices.Sort(servers)
	return servers
}

// Staff is the workers of a server that can do a function: those whose node was seen to, or all as long
// as nobody was seen to do anything.
func (e *Evidence) Staff(server, function string) (workers []string) {
	key := Identity{Server: server, Function: function}
	if workers, known := e.staffs[key]; known {
		return workers
	}
	able := map[string]bool{}
	for _, x := range e.Jobs().Runs {
		if h := e.Host(x.Host); h != nil && (function == "" || x.Function == function) {
			able[h.Node] = true
		}
	}
	for _, h := range e.Selected("all", "worker") {
		if (able[h.Node] || len(e.Jobs().Runs) == 0) && slices.Contains(e.knows(h.Name), server) {
			workers = append(workers, h.Name)
		}
	}
	if e.staffs == nil {
		e.staffs = map[Identity][]string{}
	}
	e.staffs[key] = workers
	return workers
}

// Crew is every worker that may work for the server: more than its staff, where a history does not know who
// can do what.
func (e *Evidence) Crew(server string) []string {
	crew, known := e.crews[server]
	if !known {
		for _, h := range e.Selected("all", "worker") {
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
