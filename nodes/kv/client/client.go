// Package client answers what those who use a key-value store see of it: a client of the Redis protocol that reads,
// writes, compares and sets, deletes and counts, follows where it is sent, tries again, and notes what it knows of what
// came of it.
package client

import (
	"errors"
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/probe"
)

// Retry says how a write is sent again whose answer did not come.
type Retry string

// The ways.
const (
	// RetrySame sends it under the same number of the same session, so that it is done once (ONCE).
	RetrySame Retry = "same"
	// RetryNew sends it as if it were new: it may be done twice.
	RetryNew Retry = "new"
	// RetryNever does not send it again, unless it certainly was not done.
	RetryNever Retry = "never"
)

// Values are the ways.
func (Retry) Values() []string {
	return []string{string(RetrySame), string(RetryNew), string(RetryNever)}
}

// Read says whom a client asks for a value.
type Read string

// The ways.
const (
	// ReadLeader asks the server that writes go to.
	ReadLeader Read = "leader"
	// ReadAny asks any server, and takes what a replica knows (READONLY).
	ReadAny Read = "any"
)

// Values are the ways.
func (Read) Values() []string { return []string{string(ReadLeader), string(ReadAny)} }

// Config is what can be configured of a client.
type Config struct {
	Servers     []nodes.NodeName `yaml:"servers" doc:"servers to ask, the preferred one first"`
	Read        Read             `yaml:"read" doc:"whom to ask for a value: leader, or any, which takes what a replica knows"`
	Timeout     time.Duration    `yaml:"timeout" doc:"how long an attempt may take; a server that is silent for as long is dialled anew"`
	Retries     int              `yaml:"retries" doc:"further attempts after one that failed or got no answer, at another server if there is one"`
	Retry       Retry            `yaml:"retry" doc:"a write whose answer did not come is sent again: the same, which is done once; new, which may be done twice; never"`
	Cluster     bool             `yaml:"cluster" doc:"keys are on several groups of servers: which server has which slot is remembered, and a session is opened for one slot"`
	Versions    bool             `yaml:"versions" doc:"ask for the version of what is read and written, which only servers of this project tell"`
	Monotonic   bool             `yaml:"monotonic" doc:"no read goes back behind what this client has seen, whichever replica answers (SINCE), which only kv.primary knows"`
	Quorum      []int            `yaml:"quorum" doc:"how many copies answer a read and take a write (QUORUM), which only a ring knows; what its servers are configured with if empty"`
	BackoffMin  time.Duration    `yaml:"backoff-min" doc:"wait before the first new attempt to reach a server, and before a retry; doubles"`
	BackoffMax  time.Duration    `yaml:"backoff-max" doc:"longest such wait"`
	MaxInFlight int              `yaml:"max-in-flight" doc:"most requests under way; further ones fail at once, by the client's own fault"`
}

// DefaultConfig is what a client does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{Read: ReadLeader, Timeout: time.Second, Retries: 3, Retry: RetrySame, Versions: true,
		BackoffMin: 50 * time.Millisecond, BackoffMax: time.Second, MaxInFlight: 1000}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	switch {
	case len(c.Servers) == 0:
		return errors.New("servers: a client needs a server")
	case c.Monotonic && (!c.Versions || c.Cluster || len(c.Quorum) > 0):
		return errors.New("monotonic: needs versions, and is for one group of servers")
	case len(c.Quorum) != 0 && len(c.Quorum) != 2:
		return errors.New("quorum: wants two numbers, of copies that answer a read and of copies that take a write")
	case c.Timeout <= 0:
		return errors.New("timeout: must be positive")
	case c.Retries < 0 || c.Retries > 1000:
		return errors.New("retries: is not between 0 and 1000")
	case c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin:
		return errors.New("backoff-min: must be positive and no more than backoff-max")
	case c.MaxInFlight < 1 || c.MaxInFlight > 1_000_000:
		return fmt.Errorf("max-in-flight: is not between 1 and 1000000")
	}
	return nil
}

// Client is the kind.
var Client = nodes.Kind{
	Name:       "kv.client",
	Role:       nodes.Client,
	Doc:        "Reads and writes keys of a store that speaks the Redis protocol, and follows to whom it is sent.",
	Config:     func() any { return DefaultConfig() },
	Main:       func(env nodes.Env, config any) error { return run(env, config.(*Config)) },
	Operations: operations,
	Notes:      moments,
	Probes:     []*probe.Set{&probes},
	Points:     points,
}

// client is one process. Every request of its workload is a task of its own.
type client struct {
	env     nodes.Env
	config  *Config
	errands errands
	servers *ask.Servers[*line] // first those that it is configured with, in their order
	leader  *remote             // the server to ask first
	seen    int64               // the greatest position that any answer told; see Config.Monotonic
	homes   map[int]*remote     // the same of a slot, where keys are on several groups
	lanes   map[int][]*lane     // that no request has, by their slot
}

// run serves the workload, then waits until the process is asked to stop. Attempts under way are finished then, and
// none is begun.
func run(env nodes.Env, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	c := &client{env: env, config: config, errands: errands{client: env.Host(), known: map[string][]byte{}}}
	c.know()
	return c.servers.Work(c.serve)
}
