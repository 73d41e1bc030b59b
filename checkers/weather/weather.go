// Package weather answers what was worse than on a calm day, when, and for whom: for a host, or for those on both ends of
// a path. It reads a history's Downs and Impairments, and says of each for how long it may excuse anybody.
package weather

import (
	"slices"
	"time"

	"simrun/nodes/history"
)

// Weather is what was worse than on a calm day, looked up by the host or the path that it struck.
type Weather struct {
	Run    history.Window // from the start of the run, when every host boots, to its end
	onHost map[string]*Spells
	Links  []Link
	paths  map[path]*Spells
	clear  map[place]Spans
}

// Link is an impairment of one-way paths.
type Link struct {
	Strike
	Senders, Receivers map[string]bool
}

type path struct{ a, b string } // both ways; a <= b

// place is where calm is asked for: on a host, or on a path if b is not empty. What delays a step by no more
// than delay is calm. Settled asks that those who were connected have had time to be so again.
type place struct {
	path
	delay   time.Duration
	settled Settling
}

// Settling is what must have come back besides the thing itself.
type Settling uint8

// What may be waited for.
const (
	Nothing  Settling = iota
	Traffic           // packets that were held up have come through
	Sessions          // and those who were connected before know that they must connect anew
)

// mildLoss is the share of lost packets that a stream hides: claims do not excuse it.
const mildLoss = 0.01

// Of is the weather of a run.
func Of(h *history.History) *Weather {
	w := &Weather{Run: history.Window{From: 0, To: h.End + 1}, onHost: map[string]*Spells{},
		paths: map[path]*Spells{}, clear: map[place]Spans{}}
	for i := range h.Hosts {
		w.onHost[h.Hosts[i].Name] = &Spells{}
	}
	for i := range h.Downs {
		d := &h.Downs[i]
		w.strike(d.Host, Strike{Window: history.Window{From: d.From, To: d.To},
			Why: d.Why, Down: true, told: Dies(d.Why) && !Loses(d.Why)})
	}
	for i := range h.Impairments {
		if m := &h.Impairments[i]; !Harmless(m) {
			w.add(m)
		}
	}
	for _, s := range w.onHost {
		s.sort()
		s.disown()
	}
	return w
}

// On is the strikes on a host.
func (w *Weather) On(host string) *Spells { return w.onHost[host] }

// strike adds to a host's weather; what strikes no host of the run struck nobody.
func (w *Weather) strike(host string, s Strike) {
	if on := w.onHost[host]; on != nil {
		on.strikes = append(on.strikes, s)
	}
}

func (w *Weather) add(m *history.Impairment) {
	s := Strike{Window: history.Window{From: m.Start, To: m.End}, Why: m.Verb, Down: m.Cut && !leaks(m.Verb)}
	if !m.Cut && m.Loss <= mildLoss {
		s.delay = m.Delay
	}
	if len(m.To) == 0 {
		for _, host := range m.From {
			w.strike(host, s)
		}
		return
	}
	l := Link{Strike: s, Senders: make(map[string]bool, len(m.From)), Receivers: make(map[string]bool, len(m.To))}
	for _, host := range m.From {
		l.Senders[host] = true
	}
	for _, host := range m.To {
		l.Receivers[host] = true
	}
	w.Links = append(w.Links, l)
}

// Deaths is when the processes of each host ended, in order.
func Deaths(h *history.History) map[string][]history.Time {
	deaths := map[string][]history.Time{}
	for i := range h.Downs {
		if d := &h.Downs[i]; Dies(d.Why) {
			deaths[d.Host] = append(deaths[d.Host], d.From)
		}
	}
	for _, times := range deaths {
		slices.Sort(times)
	}
	return deaths
}

// Between is the strikes on the path between two hosts, either way.
func (w *Weather) Between(a, b string) *Spells {
	key := path{min(a, b), max(a, b)}
	on, known := w.paths[key]
	if known {
		return on
	}
	on = &Spells{}
	for i := range w.Links {
		if l := &w.Links[i]; l.Senders[a] && l.Receivers[b] || l.Senders[b] && l.Receivers[a] {
			s := l.Strike
			s.half = s.Down && !w.both(a, b, l)
			on.strikes = append(on.strikes, s)
		}
	}
	on.sort()
	w.paths[key] = on
	return on
}

// both says whether the cut of one way from a to b had one of the other way beside it for as long as it lasted.
func (w *Weather) both(a, b string, one *Link) bool {
	if one.Senders[b] && one.Receivers[a] {
		a, b = b, a
	}
	return slices.ContainsFunc(w.Links, func(l Link) bool {
		return l.Down && l.Senders[b] && l.Receivers[a] && l.From <= one.From && one.To <= l.To
	})
}

// Host is the place of one host.
func (w *Weather) Host(name string, delay time.Duration, settled Settling) Spans {
	return w.calm(place{path{a: name}, delay, settled})
}

// Path is the place between two hosts.
func (w *Weather) Path(a, b string, delay time.Duration, settled Settling) Spans {
	return w.calm(place{path{min(a, b), max(a, b)}, delay, settled})
}

// calm is when nothing was wrong there.
func (w *Weather) calm(at place) Spans {
	clear, known := w.clear[at]
	if known {
		return clear
	}
	on := w.onHost[at.a]
	if at.b != "" {
		on = w.Between(at.a, at.b)
	}
	var rough []history.Window
	for s := range on.Over(w.Run.From, w.Run.To) {
		switch {
		case s.rough(at.delay) && at.settled != Nothing:
			rough = append(rough, history.Window{From: s.From, To: max(s.settled(at.settled), s.From+1)})
		case s.rough(at.delay): // one of an instant breaks the calm too
			rough = append(rough, history.Window{From: s.From, To: max(s.To, s.From+1)})
		}
	}
	clear = Union(rough).Not().And(Spans{w.Run})
	w.clear[at] = clear
	return clear
}

// What a correct host needs to notice a silent peer: Linux keeps an idle connection alive with probes after
// 15 s, nine of them, and gives up unacknowledged data after 15 retries, which is about 924 s. Where the peer
// comes back, retries that have backed off may need as long again as the silence lasted, at most 120 s.
const (
	toProbe  = 20 * time.Second
	toRetry  = 120 * time.Second
	toGiveUp = 930 * time.Second
)

// Turned is a strike on the host that turned within [from, to], if any.
func (w *Weather) Turned(host string, from, to history.Time, delay time.Duration) (Strike, bool) {
	return w.onHost[host].Turned(from, to, delay)
}

// Severed says whether nothing passed between two hosts, either way, at any time of the window.
func (w *Weather) Severed(a, b string, all history.Window) bool {
	there, back := false, false
	for i := range w.Links {
		if l := &w.Links[i]; l.Down && l.From <= all.From && all.To <= l.To {
			there = there || l.Senders[a] && l.Receivers[b]
			back = back || l.Senders[b] && l.Receivers[a]
		}
	}
	return there && back
}

// Through says whether nothing was wrong between two hosts all the time.
func (w *Weather) Through(a, b string, all history.Window) bool {
	return w.Path(a, b, time.Hour, Nothing).Cover(all.From, all.To)
}
