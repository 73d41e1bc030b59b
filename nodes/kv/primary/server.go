package primary

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/kv/shards"
	"simrun/nodes/link"
	"simrun/nodes/probe"
	"simrun/nodes/resp"
)

// server is one server of the group.
//
// Invariant: of reign and session at most one is there. While installing, neither the log nor the store changes.
type server struct {
	env      nodes.Env
	config   *Config
	record   nodes.Recorder
	self     string   // its address for servers
	client   string   // and for clients
	monitors []string // their addresses
	group    uint64   // a number for all who are about the same primary
	life     uint64   // of this process
	link     *link.Link
	journal  *journal.Journal
	store    *shards.Store
	shard    *shards.Shard
	front    *front.Front

	log      log
	cuts     int    // how often the log was cut: what was on its way to the disk before counts no more
	promised uint64 // nothing of earlier epochs is taken; 0 only in a server that never took part, or has forgotten it
	kept     uint64 // the same, durable
	ballot   uint64 // the last that asked for a promise
	pledged  place  // where the log ended, at most, by what was reported since
	whole    bool   // the server has everything that it ever said it has
	aside    bool   // this life has put a damaged journal aside
	vouched  bool   // the same, durable
	goal     uint64 // where it is whole, if it is not; 0 if nobody said
	tenure   tenure
	reign    *reign   // of the primary
	session  *session // of a replica
	fresh    nodes.Instant
	took     bool // this life has taken part, as a primary or as a replica
	knows    bool // fresh is known: what the store has is all that anybody was told by then

	installing bool
	compacting bool
	discarded  uint64 // entries, in this life
	out        []byte
	shown      [6]int64
	said       standpoint
	shownOnce  bool
	signed     probe.Fingerprint

	end      nodes.Cond // Main waits here
	stopping bool
	failed   error
}

