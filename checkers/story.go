package checkers

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/nodes/history"
)

// longestStory bounds the lines of a story; what is left out is said.
const longestStory = 40

// teller collects what happened to one job or operation, to be told in the order of time.
type teller struct {
	e      *Evidence
	events []event
	told   map[uint64]bool
	cast   map[string]bool // the hosts that take part
}

type event struct {
	at   history.Time
	line string
}

func (e *Evidence) tell() *teller {
	return &teller{e: e, told: map[uint64]bool{}, cast: map[string]bool{}}
}

// say adds a line.
func (t *teller) say(at history.Time, line string, args ...any) *teller {
	t.events = append(t.events, event{at, fmt.Sprintf(line, args...)})
	return t
}

// operation adds a client's whole request, with its attempts and their jobs.
func (t *teller) operation(o *history.Operation) *teller {
	attempts := t.e.jobView().byOp[o.ID]
	if t.told[o.ID] {
		return t
	}
	t.told[o.ID], t.cast[o.Host] = true, true
	if len(attempts) == 0 {
		t.say(o.Call, "%s asks: %s", o.Host, o.Kind)
	}
	for _, a := range attempts {
		t.attempt(a)
		if a.job != nil {
			t.job(a.job)
		}
	}
	t.outcome(o, "its "+o.Kind)
	return t
}

// job adds a job: who submitted it, and who executed it.
func (t *teller) job(j *job) *teller {
	t.cast[j.server] = true
	for _, a := range j.attempts {
		t.attempt(a)
	}
	for _, x := range j.runs {
		t.execution(x)
	}
	return t
}

func (t *teller) attempt(a *attempt) {
	if t.told[a.ID] {
		return
	}
	t.told[a.ID], t.cast[a.Host], t.cast[a.key.server] = true, true, true
	ground := "foreground"
	if a.background {
		ground = "background"
	}
	t.say(a.Call, "%s submits %s job %s to %s", a.Host, ground, a.label(), a.key.server)
	if a.created != history.Never {
		t.say(a.created, "%s acknowledges it to %s as %s", a.key.server, a.Host, a.key.handle)
	}
	switch {
	case a.answered && a.failed:
		t.say(a.Return, "%s hears from %s that %s failed", a.Host, a.key.server, a.key.handle)
	case a.answered:
		t.say(a.Return, "%s hears from %s that %s is complete: %q", a.Host, a.key.server, a.key.handle, short(a.result))
	case a.Outcome != history.Ok:
		t.outcome(a.Operation, "its submission to "+a.key.server)
	}
}

func (t *teller) execution(x *execution) {
	if t.told[x.ID] {
		return
	}
	t.told[x.ID], t.cast[x.Host], t.cast[x.key.server] = true, true, true
	t.say(x.Call, "%s starts on %s (%s)", x.Host, x.key, x.function)
	switch {
	case x.done() && x.failed:
		t.say(x.Return, "%s hands %s the failure of %s", x.Host, x.key.server, x.key.handle)
	case x.done():
		t.say(x.Return, "%s hands %s the result of %s: %q", x.Host, x.key.server, x.key.handle, short(x.result))
	default:
		t.outcome(x.Operation, "its work on "+x.key.handle)
	}
}

func (t *teller) outcome(o *history.Operation, whose string) {
	switch o.Outcome {
	case history.Fail:
		t.say(o.Return, "%s: %s failed: %s", o.Host, whose, o.Reason)
	case history.Unknown:
		t.say(o.Return, "%s: %s ended without an answer: %s", o.Host, whose, o.Reason)
	case history.Pending:
		t.say(t.e.End, "%s: %s never ended", o.Host, whose)
	}
}

// label is what the submission is known by to people.
func (a *attempt) label() string {
	if a.what.unique != "" {
		return a.what.function + ":" + short(a.what.unique)
	}
	return a.what.function
}

// lines tells it all in order, with the weather that struck those who took part.
func (t *teller) lines() []string {
	from, to := t.e.End, history.Time(0)
	for _, ev := range t.events {
		from, to = min(from, ev.at), max(to, ev.at)
	}
	t.weather(from, to)
	slices.SortStableFunc(t.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	var lines []string
	for i, ev := range t.events {
		if i == longestStory {
			return append(lines, fmt.Sprintf("… and %s more", count(len(t.events)-i, "event")))
		}
		lines = append(lines, stamp(ev.at)+"  "+ev.line)
	}
	return lines
}

// weather adds what struck the cast from one time to another: at most half a story.
func (t *teller) weather(from, to history.Time) {
	said := 0
	for i := range t.e.Downs {
		d := &t.e.Downs[i]
		if !t.cast[d.Host] || d.To < from || to < d.From || said == longestStory/2 {
			continue
		}
		said++
		lost := ""
		if d.Unsynced > 0 {
			lost = "; " + count(int(d.Unsynced), "unsynced byte") + " lost"
		}
		t.say(d.From, "%s: %s%s", d.Host, d.Why, lost)
		if d.To <= to {
			t.say(d.To, "%s runs again", d.Host)
		}
	}
	for i := range t.e.Impairments {
		m := &t.e.Impairments[i]
		if m.End < from || to < m.Start || said == longestStory/2 || !t.meets(m) {
			continue
		}
		said++
		t.say(m.Start, "%s %s until %s", m.Verb, whom(m), stamp(m.End))
	}
}

// meets says whether an impairment struck a host of the cast, or a path between two.
func (t *teller) meets(m *history.Impairment) bool {
	inCast := func(host string) bool { return t.cast[host] }
	return slices.ContainsFunc(m.From, inCast) && (len(m.To) == 0 || slices.ContainsFunc(m.To, inCast))
}

func whom(m *history.Impairment) string {
	if len(m.To) == 0 {
		return "on " + some(m.From)
	}
	return some(m.From) + " → " + some(m.To)
}

func some(hosts []string) string {
	switch len(hosts) {
	case 0:
		return "nobody"
	case 1:
		return hosts[0]
	case 2:
		return hosts[0] + ", " + hosts[1]
	default:
		return fmt.Sprintf("%s and %d others", hosts[0], len(hosts)-1)
	}
}
