package checkers

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"simrun/nodes/history"
)

// weather is what was worse than on a calm day, looked up by the host or the path that it struck.
type weather struct {
	run    history.Window // from the start of the run, when every host boots, to its end
	onHost map[string][]strike
	links  []link
	paths  map[path][]strike
	clear  map[place]Spans
}

// strike is one piece of weather on a host, or on a path between two.
type strike struct {
	history.Window
	why   string
	down  bool          // the host did not run, or nothing passed
	told  bool          // peers hear of it at once: the kernel of a dead process answers for it
	delay time.Duration // the most that it adds to one step, if it only slows; 0 if it does worse
}

// link is an impairment of one-way paths.
type link struct {
	strike
	from, to map[string]bool
}

type path struct{ a, b string } // both ways; a <= b

// place is where calm is asked for: on a host, or on a path if b is not empty. What delays a step by no
// more than delay is calm.
type place struct {
	path
	delay time.Duration
}

// mildLoss is the share of lost packets that a stream hides: claims do not excuse it.
const mildLoss = 0.01

// forecast is the weather of the run.
func (e *Evidence) forecast() *weather {
	if e.weather != nil {
		return e.weather
	}
	w := &weather{run: history.Window{From: 0, To: e.End + 1}, onHost: map[string][]strike{},
		paths: map[path][]strike{}, clear: map[place]Spans{}}
	for i := range e.Downs {
		d := &e.Downs[i]
		w.onHost[d.Host] = append(w.onHost[d.Host], strike{Window: history.Window{From: d.From, To: d.To},
			why: d.Why, down: true, told: dies(d.Why) && !loses(d.Why)})
	}
	for i := range e.Impairments {
		if m := &e.Impairments[i]; !harmless(m) {
			w.add(m)
		}
	}
	for _, strikes := range w.onHost {
		slices.SortStableFunc(strikes, byStart)
	}
	e.weather = w
	return w
}

func (w *weather) add(m *history.Impairment) {
	s := strike{Window: history.Window{From: m.Start, To: m.End}, why: m.Verb, down: m.Cut}
	if !m.Cut && m.Loss <= mildLoss {
		s.delay = m.Delay
	}
	if len(m.To) == 0 {
		for _, host := range m.From {
			w.onHost[host] = append(w.onHost[host], s)
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

// harmless says whether an impairment can be no excuse: a wall clock that lies, since nodes reckon by the
// monotonic one, and loss that a stream hides. A clock that stands still stops timers too.
func harmless(m *history.Impairment) bool {
	switch {
	case m.Clock:
		return m.Verb == "step-clock" || m.Verb == "slew-clock"
	case m.Verb == "repeat-packets":
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

// between is the strikes on the path between two hosts, either way, by their starts.
func (w *weather) between(a, b string) []strike {
	key := path{min(a, b), max(a, b)}
	strikes, known := w.paths[key]
	if known {
		return strikes
	}
	for i := range w.links {
		if l := &w.links[i]; l.from[a] && l.to[b] || l.from[b] && l.to[a] {
			strikes = append(strikes, l.strike)
		}
	}
	slices.SortStableFunc(strikes, byStart)
	w.paths[key] = strikes
	return strikes
}

// calmHost is when the host ran and did its steps no more than delay later than on a calm day.
func (w *weather) calmHost(host string, delay time.Duration) Spans {
	return w.calm(place{path{a: host}, delay}, func() []strike { return w.onHost[host] })
}

// calmPath is when packets passed between two hosts, both ways and as calmly.
func (w *weather) calmPath(a, b string, delay time.Duration) Spans {
	return w.calm(place{path{min(a, b), max(a, b)}, delay}, func() []strike { return w.between(a, b) })
}

func (w *weather) calm(at place, strikes func() []strike) Spans {
	clear, known := w.clear[at]
	if known {
		return clear
	}
	var rough []history.Window
	for _, s := range strikes() {
		if s.rough(at.delay) {
			rough = append(rough, s.spell())
		}
	}
	clear = union(rough).Not().And(Spans{w.run})
	w.clear[at] = clear
	return clear
}

// rough says whether a strike is more than a delay of that much at each step.
func (s strike) rough(delay time.Duration) bool { return s.delay == 0 || s.delay > delay }

// spell is the strike's window; one of an instant still breaks the calm.
func (s strike) spell() history.Window {
	return history.Window{From: s.From, To: max(s.To, s.From+1)}
}

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

// turns says whether the strike began or ended within [from, to], or lasted through it as weather that lets
// some things pass: a change that those who were at work then had to live through.
func (s strike) turns(from, to history.Time) bool {
	if s.To < from || to < s.From {
		return false
	}
	return !s.down || from <= s.From || s.To <= to
}

// turned is the first strike on the host that turned within [from, to], if any.
func (w *weather) turned(host string, from, to history.Time, delay time.Duration) (strike, bool) {
	return turned(w.onHost[host], from, to, delay)
}

// turnedBetween is the first strike on the path that turned within [from, to], if any.
func (w *weather) turnedBetween(a, b string, from, to history.Time, delay time.Duration) (strike, bool) {
	return turned(w.between(a, b), from, to, delay)
}

func turned(strikes []strike, from, to history.Time, delay time.Duration) (strike, bool) {
	end := sort.Search(len(strikes), func(i int) bool { return strikes[i].From > to })
	for _, s := range strikes[:end] {
		if s.rough(delay) && s.turns(from, to) {
			return s, true
		}
	}
	return strike{}, false
}

func byStart(a, b strike) int { return cmp.Compare(a.From, b.From) }
