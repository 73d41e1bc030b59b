package checkers

import (
	"fmt"
	"time"

	"simrun/nodes/history"
)

// service is what an availability claim asks for: operations of a kind, answered within a limit; and for
// how long a client must have had a server that could serve it before anybody is blamed.
type service struct {
	kind         string
	limit, grace time.Duration
	// overload says that too much work is no excuse.
	overload bool
	// majority says that a server serves only while it and those that it reaches are a majority.
	majority bool
	// settle is after how long servers are surely connected again; what the kernel's probes need if it is zero.
	settle time.Duration
}

// class is how one operation counts.
type class uint8

const (
	excused class = iota // the weather's, or nobody's
	good                 // valid, and answered in time
	bad                  // valid, and not answered in time, with nobody to blame but the service
	lucky                // answered in time although the weather would have excused it
)

// good says whether the operation was answered in time.
func (s service) good(o *history.Operation) bool {
	return o.Outcome == history.Ok && o.Return-o.Call <= s.limit
}

// class judges one operation. It is valid if its caller was alive and had, from the grace before its call,
// a path to a live server with what it needs; and it is bad only if that stayed so until its limit, nothing
// it had used turned meanwhile, and there were hands free to do it.
func (e *Evidence) class(s service, o *history.Operation) class {
	classes := e.classes[s]
	c, known := classes[o]
	if known {
		return c
	}
	c = e.classify(s, o)
	if classes == nil {
		classes = map[*history.Operation]class{}
		if e.classes == nil {
			e.classes = map[service]map[*history.Operation]class{}
		}
		e.classes[s] = classes
	}
	classes[o] = c
	return c
}

func (e *Evidence) classify(s service, o *history.Operation) class {
	r := e.reachOf(s)
	n := e.needOf(o)
	_, valid := r.served(n).At(o.Call)
	switch {
	case s.good(o) && valid:
		return good
	case s.good(o):
		return lucky
	case truth(o.Output("own")):
		return excused // the caller's own error
	case !valid || e.undecided(s, o) || e.excuse(s, r, n, o) != "":
		return excused
	default:
		return bad
	}
}

// undecided says whether the run ended before the operation's limit.
func (e *Evidence) undecided(s service, o *history.Operation) bool {
	return o.Return > e.End && o.Call+s.limit > e.End
}

// needOf is what the operation needs: a worker, unless it is enough that it is accepted.
func (e *Evidence) needOf(o *history.Operation) need {
	n := need{client: o.Host, worker: !truth(o.Input("background")) && text(o.Input("variant")) != "background"}
	n.function = text(o.Input("function"))
	if attempts := e.jobView().byOp[o.ID]; len(attempts) > 0 {
		n.worker, n.function = !attempts[0].background, attempts[0].what.function
	}
	if n.worker && !e.hasWorkers() {
		n.worker = false
	}
	return n
}

func (e *Evidence) hasWorkers() bool {
	for i := range e.Hosts {
		if e.Hosts[i].Role == "worker" {
			return true
		}
	}
	return false
}

// excuse is why an operation that was not answered in time is not the service's failure; empty if it is.
func (e *Evidence) excuse(s service, r *reach, n need, o *history.Operation) string {
	from, until := o.Call-s.grace, min(o.Return, o.Call+s.limit)
	servers, workers := r.through(n, max(from, 0), until)
	if len(servers) == 0 {
		return "no server and worker stayed in reach"
	}
	if e.answerWithheld(s, r, o) {
		return ""
	}
	if why := e.turnedUnder(r, n, o, from, until); why != "" {
		return why
	}
	if n.worker && !s.overload || o.Outcome == history.Fail {
		if o.Outcome != history.Fail {
			from = o.Call
		}
		if n.worker && !e.handsFree(workers, from, until) {
			return "every worker in reach was at work"
		}
	}
	return ""
}

// answerWithheld says whether a worker had handed the job's answer to a server that was then, for the grace,
// in reach of both the worker and the waiting client: weather elsewhere is no excuse then.
func (e *Evidence) answerWithheld(s service, r *reach, o *history.Operation) bool {
	for _, a := range e.jobView().byOp[o.ID] {
		if a.job == nil || a.background {
			continue
		}
		for _, x := range a.job.runs {
			from := max(x.Return, a.created)
			if to := from + s.grace; x.done() && to <= min(a.Return, o.Call+s.limit) && to <= e.End &&
				r.link(x.Host, x.key.server).Cover(max(from-s.grace, 0), to) && r.link(a.Host, x.key.server).Cover(max(a.Call, 0), to) {
				return true
			}
		}
	}
	return false
}

// turnedUnder looks for weather that began or ended while the operation was under way, on a server that it
// had turned to, or on a worker that such a server may have given its job to.
func (e *Evidence) turnedUnder(r *reach, n need, o *history.Operation, from, until history.Time) string {
	seen := map[string]bool{}
	for _, a := range e.jobView().byOp[o.ID] {
		server := a.key.server
		if seen[server] {
			continue
		}
		seen[server] = true
		if why := r.turned(o.Host, server, from, until); why != "" {
			return why
		}
		if !n.worker {
			continue
		}
		since := min(from, a.Call)
		if a.job != nil {
			since = min(since, a.job.begun()-r.grace)
		}
		for _, worker := range e.crew(server) {
			if why := r.turned(worker, server, since, until); why != "" {
				return why
			}
		}
	}
	return ""
}

// turned describes the first turn of the weather on a server, on a peer of it, or on the path between.
func (r *reach) turned(peer, server string, from, until history.Time) string {
	for _, host := range []string{server, peer} {
		if s, ok := r.w.turned(host, from, until, r.delay); ok {
			return fmt.Sprintf("%s of %s at %s", s.why, host, stamp(s.From))
		}
	}
	if s, ok := r.w.between(peer, server).turned(from, until, r.delay); ok {
		return fmt.Sprintf("%s between %s and %s at %s", s.why, peer, server, stamp(s.From))
	}
	return ""
}

// begun is when the job was first submitted, as far as is known.
func (j *job) begun() history.Time {
	first := history.Never
	for _, a := range j.attempts {
		first = min(first, a.Call)
	}
	for _, x := range j.runs {
		first = min(first, x.Call)
	}
	return first
}

// since is from when on the server may have had the job: who submitted it may never have heard of it.
func (e *Evidence) since(j *job) history.Time {
	begun := j.begun()
	if untold := e.untoldSubmission(j); untold != nil {
		return min(begun, untold.Call)
	}
	return begun
}

// handsFree says whether one of the workers had nothing to do for half of the time, in one piece: then the
// service was not merely short of hands.
func (e *Evidence) handsFree(workers []string, from, until history.Time) bool {
	for _, worker := range workers {
		idle := e.jobView().idle[worker].Longest(from, until+1)
		if idle.To-idle.From >= (until-from)/2 {
			return true
		}
	}
	return false
}
