package jobs

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/linear"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Ordered asks that what was seen of each job could have come from one that does one thing at a time: that it is queued,
// running, queued again only if that attempt was lost, and done for good. The search for an order takes so many steps at most for
// each job; beyond them the claim is unknown.
func Ordered(e *evidence.Evidence, t *Terms, states int) checkers.Judgement {
	v := e.Jobs()
	judged, operations, undecided := 0, 0, ""
	for _, j := range v.List {
		if len(j.Attempts)+len(j.Runs) == 0 {
			continue // only asked about
		}
		judged++
		operations += len(j.Attempts) + len(j.Runs) + len(j.Statuses)
		verdict, plain := plainly(j)
		if !plain {
			verdict = checkers.Verdict(linear.Search(jobModel, t.steps(e, j),
				linear.Options{States: int64(states), Brief: true}).Verdict.String())
		}
		switch verdict {
		case checkers.Violated:
			return disordered(e, j)
		case checkers.Unknown:
			undecided = j.JobKey.String()
		}
	}
	switch {
	case judged == 0:
		return checkers.Vacuous.Because("there was no job")
	case undecided != "":
		return checkers.Judgement{Verdict: checkers.Unknown,
			Reason: "the budget ran out in the search for an order for " + undecided,
			Figure: wording.Count(judged, "job")}
	}
	j := checkers.Holds.With("%s, %s", wording.Count(judged, "job"), wording.Count(operations, "operation"))
	j.Data = map[string]float64{"jobs": float64(judged), "operations": float64(operations)}
	return j
}

func disordered(e *evidence.Evidence, j *evidence.Job) checkers.Judgement {
	t := e.Tell().Job(j)
	var last history.Time
	for _, o := range j.Statuses {
		t.Say(o.Return, "%s says that %s is %s", j.Server, j.Handle, statusWord(o))
		last = max(last, o.Return)
	}
	for _, a := range j.Attempts {
		last = max(last, min(a.Return, e.End))
	}
	for _, x := range j.Runs {
		last = max(last, min(x.End, e.End))
	}
	witness := witnessOf(j)
	for _, o := range j.Statuses[:min(len(j.Statuses), checkers.MostWitnesses)] {
		witness = append(witness, o.ID)
	}
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "not-atomic", Figure: "no order for " + j.JobKey.String(),
		Reason: fmt.Sprintf("no order explains %s on %s",
			wording.Count(len(j.Attempts)+len(j.Runs)+len(j.Statuses), "operation"), j.JobKey),
		Witness: witness, Window: history.Window{From: j.Begun(), To: last}, Story: t.Lines()}
}

