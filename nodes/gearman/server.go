package gearman

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/probe"
	"simrun/nodes/serve"
)

// server is a job server. All its tasks share it; none gives way while it is in the middle of a change.
//
// Invariants: total is the sum of the functions' totals, which is what `status` shows and the gauge "jobs" says;
// running likewise. Jobs that are pending are in none of them.
type server struct {
	env     nodes.Env
	config  *ServerConfig
	record  nodes.Recorder
	journal *journal.Journal // nil where background jobs are kept in memory

	functions functions
	jobs      map[string]*job // by handle
	uniques   uniques
	epochs    alarm
	timeouts  alarm
	wakeups   wakeups
	sessions  map[uint64]*session

	prefix     []byte // of handles: all but the number
	handles    uint64 // given out in this life
	number     uint64 // of the last submission or requeue, over all lives
	accepted   uint64 // connections
	total      int
	running    int
	workers    int
	stored     nodes.Bytes
	unsynced   int64
	last       journal.Position
	scratch    []byte
	compacting bool
	shown      [3]int // the gauges' last values, less one
	signed     probe.Fingerprint

	listener net.Listener
	draining bool       // it takes no more jobs, and ends with the last that would be lost
	stopping bool       // it ends now
	end      nodes.Cond // Main waits here
}

// newServer makes a server without a queue.
func newServer(env nodes.Env, config *ServerConfig) *server {
	v := &server{
		env: env, config: config, record: env.Record(),
		functions: functions{byName: map[string]*function{}, most: config.MaxFunctions, limit: config.MaxQueue},
		jobs:      map[string]*job{}, uniques: uniques{}, sessions: map[uint64]*session{},
		end: env.NewCond(),
	}
	v.epochs = alarm{env: env, until: v.untilEpoch, ring: v.ripe}
	v.timeouts = alarm{env: env, ring: v.expire,
		until: func(due int64) time.Duration { return nodes.Instant(due).Sub(env.Mark()) }}
	v.wakeups.server = v
	return v
}

// run is the Main of a server.
func (v *server) run() error {
	env, config := v.env, v.config
	generation := nextGeneration(env)
	if config.Queue == JournalQueue {
		if err := v.recover(); err != nil {
			return err
		}
	}
	v.prefix = handlePrefix(env.Host(), config.HandlePrefix, generation)
	v.gauge()
	listener, err := env.Listen("tcp", config.Listen)
	if err != nil {
		return errors.Join(err, v.closeJournal())
	}
	v.listener = listener
	env.Log().Info("accepting", "address", listener.Addr(), "queue", string(config.Queue))
	v.record.State(v.String())
	env.Go("accept", v.accept)
	env.Go("await stop", func() {
		if env.AwaitStop() == nil {
			v.stop()
		}
	})
	for !v.stopping {
		if err := v.end.Wait(); err != nil {
			return err
		}
	}
	return v.shutDown()
}

// handlePrefix is what all handles of a life of the server begin with.
func handlePrefix(host, configured string, generation uint32) []byte {
	prefix := []byte(configured)
	if len(prefix) == 0 {
		prefix = append([]byte("H:"), host...)
		for i, c := range prefix {
			if c <= ' ' || c >= 0x7f {
				prefix[i] = '_'
			}
		}
		prefix = prefix[:min(len(prefix), longestPrefix)]
	}
	prefix = append(prefix, ':')
	prefix = strconv.AppendUint(prefix, uint64(generation), 10)
	return append(prefix, '.')
}

// newHandle is a handle that was never given before, valid until the next call.
func (v *server) newHandle() []byte {
	v.handles++
	v.scratch = strconv.AppendUint(append(v.scratch[:0], v.prefix...), v.handles, 10)
	return v.scratch
}

// nextOrder is a place behind all that were.
func (v *server) nextOrder() uint64 {
	v.number++
	return v.number
}

// String is the server's one line about itself.
func (v *server) String() string {
	return fmt.Sprintf("%d jobs, %d running, %d functions, %d workers, %d connections",
		v.total, v.running, len(v.functions.byName), v.workers, len(v.sessions))
}

// gauge tells what has changed, and ends a server that is drained.
func (v *server) gauge() {
	for i, g := range [...]struct {
		name  string
		value int
	}{{"jobs", v.total}, {"running", v.running}, {"workers", v.workers}} {
		if v.shown[i] != g.value+1 {
			v.shown[i] = g.value + 1
			v.record.Gauge(g.name, int64(g.value))
		}
	}
	v.record.Always(totalsAgree, 0 <= v.running && v.running <= v.total)
	v.sign()
	if v.draining && v.drained() {
		v.record.Reach(drainedEmpty)
		v.stop()
	}
}

