package checkers

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"time"

	"simrun/nodes/history"
)

// weather is what was worse than on a calm day, looked up by the host or the path that it struck.
type weather struct {
	run    history.Window // from the start of the run, when every host boots, to its end
	onHost map[string]*spells
	links  []link
	paths  map[path]*spells
	clear  map[place]Spans
}

// strike is one piece of weather on a host, or on a path between two.
type strike struct {
	history.Window
	why   string
	down  bool          // the host did not run, or nothing passed
	half  bool          // of a path: what went the other way did pass
	told  bool          // peers hear of it at once: the kernel of a dead process answers for it
	delay time.Duration // the most that it adds to one step, if it only slows; 0 if it does worse
	own   bool          // the process ended by itself, with nothing wrong about its host: no weather, but its own doing
}

// link is an impairment of one-way paths.
type link struct {
	strike
	from, to map[string]bool
}

type path struct{ a, b string } // both ways; a <= b

// place is where calm is asked for: on a host, or on a path if b is not empty. What delays a step by no more
// than delay is calm. Settled asks that those who were connected have had time to be so again.
type place struct {
	path
	delay   time.Duration
	settled settling
}

// settling is what must have come back besides the thing itself.
type settling uint8

const (
	nothing  settling = iota
	traffic           // packets that were held up have come through
	sessions          // and those who were connected before know that they must connect anew
)

// mildLoss is the share of lost packets that a stream hides: claims do not excuse it.
const mildLoss = 0.01

// forecast is the weather of the run.
func (e *Evidence) forecast() *weather {
	if e.weather != nil {
		return e.weather
	}
	w := &weather{run: history.Window{From: 0, To: e.End + 1}, onHost: map[string]*spells{},
		paths: map[path]*spells{}, clear: map[place]Spans{}}
	for i := range e.Hosts {
		w.onHost[e.Hosts[i].Name] = &spells{}
	}
	for i := range e.Downs {
		d := &e.Downs[i]
		w.strike(d.Host, strike{Window: history.Window{From: d.From, To: d.To},
			why: d.Why, down: true, told: dies(d.Why) && !loses(d.Why)})
	}
	for i := range e.Impairments {
		if m := &e.Impairments[i]; !harmless(m) {
			w.add(m)
		}
	}
	for _, s := range w.onHost {
		s.sort()
		s.disown()
	}
	e.weather = w
	return w
}

// strike adds to a host's weather; what strikes no host of the run struck nobody.
func (w *weather) strike(host string, s strike) {
	if on := w.onHost[host]; on != nil {
		on.strikes = append(on.strikes, s)
	}
}

func (w *weather) add(m *history.Impairment) {
	s := strike{Window: history.Window{From: m.Start, To: m.End}, why: m.Verb, down: m.Cut && !leaks(m.Verb)}
	if !m.Cut && m.Loss <= mildLoss {
		s.delay = m.Delay
	}
	if len(m.To) == 0 {
		for _, host := range m.From {
			w.strike(host, s)
		}
		return
	}
	l := link{strike: s, from: make(map[string]bool, len(m.From)), to: make(map[string]bool, len(m.To))}
	for _, host := range m.From {
		l.from[host] = true
	}
	for _, host := range m.To {
		l.to[host] = true
	}
	w.links = append(w.links, l)
}

// leaks says whether something passes in spite of the fault: a flapping path is whole at times, and a host
// that ran out of ports keeps the connections that it has.
func leaks(verb string) bool { return verb == "flap" || verb == "exhaust" }

// harmless says whether an impairment can be no excuse: a clock that lies, since nodes reckon by differences
// of the monotonic one and no clock drifts far (one that stands still is another matter), and what a stream hides.
func harmless(m *history.Impairment) bool {
	switch {
	case m.Clock || m.Verb == "repeat-packets":
		return true
	default:
		return !m.Cut && m.Delay == 0 && 0 < m.Loss && m.Loss <= mildLoss
	}
}

// dies says whether a Down ended the process, rather than froze it.
func dies(why string) bool { return why != "pause" && why != "pause-machine" }

// loses says whether a Down took the machine, with its page cache and its connections, and told no peer.
func loses(why string) bool {
	return why == "cut-power" || why == "crash-machine" || why == "wipe-disk"
}

// deaths is when the processes of each host ended, in order.
func (e *Evidence) deaths() map[string][]history.Time {
	deaths := map[string][]history.Time{}
	for i := range e.Downs {
		if d := &e.Downs[i]; dies(d.Why) {
			deaths[d.Host] = append(deaths[d.Host], d.From)
		}
	}
	for _, times := range deaths {
		slices.Sort(times)
	}
	return deaths
}

// between is the strikes on the path between two hosts, either way.
func (w *weather) between(a, b string) *spells {
	key := path{min(a, b), max(a, b)}
	on, known := w.paths[key]
	if known {
		return on
	}
	on = &spells{}
	for i := range w.links {
		if l := &w.links[i]; l.from[a] && l.to[b] || l.from[b] && l.to[a] {
			s := l.strike
			s.half = s.down && !w.both(a, b, l)
			on.strikes = append(on.strikes, s)
		}
	}
	on.sort()
	w.paths[key] = on
	return on
}

