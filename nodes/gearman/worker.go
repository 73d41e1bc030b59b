package gearman

import (
	"errors"
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/probe"
)

// GrabMode says how a worker asks for jobs, and so what it learns of them.
type GrabMode string

// The modes.
const (
	GrabPlain  GrabMode = "grab"      // handle, function, payload
	GrabUnique GrabMode = "grab-uniq" // the unique id besides
	GrabReduce GrabMode = "grab-all"  // the reducer besides
)

// Values are the modes.
func (GrabMode) Values() []string {
	return []string{string(GrabPlain), string(GrabUnique), string(GrabReduce)}
}

// request is the packet that asks.
func (m GrabMode) request() Type {
	return map[GrabMode]Type{GrabPlain: GrabJob, GrabUnique: GrabJobUniq, GrabReduce: GrabJobAll}[m]
}

// WorkerConfig is what can be configured of a worker.
type WorkerConfig struct {
	Servers       []nodes.NodeName `yaml:"servers" doc:"job servers to work for, all at once"`
	Functions     []string         `yaml:"functions" doc:"functions it can do; wc and reverse do what they say, all others the payload's SHA-256"`
	JobTime       nodes.Spread     `yaml:"job-time" doc:"how long a job occupies a core"`
	JobTimeout    time.Duration    `yaml:"job-timeout" doc:"time after which the server is to take a job for failed, in whole seconds; 0 is never"`
	Concurrency   int              `yaml:"concurrency" doc:"jobs at a time; each takes a connection to every server"`
	Grab          GrabMode         `yaml:"grab" doc:"how to ask for jobs: grab, grab-uniq or grab-all"`
	Steps         int              `yaml:"steps" doc:"pieces that a job is done in, with a WORK_STATUS after each; 0 is one piece without"`
	DataRate      nodes.Percent    `yaml:"data-rate" doc:"share of jobs that send a WORK_DATA before their end"`
	WarningRate   nodes.Percent    `yaml:"warning-rate" doc:"share of jobs that send a WORK_WARNING before their end"`
	FailRate      nodes.Percent    `yaml:"fail-rate" doc:"share of jobs that end in WORK_FAIL"`
	ExceptionRate nodes.Percent    `yaml:"exception-rate" doc:"share of jobs that end in WORK_EXCEPTION"`
	Timeout       time.Duration    `yaml:"timeout" doc:"silence after which a server that owes an answer is dialled anew"`
	Rest          time.Duration    `yaml:"rest" doc:"how long to sleep at a server before asking it anyway, for a wake-up can be lost and a server be gone"`
	BackoffMin    time.Duration    `yaml:"backoff-min" doc:"wait before the first new attempt to reach a server; doubles"`
	BackoffMax    time.Duration    `yaml:"backoff-max" doc:"longest wait before a new attempt"`
	MaxPacket     nodes.Bytes      `yaml:"max-packet" doc:"most bytes in one packet; a server that claims more is dialled anew"`
}

// DefaultWorkerConfig is what a worker does where nothing is configured.
func DefaultWorkerConfig() *WorkerConfig {
	return &WorkerConfig{
		Functions: []string{"work"}, Concurrency: 1, Grab: GrabReduce, Timeout: 5 * time.Second, Rest: time.Minute,
		BackoffMin: 50 * time.Millisecond, BackoffMax: time.Second, MaxPacket: DefaultMaxPacket,
	}
}

// Validate says what cannot be meant.
func (c *WorkerConfig) Validate() error {
	switch {
	case len(c.Servers) == 0:
		return errors.New("servers: a worker needs a server")
	case len(c.Functions) == 0:
		return errors.New("functions: a worker needs a function")
	case c.Concurrency < 1 || c.Concurrency > 1000:
		return errors.New("concurrency: is not between 1 and 1000")
	case c.Steps < 0 || c.Steps > 10_000:
		return errors.New("steps: is not between 0 and 10000")
	case c.JobTimeout < 0 || c.JobTimeout%time.Second != 0:
		return errors.New("job-timeout: is not a number of whole seconds")
	case c.Timeout <= 0:
		return errors.New("timeout: must be positive")
	case c.Rest <= 0:
		return errors.New("rest: must be positive")
	case c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin:
		return errors.New("backoff-min: must be positive and no more than backoff-max")
	case c.MaxPacket < 1<<10 || c.MaxPacket > 1<<30:
		return fmt.Errorf("max-packet: %s is not between 1KiB and 1GiB", c.MaxPacket)
	}
	for _, f := range c.Functions {
		if f == "" || len(f) > longestFunction || hasControl([]byte(f)) {
			return fmt.Errorf("functions: %q is no name of a function", f)
		}
	}
	return nil
}

// Worker is the worker.
var Worker = nodes.Kind{
	Name: "gearman.worker",
	Role: nodes.Worker,
	Doc:  "Works for all its Gearman job servers at once, one job at a time, and answers with a digest of the payload.",
	Config: func() any {
		return DefaultWorkerConfig()
	},
	Main: func(env nodes.Env, config any) error { return runWorker(env, config.(*WorkerConfig)) },
	Notes: moments(
		[]Type{SetClientID, CanDo, CanDoTimeout, ResetAbilities, GrabJob, GrabJobUniq, GrabJobAll, PreSleep,
			WorkStatus, WorkData, WorkWarning, WorkComplete, WorkFail, WorkException},
		[]Type{Noop, NoJob, JobAssign, JobAssignUniq, JobAssignAll, Error}),
	Probes: []*probe.Set{&workerProbes},
	Points: workerPoints,
	Capacity: func(config any) float64 {
		c := config.(*WorkerConfig)
		if c.JobTime.IsZero() {
			return 0
		}
		return float64(c.Concurrency) / c.JobTime.Average().Seconds()
	},
}

// worker is one process that does jobs. It has a post at every server, as many as jobs at a time; the
// turns see to it that no more of them are at work.
type worker struct {
	env      nodes.Env
	config   *WorkerConfig
	turns    *turns
	posts    []*post
	stopping bool
	done     uint64 // jobs
}

// runWorker works until the process is asked to stop; jobs under way are finished then.
func runWorker(env nodes.Env, config *WorkerConfig) error {
	if err := config.Validate(); err != nil {
		return err
	}
	w := &worker{env: env, config: config, turns: &turns{env: env, free: config.Concurrency}}
	for range config.Concurrency {
		for _, server := range config.Servers {
			p := &post{
				worker: w, server: server,
				backoff: backoff.Backoff{Least: config.BackoffMin, Most: config.BackoffMax},
				turn:    turn{of: w.turns},
			}
			p.task = env.Go("post at "+string(server), p.run)
			w.posts = append(w.posts, p)
		}
	}
	err := env.AwaitStop()
	w.stopping = true
	for _, p := range w.posts {
		p.leave()
	}
	for _, p := range w.posts {
		if err := p.task.Join(); err != nil {
			return err
		}
	}
	return err
}

// state tells people what the worker does.
func (w *worker) state(what string) {
	w.env.Record().State(fmt.Sprintf("%d jobs done, %s", w.done, what))
}
