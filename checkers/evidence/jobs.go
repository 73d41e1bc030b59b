package evidence

import (
	"cmp"
	"log/slog"
	"slices"

	"simrun/checkers/weather"
	"simrun/nodes/history"
)

// Jobs is a history as a job service's: what was submitted under which handle, and who executed it. It is
// read from operations of four kinds.
//
//	submit, submit-background   a client's whole request; Ok once it is answered, or accepted if in the background
//	attempt                     a part of these: one submission to one server; the note "created" has its handle
//	status                      what a server says of a handle: known, running
//	execute                     a worker at a job, from the assignment until its answer is handed to the connection
type Jobs struct {
	List  []*Job // in the order of their first submissions or executions
	byKey map[JobKey]*Job
	// Attempts are all submissions, and ByIdentity those of a server, function and unique id.
	Attempts   []*Attempt
	ByOp       map[uint64][]*Attempt // by the logical operation they are a part of
	ByIdentity map[Identity][]*Attempt
	ByWork     map[Work][]*Attempt
	Runs       []*Execution // all executions, in the order of their starts
	ByHost     map[string][]*Execution
	Idle       map[string]weather.Spans // when each worker was at no job
	OnHost     map[string][]*Job        // by their server
}

// JobKey names a job: a handle means something only to the server that gave it.
type JobKey struct{ Server, Handle string }

func (k JobKey) String() string { return k.Handle + " of " + k.Server }

// Identity is what a server coalesces submissions by: those of one identity share a job.
type Identity struct{ Server, Function, Unique string }

// Compare orders identities.
func (w Identity) Compare(other Identity) int {
	return cmp.Or(cmp.Compare(w.Server, other.Server), cmp.Compare(w.Function, other.Function), cmp.Compare(w.Unique, other.Unique))
}

// Work is what a worker is given to do by a server.
type Work struct{ Server, Function, Payload string }

// Job is what stands behind one handle of one server.
type Job struct {
	JobKey
	Attempts []*Attempt   // those that were told the handle, in the order of their calls
	Runs     []*Execution // in the order of their starts
	Statuses []*history.Operation
}

// Attempt is one submission to one server.
type Attempt struct {
	*history.Operation
	Key        JobKey // the handle is empty if none was told
	Identity   Identity
	Payload    string
	Background bool
	Priority   int          // 0 is high, 1 normal, 2 low
	Created    history.Time // when JOB_CREATED came; Never if it did not
	Answered   bool         // a foreground job's end was told
	Failed     bool         // and it was a failure
	Result     string
	Job        *Job
}

// Execution is one worker at one job.
type Execution struct {
	*history.Operation
	Key      JobKey
	Function string
	Unique   string
	Payload  string
	Failed   bool
	Result   string
	End      history.Time // when it ended: its return, the death of its host, or Never
	Job      *Job
}

// Done says whether the worker handed over an answer.
func (x *Execution) Done() bool { return x.Outcome == history.Ok }

// Jobs is the evidence as a job service's.
func (e *Evidence) Jobs() *Jobs {
	if e.jobs == nil {
		e.jobs = readJobs(e)
	}
	return e.jobs
}

func readJobs(e *Evidence) *Jobs {
	v := &Jobs{byKey: map[JobKey]*Job{}, ByOp: map[uint64][]*Attempt{}, ByIdentity: map[Identity][]*Attempt{},
		ByWork: map[Work][]*Attempt{},
		ByHost: map[string][]*Execution{}, Idle: map[string]weather.Spans{}, OnHost: map[string][]*Job{}}
	deaths := weather.Deaths(e.History)
	for _, o := range e.Operations {
		switch o.Kind {
		case "attempt":
			v.addAttempt(o)
		case "execute":
			v.addExecution(o, deaths)
		case "status":
			if key := (JobKey{Text(o.Input("server")), Text(o.Input("handle"))}); o.Outcome == history.Ok && key.Handle != "" {
				j := v.at(key)
				j.Statuses = append(j.Statuses, o)
			}
		}
	}
	for _, j := range v.List {
		slices.SortStableFunc(j.Runs, func(a, b *Execution) int { return cmp.Compare(a.Call, b.Call) })
		v.OnHost[j.Server] = append(v.OnHost[j.Server], j)
	}
	for i := range e.Hosts {
		v.Idle[e.Hosts[i].Name] = weather.Always
	}
	for host, runs := range v.ByHost {
		windows := make([]history.Window, len(runs))
		for i, x := range runs {
			windows[i] = history.Window{From: x.Call, To: x.End}
		}
		v.Idle[host] = weather.Union(windows).Not()
	}
	return v
}

