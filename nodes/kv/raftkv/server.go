// Package raftkv is the key-value server that a group of machines keeps by Raft: a command that writes is done once a
// majority has it on disk, and one that reads sees all writes that were answered before it was asked (it is linearizable),
// as long as a majority can talk. A minority refuses.
//
// Expiry goes by the leader's wall clock, which each write carries; a read of what expires is as exact as the leaders'
// clocks agree. A client that said READONLY is answered by whoever it asks, from what that server knows, however old.
package raftkv

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/kv/shards"
	"simrun/nodes/probe"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
	"simrun/nodes/resp"
)

// Server is the kind.
var Server = With(replica.Engine{})

// With is the kind, with another implementation of Raft.
func With(engine replica.Engine) nodes.Kind {
	return nodes.Kind{
		Name:   "kv.raft",
		Role:   nodes.Server,
		Doc:    "A key-value server that speaks the Redis protocol and is kept by a group of machines, by Raft.",
		Port:   6379,
		Config: func() any { return DefaultConfig() },
		Main:   func(env nodes.Env, config any) error { return run(env, config.(*Config), engine) },
		Notes:  slices.Concat(front.Moments(commands), replica.Notes, shards.Notes),
		Probes: append([]*probe.Set{&probes, &front.Probes, &shards.Probes}, replica.Sets...),
		Points: slices.Concat(front.Points, replica.Points, shards.Points),
		Words: nodes.Words{
			Protocols: []nodes.Protocol{front.Protocol, engine.Protocol("peer-listen", 16379, kv.EntryWords)},
			Gauges:    append(slices.Clone(replica.Gauges), front.KeysGauge), Moments: replica.Moments,
		},
	}
}

// What ought to be reached in some run.
var (
	probes probe.Set

	movedOn        = probes.Reachable("a client was told where the leader is")
	nobodyLeads    = probes.Reachable("a request was refused because no leader is known")
	forwardedRead  = probes.Reachable("a read was forwarded to the leader")
	forwardedWrite = probes.Reachable("a write was forwarded to the leader")
	nobodyKnows    = probes.Reachable("a client was told that nobody knows whether it was done")
	staleRead      = probes.Reachable("a replica was read by a client that takes what it knows")
	memoryFull     = probes.Reachable("there was no memory for more keys in a group")
)

// server is one server of the group.
type server struct {
	env     nodes.Env
	config  *Config
	record  nodes.Recorder
	store   *shards.Store
	replica *replica.Replica
	shard   *shards.Shard
	front   *front.Front
	out     []byte
	keys    int // that the gauge shows, and one more

	end      nodes.Cond // Main waits here
	stopping bool
	failed   error
}

// run is the Main of a server.
func run(env nodes.Env, config *Config, engine replica.Engine) error {
	if err := config.Validate(); err != nil {
		return err
	}
	s := &server{env: env, config: config, record: env.Record(), store: shards.New(), end: env.NewCond()}
	o := config.replica(env.Host())
	o.Engine = engine
	r, err := replica.Open(env, o, (*machine)(s), s.forwarded)
	if err != nil {
		return err
	}
	s.replica = r
	s.shard = shards.Open(env, config.shards(), s.store, group{r})
	options := config.front()
	options.Expected = func(r *kv.Request) int { return s.store.Expected(r) } // of the store that there is then
	f, err := front.New(env, options, s)
	if err != nil {
		s.shard.Close()
		return errors.Join(err, r.Close())
	}
	s.front = f
	env.Log().Info("serving", "clients", f.Addr(), "servers", config.PeerListen, "id", uint64(r.ID()))
	env.Go("accept", f.Serve)
	env.Go("await stop", func() {
		if env.AwaitStop() == nil {
			s.stopping = true
			s.end.Broadcast()
		}
	})
	for !s.stopping {
		if err := s.end.Wait(); err != nil {
			return err
		}
	}
	env.Log().Info("stopping", "state", r.String())
	f.Refuse()
	s.shard.Close()
	err = r.Close() // a leader hands over, and what waits is told what is known of it
	f.Close(time.Second)
	return errors.Join(s.failed, err)
}

// machine is the server's store, as its replica has it.
type machine server

// Apply does an entry.
func (m *machine) Apply(entry, dst []byte) []byte {
	out, err := m.store.ApplyEntry(entry, dst)
	if err != nil { // every server finds the same, so all go on with the same
		return resp.AppendError(dst, "ERR "+err.Error())
	}
	(*server)(m).tell()
	return out
}

// Image is the store as it is now.
func (m *machine) Image() func(dst []byte) []byte { return m.store.Image() }

// Restore makes the store what an image was.
func (m *machine) Restore(image []byte) error {
	store, err := shards.Decode(image)
	if err == nil {
		m.store.Become(store)
		(*server)(m).tell()
	}
	return err
}

// tell shows how many keys there are.
func (s *server) tell() {
	if n := s.store.Len(); n+1 != s.keys {
		s.keys = n + 1
		s.record.Gauge("keys", int64(n))
	}
}

