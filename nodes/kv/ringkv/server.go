// Package ringkv is the key-value server of a ring: every key is kept by a few of many machines, which agree in nothing
// beforehand ("Dynamo", 2007). Whichever is asked coordinates: it asks those that keep the key, and answers when as many as
// the command wants have answered. Servers come and go, and need no majority; what one misses it is told later, three times over:
// by hints, by whoever reads, and by comparing copies.
//
// What that promises depends on N, R, W and on how versions are told apart; docs/ring.md says which option promises what. R+W>N
// alone makes nothing linearizable.
//
// # What a server keeps to
//
//   - What it tells anybody of a key is on its disk; so a dot, or a stamp, is never given to two writes.
//   - Of a key it passes on all that it knows, or nothing.
//   - A server whose disk is new, damaged or too old has another name. Until it has compared its copies with those of everybody
//     else it takes writes, but what it has not got is no answer to a read: only with sloppy quorums does it count.
//   - Two servers are not at one address. So whoever finds a member at its own address, under another name, says in its place that
//     it has left.
package ringkv

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/link"
	"simrun/nodes/probe"
	"simrun/nodes/ring/repair"
	"simrun/nodes/ring/version"
)

// Server is the kind.
var Server = nodes.Kind{
	Name:   "kv.ring",
	Role:   nodes.Server,
	Doc:    "A key-value server that speaks the Redis protocol; a ring of such keeps a few copies of each key, and goes on in every part of a network.",
	Port:   6379,
	Config: func() any { return DefaultConfig() },
	Main:   func(env nodes.Env, config any) error { return run(env, config.(*Config)) },
	Notes:  append(front.Moments(commands), notes...),
	Probes: []*probe.Set{&probes, &front.Probes, &link.Probes, &journal.Probes},
	Points: slices.Concat(front.Points, link.Points, journal.Points, points),
	Words: nodes.Words{
		Protocols: []nodes.Protocol{front.Protocol, link.Protocol("peer-listen", 16379, func(b []byte) nodes.Message {
			return nodes.Message{Name: "frame", Text: nodes.Brief(b)}
		})},
		Gauges: []nodes.Gauge{front.KeysGauge, {Name: "tombstones", Title: "Deletions that are remembered", Unit: "key"},
			{Name: "hints", Title: "Writes kept for others", Unit: "write"}, {Name: "digest", Hidden: true}},
	},
}

// server is one server of a ring. What blocks is a task of its own; all else happens where it happens.
type server struct {
	env    nodes.Env
	config *Config
	record nodes.Recorder
	rules  repair.Rules

	journal    *journal.Journal
	compacting bool
	unsaved    bool // the disk has refused an item
	self       identity
	marks      marks
	clock      *version.Clock
	shelf      *shelf
	hints      *repair.Hints

	members members
	doubt   doubt
	link    *link.Link
	calls   calls
	front   *front.Front
	turns   map[turnKey]*turn
	waiting int // commands under way

	leaving  bool
	gauges   [4]int64 // as they are shown, and one more
	end      nodes.Cond
	stopping bool
	failed   error
}

// run is the Main of a server.
func run(env nodes.Env, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	rules, err := config.rules()
	if err != nil {
		return err
	}
	s := &server{env: env, config: config, record: env.Record(), rules: rules, end: env.NewCond(), turns: map[turnKey]*turn{}}
	s.calls = calls{last: env.Rand().Uint64() >> 16, pending: map[uint64]*call{}}
	if err := s.recover(); err != nil {
		return err
	}
	if err := s.openMembers(); err != nil {
		return errors.Join(err, s.journal.Close())
	}
	options := config.front()
	options.Expected = s.expected
	f, err := front.New(env, options, s)
	if err != nil {
		s.closeMembers()
		return errors.Join(err, s.journal.Close())
	}
	s.front = f
	s.tell()
	env.Log().Info("serving", "clients", f.Addr(), "servers", config.PeerListen, "id", uint64(s.self.id), "keys", s.shelf.count)
	for _, task := range []struct {
		name string
		f    func()
	}{
		{"accept", f.Serve}, {"ring gossip", s.gossip}, {"ring hear", s.hear}, {"ring compare", s.compareAll}, {"ring doubt", s.resolve}, {"ring upkeep", s.upkeep},
		{"await stop", s.awaitStop},
	} {
		env.Go(task.name, task.f)
	}
	for !s.stopping {
		if err := s.end.Wait(); err != nil {
			return err
		}
	}
	return s.shutDown()
}

