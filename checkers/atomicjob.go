package checkers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// Atomic asks that what was seen of each object could have come from one that does one thing at a time.
type Atomic struct {
	Model ObjectName `yaml:"linearizable" doc:"the object: gearman.job (queued, running, queued again only if that attempt was lost, done for good)"`
	Per   []string   `yaml:"per" doc:"what tells one object from another: server, handle"`
	Terms `yaml:",inline"`
	From  Selector `yaml:"from" doc:"whose operations; all if it is not said. Of jobs it is all"`
	// States bounds the search for each object.
	States int `yaml:"states" doc:"most steps in the search for an order, per object; beyond it the claim is unknown"`
}

// ObjectName names a kind of object that Atomic knows.
type ObjectName string

// Values are all models.
func (ObjectName) Values() []string {
	names := []string{gearmanJob}
	for _, m := range models {
		names = append(names, m.Name())
	}
	return names
}

const gearmanJob = "gearman.job"

func newAtomic() Check {
	return &Atomic{Model: gearmanJob, Per: []string{"server", "handle"}, Terms: newTerms(), States: 1_000_000}
}

// Validate says what cannot be meant.
func (c *Atomic) Validate() error {
	per := slices.Sorted(slices.Values(c.Per))
	if !slices.Equal(per, []string{"handle", "server"}) {
		return errors.New("per: a gearman.job is one per [server, handle], and other objects are told apart by their key")
	}
	return nil
}

// Judge looks for an order for each object.
func (c *Atomic) Judge(e *Evidence) Judgement {
	if c.Model == gearmanJob {
		return c.judgeJobs(e)
	}
	model, known := ModelNamed(string(c.Model))
	if !known {
		return vacuous("there is no model %s", c.Model)
	}
	j, err := Linearizable(model, e.only(c.From).History, Options{States: int64(c.States), Others: true})
	if err != nil {
		return Judgement{Verdict: Unknown, Reason: err.Error()}
	}
	return j
}

// judgeJobs looks for an order for each job.
func (c *Atomic) judgeJobs(e *Evidence) Judgement {
	v := e.jobView()
	judged, operations, undecided := 0, 0, ""
	for _, j := range v.list {
		if len(j.attempts)+len(j.runs) == 0 {
			continue // only asked about
		}
		judged++
		operations += len(j.attempts) + len(j.runs) + len(j.statuses)
		verdict, plain := j.plainly()
		if !plain {
			verdict = Verdict(linear.Search(jobModel, c.steps(e, j), linear.Options{States: int64(c.States), Brief: true}).Verdict.String())
		}
		switch verdict {
		case Violated:
			return c.violated(e, j)
		case Unknown:
			undecided = j.jobKey.String()
		}
	}
	switch {
	case judged == 0:
		return vacuous("there was no job")
	case undecided != "":
		return Judgement{Verdict: Unknown, Reason: "the budget ran out in the search for an order for " + undecided,
			Figure: count(judged, "job")}
	}
	j := holds("%s, %s", count(judged, "job"), count(operations, "operation"))
	j.Data = map[string]float64{"jobs": float64(judged), "operations": float64(operations)}
	return j
}

func (c *Atomic) violated(e *Evidence, j *job) Judgement {
	t := e.tell().job(j)
	var last history.Time
	for _, o := range j.statuses {
		t.say(o.Return, "%s says that %s is %s", j.server, j.handle, statusWord(o))
		last = max(last, o.Return)
	}
	for _, a := range j.attempts {
		last = max(last, min(a.Return, e.End))
	}
	for _, x := range j.runs {
		last = max(last, min(x.end, e.End))
	}
	witness := j.witness()
	for _, o := range j.statuses[:min(len(j.statuses), mostWitnesses)] {
		witness = append(witness, o.ID)
	}
	return Judgement{Verdict: Violated, Anomaly: "not-atomic", Figure: "no order for " + j.jobKey.String(),
		Reason:  fmt.Sprintf("no order explains %s on %s", count(len(j.attempts)+len(j.runs)+len(j.statuses), "operation"), j.jobKey),
		Witness: witness, Window: history.Window{From: j.begun(), To: last}, Story: t.lines()}
}

func statusWord(o *history.Operation) string {
	switch known, running := truth(o.Output("known")), truth(o.Output("running")); {
	case !known:
		return "unknown"
	case running:
		return "running"
	default:
		return "queued"
	}
}

// plainly decides the usual job, which ran at most once and was not asked about: the run began after it was
// submitted; its answer was handed over before anybody was told; and nobody was given its handle after that.
func (j *job) plainly() (v Verdict, plain bool) {
	if len(j.runs) > 1 || len(j.statuses) > 0 || len(j.attempts) == 0 {
		return "", false
	}
	submitted, told := history.Never, history.Never
	for _, a := range j.attempts {
		submitted = min(submitted, a.Call)
		if a.answered {
			told = min(told, a.Return)
		}
		if a.failed {
			return "", false
		}
	}
	if len(j.runs) == 0 {
		if told != history.Never {
			return Violated, true
		}
		return Holds, true
	}
	x := j.runs[0]
	if x.Call < submitted {
		return "", false // perhaps one who was told nothing had submitted it
	}
	if told != history.Never && (!x.done() || x.Return > told || slices.ContainsFunc(j.attempts, func(a *attempt) bool { return a.Call > told })) {
		return Violated, true
	}
	return Holds, true
}

