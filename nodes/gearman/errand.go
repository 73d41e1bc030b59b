package gearman

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"simrun/nodes"
	"simrun/nodes/ask"
)

// variant is a way to submit a job.
type variant struct {
	name       string
	request    Type
	background bool
	priority   string
}

// variants of the operations; the first is what an unmixed request gets.
var (
	anyVariants = []variant{
		{"foreground", SubmitJob, false, "normal"},
		{"background", SubmitJobBG, true, "normal"},
		{"status", SubmitJobBG, true, "normal"},
		{"high", SubmitJobHigh, false, "high"},
		{"low", SubmitJobLow, false, "low"},
		{"background-high", SubmitJobHighBG, true, "high"},
		{"background-low", SubmitJobLowBG, true, "low"},
		{"epoch", SubmitJobEpoch, true, "normal"},
		{"reduce", SubmitReduceJob, false, "normal"},
		{"background-reduce", SubmitReduceJobBG, true, "normal"},
	}
	backgroundVariants = []variant{
		{"background", SubmitJobBG, true, "normal"},
		{"status", SubmitJobBG, true, "normal"},
		{"high", SubmitJobHighBG, true, "high"},
		{"low", SubmitJobLowBG, true, "low"},
		{"epoch", SubmitJobEpoch, true, "normal"},
		{"reduce", SubmitReduceJobBG, true, "normal"},
	}
	operations = []nodes.Operation{
		{Name: "submit", Mix: names(anyVariants), Options: func() any { return &SubmitOptions{} }},
		{Name: "submit-background", Mix: names(backgroundVariants), Options: func() any { return &SubmitOptions{} }},
	}
)

func names(variants []variant) []string {
	var all []string
	for _, v := range variants {
		all = append(all, v.name)
	}
	return all
}

// variantOf is how a request is to be submitted.
func variantOf(r nodes.Request) (variant, error) {
	variants := anyVariants
	switch r.Do {
	case "submit":
	case "submit-background":
		variants = backgroundVariants
	default:
		return variant{}, fmt.Errorf("gearman: a client cannot %q", r.Do)
	}
	if r.Variant == "" {
		return variants[0], nil
	}
	for _, v := range variants {
		if v.name == r.Variant {
			return v, nil
		}
	}
	return variant{}, fmt.Errorf("gearman: %s has no variant %q", r.Do, r.Variant)
}

// SubmitOptions are the further keys of a workload line that submits jobs.
type SubmitOptions struct {
	Unique   nodes.Percent `yaml:"unique" doc:"share of jobs that are one of the client's last few again, under the same unique id, and so should coalesce"`
	Unnamed  nodes.Percent `yaml:"unnamed" doc:"share of jobs without a unique id, which never coalesce"`
	Shared   nodes.Percent `yaml:"shared" doc:"share of jobs that every client asks for at about the same time, under one unique id, and so should coalesce"`
	Function string        `yaml:"function" doc:"function to ask for instead of the client's"`
	Reducer  string        `yaml:"reducer" doc:"reducer of reduce jobs; wc if empty"`
	Payload  nodes.Bytes   `yaml:"payload" doc:"least size of a payload"`
	Delay    time.Duration `yaml:"delay" doc:"how long after its submission an epoch job is due; in whole seconds by the server's clock"`
}

// Validate says what cannot be meant.
func (o *SubmitOptions) Validate() error {
	switch {
	case len(o.Function) > longestFunction || hasControl([]byte(o.Function)):
		return fmt.Errorf("function: %q is no name of a function", o.Function)
	case len(o.Reducer) > longestFunction || hasControl([]byte(o.Reducer)):
		return fmt.Errorf("reducer: %q is no name of a function", o.Reducer)
	case o.Payload < 0 || o.Payload > 1<<20:
		return fmt.Errorf("payload: %s is not between 0 and 1MiB", o.Payload)
	case o.Delay < 0:
		return fmt.Errorf("delay: must not be negative")
	}
	return nil
}

