package checkers

import (
	"cmp"
	"log/slog"
	"slices"

	"simrun/nodes/history"
)

// jobs is a history as a job service's: what was submitted under which handle, and who executed it. It is
// read from operations of four kinds.
//
//	submit, submit-background   a client's whole request; Ok once it is answered, or accepted if in the background
//	attempt                     a part of these: one submission to one server; the note "created" has its handle
//	status                      what a server says of a handle: known, running
//	execute                     a worker at a job, from the assignment until its answer is handed to the connection
type jobs struct {
	list  []*job // in the order of their first submissions or executions
	byKey map[jobKey]*job
	// attempts are all submissions, and byWhat those of a server, function and unique id.
	attempts []*attempt
	byOp     map[uint64][]*attempt // by the logical operation they are a part of
	byWhat   map[what][]*attempt
	byWork   map[work][]*attempt
	runs     []*execution // all executions, in the order of their starts
	byHost   map[string][]*execution
	idle     map[string]Spans // when each worker was at no job
	onHost   map[string][]*job
}

// jobKey names a job: a handle means something only to the server that gave it.
type jobKey struct{ server, handle string }

func (k jobKey) String() string { return k.handle + " of " + k.server }

// what is the identity under which a server coalesces submissions.
type what struct{ server, function, unique string }

func (w what) compare(other what) int {
	return cmp.Or(cmp.Compare(w.server, other.server), cmp.Compare(w.function, other.function), cmp.Compare(w.unique, other.unique))
}

// work is what a worker is given to do by a server.
type work struct{ server, function, payload string }

// job is what stands behind one handle of one server.
type job struct {
	jobKey
	attempts []*attempt   // those that were told the handle, in the order of their calls
	runs     []*execution // in the order of their starts
	statuses []*history.Operation
}

// attempt is one submission to one server.
type attempt struct {
	*history.Operation
	key        jobKey // the handle is empty if none was told
	what       what
	payload    string
	background bool
	priority   int          // 0 is high, 1 normal, 2 low
	created    history.Time // when JOB_CREATED came; Never if it did not
	answered   bool         // a foreground job's end was told
	failed     bool         // and it was a failure
	result     string
	job        *job
}

// execution is one worker at one job.
type execution struct {
	*history.Operation
	key       jobKey
	function  string
	unique    string
	payload   string
	failed    bool
	hasResult bool
	result    string
	end       history.Time // when it ended: its return, the death of its host, or Never
	job       *job
}

// done says whether the worker handed over an answer.
func (x *execution) done() bool { return x.Outcome == history.Ok }

// jobView is the evidence as a job service's.
func (e *Evidence) jobView() *jobs {
	if e.jobs == nil {
		e.jobs = readJobs(e)
	}
	return e.jobs
}

func readJobs(e *Evidence) *jobs {
	v := &jobs{byKey: map[jobKey]*job{}, byOp: map[uint64][]*attempt{}, byWhat: map[what][]*attempt{}, byWork: map[work][]*attempt{},
		byHost: map[string][]*execution{}, idle: map[string]Spans{}, onHost: map[string][]*job{}}
	deaths := e.deaths()
	for _, o := range e.Operations {
		switch o.Kind {
		case "attempt":
			v.addAttempt(o)
		case "execute":
			v.addExecution(o, deaths)
		case "status":
			if key := (jobKey{text(o.Input("server")), text(o.Input("handle"))}); o.Outcome == history.Ok && key.handle != "" {
				j := v.at(key)
				j.statuses = append(j.statuses, o)
			}
		}
	}
	for _, j := range v.list {
		slices.SortStableFunc(j.runs, func(a, b *execution) int { return cmp.Compare(a.Call, b.Call) })
		v.onHost[j.server] = append(v.onHost[j.server], j)
	}
	for i := range e.Hosts {
		v.idle[e.Hosts[i].Name] = always
	}
	for host, runs := range v.byHost {
		windows := make([]history.Window, len(runs))
		for i, x := range runs {
			windows[i] = history.Window{From: x.Call, To: x.end}
		}
		v.idle[host] = union(windows).Not()
	}
	return v
}

