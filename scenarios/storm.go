package scenarios

import (
	"slices"
	"time"

	"simrun/nodes/history"
	"simrun/sim"
)

// storm makes a plan's faults happen in a world, and keeps their ledger.
type storm struct {
	plan        *Plan
	world       *sim.World
	all         []string // every host, in the plan's order
	faults      []*stroke
	phase       int
	waiting     map[Event][]*stroke  // armed faults that wait for another fault
	moments     map[moment][]*stroke // armed faults that wait for a moment of a host
	led         map[string]time.Duration
	impairments []history.Impairment
	bent        map[string]bool // hosts whose clocks were made to lie
	sky         weather
	struckAt    func(Verb, []string) // is told which hosts a fault is about to strike
}

type moment struct{ host, name string }

// stroke is one fault of the plan and what became of it.
type stroke struct {
	*Fault
	storm   *storm
	seen    int // occurrences of what it waits for, in its phase
	armed   int
	fired   int
	first   time.Duration
	effects int64 // of strikes that have ended
	under   []*blow
	windows []history.Window
}

// blow is one firing of a fault that is under way.
type blow struct {
	stroke *stroke
	from   time.Duration
	hits   []hit
	impair []int // lines of storm.impairments that end with it
	over   bool
	stays  bool // a core was healed beside it: it goes on until it is healed itself
}

// hit is what undoes one part of a blow, and counts what that part did.
type hit interface {
	Effects() int64
	End()
}

// leads are the notes by which a node says that it leads from now on.
const leads = "became-leader"

func newStorm(p *Plan, w *sim.World) *storm {
	s := &storm{plan: p, world: w, phase: -1, waiting: map[Event][]*stroke{}, moments: map[moment][]*stroke{},
		led: map[string]time.Duration{}, bent: map[string]bool{}}
	for i := range p.Hosts {
		s.all = append(s.all, p.Hosts[i].Name)
	}
	for i := range p.Faults {
		f := &stroke{Fault: &p.Faults[i], storm: s}
		s.faults = append(s.faults, f)
		if f.After.IsZero() && f.On.IsZero() {
			f.armed = 1
			w.At(f.At, f.strike)
		}
	}
	w.OnMoment(s.onMoment)
	return s
}

// enter begins a phase: what waits in it is armed, what waited in the last one is not any more, and what
// is to be mended is.
func (s *storm) enter(phase int) {
	s.phase = phase
	clear(s.waiting)
	clear(s.moments)
	for _, f := range s.faults {
		if f.Phase == phase {
			f.arm()
		}
	}
	heal := s.plan.Phases[phase].Heal
	if !heal.Any() {
		return
	}
	if heal.All {
		s.healAll()
	} else {
		s.healCore(heal.Hosts)
	}
	s.happened(Event{Heal: true})
}

func (f *stroke) arm() {
	switch {
	case !f.After.IsZero():
		f.storm.waiting[f.After] = append(f.storm.waiting[f.After], f)
		f.armed = 1
	case !f.On.IsZero():
		for _, h := range f.On.Hosts {
			m := moment{h, f.On.Name}
			f.storm.moments[m] = append(f.storm.moments[m], f)
		}
		f.armed = 1
	}
}

// onMoment is told of every note of a node, and of what nodes do to their disks.
func (s *storm) onMoment(h *sim.Host, name string) {
	if name == leads {
		s.led[h.Name] = s.world.Now()
	}
	if len(s.moments) == 0 {
		return
	}
	for _, f := range s.moments[moment{h.Name, name}] {
		f.occurred()
	}
}

func (s *storm) happened(e Event) {
	for _, f := range s.waiting[e] {
		f.occurred()
	}
}

// occurred counts what the fault waits for, and strikes after the nth. It strikes in an event of its own:
// a moment comes from inside a running node.
func (f *stroke) occurred() {
	f.seen++
	if f.seen == max(f.Nth, 1) {
		f.storm.world.At(f.storm.world.Now()+f.Wait, f.strike)
	}
}

// strike makes the fault happen now.
func (f *stroke) strike() {
	s := f.storm
	now := s.world.Now()
	b := &blow{stroke: f, from: now}
	if f.fired == 0 {
		f.first = now
	}
	f.fired++
	s.struckAt(f.Verb, s.struck(f.Fault))
	s.land(b)
	s.world.Mark("fault", string(f.Verb)+" "+f.Target, uint64(len(b.hits)))
	f.under = append(f.under, b)
	s.sky.begin(f.Verb, now)
	if f.Verb.Info().Lasts == Instant {
		f.windows = append(f.windows, history.Window{From: now, To: now})
	}
	s.happened(Event{Verb: f.Verb, Target: f.Target})
	if f.For > 0 && f.Verb.Info().Lasts != Instant {
		s.world.At(now+f.For, b.expire)
	}
}

