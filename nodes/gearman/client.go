package gearman

import (
	"errors"
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/probe"
)

// RetryUnique says under which unique id a job is submitted again.
type RetryUnique string

// The ways.
const (
	// RetrySame lets a retry coalesce with the attempt before it, if that has arrived.
	RetrySame RetryUnique = "same"
	// RetryNew makes a retry a job of its own.
	RetryNew RetryUnique = "new"
)

// Values are the ways.
func (RetryUnique) Values() []string { return []string{string(RetrySame), string(RetryNew)} }

// ClientConfig is what can be configured of a client.
type ClientConfig struct {
	Servers     []nodes.NodeName `yaml:"servers" doc:"job servers to submit to, the preferred one first"`
	Function    string           `yaml:"function" doc:"function to ask for"`
	Timeout     time.Duration    `yaml:"timeout" doc:"how long an attempt may take; a server that is silent for as long is dialled anew"`
	Retries     int              `yaml:"retries" doc:"further attempts after one that failed or got no answer, at another server if there is one"`
	RetryUnique RetryUnique      `yaml:"retry-unique" doc:"unique id of a retry: the same, or a new one"`
	BackoffMin  time.Duration    `yaml:"backoff-min" doc:"wait before the first new attempt to reach a server, and before a retry; doubles"`
	BackoffMax  time.Duration    `yaml:"backoff-max" doc:"longest such wait"`
	MaxInFlight int              `yaml:"max-in-flight" doc:"most requests under way; further ones fail at once, by the client's own fault"`
	Poll        time.Duration    `yaml:"poll" doc:"how often the status of a background job is asked for after it was accepted; 0 is never"`
	Polls       int              `yaml:"polls" doc:"how many times at most"`
	Exceptions  bool             `yaml:"exceptions" doc:"ask servers to pass on WORK_EXCEPTION"`
	MaxPacket   nodes.Bytes      `yaml:"max-packet" doc:"most bytes in one packet; a server that claims more is dialled anew"`
}

// DefaultClientConfig is what a client does where nothing is configured.
func DefaultClientConfig() *ClientConfig {
	return &ClientConfig{
		Function: "work", Timeout: 5 * time.Second, Retries: 3, RetryUnique: RetrySame,
		BackoffMin: 50 * time.Millisecond, BackoffMax: time.Second, MaxInFlight: 1000, Polls: 10,
		Exceptions: true, MaxPacket: DefaultMaxPacket,
	}
}

// Validate says what cannot be meant.
func (c *ClientConfig) Validate() error {
	switch {
	case len(c.Servers) == 0:
		return errors.New("servers: a client needs a server")
	case c.Function == "" || len(c.Function) > longestFunction || hasControl([]byte(c.Function)):
		return fmt.Errorf("function: %q is no name of a function", c.Function)
	case c.Timeout <= 0:
		return errors.New("timeout: must be positive")
	case c.Retries < 0 || c.Retries > 1000:
		return errors.New("retries: is not between 0 and 1000")
	case c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin:
		return errors.New("backoff-min: must be positive and no more than backoff-max")
	case c.MaxInFlight < 1:
		return errors.New("max-in-flight: must be positive")
	case c.Poll < 0:
		return errors.New("poll: must not be negative")
	case c.Polls < 0:
		return errors.New("polls: must not be negative")
	case c.MaxPacket < 1<<10 || c.MaxPacket > 1<<30:
		return fmt.Errorf("max-packet: %s is not between 1KiB and 1GiB", c.MaxPacket)
	}
	return nil
}

// Client is the client.
var Client = nodes.Kind{
	Name: "gearman.client",
	Role: nodes.Client,
	Doc:  "Submits jobs to the first of its Gearman job servers that answers, and again to another when one does not.",
	Config: func() any {
		return DefaultClientConfig()
	},
	Main:       func(env nodes.Env, config any) error { return runClient(env, config.(*ClientConfig)) },
	Operations: operations,
	Notes: moments(
		[]Type{SubmitJob, SubmitJobBG, SubmitJobHigh, SubmitJobHighBG, SubmitJobLow, SubmitJobLowBG, SubmitJobEpoch,
			SubmitReduceJob, SubmitReduceJobBG, GetStatus, OptionReq, EchoReq},
		[]Type{JobCreated, EchoRes, WorkComplete, WorkFail, WorkException, WorkData, WorkWarning, WorkStatus, StatusRes, OptionRes, Error}),
	Probes: []*probe.Set{&clientProbes},
	Points: clientPoints,
}

// client is one process that submits jobs. Every request of its workload is a task of its own.
type client struct {
	env     nodes.Env
	config  *ClientConfig
	errands errands
	servers *ask.Servers[*line] // the preferred one first
}

// runClient serves the workload, then waits until the process is asked to stop. Attempts under way
// are finished then, and none is begun.
func runClient(env nodes.Env, config *ClientConfig) error {
	if err := config.Validate(); err != nil {
		return err
	}
	c := &client{env: env, config: config, errands: errands{client: env.Host(), function: config.Function}}
	c.know()
	return c.servers.Work(c.serve)
}
