package service

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// Minority is A5: where a partition splits the servers cleanly, those who are with the majority are served once it has had
// time to elect a leader, and those who are with a minority are told nothing that a store of one copy would
// tell: after the lease that an old leader may still hold, no call of theirs is answered ok. Calls that begin once the minority
// must know that it is one fail soon.
type Minority struct {
	Of       string            `yaml:"minority" doc:"the operation: read"`
	From     evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	Servers  evidence.Selector `yaml:"servers" doc:"the servers of which a majority must agree; all if it is not said"`
	Election time.Duration     `yaml:"election" doc:"how long the majority may take to serve again"`
	Lease    time.Duration     `yaml:"lease" doc:"how long a leader that the partition left with the minority may go on answering"`
	Notices  time.Duration     `yaml:"notices" doc:"after how long a minority must know that it is one, and refuse; 0 claims nothing of the kind"`
	Refuses  time.Duration     `yaml:"refuses" doc:"how soon it must then refuse"`
	AtLeast  nodes.Percent     `yaml:"at-least" doc:"the share of the majority's valid calls that must be answered"`
	Within   time.Duration     `yaml:"within" doc:"how soon an answer must come to be in time"`
	Settle   time.Duration     `yaml:"settle" doc:"after how long servers that lost each other are connected again, because they look for it themselves; what TCP's own probes need if 0"`
	Grace    time.Duration     `yaml:"grace" doc:"how long a client must have had a path to a server of its side before its call is valid"`
}

func newMinority() checkers.Check {
	return &Minority{Servers: "servers", Election: checkers.DefaultLimit, Lease: checkers.DefaultLimit, Refuses: time.Second,
		AtLeast: defaultRatio,
		Within:  checkers.DefaultLimit, Grace: checkers.DefaultGrace}
}

// split is a partition that parted the servers into sides.
type split struct {
	history.Window
	majority, minority map[string]bool // the clients that reach servers of one side only
}

// Judge looks at each split.
func (c *Minority) Judge(e *evidence.Evidence) checkers.Judgement {
	splits, unclean := c.splits(e)
	sli := evidence.Indicator{Kind: c.Of, Limit: c.Within, Grace: c.Grace, Overload: true, Majority: true, Settle: c.Settle}
	ops := e.OfKind(c.Of, c.From)
	goods, asked, silent, refused := 0, 0, 0, 0
	var bads []*history.Operation
	for _, w := range splits {
		for _, o := range ops {
			switch from := o.Call - w.From; {
			case o.Call < w.From || o.Call >= w.To:
			case w.majority[o.Host] && from >= c.Election && o.Call+c.Within <= w.To:
				switch e.Class(sli, o) {
				case evidence.Good:
					goods++
					asked++
				case evidence.Bad:
					bads = append(bads, o)
					asked++
				}
			case w.minority[o.Host] && from > c.Lease && o.Outcome == history.Ok && o.Return <= w.To:
				return checkers.Bitten(e, c.violated(e, w, "minority-served", []*history.Operation{o}, fmt.Sprintf(
					"%s, which reached only a minority of the servers, asked to %s at %s and was answered at %s, %s into the split",
					o.Host, c.Of, wording.Stamp(o.Call), wording.Stamp(o.Return), wording.Brief(o.Return-w.From))))
			case w.minority[o.Host]:
				silent++
				if c.Notices == 0 || from < c.Notices || o.Call+c.Refuses > w.To || !c.served(e, w, o) {
					continue
				}
				if o.Outcome != history.Fail || o.Return > o.Call+c.Refuses {
					return checkers.Bitten(e, c.violated(e, w, "minority-hangs", []*history.Operation{o}, fmt.Sprintf(
						"%s, which reached only a minority of the servers, asked to %s at %s and was not refused within %s",
						o.Host, c.Of, wording.Stamp(o.Call), nodes.Short(c.Refuses))))
				}
				refused++
			}
		}
	}
	figure := fmt.Sprintf("%s: %d of %s with the majority answered, none of %s with a minority",
		wording.Count(len(splits), "split"), goods,
		wording.Count(asked, "valid call"), wording.Count(silent, "call"))
	j := checkers.Holds.With("%s", figure)
	switch {
	case len(splits) == 0 && unclean > 0:
		j = checkers.Censored.Because("none of %s parted the servers cleanly for long enough", wording.Count(unclean, "partition"))
	case len(splits) == 0:
		j = checkers.Vacuous.Because("nothing parted a majority of the servers from the others")
	case nodes.Share(goods, asked) < c.AtLeast:
		j = c.violated(e, split{Window: history.Window{From: bads[0].Call, To: min(bads[0].Return, e.End)}}, "majority-starved",
			bads, fmt.Sprintf(
				"%d of %s of clients that reached a majority, from %s into a split on, were not answered within %s", len(bads),
				wording.Count(asked, "valid call"),
				nodes.Short(c.Election), nodes.Short(c.Within)))
		j.Figure = figure
	case asked == 0 || silent == 0:
		j = checkers.Vacuous.Because("%s with the majority and %s with a minority, in %s", wording.Count(asked, "valid call"),
			wording.Count(silent, "call"), wording.Count(len(splits), "split"))
	}
	j.Data = map[string]float64{"splits": float64(len(splits)), "good": float64(goods), "majority": float64(asked),
		"minority": float64(silent), "refused": float64(refused)}
	return checkers.Bitten(e, j)
}

