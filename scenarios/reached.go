package scenarios

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"simrun/nodes/probe"
	"simrun/sim"
)

// Probes are the probes in the code of the scenario's nodes, by name: what some run of it might reach. Code that no
// node here runs has none among them.
func (s *Spec) Probes() []string {
	var names []string
	for _, p := range s.probes {
		names = append(names, p.Name())
	}
	return slices.Compact(names)
}

// probesOf are those of all kinds that the nodes are of.
func probesOf(nodes []nodeSpec) []*probe.Probe {
	var sets []*probe.Set
	for i := range nodes {
		if k := nodes[i].kind; k != nil {
			sets = append(sets, k.Probes...)
		}
	}
	return probe.All(sets...)
}

// reached are the names of the probes that some node reached.
func (p *Plan) reached(w *sim.World) []string {
	names := make([]string, 0, len(p.probes))
	for _, probe := range p.probes {
		if w.Log().Reached(probe) {
			names = append(names, probe.Name())
		}
	}
	return slices.Compact(names)
}

// State is a state of its protocol in which some node of a kind was, by the fingerprint that nodes of that kind take of
// themselves, and the weather in which it came to be.
type State struct {
	Kind        string
	Fingerprint probe.Fingerprint
	// Under are the verbs under way when a node entered the state, over all times that one did.
	Under VerbSet
	// Struck are the verbs of faults that struck a node in that state.
	Struck VerbSet
	// At is when one did first.
	At time.Duration
}

// VerbSet is a set of verbs. Its zero value is empty: fair weather.
type VerbSet uint64

// Has says whether the verb is in the set.
func (s VerbSet) Has(v Verb) bool { return s&v.set() != 0 }

// Verbs are the members, in the order of the table of verbs.
func (s VerbSet) Verbs() []Verb {
	var members []Verb
	for ; s != 0; s &= s - 1 {
		members = append(members, verbs[bits.TrailingZeros64(uint64(s))].Verb)
	}
	return members
}

// set is the verb alone.
func (v Verb) set() VerbSet { return 1 << verbIndex[v] }

// mostStates bounds the states that one run keeps; those of further fingerprints are left out.
const mostStates = 4096

// states gathers what nodes say of the states they enter. It looks at the world and changes nothing in it.
type states struct {
	storm *storm
	seen  map[stateKey]*entered
	now   map[string]*entered // of each host, the state that it entered last
}

// entered is under which verbs a state was, which struck it, and when it was first.
type entered struct {
	under, struck VerbSet
	at            time.Duration
}

type stateKey struct {
	kind  string
	print probe.Fingerprint
}

func (s *states) enter(h *sim.Host, f probe.Fingerprint) {
	key := stateKey{h.Kind, f}
	e := s.seen[key]
	if e == nil {
		if len(s.seen) == mostStates {
			delete(s.now, h.Name)
			return
		}
		e = &entered{at: s.storm.world.Now()}
		s.seen[key] = e
	}
	e.under |= s.storm.weather()
	s.now[h.Name] = e
}

// struck notes that a fault of the verb strikes those hosts, as far as they run.
func (s *states) struck(v Verb, hosts []string) {
	for _, name := range hosts {
		if e := s.now[name]; e != nil && s.storm.world.Host(name).Running() {
			e.struck |= v.set()
		}
	}
}

// all are the states, by kind and fingerprint.
func (s *states) all() []State {
	all := make([]State, 0, len(s.seen))
	for key, e := range s.seen {
		all = append(all, State{key.kind, key.print, e.under, e.struck, e.at})
	}
	slices.SortFunc(all, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return all
}

// felt is for how long a verb of one instant counts as weather.
const felt = time.Second

// weather is the verbs that are under way.
type weather struct {
	lasting [64]int // blows under way, by verb
	set     VerbSet
	recent  []flash
}

// flash is a verb of one instant.
type flash struct {
	verb VerbSet
	at   time.Duration
}

func (w *weather) begin(v Verb, now time.Duration) {
	if v.Info().Lasts == Instant {
		w.recent = append(w.recent, flash{v.set(), now})
		return
	}
	w.lasting[verbIndex[v]]++
	w.set |= v.set()
}

func (w *weather) end(v Verb) {
	if v.Info().Lasts == Instant {
		return
	}
	if w.lasting[verbIndex[v]]--; w.lasting[verbIndex[v]] == 0 {
		w.set &^= v.set()
	}
}

// weather is the verbs that are under way now, or struck a moment ago.
func (s *storm) weather() VerbSet {
	now := s.world.Now()
	past := 0
	for past < len(s.sky.recent) && s.sky.recent[past].at+felt < now {
		past++
	}
	s.sky.recent = s.sky.recent[past:]
	set := s.sky.set
	for _, f := range s.sky.recent {
		set |= f.verb
	}
	return set
}
