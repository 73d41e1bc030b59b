package evidence

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// longestStory bounds the lines of a story; what is left out is said.
const longestStory = 40

// Teller collects what happened to one job or operation, to be told in the order of time.
type Teller struct {
	e      *Evidence
	events []event
	told   map[uint64]bool
	cast   map[string]bool // the hosts that take part
}

type event struct {
	at   history.Time
	line string
}

func (e *Evidence) Tell() *Teller {
	return &Teller{e: e, told: map[uint64]bool{}, cast: map[string]bool{}}
}

// Say adds a line.
func (t *Teller) Say(at history.Time, line string, args ...any) *Teller {
	t.events = append(t.events, event{at, fmt.Sprintf(line, args...)})
	return t
}

// Operation adds a client's whole request, with its attempts and their jobs.
func (t *Teller) Operation(o *history.Operation) *Teller {
	attempts := t.e.Jobs().ByOp[o.ID]
	if t.told[o.ID] {
		return t
	}
	t.told[o.ID], t.cast[o.Host] = true, true
	if len(attempts) == 0 || attempts[0].Identity.Function == "" {
		t.Say(o.Call, "%s asks: %s", o.Host, o.Kind)
	}
	for _, a := range attempts {
		t.attempt(a)
		if a.Job != nil {
			t.Job(a.Job)
		}
	}
	t.outcome(o, "its "+o.Kind)
	return t
}

// Job adds a job: who submitted it, and who executed it.
func (t *Teller) Job(j *Job) *Teller {
	t.cast[j.Server] = true
	for _, a := range j.Attempts {
		t.attempt(a)
	}
	for _, x := range j.Runs {
		t.execution(x)
	}
	return t
}

func (t *Teller) attempt(a *Attempt) {
	if t.told[a.ID] {
		return
	}
	t.told[a.ID], t.cast[a.Host], t.cast[a.Key.Server] = true, true, true
	if a.Identity.Function == "" { // no job was submitted: the service is another
		t.Say(a.Call, "%s asks %s", a.Host, a.Key.Server)
		if a.Outcome == history.Ok {
			t.Say(a.Return, "%s answers %s", a.Key.Server, a.Host)
		}
		t.outcome(a.Operation, "its request to "+a.Key.Server)
		return
	}
	ground := "foreground"
	if a.Background {
		ground = "background"
	}
	t.Say(a.Call, "%s submits %s job %s to %s", a.Host, ground, a.Label(), a.Key.Server)
	if a.Created != history.Never {
		t.Say(a.Created, "%s acknowledges it to %s as %s", a.Key.Server, a.Host, a.Key.Handle)
	}
	switch {
	case a.Answered && a.Failed:
		t.Say(a.Return, "%s hears from %s that %s failed", a.Host, a.Key.Server, a.Key.Handle)
	case a.Answered:
		t.Say(a.Return, "%s hears from %s that %s is complete: %q", a.Host, a.Key.Server, a.Key.Handle, wording.Short(a.Result))
	case a.Outcome != history.Ok:
		t.outcome(a.Operation, "its submission to "+a.Key.Server)
	}
}

func (t *Teller) execution(x *Execution) {
	if t.told[x.ID] {
		return
	}
	t.told[x.ID], t.cast[x.Host], t.cast[x.Key.Server] = true, true, true
	t.Say(x.Call, "%s starts on %s (%s)", x.Host, x.Key, x.Function)
	switch {
	case x.Done() && x.Failed:
		t.Say(x.Return, "%s hands %s the failure of %s", x.Host, x.Key.Server, x.Key.Handle)
	case x.Done():
		t.Say(x.Return, "%s hands %s the result of %s: %q", x.Host, x.Key.Server, x.Key.Handle, wording.Short(x.Result))
	default:
		t.outcome(x.Operation, "its work on "+x.Key.Handle)
	}
}

func (t *Teller) outcome(o *history.Operation, whose string) {
	switch o.Outcome {
	case history.Fail:
		t.Say(o.Return, "%s: %s failed: %s", o.Host, whose, o.Reason)
	case history.Unknown:
		t.Say(o.Return, "%s: %s ended without an answer: %s", o.Host, whose, o.Reason)
	case history.Pending:
		t.Say(t.e.End, "%s: %s never ended", o.Host, whose)
	}
}

// Access adds an operation on a key, and what its client was told; any server may have had to do with it.
func (t *Teller) Access(o *history.Operation, key, told string) *Teller {
	if t.told[o.ID] {
		return t
	}
	t.told[o.ID], t.cast[o.Host] = true, true
	for _, server := range t.e.Selected("all", "server") {
		t.cast[server.Name] = true
	}
	t.Say(o.Call, "%s asks: %s %s", o.Host, o.Kind, key)
	if o.Outcome == history.Ok {
		t.Say(o.Return, "%s is told: %s", o.Host, told)
	}
	t.outcome(o, "its "+o.Kind)
	return t
}

// With takes a host into the cast.
func (t *Teller) With(host string) *Teller {
	t.cast[host] = true
	return t
}

// Label is what the submission is known by to people.
func (a *Attempt) Label() string {
	if a.Identity.Unique != "" {
		return a.Identity.Function + ":" + wording.Short(a.Identity.Unique)
	}
	return a.Identity.Function
}

// Lines tells it all in order, with the weather that struck those who took part.
func (t *Teller) Lines() []string {
	from, to := t.e.End, history.Time(0)
	for _, ev := range t.events {
		from, to = min(from, ev.at), max(to, ev.at)
	}
	t.weather(from, to)
	slices.SortStableFunc(t.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	var lines []string
	for i, ev := range t.events {
		if i == longestStory {
			return append(lines, fmt.Sprintf("… and %s more", wording.Count(len(t.events)-i, "event")))
		}
		lines = append(lines, wording.Stamp(ev.at)+"  "+ev.line)
	}
	return lines
}

// weather adds what struck the cast from one time to another: at most half a story.
func (t *Teller) weather(from, to history.Time) {
	said := 0
	for i := range t.e.Downs {
		d := &t.e.Downs[i]
		if !t.cast[d.Host] || d.To < from || to < d.From || said == longestStory/2 {
			continue
		}
		said++
		lost := ""
		if d.Unsynced > 0 {
			lost = "; " + wording.Count(int(d.Unsynced), "unsynced byte") + " lost"
		}
		t.Say(d.From, "%s: %s%s", d.Host, d.Why, lost)
		if d.To <= to {
			t.Say(d.To, "%s runs again", d.Host)
		}
	}
	for i := range t.e.Impairments {
		m := &t.e.Impairments[i]
		if m.End < from || to < m.Start || said == longestStory/2 || !t.meets(m) {
			continue
		}
		said++
		t.Say(m.Start, "%s %s until %s", m.Verb, whom(m), wording.Stamp(m.End))
	}
}

// meets says whether an impairment struck a host of the cast, or a path between two.
func (t *Teller) meets(m *history.Impairment) bool {
	inCast := func(host string) bool { return t.cast[host] }
	return slices.ContainsFunc(m.From, inCast) && (len(m.To) == 0 || slices.ContainsFunc(m.To, inCast))
}

func whom(m *history.Impairment) string {
	if len(m.To) == 0 {
		return "on " + wording.Some(m.From)
	}
	return wording.Some(m.From) + " → " + wording.Some(m.To)
}
