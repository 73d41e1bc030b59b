package evidence

import (
	"fmt"
	"time"

	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Indicator is how service is measured, an SLI: by the share of good operations among valid ones (Beyer et al., The Site
// Reliability Workbook, ch. 2). Good are those of the kind that were answered within the limit; valid those whose client had a
// server that could serve it, for the grace before.
type Indicator struct {
	Kind         string
	Limit, Grace time.Duration
	// Overload says that too much work is no excuse.
	Overload bool
	// Majority says that a server serves only while it and those that it reaches are a majority.
	Majority bool
	// Settle is after how long servers are surely connected again; what the kernel's probes need if it is zero.
	Settle time.Duration
}

// Class is how one operation counts.
type Class uint8

// The classes.
const (
	Excused Class = iota // the weather's, or nobody's
	Good                 // valid, and answered in time
	Bad                  // valid, and not answered in time, with nobody to blame but the service
	Lucky                // answered in time although the weather would have excused it
)

// Good says whether the operation was answered in time.
func (i Indicator) Good(o *history.Operation) bool {
	return o.Outcome == history.Ok && o.Return-o.Call <= i.Limit
}

// Class judges one operation. It is valid if its caller was alive and had, from the grace before its call,
// a path to a live server with what it needs; and it is bad only if that stayed so until its limit, nothing
// it had used turned meanwhile, and there were hands free to do it.
func (e *Evidence) Class(i Indicator, o *history.Operation) Class {
	classes := e.classes[i]
	c, known := classes[o]
	if known {
		return c
	}
	c = e.classify(i, o)
	if classes == nil {
		classes = map[*history.Operation]Class{}
		if e.classes == nil {
			e.classes = map[Indicator]map[*history.Operation]Class{}
		}
		e.classes[i] = classes
	}
	classes[o] = c
	return c
}

func (e *Evidence) classify(i Indicator, o *history.Operation) Class {
	r := e.ReachOf(i)
	n := e.NeedOf(o)
	_, valid := r.served(n).At(o.Call)
	switch {
	case i.Good(o) && valid:
		return Good
	case i.Good(o):
		return Lucky
	case Truth(o.Output("own")):
		return Excused // the caller's own error
	case !valid || e.undecided(i, o) || e.Excuse(i, r, n, o) != "":
		return Excused
	default:
		return Bad
	}
}

// undecided says whether the run ended before the operation's limit.
func (e *Evidence) undecided(i Indicator, o *history.Operation) bool {
	return o.Return > e.End && o.Call+i.Limit > e.End
}

// NeedOf is what the operation needs: a worker, unless it is enough that it is accepted.
func (e *Evidence) NeedOf(o *history.Operation) Need {
	n := Need{Client: o.Host, Worker: !Truth(o.Input("background")) && Text(o.Input("variant")) != "background"}
	n.function = Text(o.Input("function"))
	if attempts := e.Jobs().ByOp[o.ID]; len(attempts) > 0 {
		n.Worker, n.function = !attempts[0].Background, attempts[0].Identity.Function
	}
	if n.Worker && !e.HasWorkers() {
		n.Worker = false
	}
	return n
}

func (e *Evidence) HasWorkers() bool {
	for i := range e.Hosts {
		if e.Hosts[i].Role == "worker" {
			return true
		}
	}
	return false
}

// Excuse is why an operation that was not answered in time is not the service's failure; empty if it is.
func (e *Evidence) Excuse(i Indicator, r *Reach, n Need, o *history.Operation) string {
	from, until := o.Call-i.Grace, min(o.Return, o.Call+i.Limit)
	servers, workers := r.Through(n, max(from, 0), until)
	if len(servers) == 0 {
		return "no server and worker stayed in reach"
	}
	if e.answerWithheld(i, r, o) {
		return ""
	}
	if why := e.turnedUnder(r, n, o, from, until); why != "" {
		return why
	}
	if n.Worker && !i.Overload || o.Outcome == history.Fail {
		if o.Outcome != history.Fail {
			from = o.Call
		}
		if n.Worker && !e.HandsFree(workers, from, until) {
			return "every worker in reach was at work"
		}
	}
	return ""
}

// answerWithheld says whether a worker had handed the job's answer to a server that was then, for the grace,
// in reach of both the worker and the waiting client: weather elsewhere is no excuse then.
func (e *Evidence) answerWithheld(i Indicator, r *Reach, o *history.Operation) bool {
	for _, a := range e.Jobs().ByOp[o.ID] {
		if a.Job == nil || a.Background {
			continue
		}
		for _, x := range a.Job.Runs {
			from := max(x.Return, a.Created)
			if to := from + i.Grace; x.Done() && to <= min(a.Return, o.Call+i.Limit) && to <= e.End &&
				r.Link(x.Host, x.Key.Server).Cover(max(from-i.Grace, 0), to) &&
				r.Link(a.Host, x.Key.Server).Cover(max(a.Call, 0), to) {
				return true
			}
		}
	}
	return false
}

// turnedUnder looks for weather that began or ended while the operation was under way, on a server that it
// had turned to, or on a worker that such a server may have given its job to.
func (e *Evidence) turnedUnder(r *Reach, n Need, o *history.Operation, from, until history.Time) string {
	seen := map[string]bool{}
	for _, a := range e.Jobs().ByOp[o.ID] {
		server := a.Key.Server
		if seen[server] {
			continue
		}
		seen[server] = true
		if why := r.Turned(o.Host, server, from, until); why != "" {
			return why
		}
		if !n.Worker {
			continue
		}
		since := min(from, a.Call)
		if a.Job != nil {
			since = min(since, a.Job.Begun()-r.grace)
		}
		for _, worker := range e.Crew(server) {
			if why := r.Turned(worker, server, since, until); why != "" {
				return why
			}
		}
	}
	return ""
}

// Turned describes the first turn of the weather on a server, on a peer of it, or on the path between.
func (r *Reach) Turned(peer, server string, from, until history.Time) string {
	for _, host := range []string{server, peer} {
		if s, ok := r.w.Turned(host, from, until, r.delay); ok {
			return fmt.Sprintf("%s of %s at %s", s.Why, host, wording.Stamp(s.From))
		}
	}
	if s, ok := r.w.Between(peer, server).Turned(from, until, r.delay); ok {
		return fmt.Sprintf("%s between %s and %s at %s", s.Why, peer, server, wording.Stamp(s.From))
	}
	return ""
}

// HandsFree says whether one of the workers had nothing to do for half of the time, in one piece: then the
// service was not merely short of hands.
func (e *Evidence) HandsFree(workers []string, from, until history.Time) bool {
	for _, worker := range workers {
		idle := e.Jobs().Idle[worker].Longest(from, until+1)
		if idle.To-idle.From >= (until-from)/2 {
			return true
		}
	}
	return false
}