func (v *jobs) addAttempt(o *history.Operation) {
	a := &attempt{Operation: o, created: history.Never, priority: 1}
	read(o.In, func(key string, value slog.Value) {
		switch key {
		case "server":
			a.what.server = text(value)
		case "function":
			a.what.function = text(value)
		case "unique":
			a.what.unique = text(value)
		case "payload":
			a.payload = text(value)
		case "background":
			a.background = truth(value)
		case "priority":
			a.priority = rank(text(value))
		}
	})
	a.key.server = a.what.server
	if a.what.unique == "-" {
		a.what.unique += a.payload // this unique id asks to coalesce on the payload
	}
	if n := o.NoteNamed("created"); n != nil {
		a.created, a.key.handle = n.At, text(n.Attr("handle"))
	}
	if o.Outcome == history.Ok {
		a.finish()
	}
	v.attempts = append(v.attempts, a)
	v.byOp[o.Parent] = append(v.byOp[o.Parent], a)
	v.byWhat[a.what] = append(v.byWhat[a.what], a)
	todo := work{a.key.server, a.what.function, a.payload}
	v.byWork[todo] = append(v.byWork[todo], a)
	if a.key.handle != "" {
		a.job = v.at(a.key)
		a.job.attempts = append(a.job.attempts, a)
	}
}

// finish reads what an attempt was answered.
func (a *attempt) finish() {
	a.answered = !a.background
	read(a.Out, func(key string, value slog.Value) {
		switch key {
		case "handle":
			a.key.handle = text(value)
		case "result":
			a.result = text(value)
		case "failed":
			a.failed = truth(value)
		}
	})
	a.created = min(a.created, a.Return)
}

func (v *jobs) addExecution(o *history.Operation, deaths map[string][]history.Time) {
	x := &execution{Operation: o, end: o.Return}
	read(o.In, func(key string, value slog.Value) {
		switch key {
		case "server":
			x.key.server = text(value)
		case "handle":
			x.key.handle = text(value)
		case "function":
			x.function = text(value)
		case "unique":
			x.unique = text(value)
		case "payload":
			x.payload = text(value)
		}
	})
	read(o.Out, func(key string, value slog.Value) {
		switch key {
		case "result":
			x.result, x.hasResult = text(value), true
		case "failed":
			x.failed = truth(value)
		}
	})
	if o.Outcome == history.Pending {
		died, _ := slices.BinarySearch(deaths[o.Host], o.Call)
		if died < len(deaths[o.Host]) {
			x.end = deaths[o.Host][died]
		}
	}
	v.runs = append(v.runs, x)
	v.byHost[o.Host] = append(v.byHost[o.Host], x)
	x.job = v.at(x.key)
	x.job.runs = append(x.job.runs, x)
}

func (v *jobs) at(key jobKey) *job {
	j := v.byKey[key]
	if j == nil {
		j = &job{jobKey: key}
		v.byKey[key] = j
		v.list = append(v.list, j)
	}
	return j
}

// firstDone is the first execution whose answer was handed over, or nil.
func (j *job) firstDone() (first *execution) {
	for _, x := range j.runs {
		if x.done() && (first == nil || x.Return < first.Return) {
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

func read(attrs []slog.Attr, f func(key string, value slog.Value)) {
	for i := range attrs {
		f(attrs[i].Key, attrs[i].Value)
	}
}

// text is a value as text, whatever its kind; histories that were read from files have other kinds than
// those that were recorded.
func text(v slog.Value) string {
	if v.Kind() == slog.KindAny {
		switch a := v.Any().(type) {
		case nil:
			return ""
		case []byte:
			return string(a)
		}
	}
	return v.String()
}

func truth(v slog.Value) bool { return v.Kind() == slog.KindBool && v.Bool() || v.String() == "true" }
