package scenarios

import (
	"math"
	"math/bits"
	"time"

	"simrun/nodes/history"
	"simrun/sim"
)

// land makes the parts of a blow happen, one for each thing that it strikes.
func (s *storm) land(b *blow) {
	f := b.stroke.Fault
	switch info := f.Verb.Info(); {
	case f.Verb == CutPower:
		for _, t := range f.Targets {
			b.hits = append(b.hits, s.cutPower(t.Name))
		}
	case f.Verb == Exhaust:
		for _, h := range s.struck(f) {
			b.hits = append(b.hits, s.exhaust(f, h))
			b.impaired(history.Impairment{From: []string{h}, Cut: true})
		}
	case info.Family == "network":
		for _, w := range s.ways(f) {
			b.hits = append(b.hits, s.install(f, w))
			b.impaired(s.impairedWay(f, w))
		}
	default:
		for _, h := range s.struck(f) {
			b.hits = append(b.hits, &onHost{h, s.hit(b, s.world.Host(h))})
		}
	}
}

// struck is the hosts that a fault strikes now.
func (s *storm) struck(f *Fault) []string {
	groups := s.groups(f)
	return union(s.all, groups)
}

// groups is the hosts of each target, with the leader in the place of those that it leads.
func (s *storm) groups(f *Fault) [][]string {
	groups := make([][]string, len(f.Targets))
	for i, t := range f.Targets {
		groups[i] = t.Hosts
		if t.Leader {
			groups[i] = []string{s.leader(t.Hosts)}
		}
	}
	return groups
}

// ways is the traffic that a network fault touches now.
func (s *storm) ways(f *Fault) []Way {
	now := *f
	now.Targets = make([]Target, len(f.Targets))
	for i, g := range s.groups(f) {
		now.Targets[i] = Target{Name: f.Targets[i].Name, Hosts: g}
	}
	return now.Ways(s.all)
}

func (s *storm) cutPower(supplier string) hit {
	for _, p := range s.world.Suppliers() {
		if p.Name == supplier {
			return p.Cut()
		}
	}
	panic("scenarios: no supplier " + supplier)
}

// hit strikes one host.
func (s *storm) hit(b *blow, h *sim.Host) hit {
	f, o := b.stroke.Fault, b.stroke.Fault.Options
	clockLies := history.Impairment{From: []string{h.Name}, Clock: true}
	trouble := history.Impairment{From: []string{h.Name}, Delay: o.Delay.Plus}
	switch f.Verb {
	case CrashMachine:
		return h.CrashMachine()
	case PauseMachine:
		return h.PauseMachine()
	case Crash:
		return s.crash(b, h)
	case Pause:
		return h.Pause()
	case Stop:
		return h.Stop()
	case Start:
		return s.start(h)
	case SlowCPU:
		b.impaired(trouble)
		return h.SlowCPU(o.Delay.Of)
	case Buggify:
		return h.Buggify(o.Points, o.Rate)
	case StepClock:
		s.bent[h.Name] = true
		b.lasts(clockLies)
		return h.StepClock(o.By)
	case DriftClock:
		s.bent[h.Name] = true
		b.lasts(clockLies)
		return h.DriftClock(int64(o.Drift))
	case SlewClock:
		s.bent[h.Name] = true
		b.lasts(clockLies)
		return h.SlewClock(o.By, slewRate(o.By, f.For))
	case FreezeClock:
		s.bent[h.Name] = true
		b.impaired(history.Impairment{From: []string{h.Name}})
		b.lasts(clockLies)
		return h.FreezeClock()
	default:
		b.impaired(trouble)
		return s.trouble(f, h)
	}
}

// slewRate is how many parts per million it takes to move a clock by that much in that time.
func slewRate(by, long time.Duration) int64 {
	hi, lo := bits.Mul64(uint64(by.Abs()/time.Microsecond), 1_000_000)
	micros := uint64(max(1, long/time.Microsecond))
	if hi >= micros {
		return math.MaxInt64
	}
	rate, _ := bits.Div64(hi, lo, micros)
	return int64(min(max(rate, 1), math.MaxInt64))
}

// crash of a fault without a length is followed by the node's own restart policy.
func (s *storm) crash(b *blow, h *sim.Host) hit {
	strike := h.Crash()
	if f := b.stroke; f.For == 0 && !h.NeverRestart {
		s.world.At(s.world.Now()+h.Restart, b.expire)
	}
	return strike
}

// started is the hit of a start: it counts whether there was anything to start.
type started int64

func (n started) Effects() int64 { return int64(n) }
func (started) End()             {}

// start ends whatever keeps the host's process down.
func (s *storm) start(h *sim.Host) hit {
	if h.Running() {
		return started(0)
	}
	for _, f := range s.faults {
		if f.Verb.Info().Family != "process" && f.Verb != CrashMachine {
			continue
		}
		for i := len(f.under) - 1; i >= 0; i-- {
			s.spare(f.under[i], func(name string) bool { return name == h.Name })
		}
	}
	h.Start()
	return started(1)
}

// impaired opens a line of the history that ends with the blow.
func (b *blow) impaired(i history.Impairment) {
	b.impair = append(b.impair, b.stroke.storm.impair(b, i))
}

// lasts opens a line that ends only when clocks are set right.
func (b *blow) lasts(i history.Impairment) { b.stroke.storm.impair(b, i) }

func (s *storm) impair(b *blow, i history.Impairment) int {
	i.Verb, i.Start, i.End = string(b.stroke.Verb), s.world.Now(), history.Never
	if b.stroke.Verb == ResetConnections {
		i.End = i.Start
	}
	s.impairments = append(s.impairments, i)
	return len(s.impairments) - 1
}

// endClockLies closes the lines about a clock that has been set right.
func (s *storm) endClockLies(host string) {
	for i := range s.impairments {
		if m := &s.impairments[i]; m.Clock && m.From[0] == host && m.End == history.Never {
			m.End = s.world.Now()
		}
	}
}

// onHost is what a blow does to one host.
type onHost struct {
	host string
	hit
}

// spareHit takes the hosts for which in is true out of a hit. It returns what goes on, and whether the hit
// itself has ended.
func (s *storm) spareHit(h hit, in func(string) bool) (rest []hit, ended bool) {
	switch h := h.(type) {
	case *onWay:
		return h.spare(in)
	case *onHost:
		if !in(h.host) {
			return []hit{h}, false
		}
		h.End()
		return nil, true
	}
	return []hit{h}, false
}

// split parts names into those for which in is true and the others.
func split(names []string, in func(string) bool) (inside, outside []string) {
	for _, n := range names {
		if in(n) {
			inside = append(inside, n)
		} else {
			outside = append(outside, n)
		}
	}
	return inside, outside
}

// spareImpairment does to a line of the history what spareHit does to its hit: what goes on has lines of its own.
func (s *storm) spareImpairment(b *blow, i int, in func(string) bool) {
	m := s.impairments[i]
	inside, outside := split(m.From, in)
	_, others := split(m.To, in)
	if m.End != history.Never || len(inside) == 0 || len(m.To) > 0 && len(others) == len(m.To) {
		return
	}
	s.impairments[i].End = s.world.Now()
	for _, w := range []Way{{outside, m.To}, {inside, others}} {
		if len(w.From) > 0 && len(w.To) > 0 {
			rest := m
			rest.From, rest.To = w.From, w.To
			b.impaired(rest)
		}
	}
}