func (c *Minority) violated(e *evidence.Evidence, w split, anomaly string, ops []*history.Operation,
	reason string) checkers.Judgement {
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Reason: reason,
		Figure: wording.Count(len(ops), "call"), Witness: checkers.IDs(ops), Window: w.Window,
		Story: e.Tell().Operation(ops[0]).Lines()}
}

// served says whether the client of a minority could reach a server of it, and that server could answer.
func (c *Minority) served(e *evidence.Evidence, w split, o *history.Operation) bool {
	servers, _ := e.ReachFor(c.Within, c.Grace).Through(evidence.Need{Client: o.Host}, max(o.Call-c.Grace, w.From),
		min(o.Call+c.Refuses, e.End))
	return len(servers) > 0
}

// splits is the partitions that parted the servers cleanly: each reached all of its side and none of the other, both ways,
// nothing else was wrong with any, and one side had a majority. The others are counted.
func (c *Minority) splits(e *evidence.Evidence) (all []split, unclean int) {
	w := e.Weather()
	servers := e.Selected(c.Servers, "server")
	var spells []history.Window
	for i := range w.Links {
		if l := &w.Links[i]; l.Down && l.To > l.From {
			spells = append(spells, history.Window{From: l.From, To: min(l.To, e.End)})
		}
	}
	slices.SortFunc(spells, func(a, b history.Window) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for _, spell := range slices.Compact(spells) {
		big, clean := c.sides(w, servers, spell)
		if !clean || len(big) == len(servers) {
			unclean += one(!clean)
			continue
		}
		s := split{Window: spell, majority: map[string]bool{}, minority: map[string]bool{}}
		for _, client := range e.Selected(c.From, "client") {
			whole, severed := 0, 0 // ways to servers of the majority
			other := false         // a way to another server, for some time at least
			for _, server := range servers {
				switch apart := w.Severed(client.Name, server.Name, spell); {
				case !big[server.Name]:
					other = other || !apart
				case apart:
					severed++
				default:
					whole += one(w.Through(client.Name, server.Name, spell))
				}
			}
			switch {
			case whole == len(big) && !other:
				s.majority[client.Name] = true
			case severed == len(big):
				s.minority[client.Name] = true
			}
		}
		all = append(all, s)
	}
	return all, unclean
}

// sides is the servers of the side that has a majority, if the spell parts them cleanly.
func (c *Minority) sides(w *weather.Weather, servers []*history.Host, spell history.Window) (big map[string]bool, clean bool) {
	side := make([]int, len(servers)) // the first server of each one's side
	sizes := make([]int, len(servers))
	for i, a := range servers {
		if !w.Host(a.Name, c.Within/50, weather.Nothing).Cover(spell.From, spell.To) {
			return nil, false
		}
		side[i] = slices.IndexFunc(servers, func(b *history.Host) bool { return a == b || w.Through(a.Name, b.Name, spell) })
		sizes[side[i]]++
	}
	for i, a := range servers {
		for j, b := range servers[:i] {
			together := w.Through(a.Name, b.Name, spell)
			if together != (side[i] == side[j]) || !together && !w.Severed(a.Name, b.Name, spell) {
				return nil, false
			}
		}
	}
	for first, size := range sizes {
		if 2*size > len(servers) {
			big = map[string]bool{}
			for i, s := range servers {
				if side[i] == first {
					big[s.Name] = true
				}
			}
		}
	}
	return big, big != nil
}