// run is the Main of a server.
func run(env nodes.Env, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	if c := config; c.Acknowledge > 0 && c.Acknowledge >= len(c.Servers) { // a scenario's names stand for all copies by now
		return fmt.Errorf("acknowledge: %d of %d servers cannot be replicas of one of them", c.Acknowledge, len(c.Servers))
	}
	s := &server{env: env, config: config, record: env.Record(), store: shards.New(), end: env.NewCond(), life: env.Rand().Uint64()>>1 | 1}
	s.self = selfAmong(nodes.Addresses(config.Servers, "16379"), env.Host(), config.PeerListen, "16379")
	s.client, s.monitors = config.client(env.Host()), nodes.Addresses(config.Monitors, "26380")
	s.group = groupOf(config.Cluster, nodes.Addresses(config.Servers, "16379"))
	if err := s.recover(); err != nil {
		return err
	}
	l, err := link.Open(env, config.link(s.self), s.receive)
	if err != nil {
		return errors.Join(err, s.journal.Close())
	}
	s.link = l
	l.Reach(append(nodes.Addresses(config.Servers, "16379"), s.monitors...))
	s.shard = shards.Open(env, config.shards(), s.store, group{s})
	f, err := front.New(env, config.front(), s)
	if err != nil {
		s.shard.Close()
		l.Close()
		return errors.Join(err, s.journal.Close())
	}
	s.front = f
	s.tell()
	env.Log().Info("serving", "clients", f.Addr(), "servers", config.PeerListen, "log", s.log.String())
	env.Go("accept", f.Serve)
	env.Go("report", s.reportOften)
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

// stop ends the server, as failed if there is an error.
func (s *server) stop(err error) {
	if s.failed == nil {
		s.failed = err
	}
	s.stopping = true
	s.end.Broadcast()
}

// fail ends a server that cannot write: what it has promised is on the disk, and of what is not there nobody was told.
func (s *server) fail(err error) {
	s.env.Exit(fmt.Errorf("the journal cannot be written: %w", err))
}

// shutDown lets replicas have everything, and what is under way be answered, for a while; then it closes.
func (s *server) shutDown() error {
	if s.failed != nil {
		return fmt.Errorf("the server fails: %w", s.failed)
	}
	s.env.Log().Info("stopping", "state", s.String())
	s.front.Refuse()
	for until := s.env.Mark().Add(min(s.config.timeout(), time.Second)); s.reign != nil && !s.reign.isDone() && s.env.Mark() < until; {
		if err := s.env.Sleep(s.config.Heartbeat / 10); err != nil {
			return err
		}
	}
	s.shard.Close()
	s.abdicate("the server stops")
	s.report() // so that nobody waits for it
	s.front.Close(time.Second)
	s.link.Close()
	return s.journal.Close()
}

// Do is front.Backend's.
func (s *server) Do(c *front.Call) {
	if c.Is(kv.Read|kv.Write) && c.Name != "SINCE" && !s.shard.Admit(c, s.Do) {
		return
	}
	switch {
	case c.Is(kv.Write):
		s.write(c)
	case c.Is(kv.Read):
		s.read(c)
	case c.Name == "WAIT":
		s.wait(c)
	case c.Name == "SHARDS":
		s.shard.Shards(c.Args, func(err error) []byte { return s.refusal(&kv.Request{Command: &kv.Command{}}, err) }, c.Reply)
	default:
		c.Reply(s.served(&c.Request))
	}
}

// write orders a write, if this server may.
func (s *server) write(c *front.Call) {
	r := s.reign
	switch most := s.config.MaxMemory; {
	case r == nil || s.stopping:
		c.Reply(s.redirection(&c.Request))
		return
	case most > 0 && c.Is(kv.Grows) && s.store.Bytes() >= most:
		s.record.Reach(memoryFull)
		c.Error(kv.ErrMemory)
		return
	}
	order := kv.Order{Now: s.env.Now().UnixMilli(), Sessions: s.config.MaxSessions}
	s.Propose(kv.AppendEntry(nil, order, c.All), func(answer []byte, err error) {
		if err != nil {
			c.Reply(s.refusal(&c.Request, err))
			return
		}
		c.Reply(s.shard.Reply(answer))
	})
}

// read answers a read: the primary while nobody else can be it, a replica if the client takes what it knows.
func (s *server) read(c *front.Call) {
	request, since, problem := unwrap(&c.Request)
	switch {
	case problem != "":
		c.Error(problem)
		return
	case s.reign != nil && s.reign.isReady():
	case s.reign != nil:
		s.record.Reach(notReady)
		c.Error("CLUSTERDOWN the primary may not be it any more")
		return
	case !c.Peer.ReadOnly:
		c.Reply(s.redirection(&c.Request))
		return
	case s.isStale():
		s.record.Reach(tooStale)
		c.Error("MASTERDOWN this replica may be behind by more than max-lag")
		return
	default:
		s.record.Reach(replicaRead)
	}
	if c.Name != "SINCE" {
		s.out = s.store.Read(c.All, s.env.Now().UnixMilli(), s.out[:0])
		c.Reply(s.shard.Reply(s.out))
		s.trim()
		return
	}
	if s.store.Version() < since {
		s.record.Reach(behindClient)
		c.Error("BEHIND this replica does not know yet what the client has seen")
		return
	}
	if refusal := s.shard.Refuse(&request, c.Asking); refusal != nil {
		c.Reply(refusal)
		return
	}
	answer := s.shard.Reply(s.store.Read(request.All, s.env.Now().UnixMilli(), nil))
	if len(answer) == 0 || answer[0] == '-' {
		c.Reply(answer)
		return
	}
	c.Reply(resp.AppendInt(append(resp.AppendArray(s.out[:0], 2), answer...), int64(s.store.Version())))
}

// unwrap takes the command out of SINCE position COMMAND, which is answered [answer, position] by who knows everything up to the
// position. A client that hands on the greatest it was told never goes back.
func unwrap(r *kv.Request) (inner kv.Request, since uint64, problem string) {
	if r.Name != "SINCE" {
		return *r, 0, ""
	}
	position, number := resp.ParseInt(r.Args[1])
	if !number || position < 0 {
		return inner, 0, "ERR invalid position"
	}
	inner, problem = commands.Parse(r.Args[2:])
	if problem == "" && (!inner.Is(kv.Read) || inner.Name == "SINCE") {
		problem = "ERR SINCE is for commands that read"
	}
	return inner, uint64(position), problem
}

// isStale says whether a replica may not answer reads: it has not taken part yet, has lost what it had, or has not heard enough of
// late.
func (s *server) isStale() bool {
	if !s.took || s.installing || !s.whole {
		return true
	}
	return s.config.MaxLag > 0 && (!s.knows || s.env.Mark().Sub(s.fresh) > s.maxLag())
}

// maxLag is max-lag by a clock that may run slow.
func (s *server) maxLag() time.Duration { return s.config.MaxLag - s.drift(s.config.MaxLag) }

// drift is by how much a clock may be wrong that measures d, beside another that is as wrong.
func (s *server) drift(d time.Duration) time.Duration {
	return 2 * d / time.Duration(nodes.PerMillion) * time.Duration(s.config.MaxDrift)
}

// trim gives the memory of a large answer back.
func (s *server) trim() {
	if cap(s.out) > 64<<10 {
		s.out = nil
	}
}

// redirection tells where the primary is.
func (s *server) redirection(r *kv.Request) []byte {
	d := &s.tenure.decree
	switch {
	case d.client == "" || d.primary == s.self:
		s.record.Reach(nobodyKnown)
		return failure("CLUSTERDOWN no primary is known")
	case s.config.Redirect == Refuse:
		s.record.Reach(readOnly)
		return failure("READONLY You can't write against a read only replica.")
	}
	s.record.Reach(movedOn)
	inner, _, _ := unwrap(r)
	slot := 0
	if inner.Command != nil {
		at, _ := inner.Slot(inner.Args)
		slot = max(at, 0)
	}
	return failure(fmt.Sprintf("MOVED %d %s", slot, d.client))
}

// Errors of writes. Only after errUnknown it may have been done, or may yet be.
var (
	errNotPrimary = errors.New("primary: this server is not the primary")
	errFewer      = errors.New("primary: too few replicas")
	errBusy       = errors.New("primary: too much is waiting")
	errUnknown    = errors.New("primary: whether it was done is not known")
)

// refusal is the answer to a write that was not done, or of which nobody knows.
func (s *server) refusal(r *kv.Request, err error) []byte {
	switch {
	case errors.Is(err, errUnknown):
		s.record.Reach(nobodyKnows)
		return failure(kv.Uncertain + " " + err.Error())
	case errors.Is(err, errFewer):
		s.record.Reach(tooFew)
		return failure("NOREPLICAS Not enough good replicas to write.")
	case errors.Is(err, errNotPrimary):
		return s.redirection(r)
	}
	return failure("TRYAGAIN " + err.Error())
}

func failure(text string) []byte { return resp.AppendError(nil, text) }

// receive takes a frame.
func (s *server) receive(from string, payload []byte) {
	if len(payload) == 0 || s.stopping {
		return
	}
	in := wire{rest: payload[1:]}
	var err error
	monitor := slices.Contains(s.monitors, from)
	switch kind := payload[0]; {
	case kind == grantFrame && monitor:
		err = s.granted(&in)
	case kind == fenceFrame && monitor:
		err = s.fenced(&in)
	case kind == joinFrame && !monitor:
		err = s.joined(from, &in)
	case kind == ackFrame && !monitor:
		err = s.acknowledged(from, &in)
	case kind == resumeFrame && !monitor:
		err = s.resumed(from, &in)
	case kind == imageFrame && !monitor:
		err = s.pieceCame(from, &in)
	case kind == streamFrame && !monitor:
		err = s.streamed(from, &in)
	default:
		err = errWire
	}
	if err != nil {
		s.record.Reach(strangeFrame)
		s.env.Log().Warn("a frame could not be read", "from", from, "err", err)
	}
}