// awaitStop ends the server when it is asked to stop.
func (s *server) awaitStop() {
	if s.env.AwaitStop() != nil {
		return
	}
	if s.config.LeaveOnStop {
		if err := s.leave(); err != nil {
			s.env.Log().Warn("the server stops and has not left", "err", err)
		}
	}
	s.stop(nil)
}

// stop ends the server, as failed if there is an error.
func (s *server) stop(err error) {
	if s.failed == nil {
		s.failed = err
	}
	s.stopping = true
	s.end.Broadcast()
}

// shutDown closes everything. After a failure nobody is answered any more.
func (s *server) shutDown() error {
	if s.failed != nil {
		if s.members.left || errors.Is(s.failed, errStale) {
			s.closeMembers()
			return errors.Join(s.failed, s.journal.Close(), s.putAside())
		}
		return fmt.Errorf("the server fails: %w", s.failed)
	}
	s.env.Log().Info("stopping", "state", s.String())
	s.front.Refuse()
	s.front.Close(min(time.Second, s.config.Timeout))
	s.closeMembers()
	err := s.journal.Close()
	if s.members.left && err == nil {
		err = s.putAside() // it is nobody's any more
	}
	return err
}

// String is the server on one line.
func (s *server) String() string {
	ring := "no ring"
	if s.members.ring != nil {
		ring = s.members.ring.String()
	}
	return fmt.Sprintf("%d: %s; %d keys, %d tombstones, %d strays; %s",
		s.self.id, ring, s.shelf.count, len(s.shelf.tombs), len(s.shelf.strays), s.hints)
}

// salt is what digests begin with: what all servers of a cluster know.
func (s *server) salt() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.config.Cluster))
	return h.Sum64()
}

// tell shows what has changed.
func (s *server) tell() {
	now := [4]int64{int64(s.shelf.count - len(s.shelf.tombs)), int64(len(s.shelf.tombs)), int64(s.hints.Len()), int64(s.shelf.digest >> 1)}
	for i, name := range [...]string{"keys", "tombstones", "hints", "digest"} {
		if s.gauges[i] != now[i]+1 {
			s.gauges[i] = now[i] + 1
			s.record.Gauge(name, now[i])
		}
	}
	s.record.Fingerprint(probe.Fingerprint(0).Size(s.shelf.count).Size(len(s.shelf.tombs)).Size(s.hints.Len()).
		Size(len(s.shelf.strays)).Flag(s.marks.whole).Flag(s.leaving).Flag(s.doubt.old))
}

// Info is front.Backend's.
func (s *server) Info() []front.Section {
	return []front.Section{
		{Name: "Memory", Lines: []string{fmt.Sprintf("used_memory:%d", s.shelf.bytes), fmt.Sprintf("maxmemory:%d", int64(s.config.MaxMemory))}},
		{Name: "Persistence", Lines: []string{"loading:0", "aof_enabled:1", "journal:" + s.journal.String()}},
		{Name: "Replication", Lines: []string{
			"role:master", "connected_slaves:0",
			fmt.Sprintf("ring_id:%d", s.self.id),
			fmt.Sprintf("ring_whole:%t", s.marks.whole),
			"ring_members:" + s.members.core.String(),
			fmt.Sprintf("ring_hints:%d", s.hints.Len()),
			fmt.Sprintf("ring_strays:%d", len(s.shelf.strays)),
			fmt.Sprintf("ring_tombstones:%d", len(s.shelf.tombs)),
			fmt.Sprintf("ring_repaired:%s", s.marks.repaired.Format(time.RFC3339)),
		}},
		{Name: "Cluster", Lines: []string{"cluster_enabled:1"}},
		{Name: "Keyspace", Lines: []string{fmt.Sprintf("db0:keys=%d,digest=%016x", s.shelf.count-len(s.shelf.tombs), s.shelf.digest)}},
	}
}

// commands are what the server knows: those of stores too, so that what it cannot do it can say.
var commands = front.With(
	kv.Command{Name: "WAIT", Arity: 3, Flags: kv.Served},
	kv.Command{Name: "CLUSTER", Arity: -2, Flags: kv.Served},
	kv.Command{Name: kv.QuorumEnvelope, Arity: -4, Flags: kv.Served},
	kv.Command{Name: kv.ContextEnvelope, Arity: -3, Flags: kv.Served},
)