// sign tells in what state the server is, as far as the protocol tells states apart.
func (v *server) sign() {
	f := probe.Fingerprint(0).Size(v.total-v.running).Size(v.running).Among(min(v.workers, 3), 4).
		Flag(v.workers > v.running).Among(min(len(v.wakeups.sent), 3), 4).Flag(v.unsynced > 0).Flag(v.compacting).
		Flag(len(v.epochs.jobs) > 0).Flag(v.draining)
	if f != v.signed {
		v.signed = f
		v.record.Fingerprint(f)
	}
}

// accept takes connections until the listener is closed.
func (v *server) accept() {
	serve.Accept(v.env, v.listener, func(stream net.Conn) {
		dawdle(v.env, slowAccept)
		v.welcome(stream)
	})
}

// welcome starts the tasks of a connection.
func (v *server) welcome(stream net.Conn) {
	if most := v.config.MaxClients; v.stopping || most > 0 && len(v.sessions) >= most {
		v.record.Reach(notWelcome)
		_ = stream.Close()
		return
	}
	v.accepted++
	s := newSession(v, stream)
	v.sessions[s.number] = s
	v.env.Go("read", s.read)
	v.env.Go("write", s.write)
	v.record.State(v.String())
}

// leave takes from a session that is over what it has: its jobs go to others, its results nowhere.
func (v *server) leave(s *session) {
	s.left = true
	if v.stopping {
		return
	}
	v.resetAbilities(s)
	s.sleeping = false
	v.answered(s)
	if s.running != nil {
		v.record.Note("worker-lost")
	}
	for last := s.running; last != nil; last = s.running {
		for last.nextRun != nil {
			last = last.nextRun // the oldest first
		}
		v.lose(last)
	}
	for s.first != nil {
		v.deafen(s.first)
	}
	v.record.Always(leftWithNothing, s.jobs == 0 && s.listening == 0 && s.wokenFor == nil)
	v.gauge()
}

// deafen ends a foreground submission whose client is gone. A job that nobody else waits for is dropped, unless
// it runs.
func (v *server) deafen(l *listener) {
	j := l.job
	at := slices.Index(j.listeners, l)
	j.listeners = slices.Delete(j.listeners, at, at+1)
	l.session.unlisten(l)
	if !j.abandoned() {
		return
	}
	switch j.state {
	case queued:
		j.function.queues[j.priority].remove(j)
		v.vanish(j)
	case waiting:
		v.epochs.clear(j)
		j.function.waiting--
		v.vanish(j)
	}
}

// forget strikes a session whose stream is closed off the list.
func (v *server) forget(s *session) {
	delete(v.sessions, s.number)
	v.record.State(v.String())
	if v.stopping {
		v.end.Broadcast()
	}
}

// sessionsInOrder are the connections, oldest first.
func (v *server) sessionsInOrder() []*session {
	return slices.SortedFunc(maps.Values(v.sessions), func(a, b *session) int { return cmp.Compare(a.number, b.number) })
}

// drain lets the server end once nothing would be lost with it. Background jobs in a journal, and those
// that wait for an epoch, are left to its next life.
func (v *server) drain() {
	v.draining = true
	_ = v.listener.Close()
	v.gauge()
}

// drained says whether the server could end without loss.
func (v *server) drained() bool {
	if v.running > 0 {
		return false
	}
	for _, f := range v.functions.byName {
		if v.journal == nil && f.queued() > 0 {
			return false
		}
	}
	for _, s := range v.sessions {
		if s.listening > 0 || s.owed > 0 {
			return false
		}
	}
	return true
}

// stop ends the server.
func (v *server) stop() {
	v.stopping = true
	v.end.Broadcast()
}

// shutDown says what is to be said, and closes everything.
func (v *server) shutDown() error {
	v.env.Log().Info("stopping", "state", v.String())
	_ = v.listener.Close()
	if v.journal != nil && v.last != (journal.Position{}) {
		_ = v.journal.Commit(v.last) // so that what is owed is said
	}
	for _, s := range v.sessionsInOrder() {
		s.End()
	}
	for len(v.sessions) > 0 && v.end.WaitFor(time.Second) {
	}
	for _, s := range v.sessionsInOrder() {
		s.Close()
	}
	return v.closeJournal()
}

func (v *server) closeJournal() error {
	if v.journal == nil {
		return nil
	}
	return v.journal.Close()
}
