// Package ask answers how a client comes by a server that answers: it dials those that requests want, leaves those alone
// for a while that cannot be reached, and gives each request a line to the best of the others. What is said on a line is
// the protocol's.
package ask

import (
	"io"
	"net"
	"time"

	"simrun/nodes"
	"simrun/nodes/backoff"
)

// Line is a connection to a server with the requests that are under way on it. When it ends, for whatever reason, it
// says so to its Remote (Lost).
type Line interface {
	comparable
	// Fail ends it, and every request on it without an answer.
	Fail(err error)
}

// Options say how servers are reached. All have to be said.
type Options[L Line] struct {
	// Timeout is how long a dial may take, and how long a request waits for a line.
	Timeout time.Duration
	// BackoffMin and BackoffMax are how long a server that cannot be reached is left alone: from the least, doubling.
	BackoffMin, BackoffMax time.Duration
	// Address is where a server of that name is dialled.
	Address func(server string) string
	// Open makes a connection a line.
	Open func(r *Remote[L], stream net.Conn) L
	// Read takes what the server says on a line until it is over. It has a task of its own.
	Read func(L)
}

// Servers are those that a client knows.
type Servers[L Line] struct {
	env     nodes.Env
	options Options[L]
	all     []*Remote[L]
	changed nodes.Cond // a server came up or was lost, or the client stops

	inFlight int
	idle     nodes.Cond // nothing is in flight any more
	stopping bool
}

// Know makes servers of these names, the preferred one first.
func Know[L Line](env nodes.Env, options Options[L], names []nodes.NodeName) *Servers[L] {
	s := &Servers[L]{env: env, options: options, changed: env.NewCond(), idle: env.NewCond()}
	for _, name := range names {
		s.Add(string(name))
	}
	return s
}

// All are the servers, in the order in which they became known. Not to be changed.
func (s *Servers[L]) All() []*Remote[L] { return s.all }

// Add makes one more known.
func (s *Servers[L]) Add(name string) *Remote[L] {
	r := &Remote[L]{Name: name, servers: s, backoff: backoff.Backoff{Least: s.options.BackoffMin, Most: s.options.BackoffMax}}
	s.all = append(s.all, r)
	return r
}

// Reach is a line to a server: to the wanted one, if there is one and it comes up soon enough; else to that of the least
// rank, the first of equals. None comes up in time: the zero. Servers that might come up are dialled on the way, so
// that a preferred one is used again once it is back.
func (s *Servers[L]) Reach(wanted *Remote[L], rank func(*Remote[L]) int) (none L) {
	until := s.env.Mark().Add(s.options.Timeout)
	for !s.stopping {
		soon := until.Sub(s.env.Mark())
		if soon <= 0 {
			return none
		}
		if wanted != nil {
			switch wanted.want(); {
			case wanted.line != none:
				return wanted.line
			case wanted.dialing:
				s.changed.WaitFor(soon)
			default:
				wanted = nil
			}
			continue
		}
		var best *Remote[L]
		for _, r := range s.all {
			r.want()
			switch {
			case r.line != none:
				if best == nil || rank(r) < rank(best) {
					best = r
				}
			case !r.dialing:
				soon = min(soon, max(r.Wait(), 1))
			}
		}
		if best != nil {
			return best.line
		}
		s.changed.WaitFor(soon)
	}
	return none
}

// Remote is a server as a client knows it: a line to it, or the time to try for one again. It is dialled when a request
// wants it, never for its own sake, so that a client without work is at rest.
type Remote[L Line] struct {
	// Name is the server's: "store-a", or "host:port".
	Name string

	servers *Servers[L]
	line    L // the zero while there is none
	dialing bool
	backoff backoff.Backoff
	retryAt nodes.Instant
}

// Line is the one to the server, the zero if there is none.
func (r *Remote[L]) Line() L { return r.line }

// Heard says that the server has answered, so that the next loss is the first.
func (r *Remote[L]) Heard() { r.backoff.Reset() }

// want makes sure that there is a line, or a dial under way, or a backoff to wait for.
func (r *Remote[L]) want() {
	var none L
	if r.line != none || r.dialing || r.Wait() > 0 {
		return
	}
	r.dialing = true
	r.servers.env.Go("dial "+r.Name, r.dial)
}

// Wait is how long the server is to be left alone.
func (r *Remote[L]) Wait() time.Duration { return r.retryAt.Sub(r.servers.env.Mark()) }

// dial tries for a line, and then reads from it.
func (r *Remote[L]) dial() {
	s := r.servers
	stream, err := s.env.Dial("tcp", s.options.Address(r.Name), s.options.Timeout)
	r.dialing = false
	if err == nil && s.stopping {
		_ = stream.Close()
		return
	}
	if err != nil {
		r.Lost(err)
		return
	}
	s.options.Read(r.Take(stream))
}

// Take makes a connection to the server its line.
func (r *Remote[L]) Take(stream net.Conn) L {
	r.line = r.servers.options.Open(r, stream)
	r.servers.changed.Broadcast()
	return r.line
}

// Lost says that the line is over, or that there was none to be had. The server is left alone for a while.
func (r *Remote[L]) Lost(err error) {
	var none L
	r.line = none
	s := r.servers
	wait := r.backoff.Next(s.env.Rand())
	r.retryAt = s.env.Mark().Add(wait)
	s.env.Log().Info("server not reached", "server", r.Name, "err", err, "again", wait)
	s.changed.Broadcast()
}

// Work gives the requests of the workload to begin, one after the other, then waits until the process is asked to stop.
// What is under way (Begin) is finished then, and the lines are closed.
func (s *Servers[L]) Work(begin func(nodes.Request) error) error {
	for {
		request, err := s.env.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := begin(request); err != nil {
			return err
		}
	}
	if err := s.env.AwaitStop(); err != nil {
		return err
	}
	return s.Stop()
}

// Begin does something as a task that is waited for at the end.
func (s *Servers[L]) Begin(name string, do func()) {
	s.inFlight++
	s.env.Go(name, func() {
		defer s.done()
		do()
	})
}

// During does something that is waited for at the end, in the task that calls it.
func (s *Servers[L]) During(do func()) {
	s.inFlight++
	defer s.done()
	do()
}

func (s *Servers[L]) done() {
	if s.inFlight--; s.inFlight == 0 {
		s.idle.Signal()
	}
}

// InFlight is how much has begun and not ended.
func (s *Servers[L]) InFlight() int { return s.inFlight }

// Stopping says that nothing new is to be begun.
func (s *Servers[L]) Stopping() bool { return s.stopping }

// Settle waits until nothing is under way.
func (s *Servers[L]) Settle() error {
	for s.inFlight > 0 {
		if err := s.idle.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// Stop lets nothing new begin, waits for what is under way, and closes the lines.
func (s *Servers[L]) Stop() error {
	s.stopping = true
	s.changed.Broadcast()
	if err := s.Settle(); err != nil {
		return err
	}
	var none L
	for _, r := range s.all {
		if r.line != none {
			r.line.Fail(io.EOF)
		}
	}
	return nil
}