func statusWord(o *history.Operation) string {
	switch known, running := evidence.Truth(o.Output("known")), evidence.Truth(o.Output("running")); {
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
func plainly(j *evidence.Job) (v checkers.Verdict, plain bool) {
	if len(j.Runs) > 1 || len(j.Statuses) > 0 || len(j.Attempts) == 0 {
		return "", false
	}
	submitted, told := history.Never, history.Never
	for _, a := range j.Attempts {
		submitted = min(submitted, a.Call)
		if a.Answered {
			told = min(told, a.Return)
		}
		if a.Failed {
			return "", false
		}
	}
	if len(j.Runs) == 0 {
		if told != history.Never {
			return checkers.Violated, true
		}
		return checkers.Holds, true
	}
	x := j.Runs[0]
	if x.Call < submitted {
		return "", false // perhaps one who was told nothing had submitted it
	}
	if told != history.Never && (!x.Done() || x.Return > told ||
		slices.ContainsFunc(j.Attempts, func(a *evidence.Attempt) bool { return a.Call > told })) {
		return checkers.Violated, true
	}
	return checkers.Holds, true
}

// steps is the job's operations for the model: those that were seen, and those that the weather made possible,
// which may come at any time from their cause on.
func (t *Terms) steps(e *evidence.Evidence, j *evidence.Job) []jobStep {
	var ops []jobStep
	add := func(from, to history.Time, step jobStep) {
		step.Span = linear.Span{ID: uint64(len(ops) + 1), Call: max(from, 0), Return: to, Outcome: history.Ok}
		switch step.do {
		case appear, finish, drop, conclude, forget:
			step.Outcome = history.Unknown
		}
		ops = append(ops, step)
	}
	begun := e.Since(j)
	if len(j.Attempts) > 0 || e.UntoldSubmission(j) != nil {
		add(begun, history.Never, jobStep{do: appear})
	}
	left := submissions(j, begun, add)
	for n, x := range j.Runs {
		add(begun, x.Call, jobStep{do: begin, run: n + 1})
		if x.Done() {
			add(x.Return, history.Never, jobStep{do: finish, run: n + 1})
		}
		if l, lost := lossOf(e, t, x, history.Never); lost {
			add(l.from, history.Never, jobStep{do: drop, run: n + 1})
		}
	}
	if t.JobTimeout > 0 || t.spent(e, j, e.End) {
		add(begun, history.Never, jobStep{do: conclude})
	}
	t.forgetting(e, j, begun, left, add)
	for _, o := range j.Statuses {
		add(o.Call, o.Return, jobStep{do: status, known: evidence.Truth(o.Output("known")),
			running: evidence.Truth(o.Output("running")), unsure: unsure(e, j, begun, o)})
	}
	slices.SortStableFunc(ops, func(a, b jobStep) int { return cmp.Compare(a.Call, b.Call) })
	return ops
}

// submissions adds what clients were told of the job, and says when the first of those who waited for it had gone.
func submissions(j *evidence.Job, begun history.Time, add func(from, to history.Time, step jobStep)) (left history.Time) {
	var told, promised, answered []history.Window
	left = history.Never
	for _, a := range j.Attempts {
		if w := (history.Window{From: a.Call, To: min(a.Created, a.Return)}); a.Background {
			promised = append(promised, w)
		} else {
			told = append(told, w)
		}
		if !a.Background && a.Outcome != history.Ok {
			left = min(left, a.Return)
		}
		if a.Answered {
			answered = append(answered, history.Window{From: a.Call, To: a.Return})
			if a.Failed {
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
func (t *Terms) forgetting(e *evidence.Evidence, j *evidence.Job, begun, left history.Time,
	add func(from, to history.Time, step jobStep)) {
	for s := range e.Weather().On(j.Server).Over(begun, history.Never) {
		if s.Down && s.Why != "pause" && s.To >= begun {
			left = min(left, max(s.From, begun))
		}
	}
	for _, a := range j.Attempts {
		if !a.Background {
			for s := range e.Weather().On(a.Host).Over(begun, history.Never) {
				if s.Parts(t.Patience) && s.To >= begun {
					left = min(left, max(s.From, begun))
				}
			}
			for s := range e.Weather().Between(a.Host, j.Server).Over(begun, history.Never) {
				if s.CutsOff(t.Patience) && s.To >= begun {
					left = min(left, max(s.From, begun))
				}
			}
		}
	}
	if wrecked(e, j.Server, begun) {
		add(begun, history.Never, jobStep{do: forget, promise: true})
	} else if left != history.Never {
		add(left, history.Never, jobStep{do: forget})
	}
}

// unsure says whether the job may, when a server was asked, have been with a worker that never came to begin it: no
// run began afterwards, or the weather may have taken the assignment.
func unsure(e *evidence.Evidence, j *evidence.Job, begun history.Time, o *history.Operation) bool {
	if !slices.ContainsFunc(j.Runs, func(x *evidence.Execution) bool { return x.Call >= o.Call }) {
		return true
	}
	r := e.ReachFor(checkers.DefaultLimit, 0)
	for _, worker := range e.Crew(j.Server) {
		if r.Turned(worker, j.Server, begun, o.Return) != "" {
			return true
		}
	}
	return false
}
