package data

import (
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

// Converges is D5: after some quiet, all live replicas hold the same.
type Converges struct {
	What   string            `yaml:"converges" doc:"what tells the digest of a replica's data: a gauge of each server, or an operation (server key -> value) that asks for it or reads everything; digest"`
	Of     evidence.Selector `yaml:"of" doc:"which servers; all if it is not said"`
	Within time.Duration     `yaml:"within" doc:"how long after the last operation and the last weather"`
	In     string            `yaml:"in" doc:"the phase of quiet; the last one if it is not said"`
}

func newConverges() checkers.Check { return &Converges{What: "digest", Within: checkers.DefaultLimit} }

// Judge compares the live servers from when they must agree to the end of the phase.
func (c *Converges) Judge(e *evidence.Evidence) checkers.Judgement {
	phase, ok := e.Phase(c.In)
	if c.In == "" && len(e.Phases) > 0 {
		phase, ok = e.Phases[len(e.Phases)-1], true
	}
	if !ok {
		return checkers.Vacuous.Because("there was no phase %s", c.In)
	}
	end := min(phase.To, e.End)
	live, quiet, why := c.quiet(e, phase.From, end)
	due := quiet + c.Within
	switch {
	case why != "":
		return checkers.Censored.Because("%s", why)
	case due > end:
		return checkers.Censored.Because("there was quiet from %s on, and only until %s", wording.Stamp(quiet), wording.Stamp(end))
	case len(live) < 2:
		return checkers.Vacuous.Because("%s alive in the end, which is nothing to compare", wording.Count(len(live), "server"))
	}
	if asked := e.OfKind(c.What, "all"); len(asked) > 0 {
		return c.answers(e, asked, live, history.Window{From: due, To: end})
	}
	return c.gauges(e, live, quiet, end)
}

// quiet is which servers lived to the end of the phase, and since when nobody asked for anything and nothing was wrong with
// them; or why there was none.
func (c *Converges) quiet(e *evidence.Evidence, from, end history.Time) (live []string, since history.Time, why string) {
	since = from
	gone := map[string]bool{}
	for i := range e.Downs {
		if d := &e.Downs[i]; d.From <= end && d.To >= end {
			gone[d.Host] = true
		}
	}
	for _, h := range e.Selected(c.Of, "server") {
		if !gone[h.Name] {
			live = append(live, h.Name)
		}
	}
	among := func(host string) bool { return slices.Contains(live, host) }
	for i := range e.Downs {
		if d := &e.Downs[i]; among(d.Host) && d.From <= end {
			since = max(since, d.To)
		}
	}
	for i := range e.Impairments {
		m := &e.Impairments[i]
		if weather.Harmless(m) || m.Start > end || !slices.ContainsFunc(m.From, among) && !slices.ContainsFunc(m.To, among) {
			continue
		}
		if m.End >= end {
			return live, since, fmt.Sprintf("%s on %s lasted to the end", m.Verb, wording.Some(m.From))
		}
		since = max(since, m.End)
	}
	for _, o := range e.Operations {
		if o.Kind == c.What || o.Kind == "read" || o.Call > end {
			continue
		}
		if since = max(since, o.Call); o.Outcome != history.Pending {
			since = max(since, min(o.Return, end))
		}
	}
	return live, since, ""
}

// gauges compares what the servers show.
func (c *Converges) gauges(e *evidence.Evidence, live []string, quiet, end history.Time) checkers.Judgement {
	shown := map[string]int64{}
	last := quiet // when they last differed
	differ := func() bool {
		return slices.ContainsFunc(live, func(host string) bool { return shown[host] != shown[live[0]] })
	}
	for _, s := range e.Samples {
		if s.Name != c.What || s.At > end || !slices.Contains(live, s.Host) {
			continue
		}
		if s.At > last && len(shown) == len(live) && differ() {
			last = s.At
		}
		shown[s.Host] = s.Value
	}
	for _, host := range live {
		if _, shows := shown[host]; !shows {
			return checkers.Vacuous.Because("%s shows no gauge %q, and nobody asked for one", host, c.What)
		}
	}
	switch {
	case differ():
		other := live[slices.IndexFunc(live, func(host string) bool { return shown[host] != shown[live[0]] })]
		return c.diverged(e, quiet, end, fmt.Sprintf("%s still shows %s %x and %s shows %x at %s", live[0], c.What,
			shown[live[0]], other, shown[other], wording.Stamp(end)), nil)
	case last > quiet+c.Within:
		return c.diverged(e, quiet, last, fmt.Sprintf("the servers did not show the same %s until %s", c.What,
			wording.Stamp(last)), nil)
	}
	return checkers.Holds.With("%s the same %s into quiet, %s allowed", wording.Count(len(live), "server"),
		wording.Brief(last-quiet), nodes.Short(c.Within))
}

// answers compares what the servers answered, for each key if they were asked for keys.
func (c *Converges) answers(e *evidence.Evidence, asked []*history.Operation, live []string, in history.Window) checkers.Judgement {
	type answer struct {
		op   *history.Operation
		from string
	}
	first := map[string]answer{}
	compared := map[string]bool{}
	for _, o := range asked {
		server := evidence.Text(o.Input("server"))
		if o.Outcome != history.Ok || o.Call < in.From || o.Call > in.To || !slices.Contains(live, server) {
			continue
		}
		compared[server] = true
		key, value := o.Input("key").String(), o.Output("value").String()
		before, known := first[key]
		if !known {
			first[key] = answer{o, server}
			continue
		}
		if value != before.op.Output("value").String() {
			return c.diverged(e, in.From-c.Within, in.To, fmt.Sprintf("%s answered %s and %s answered %s", before.from,
				wording.Short(before.op.Output("value").String()), server, wording.Short(value)), []uint64{before.op.ID, o.ID})
		}
	}
	if len(compared) < 2 {
		return checkers.Vacuous.Because("%s answered after quiet", wording.Count(len(compared), "server"))
	}
	return checkers.Holds.With("%s agree", wording.Count(len(compared), "server"))
}

func (c *Converges) diverged(e *evidence.Evidence, from, to history.Time, reason string, witness []uint64) checkers.Judgement {
	j := checkers.Judgement{Verdict: checkers.Violated, Anomaly: "diverged",
		Reason: fmt.Sprintf("%s after the quiet began, %s", nodes.Short(c.Within), reason),
		Figure: "not the same " + nodes.Short(c.Within) + " into quiet", Witness: witness}
	j.TellWitness(e.History)
	j.Window = history.Window{From: from, To: to}
	return j
}
