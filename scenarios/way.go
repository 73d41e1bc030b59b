package scenarios

import (
	"fmt"
	"time"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/history"
)

// Way is the traffic from any of some hosts to any of others; a host's talk with itself is never meant.
type Way struct{ From, To []string }

// Ways is the traffic that a network fault touches. All is every host of the plan, in its order. Leaders are
// to be put in the place of their targets first: see Target.
//
// A partition cuts what divides its targets. Other verbs touch, with a single target, all that its hosts
// send and receive; with several, what passes between two of them.
func (f *Fault) Ways(all []string) []Way {
	groups := make([][]string, len(f.Targets))
	for i, t := range f.Targets {
		groups[i] = t.Hosts
	}
	cuts := f.Verb == Partition || f.Verb == Flap
	if cuts && f.Options.Shape == Isolate {
		groups = [][]string{union(all, groups)}
	}
	if len(groups) == 1 {
		others := all
		if cuts {
			others = without(all, groups[0])
		}
		return ways(nil, groups[0], others, f.Options.Direction)
	}
	var w []Way
	for i, a := range groups {
		for j := i + 1; j < len(groups); j++ {
			if cuts && f.Options.Shape == Ring && neighbours(i, j, len(groups)) {
				continue
			}
			w = ways(w, a, groups[j], f.Options.Direction)
		}
	}
	return w
}

func ways(w []Way, from, to []string, direction Direction) []Way {
	if len(from) == 0 || len(to) == 0 {
		return w
	}
	w = append(w, Way{from, to})
	if direction != OneWay {
		w = append(w, Way{to, from})
	}
	return w
}

// neighbours says whether i and j see each other in a ring of n: (n/2+1)/2 to each side make a majority.
func neighbours(i, j, n int) bool {
	apart := min(j-i, n-(j-i))
	return apart <= (n/2+1)/2
}

// onWay is a rule of the network at work on one way.
type onWay struct {
	storm *storm
	fault *Fault
	way   Way
	rule  *netmodel.Installed
	over  bool
}

func (o *onWay) Effects() int64 {
	e := o.rule.Effects()
	return int64(e.Packets + e.Connections)
}

func (o *onWay) End() {
	if !o.over {
		o.over = true
		o.storm.world.Network().Remove(o.rule)
	}
}

// spare takes the hosts for which in is true out of the way, as spareHit says: what goes on is the same fault from the
// other hosts, and to them.
func (o *onWay) spare(in func(string) bool) (rest []hit, ended bool) {
	inside, outside := split(o.way.From, in)
	_, others := split(o.way.To, in)
	if len(inside) == 0 || len(o.way.To) > 0 && len(others) == len(o.way.To) {
		return []hit{o}, false
	}
	o.End()
	if len(o.way.To) == 0 {
		return nil, true
	}
	for _, w := range []Way{{outside, o.way.To}, {inside, others}} {
		if len(w.From) > 0 && len(w.To) > 0 {
			rest = append(rest, o.storm.install(o.fault, w))
		}
	}
	return rest, true
}

func (s *storm) install(f *Fault, w Way) hit {
	return &onWay{storm: s, fault: f, way: w, rule: s.rule(ruleOf(f, w))}
}

func (s *storm) exhaust(f *Fault, host string) hit {
	resources := map[Resource]netmodel.Resource{Ports: netmodel.Ports, Files: netmodel.Files, Backlog: netmodel.Backlog}
	r := netmodel.Exhaust(string(f.Verb)+" "+host, resources[f.Options.Limit], host)
	return &onWay{storm: s, fault: f, way: Way{From: []string{host}}, rule: s.rule(r)}
}

func (s *storm) rule(r netmodel.Rule) *netmodel.Installed {
	rule, err := s.world.Network().Install(r)
	if err != nil {
		panic("scenarios: " + err.Error())
	}
	return rule
}

// ruleOf is the network's rule for a fault on one way.
func ruleOf(f *Fault, w Way) netmodel.Rule {
	name := fmt.Sprintf("%s %s %s>%s", f.Verb, f.Target, w.From[0], w.To[0])
	links := netmodel.Links{From: w.From, To: w.To}
	o := f.Options
	switch f.Verb {
	case Partition:
		return netmodel.Partition(name, links)
	case Flap:
		return netmodel.Flap(name, links, nodes.Exactly(o.Up), nodes.Exactly(o.Down))
	case SlowLink:
		return netmodel.SlowLink(name, links, o.Delay.Times, nodes.Exactly(o.Delay.Plus))
	case Jam:
		return netmodel.JamLink(name, links)
	case LosePackets:
		return netmodel.LosePackets(name, links, o.Rate)
	case RepeatPackets:
		return netmodel.RepeatPackets(name, links, o.Rate)
	case CorruptPackets:
		return netmodel.CorruptPackets(name, links, o.Rate)
	case ResetConnections:
		return netmodel.ResetConnections(name, links)
	case LimitBandwidth:
		return netmodel.LimitBandwidth(name, links, o.Bandwidth)
	}
	panic("scenarios: no rule for " + string(f.Verb))
}

// impairedWay is what the history says of a network fault on one way.
func (s *storm) impairedWay(f *Fault, w Way) history.Impairment {
	i := history.Impairment{From: w.From, To: w.To}
	switch f.Verb {
	case Partition, Flap, Jam:
		i.Cut = true
	case LosePackets, CorruptPackets:
		i.Loss = float64(f.Options.Rate) / float64(nodes.PerMillion)
	case SlowLink:
		i.Delay = f.Options.Delay.Of(s.slowest())
	case LimitBandwidth:
		i.Delay = time.Duration(int64(64<<10) * int64(time.Second) / int64(f.Options.Bandwidth))
	}
	return i
}

// slowest is the longest delay of any link on a calm day.
func (s *storm) slowest() (most time.Duration) {
	for i := range s.plan.Classes {
		most = max(most, s.plan.Classes[i].Delay.Max())
	}
	return most
}