// both says whether the cut of one way from a to b had one of the other way beside it for as long as it lasted.
func (w *weather) both(a, b string, one *link) bool {
	if one.from[b] && one.to[a] {
		a, b = b, a
	}
	return slices.ContainsFunc(w.links, func(l link) bool {
		return l.down && l.from[b] && l.to[a] && l.From <= one.From && one.To <= l.To
	})
}

// host is the place of one host.
func (w *weather) host(name string, delay time.Duration, settled settling) Spans {
	return w.calm(place{path{a: name}, delay, settled})
}

// path is the place between two hosts.
func (w *weather) path(a, b string, delay time.Duration, settled settling) Spans {
	return w.calm(place{path{min(a, b), max(a, b)}, delay, settled})
}

// calm is when nothing was wrong there.
func (w *weather) calm(at place) Spans {
	clear, known := w.clear[at]
	if known {
		return clear
	}
	on := w.onHost[at.a]
	if at.b != "" {
		on = w.between(at.a, at.b)
	}
	var rough []history.Window
	for s := range on.over(w.run.From, w.run.To) {
		switch {
		case s.rough(at.delay) && at.settled != nothing:
			rough = append(rough, history.Window{From: s.From, To: max(s.settled(at.settled), s.From+1)})
		case s.rough(at.delay): // one of an instant breaks the calm too
			rough = append(rough, history.Window{From: s.From, To: max(s.To, s.From+1)})
		}
	}
	clear = union(rough).Not().And(Spans{w.run})
	w.clear[at] = clear
	return clear
}

// rough says whether a strike is more than a delay of that much at each step, and not the host's own doing.
func (s strike) rough(delay time.Duration) bool { return !s.own && (s.delay == 0 || s.delay > delay) }

// What a correct host needs to notice a silent peer: Linux keeps an idle connection alive with probes after
// 15 s, nine of them, and gives up unacknowledged data after 15 retries, which is about 924 s. Where the peer
// comes back, retries that have backed off may need as long again as the silence lasted, at most 120 s.
const (
	toProbe  = 20 * time.Second
	toRetry  = 120 * time.Second
	toGiveUp = 930 * time.Second
)

// noticed is when every peer certainly knows of the strike, or is past it.
func (s strike) noticed() history.Time {
	if s.told {
		return s.From + time.Second
	}
	late := s.From + toGiveUp
	if s.To != history.Never {
		late = min(late, s.To+min(s.To-s.From, toRetry)+toProbe)
	}
	return late
}

// settled is when those who were connected are so again: by then, retries that backed off while packets were
// lost have come through, and probes have found out that a machine forgot its connections.
func (s strike) settled(what settling) history.Time {
	switch {
	case s.To == history.Never || s.told || s.why == "pause":
		return s.To
	case loses(s.why) && what == traffic:
		return s.To // it has no connections
	case loses(s.why):
		return s.To + toProbe
	default:
		return s.To + min(s.To-s.From, toRetry)
	}
}

// turns says whether the strike began or ended within [from, to], or lasted through it as weather that lets
// some things pass: a change that those who were at work then had to live through.
func (s strike) turns(from, to history.Time) bool {
	if s.To < from || to < s.From {
		return false
	}
	return !s.down || s.half || from <= s.From || s.To <= to
}

// turned is a strike on the host that turned within [from, to], if any.
func (w *weather) turned(host string, from, to history.Time, delay time.Duration) (strike, bool) {
	return w.onHost[host].turned(from, to, delay)
}

// spells is what struck one place.
//
// Invariant: strikes are in the order of their starts, and past[i] is when all up to the i-th are past and noticed.
type spells struct {
	strikes []strike
	past    []history.Time
}

func (s *spells) sort() {
	slices.SortStableFunc(s.strikes, func(a, b strike) int { return cmp.Compare(a.From, b.From) })
	s.past = make([]history.Time, len(s.strikes))
	var latest history.Time
	for i, one := range s.strikes {
		latest = max(latest, one.To, one.noticed())
		s.past[i] = latest
	}
}

// provocation is how long after weather a process may still end because of it.
const provocation = time.Second

// disown marks the ends that processes made themselves with nothing wrong about their host. A server that stops when a
// sync has failed does right; one that stops on a calm day is to blame for what it then does not do.
func (s *spells) disown() {
	itself := func(why string) bool { return why == "exit" || why == "panic" }
	for i := range s.strikes {
		end := &s.strikes[i]
		end.own = itself(end.why) && !slices.ContainsFunc(s.strikes, func(other strike) bool {
			return !itself(other.why) && other.From <= end.From && (end.From-provocation <= other.To || wrecks(other.why))
		})
	}
}

// over is the strikes that began by a time and were not past and noticed before another, latest first.
func (s *spells) over(from, to history.Time) iter.Seq[strike] {
	return func(yield func(strike) bool) {
		if s == nil {
			return
		}
		for i := sort.Search(len(s.strikes), func(i int) bool { return s.strikes[i].From > to }) - 1; i >= 0 && s.past[i] >= from; i-- {
			if !yield(s.strikes[i]) {
				return
			}
		}
	}
}

func (s *spells) turned(from, to history.Time, delay time.Duration) (strike, bool) {
	for one := range s.over(from, to) {
		if one.rough(delay) && one.turns(from, to) {
			return one, true
		}
	}
	return strike{}, false
}