func (v *Jobs) addAttempt(o *history.Operation) {
	a := &Attempt{Operation: o, Created: history.Never, Priority: 1}
	read(o.In, func(key string, value slog.Value) {
		switch key {
		case "server":
			a.Identity.Server = Text(value)
		case "function":
			a.Identity.Function = Text(value)
		case "unique":
			a.Identity.Unique = Text(value)
		case "payload":
			a.Payload = Text(value)
		case "background":
			a.Background = Truth(value)
		case "priority":
			a.Priority = rank(Text(value))
		}
	})
	a.Key.Server = a.Identity.Server
	if a.Identity.Unique == "-" {
		a.Identity.Unique += a.Payload // this unique id asks to coalesce on the payload
	}
	if n := o.NoteNamed("created"); n != nil {
		a.Created, a.Key.Handle = n.At, Text(n.Attr("handle"))
	}
	if o.Outcome == history.Ok {
		a.finish()
	}
	v.Attempts = append(v.Attempts, a)
	v.ByOp[o.Parent] = append(v.ByOp[o.Parent], a)
	v.ByIdentity[a.Identity] = append(v.ByIdentity[a.Identity], a)
	todo := Work{a.Key.Server, a.Identity.Function, a.Payload}
	v.ByWork[todo] = append(v.ByWork[todo], a)
	if a.Key.Handle != "" {
		a.Job = v.at(a.Key)
		a.Job.Attempts = append(a.Job.Attempts, a)
	}
}

// finish reads what an attempt was answered.
func (a *Attempt) finish() {
	a.Answered = !a.Background
	read(a.Out, func(key string, value slog.Value) {
		switch key {
		case "handle":
			a.Key.Handle = Text(value)
		case "result":
			a.Result = Text(value)
		case "failed":
			a.Failed = Truth(value)
		}
	})
	a.Created = min(a.Created, a.Return)
}

func (v *Jobs) addExecution(o *history.Operation, deaths map[string][]history.Time) {
	x := &Execution{Operation: o, End: o.Return}
	read(o.In, func(key string, value slog.Value) {
		switch key {
		case "server":
			x.Key.Server = Text(value)
		case "handle":
			x.Key.Handle = Text(value)
		case "function":
			x.Function = Text(value)
		case "unique":
			x.Unique = Text(value)
		case "payload":
			x.Payload = Text(value)
		}
	})
	read(o.Out, func(key string, value slog.Value) {
		switch key {
		case "result":
			x.Result = Text(value)
		case "failed":
			x.Failed = Truth(value)
		}
	})
	if o.Outcome == history.Pending {
		died, _ := slices.BinarySearch(deaths[o.Host], o.Call)
		if died < len(deaths[o.Host]) {
			x.End = deaths[o.Host][died]
		}
	}
	v.Runs = append(v.Runs, x)
	v.ByHost[o.Host] = append(v.ByHost[o.Host], x)
	x.Job = v.at(x.Key)
	x.Job.Runs = append(x.Job.Runs, x)
}

func (v *Jobs) at(key JobKey) *Job {
	j := v.byKey[key]
	if j == nil {
		j = &Job{JobKey: key}
		v.byKey[key] = j
		v.List = append(v.List, j)
	}
	return j
}

// FirstDone is the first execution whose answer was handed over, or nil.
func (j *Job) FirstDone() (first *Execution) {
	for _, x := range j.Runs {
		if x.Done() && (first == nil || x.Return < first.Return) {
			first = x
		}
	}
	return first
}

// rank orders the priorities: high comes first.
func rank(priority string) int {
	switch priority {
	case "high":
		return 0
	case "low":
		return 2
	default:
		return 1
	}
}

// Begun is when the job was first submitted, as far as is known.
func (j *Job) Begun() history.Time {
	first := history.Never
	for _, a := range j.Attempts {
		first = min(first, a.Call)
	}
	for _, x := range j.Runs {
		first = min(first, x.Call)
	}
	return first
}

// Since is from when on the server may have had the job: who submitted it may never have heard of it.
func (e *Evidence) Since(j *Job) history.Time {
	begun := j.Begun()
	if untold := e.UntoldSubmission(j); untold != nil {
		return min(begun, untold.Call)
	}
	return begun
}

// UntoldSubmission is a submission of the job's work by a client that was told no handle: it may be what made the job.
func (e *Evidence) UntoldSubmission(j *Job) *Attempt {
	v := e.Jobs()
	var same []*Attempt
	switch {
	case len(j.Attempts) > 0 && j.Attempts[0].Identity.Unique != "":
		same = v.ByIdentity[j.Attempts[0].Identity]
	case len(j.Attempts) == 0 && len(j.Runs) > 0:
		same = v.ByWork[Work{j.Server, j.Runs[0].Function, j.Runs[0].Payload}]
	}
	for _, a := range same {
		if a.Job == nil && a.Outcome != history.Fail {
			return a
		}
	}
	return nil
}
