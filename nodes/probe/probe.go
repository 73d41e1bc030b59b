// Package probe answers which places of a node's code were ever reached, and what must hold there.
//
// A node's code is seeded with probes: lines that ought to run some day, conditions that ought to come true
// in some run, and conditions that must hold in all. They are values of the package whose code they watch, so
// that all of them are known before anything has run, and the ones that no run of a thousand has reached can be named:
//
//	var (
//		Probes   probe.Set
//		tornTail = Probes.Reachable("a torn tail was cut off")
//		repeated = Probes.Sometimes("a job was submitted again after no answer")
//		inOrder  = Probes.Always("frames are written in the order of their records")
//	)
//
// Kind.Probes lists the sets of the packages that a kind of node is made of, and nodes.Recorder is told:
//
//	record.Reach(tornTail)
//	record.Sometimes(repeated, unknown != nil)
//	record.Always(inOrder, f.first >= j.placed)
//
// In a world an Always that does not hold is a finding, with its stack, as a panic is. On a real machine it is one line
// in the log, and the node goes on: an assertion that stops a server turns one wrong answer into no answer at all.
// There a probe costs a call and a look at one byte, in a world the same.
//
// The idea is that of FoundationDB's CODE_PROBE and Antithesis' assertions.
package probe

import (
	"cmp"
	"fmt"
	"slices"
)

// Probe is one place in the code. Its name is a sentence that says what happens there, or what holds.
type Probe struct {
	name string
	sort Sort
	id   int
}

// Sort is what a probe asks of its place.
type Sort string

// The sorts.
const (
	IsReachable Sort = "reachable" // that some run comes here
	IsSometimes Sort = "sometimes" // that some run comes here with the condition true
	IsAlways    Sort = "always"    // that some run comes here, and none with the condition false
)

// Name is the probe's sentence. It is what a scenario's `check: {sometimes: …}` names.
func (p *Probe) Name() string { return p.name }

// Sort is what the probe asks for.
func (p *Probe) Sort() Sort { return p.sort }

// ID counts all probes of the binary from 0, so that who is told of them can keep a slice.
func (p *Probe) ID() int { return p.id }

// String is the probe's name.
func (p *Probe) String() string { return p.name }

// Reachable asks that its line runs in some run.
type Reachable struct{ Probe }

// Sometimes asks that its condition is true in some run.
type Sometimes struct{ Probe }

// Always asks that its condition is never false, and looked at in some run.
type Always struct{ Probe }

// Agreed asks that all hosts together say one thing of one thing: an Always that no host can look at alone.
type Agreed struct{ Probe }

// Horizon is how far something has come that nodes know of one by one, as far as all of them together have told: the last entry that
// any server knows to be committed. It is no probe; an Always compares with it what one node goes by. The text says what it is of.
type Horizon struct{ Of string }

// Set is the probes of one package. Its zero value is empty. Probes are declared where packages are initialized, as
// values of the package, and never later; from then on nobody writes to a Set, and all worlds share it.
type Set struct{ probes []*Probe }

// declared is how many probes there are. It changes only while packages are initialized, which the language does one after
// the other.
var declared int

func (s *Set) add(p *Probe, name string, sort Sort) {
	for _, other := range s.probes {
		if other.name == name {
			panic(fmt.Sprintf("probe: %q is declared twice", name))
		}
	}
	*p = Probe{name: name, sort: sort, id: declared}
	declared++
	s.probes = append(s.probes, p)
}

// Reachable declares a line that some run must come to. It panics if the set has a probe of that name, as
// the others do.
func (s *Set) Reachable(name string) *Reachable {
	p := new(Reachable)
	s.add(&p.Probe, name, IsReachable)
	return p
}

// Sometimes declares a condition that must be true in some run.
func (s *Set) Sometimes(name string) *Sometimes {
	p := new(Sometimes)
	s.add(&p.Probe, name, IsSometimes)
	return p
}

// Always declares a condition that must hold whenever it is looked at, and be looked at in some run.
func (s *Set) Always(name string) *Always {
	p := new(Always)
	s.add(&p.Probe, name, IsAlways)
	return p
}

// Agreed declares a question that all hosts must answer alike, and that some run must ask.
func (s *Set) Agreed(name string) *Agreed {
	p := new(Agreed)
	s.add(&p.Probe, name, IsAlways)
	return p
}

// All are the probes of some sets, by name; each set counts once.
func All(sets ...*Set) []*Probe {
	var all []*Probe
	for i, s := range sets {
		if !slices.Contains(sets[:i], s) {
			all = append(all, s.probes...)
		}
	}
	slices.SortStableFunc(all, func(a, b *Probe) int { return cmp.Compare(a.name, b.name) })
	return all
}

// Seen remembers which probes were reached: one byte for each. Its zero value has seen none.
type Seen []bool

// First notes that the probe was reached, and says whether it was for the first time.
func (s *Seen) First(p *Probe) bool {
	if p.id < len(*s) && (*s)[p.id] {
		return false
	}
	for len(*s) <= p.id {
		*s = append(*s, false)
	}
	(*s)[p.id] = true
	return true
}

// Has says whether the probe was reached.
func (s Seen) Has(p *Probe) bool { return p.id < len(s) && s[p.id] }