// Do is front.Backend's.
func (s *server) Do(c *front.Call) {
	if c.Is(kv.Read|kv.Write) && !s.shard.Admit(c, s.Do) {
		return
	}
	switch {
	case c.Is(kv.Read) && c.Peer.ReadOnly:
		s.record.Reach(staleRead)
		s.out = s.store.Read(c.All, s.env.Now().UnixMilli(), s.out[:0])
		c.Reply(s.shard.Reply(s.out))
		s.trim()
	case c.Name == "WAIT":
		s.wait(c)
	case c.Name == "SHARDS":
		s.shard.Shards(c.Args, s.notChanged, c.Reply)
	case !c.Is(kv.Read | kv.Write):
		c.Reply(s.served(&c.Request))
	case s.replica.Leads():
		s.lead(&c.Request, func(answer []byte, err error) {
			if err != nil {
				answer = s.refusal(&c.Request, err)
			}
			c.Reply(answer)
		})
	case s.config.Redirect == Forward:
		s.forward(c)
	default:
		c.Reply(s.redirection(&c.Request))
	}
}

// lead does a command of a leader.
func (s *server) lead(r *kv.Request, done func(answer []byte, err error)) {
	if r.Is(kv.Write) {
		if most := s.config.MaxMemory; most > 0 && r.Is(kv.Grows) && s.store.Bytes() >= most {
			s.record.Reach(memoryFull)
			done(resp.AppendError(nil, kv.ErrMemory), nil)
			return
		}
		order := kv.Order{Now: s.env.Now().UnixMilli(), Sessions: s.config.MaxSessions}
		s.replica.Propose(kv.AppendEntry(nil, order, r.All), func(answer []byte, err error) { done(s.shard.Reply(answer), err) })
		return
	}
	args := clone(r.All)
	s.replica.Read(func(err error) {
		if err != nil {
			done(nil, err)
			return
		}
		s.out = s.store.Read(args, s.env.Now().UnixMilli(), s.out[:0])
		done(s.shard.Reply(s.out), nil)
		s.trim()
	})
}

// clone copies strings into memory of their own.
func clone(args [][]byte) [][]byte {
	size := 0
	for _, arg := range args {
		size += len(arg)
	}
	memory, copies := make([]byte, 0, size), make([][]byte, len(args))
	for i, arg := range args {
		memory = append(memory, arg...)
		copies[i] = memory[len(memory)-len(arg):]
	}
	return copies
}

// trim gives the memory of a large answer back.
func (s *server) trim() {
	if cap(s.out) > 64<<10 {
		s.out = nil
	}
}

// forward asks the leader in the client's place.
func (s *server) forward(c *front.Call) {
	if c.Is(kv.Write) {
		s.record.Reach(forwardedWrite)
	} else {
		s.record.Reach(forwardedRead)
	}
	s.replica.Call(kv.AppendEntry(nil, kv.Order{}, c.All), func(answer []byte, err error) {
		if err != nil {
			answer = s.refusal(&c.Request, err)
		}
		c.Reply(answer)
	})
}

// forwarded is a request that another server forwards to this one, which leads, or did a moment ago.
func (s *server) forwarded(_ string, request []byte, reply func(answer []byte)) {
	_, args, err := kv.ParseEntry(request, nil)
	if err != nil {
		reply(resp.AppendError(nil, "ERR "+err.Error()))
		return
	}
	r, problem := commands.Parse(args)
	if problem != "" || !r.Is(kv.Read|kv.Write) {
		reply(resp.AppendError(nil, "ERR it cannot be forwarded: "+problem))
		return
	}
	s.lead(&r, func(answer []byte, err error) {
		if err != nil {
			answer = s.refusal(&r, err)
		}
		reply(answer)
	})
}

// redirection tells where the leader is.
func (s *server) redirection(r *kv.Request) []byte {
	client, _ := s.replica.Leader()
	if client == "" || s.replica.Leads() {
		s.record.Reach(nobodyLeads)
		return resp.AppendError(nil, "CLUSTERDOWN no leader is known")
	}
	s.record.Reach(movedOn)
	slot := 0
	if r.Command != nil {
		at, _ := r.Slot(r.Args)
		slot = max(at, 0)
	}
	return resp.AppendError(nil, fmt.Sprintf("MOVED %d %s", slot, client))
}

// notChanged is the answer to a change of slots that was not done, or of which nobody knows. It does nothing where it was done.
func (s *server) notChanged(err error) []byte {
	if errors.Is(err, replica.ErrNotLeader) {
		return s.redirection(&kv.Request{})
	}
	return s.refusal(&kv.Request{Command: &kv.Command{}}, err)
}

// refusal is the answer to a command that was not done, or of which nobody knows.
func (s *server) refusal(r *kv.Request, err error) []byte {
	switch {
	case errors.Is(err, replica.ErrNotLeader) && s.config.Redirect == Moved && r.Command != nil:
		return s.redirection(&kv.Request{Command: r.Command})
	case errors.Is(err, replica.ErrNotLeader):
		s.record.Reach(nobodyLeads)
		return resp.AppendError(nil, "CLUSTERDOWN no leader is known")
	case errors.Is(err, replica.ErrUnknown) && r.Is(kv.Write):
		s.record.Reach(nobodyKnows)
		return resp.AppendError(nil, kv.Uncertain+" "+err.Error())
	case errors.Is(err, replica.ErrClosed):
		return resp.AppendError(nil, "CLUSTERDOWN the server is stopping")
	case errors.Is(err, raft.ErrTransferring):
		return resp.AppendError(nil, "TRYAGAIN leadership is being handed over")
	}
	return resp.AppendError(nil, "TRYAGAIN "+err.Error())
}