// steps is the job's operations for the model: those that were seen, and those that the weather made possible,
// which may come at any time from their cause on.
func (c *Atomic) steps(e *Evidence, j *job) []jobStep {
	var ops []jobStep
	add := func(from, to history.Time, step jobStep) {
		step.Span = linear.Span{ID: uint64(len(ops) + 1), Call: max(from, 0), Return: to, Outcome: history.Ok}
		switch step.do {
		case appear, finish, drop, conclude, forget:
			step.Outcome = history.Unknown
		}
		ops = append(ops, step)
	}
	begun := e.since(j)
	if len(j.attempts) > 0 || e.untoldSubmission(j) != nil {
		add(begun, history.Never, jobStep{do: appear})
	}
	left := j.submissions(begun, add)
	for n, x := range j.runs {
		add(begun, x.Call, jobStep{do: begin, run: n + 1})
		if x.done() {
			add(x.Return, history.Never, jobStep{do: finish, run: n + 1})
		}
		if l, lost := e.lossOf(&c.Terms, x, history.Never); lost {
			add(l.from, history.Never, jobStep{do: drop, run: n + 1})
		}
	}
	if c.JobTimeout > 0 || c.spent(e, j, e.End) {
		add(begun, history.Never, jobStep{do: conclude})
	}
	c.forgetting(e, j, begun, left, add)
	for _, o := range j.statuses {
		add(o.Call, o.Return, jobStep{do: status, known: truth(o.Output("known")), running: truth(o.Output("running")), unsure: e.unsure(j, begun, o)})
	}
	slices.SortStableFunc(ops, func(a, b jobStep) int { return cmp.Compare(a.Call, b.Call) })
	return ops
}

// submissions adds what clients were told of the job, and says when the first of those who waited for it had gone.
func (j *job) submissions(begun history.Time, add func(from, to history.Time, step jobStep)) (left history.Time) {
	var told, promised, answered []history.Window
	left = history.Never
	for _, a := range j.attempts {
		if w := (history.Window{From: a.Call, To: min(a.created, a.Return)}); a.background {
			promised = append(promised, w)
		} else {
			told = append(told, w)
		}
		if !a.background && a.Outcome != history.Ok {
			left = min(left, a.Return)
		}
		if a.answered {
			answered = append(answered, history.Window{From: a.Call, To: a.Return})
			if a.failed {
				add(begun, history.Never, jobStep{do: conclude})
			}
		}
	}
	for _, w := range narrowest(promised) {
		add(w.From, w.To, jobStep{do: submit, promise: true})
	}
	for _, w := range narrowest(append(told, promised...)) {
		add(w.From, w.To, jobStep{do: submit})
	}
	for _, w := range narrowest(answered) {
		add(w.From, w.To, jobStep{do: answer})
	}
	return left
}

// narrowest leaves out the windows that hold another. Operations that only ask something of the state, and ask the
// same, need to be ordered but once where one lies inside the other: at the instant of the narrower. Many clients
// that wait for one job would else make the search exponential.
func narrowest(windows []history.Window) (narrow []history.Window) {
	slices.SortFunc(windows, func(a, b history.Window) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(b.From, a.From))
	})
	latest := -history.Never
	for _, w := range windows {
		if w.From > latest {
			narrow = append(narrow, w)
			latest = w.From
		}
	}
	return narrow
}

// forgetting adds when the server may have lost the job: with its process what it had not promised, with its
// last client a foreground job, and with its disk anything.
func (c *Atomic) forgetting(e *Evidence, j *job, begun, left history.Time, add func(from, to history.Time, step jobStep)) {
	for s := range e.forecast().onHost[j.server].over(begun, history.Never) {
		if s.down && s.why != "pause" && s.To >= begun {
			left = min(left, max(s.From, begun))
		}
	}
	for _, a := range j.attempts {
		if !a.background {
			for s := range e.forecast().onHost[a.Host].over(begun, history.Never) {
				if s.parts(c.Patience) && s.To >= begun {
					left = min(left, max(s.From, begun))
				}
			}
			for s := range e.forecast().between(a.Host, j.server).over(begun, history.Never) {
				if s.cutsOff(c.Patience) && s.To >= begun {
					left = min(left, max(s.From, begun))
				}
			}
		}
	}
	if e.wrecked(j.server, begun) {
		add(begun, history.Never, jobStep{do: forget, promise: true})
	} else if left != history.Never {
		add(left, history.Never, jobStep{do: forget})
	}
}

// untoldSubmission is a submission of the job's work by a client that was told no handle: it may be what made the job.
func (e *Evidence) untoldSubmission(j *job) *attempt {
	v := e.jobView()
	var same []*attempt
	switch {
	case len(j.attempts) > 0 && j.attempts[0].what.unique != "":
		same = v.byWhat[j.attempts[0].what]
	case len(j.attempts) == 0 && len(j.runs) > 0:
		same = v.byWork[work{j.server, j.runs[0].function, j.runs[0].payload}]
	}
	for _, a := range same {
		if a.job == nil && a.Outcome != history.Fail {
			return a
		}
	}
	return nil
}

// unsure says whether the job may, when a server was asked, have been with a worker that never came to begin it: no
// run began afterwards, or the weather may have taken the assignment.
func (e *Evidence) unsure(j *job, begun history.Time, o *history.Operation) bool {
	if !slices.ContainsFunc(j.runs, func(x *execution) bool { return x.Call >= o.Call }) {
		return true
	}
	r := e.reachFor(defaultLimit, 0)
	for _, worker := range e.crew(j.server) {
		if r.turned(worker, j.server, begun, o.Return) != "" {
			return true
		}
	}
	return false
}
