// Package single is the simplest of the key-value servers: one machine with a journal. What it has acknowledged
// outlives it; while it is down, nobody is served.
package single

import (
	"errors"
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/probe"
	"simrun/nodes/resp"
)

// server is a key-value server of its own. A command that writes goes to the journal first, and is done once it is
// there, in the journal's order. So the store never holds what a crash could undo, and whoever reads it reads what stays.
//
// Invariant: pending are the writes that the journal has and the store has not, oldest first.
type server struct {
	env     nodes.Env
	config  *Config
	record  nodes.Recorder
	journal *journal.Journal
	store   *kv.Store
	front   *front.Front

	pending    []*pending
	last       journal.Position // of the last write; the zero before any
	compacting bool
	out        []byte
	keys       int // that the gauge shows, and one more
	signed     probe.Fingerprint

	end      nodes.Cond // Main waits here
	stopping bool
	failed   error
}

// pending is a write on its way to the disk.
type pending struct {
	server  *server
	call    *front.Call
	record  []byte
	at      journal.Position
	refused bool
}

// run is the Main of a server.
func run(env nodes.Env, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	s := &server{env: env, config: config, record: env.Record(), end: env.NewCond()}
	if err := s.recover(); err != nil {
		return err
	}
	f, err := front.New(env, config.front(), s)
	if err != nil {
		return errors.Join(err, s.journal.Close())
	}
	s.front = f
	s.tell()
	s.record.State(s.String())
	env.Go("accept", f.Serve)
	env.Go("await stop", func() {
		if env.AwaitStop() == nil {
			s.stop(nil)
		}
	})
	for !s.stopping {
		if err := s.end.Wait(); err != nil {
			return err
		}
	}
	return s.shutDown()
}

// String is the server's one line about itself.
func (s *server) String() string { return s.store.String() }

// Do is front.Backend's.
func (s *server) Do(c *front.Call) {
	switch {
	case c.Is(kv.Write):
		s.write(c)
	case c.Is(kv.Read):
		s.out = s.store.Read(c.All, s.env.Now().UnixMilli(), s.out[:0])
		c.Reply(s.out)
		s.trim()
	case c.Name == "WAIT":
		c.Reply(resp.AppendInt(nil, 0)) // no replica has anything
	default:
		c.Error("ERR This instance has cluster support disabled")
	}
}

// write hands a write to the journal.
func (s *server) write(c *front.Call) {
	if s.stopping {
		c.Error("ERR the server is stopping")
		return
	}
	if most := s.config.MaxMemory; most > 0 && c.Is(kv.Grows) && s.store.Bytes() >= most {
		s.record.Reach(memoryFull)
		c.Error(kv.ErrMemory)
		return
	}
	p := &pending{server: s, call: c}
	order := kv.Order{Now: s.env.Now().UnixMilli(), Sessions: s.config.MaxSessions}
	p.record = kv.AppendEntry([]byte{recordEntry}, order, c.All)
	at, err := s.journal.Append(p.record)
	switch {
	case err == nil:
		s.pending = append(s.pending, p)
		s.last, p.at = at, at
		s.journal.Then(at, p.landed)
		s.sign()
	case errors.Is(err, journal.ErrBehind):
		s.record.Reach(behind)
		c.Error("TRYAGAIN too much is waiting for the disk")
	default:
		s.stop(err)
	}
}

// landed does the write, now that it is in the journal.
func (p *pending) landed(err error) {
	s := p.server
	s.record.Always(inOrder, s.pending[0] == p)
	s.pending[0] = nil
	if s.pending = s.pending[1:]; len(s.pending) == 0 {
		s.pending = nil
	}
	switch {
	case errors.Is(err, journal.ErrBroken):
		s.stop(err) // whether it is there nobody knows, so nobody is told
		return
	case err != nil:
		p.refused = true
		s.record.Reach(notKept)
		p.call.Error("MISCONF the disk takes no writes: " + err.Error())
		return
	}
	s.record.Always(toldWhenDurable, s.config.Sync != journal.Always || p.at.Number() < s.journal.Durable())
	s.out, err = s.store.ApplyEntry(p.record[1:], s.out[:0])
	if err != nil {
		s.stop(err)
		return
	}
	p.call.Reply(s.out)
	s.trim()
	s.tell()
	if !s.compacting && s.journal.Bloated() {
		s.compacting = true
		s.env.Go("compact", s.compact)
	}
}

// trim gives the memory of a large answer back.
func (s *server) trim() {
	if cap(s.out) > 64<<10 {
		s.out = nil
	}
}

// tell tells what has changed.
func (s *server) tell() {
	if n := s.store.Len(); n+1 != s.keys {
		s.keys = n + 1
		s.record.Gauge("keys", int64(n))
	}
	s.sign()
}

// sign tells in what state the server is, as far as the protocol tells states apart.
func (s *server) sign() {
	f := probe.Fingerprint(0).Size(s.store.Len()).Size(len(s.pending)).Flag(s.compacting).Among(min(s.front.Clients(), 3), 4)
	if f != s.signed {
		s.signed = f
		s.record.Fingerprint(f)
	}
}

// stop ends the server, as failed if there is an error.
func (s *server) stop(err error) {
	if s.failed == nil {
		s.failed = err
	}
	s.stopping = true
	s.end.Broadcast()
}

// shutDown answers what is under way, and closes everything. After a failure nobody is answered any more.
func (s *server) shutDown() error {
	if s.failed != nil {
		return fmt.Errorf("the server fails: %w", s.failed)
	}
	s.env.Log().Info("stopping", "state", s.String())
	s.front.Refuse()
	if s.last != (journal.Position{}) {
		_ = s.journal.Commit(s.last) // so that what is owed is said
	}
	s.front.Close(time.Second)
	if err := s.journal.Close(); s.failed == nil {
		return err
	}
	return s.failed
}

// Info is front.Backend's.
func (s *server) Info() []front.Section {
	return []front.Section{
		{Name: "Memory", Lines: []string{
			fmt.Sprintf("used_memory:%d", int64(s.store.Bytes())),
			fmt.Sprintf("maxmemory:%d", int64(s.config.MaxMemory)),
		}},
		{Name: "Persistence", Lines: []string{
			"loading:0", "aof_enabled:1",
			"journal:" + s.journal.String(),
			fmt.Sprintf("journal_pending:%d", len(s.pending)),
		}},
		{Name: "Replication", Lines: []string{"role:master", "connected_slaves:0"}},
		{Name: "Keyspace", Lines: []string{
			fmt.Sprintf("db0:keys=%d,version=%d,digest=%016x", s.store.Len(), s.store.Version(), s.store.Digest()),
		}},
	}
}