// errand is a job to be submitted.
type errand struct {
	variant
	function, unique, reducer, payload string
	due                                int64 // of an epoch job: seconds since 1970
	hasty                              bool  // the attempt that is under way ends early
}

// recentErrands is how far back a job that comes again may lie.
const recentErrands = 4

// sharers is to how many requests, of all clients together, a shared job is common.
const sharers = 8

// errands makes jobs out of requests. Payloads and unique ids are unique in a run, for they name the
// client and the request; only a job that is meant to coalesce repeats both, or names neither.
type errands struct {
	client   string
	function string
	recent   []errand // jobs with a unique id, oldest first
}

// make draws the job of a request: always the same number of variates, so that one job's luck is not
// another's.
func (s *errands) make(request nodes.Request, rand *rand.Rand, now time.Time) (errand, error) {
	v, err := variantOf(request)
	if err != nil {
		return errand{}, err
	}
	options, _ := request.Options.(*SubmitOptions)
	if options == nil {
		options = &SubmitOptions{}
	}
	repeat, unnamed, which, noise, shared := rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()
	e := errand{variant: v, function: s.function, reducer: "wc"}
	if options.Function != "" {
		e.function = options.Function
	}
	if options.Reducer != "" {
		e.reducer = options.Reducer
	}
	e.due = now.Add(options.Delay).Unix()
	name := s.client + "-" + strconv.FormatUint(request.ID, 10)
	if options.Shared.Hit(shared) {
		e.unique = "shared-" + strconv.FormatUint(request.ID/sharers, 10)
		e.payload = ask.Pad(e.unique, request.ID/sharers, int(options.Payload), '\n')
		return e, nil
	}
	e.payload = ask.Pad(name+"-"+strconv.FormatUint(noise, 16), noise, int(options.Payload), '\n')
	if !options.Unnamed.Hit(unnamed) {
		e.unique = name
	}
	if again := s.again(e, which); again != nil && options.Unique.Hit(repeat) {
		e.unique, e.payload = again.unique, again.payload
		return e, nil
	}
	s.remember(e)
	return e, nil
}

// again picks one of the last jobs that would coalesce with e if they had one unique id.
func (s *errands) again(e errand, which uint64) *errand {
	var alike []*errand
	for i := range s.recent {
		if s.recent[i].function == e.function && s.recent[i].background == e.background {
			alike = append(alike, &s.recent[i])
		}
	}
	if len(alike) == 0 {
		return nil
	}
	return alike[which%uint64(len(alike))]
}

func (s *errands) remember(e errand) {
	if e.unique == "" {
		return
	}
	s.recent = append(s.recent, e)
	if len(s.recent) > recentErrands {
		s.recent = s.recent[1:]
	}
}

// args are the arguments of the packet that submits the job.
func (e *errand) args() [][]byte {
	function, unique, payload := []byte(e.function), []byte(e.unique), []byte(e.payload)
	switch e.request {
	case SubmitJobEpoch:
		return [][]byte{function, unique, strconv.AppendInt(nil, e.due, 10), payload}
	case SubmitReduceJob, SubmitReduceJobBG:
		return [][]byte{function, unique, []byte(e.reducer), payload}
	default:
		return [][]byte{function, unique, payload}
	}
}

// attrs are what the history keeps of the job as it was asked for.
func (e *errand) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("variant", e.name), slog.Bool("background", e.background),
		slog.String("function", e.function), slog.String("unique", e.unique), slog.String("payload", e.payload),
	}
}

// attemptAttrs are what it keeps of the job as it was submitted to a server.
func (e *errand) attemptAttrs(server nodes.NodeName) []slog.Attr {
	return []slog.Attr{
		slog.String("server", string(server)), slog.String("function", e.function), slog.String("unique", e.unique),
		slog.String("payload", e.payload), slog.Bool("background", e.background), slog.String("priority", e.priority),
	}
}
