// Package admin answers what somebody who runs a cluster of key-value servers asks of it: other members, another leader. It
// speaks the Redis protocol as redis-cli would, looks what there is, asks for what is wanted, and looks again until it is so.
package admin

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// Config is what can be configured of an administrator.
type Config struct {
	Servers    []nodes.NodeName `yaml:"servers" doc:"servers to ask, the preferred one first; those that are no members can be invited"`
	Timeout    time.Duration    `yaml:"timeout" doc:"how long one question to one server may take"`
	Patience   time.Duration    `yaml:"patience" doc:"how long to ask, and to look, until it is as it is wanted"`
	BackoffMin time.Duration    `yaml:"backoff-min" doc:"wait before asking or looking again; doubles"`
	BackoffMax time.Duration    `yaml:"backoff-max" doc:"longest such wait"`
}

// DefaultConfig is what an administrator does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{Timeout: time.Second, Patience: 10 * time.Second, BackoffMin: 50 * time.Millisecond, BackoffMax: time.Second}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	switch {
	case len(c.Servers) == 0:
		return errors.New("servers: an administrator needs a server")
	case c.Timeout <= 0:
		return errors.New("timeout: must be positive")
	case c.Patience <= 0:
		return errors.New("patience: must be positive")
	case c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin:
		return errors.New("backoff-min: must be positive and no more than backoff-max")
	}
	return nil
}

// Admin is the kind.
var Admin = nodes.Kind{
	Name:       "kv.admin",
	Role:       nodes.Client,
	Doc:        "Asks a cluster of key-value servers for other members, another leader, or slots in another group, and sees to it that it comes to that.",
	Config:     func() any { return DefaultConfig() },
	Main:       func(env nodes.Env, config any) error { return run(env, config.(*Config)) },
	Operations: operations,
	Probes:     []*probe.Set{&probes},
}

// What ought to be reached in some run.
var (
	probes probe.Set

	invited     = probes.Sometimes("a server was taken in at an administrator's wish")
	removed     = probes.Sometimes("a member was taken out at an administrator's wish")
	moved       = probes.Sometimes("slots went to another group at an administrator's wish")
	transferred = probes.Sometimes("leadership was handed over at an administrator's wish")
	askedTwice  = probes.Reachable("an administrator had to ask again")
	nothingToDo = probes.Reachable("there was nobody for an administrator to do it to")
	outOfTime   = probes.Reachable("an administrator gave up")
)

// admin is one process. Every request of its workload is a task of its own, and they do not know of each other, as two people
// may not.
type admin struct {
	env      nodes.Env
	config   *Config
	leader   string // the server that is asked first: the one that led when last heard of
	inFlight int
	idle     nodes.Cond // nothing is in flight any more
	stopping bool
}

// mostInFlight bounds the requests under way.
const mostInFlight = 100

// run serves the workload, then waits until the process is asked to stop, and for what is under way.
func run(env nodes.Env, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	a := &admin{env: env, config: config, leader: address(string(config.Servers[0])), idle: env.NewCond()}
	for {
		request, err := env.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := a.serve(request); err != nil {
			return err
		}
	}
	if err := env.AwaitStop(); err != nil {
		return err
	}
	a.stopping = true
	for a.inFlight > 0 {
		if err := a.idle.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// serve begins a request of the workload. Whatever it is, it draws one variate.
func (a *admin) serve(request nodes.Request) error {
	verb := request.Do
	if request.Variant != "" {
		verb = request.Variant
	}
	pursue, known := wishes[verb]
	if !known {
		return fmt.Errorf("kv: an administrator cannot %q", verb)
	}
	luck := a.env.Rand().Uint64()
	op := a.env.Record().Invoke(request, verb)
	if a.inFlight >= mostInFlight {
		op.Fail(errCrowded, slog.Bool("own", true))
		return nil
	}
	a.inFlight++
	a.env.Go(verb, func() {
		pursue(a, op, verb, request, luck)
		if a.inFlight--; a.inFlight == 0 {
			a.idle.Signal()
		}
	})
	return nil
}

// wishes are what can be asked for, by the words that the history has for it: each pursues its operation to its end, by the
// luck that it is given.
var wishes = map[string]func(a *admin, op nodes.Op, verb string, request nodes.Request, luck uint64){
	"invite":   (*admin).change,
	"remove":   (*admin).change,
	"transfer": (*admin).change,
	"move":     (*admin).move,
	"settled":  (*admin).settled,
}

// operations are these, and those of the members mixed.
var operations = func() (all []nodes.Operation) {
	members := []string{"transfer", "remove", "invite"}
	options := func() any { return &MemberOptions{Keep: 3} }
	for _, verb := range members {
		all = append(all, nodes.Operation{Name: verb, Options: options})
	}
	slots := func() any { return &SlotOptions{Keys: 10, Width: 1} }
	return append(all, nodes.Operation{Name: "change", Mix: members, Options: options},
		nodes.Operation{Name: "move", Options: slots}, nodes.Operation{Name: "settled"})
}()