// expire is the end that the fault's own length gives the blow.
func (b *blow) expire() {
	if !b.stays {
		b.end()
	}
}

// end undoes the blow, if nothing has healed it before.
func (b *blow) end() {
	if b.over {
		return
	}
	s, f := b.stroke.storm, b.stroke
	s.settle(b)
	s.world.Mark("fault", "restore-"+string(f.Verb)+" "+f.Target, 0)
	s.happened(Event{Verb: f.Verb, Target: f.Target, Restore: true})
}

// settle ends the blow's hits and writes down what they did.
func (s *storm) settle(b *blow) {
	now := s.world.Now()
	b.over = true
	s.sky.end(b.stroke.Verb)
	for _, h := range b.hits {
		h.End()
		b.stroke.effects += h.Effects()
	}
	for _, i := range b.impair {
		if s.impairments[i].End == history.Never {
			s.impairments[i].End = now
		}
	}
	if b.stroke.Verb.Info().Lasts != Instant {
		b.stroke.windows = append(b.stroke.windows, history.Window{From: b.from, To: now})
	}
	f := b.stroke
	f.under = slices.DeleteFunc(f.under, func(o *blow) bool { return o == b })
}

// healAll ends every fault, starts what is down, and sets clocks right that were made to lie. The living
// are not touched.
func (s *storm) healAll() {
	for _, f := range s.faults {
		for len(f.under) > 0 {
			f.under[0].end()
		}
	}
	for _, h := range s.world.Hosts() {
		s.mend(h)
	}
}

func (s *storm) mend(h *sim.Host) {
	if s.bent[h.Name] {
		h.CorrectClock()
		delete(s.bent, h.Name)
		s.endClockLies(h.Name)
	}
	h.Start()
}

// healCore mends the hosts of the core and what lies between them; all else stays as it is, for ever.
func (s *storm) healCore(core []string) {
	in := func(host string) bool { return slices.Contains(core, host) }
	for _, f := range s.faults {
		for _, b := range slices.Clone(f.under) {
			s.spare(b, in)
			b.stays = true
		}
	}
	for _, h := range s.world.Hosts() {
		if in(h.Name) {
			h.Feed()
			s.mend(h)
		}
	}
}

// spare ends what a blow does to the hosts for which in is true.
func (s *storm) spare(b *blow, in func(string) bool) {
	var keep []hit // one may leave two
	for _, h := range b.hits {
		rest, ended := s.spareHit(h, in)
		if ended {
			b.stroke.effects += h.Effects()
		}
		keep = append(keep, rest...)
	}
	b.hits = keep
	for _, i := range slices.Clone(b.impair) {
		s.spareImpairment(b, i, in)
	}
	if len(keep) == 0 {
		b.end()
	}
}

// close ends the ledger with the run: what is under way has had its effect until now.
func (s *storm) close() {
	for _, f := range s.faults {
		for _, b := range f.under {
			for _, h := range b.hits {
				f.effects += h.Effects()
			}
			if f.Verb.Info().Lasts != Instant {
				f.windows = append(f.windows, history.Window{From: b.from, To: s.world.Now()})
			}
			b.hits = nil
		}
	}
}

// leader is the host of a target that leads, led last, or is the first.
func (s *storm) leader(hosts []string) string {
	best := hosts[0]
	latest := time.Duration(-1)
	for _, h := range hosts {
		at, led := s.led[h]
		up := s.world.Host(h).Running()
		if led && up {
			at += history.Never / 2 // one that runs before any that does not
		}
		if led && at > latest {
			best, latest = h, at
		}
	}
	return best
}

// results are the ledger for result.json.
func (s *storm) results() []FaultResult {
	r := make([]FaultResult, 0, len(s.faults))
	for _, f := range s.faults {
		at := f.At
		if f.fired > 0 {
			at = f.first
		}
		r = append(r, FaultResult{Verb: string(f.Verb), Target: f.Target, At: at.Seconds(), For: f.For.Seconds(),
			DrawnBy: f.DrawnBy, Armed: f.armed, Fired: f.fired, Effects: f.effects})
	}
	return r
}

// history is the ledger for checkers.
func (s *storm) history() []history.Fault {
	r := make([]history.Fault, 0, len(s.faults))
	for _, f := range s.faults {
		r = append(r, history.Fault{Verb: string(f.Verb), Target: f.Target, At: f.first, For: f.For, DrawnBy: f.DrawnBy,
			Armed: f.armed, Fired: f.fired, Effects: f.effects, Windows: f.windows})
	}
	return r
}
