// Package broker is the server of a partitioned log that speaks Kafka's protocol: producers append records to partitions,
// consumers read them in order, and several brokers keep each partition.
//
// Every broker is a controller too: all of them agree by Raft (package cluster has what about), and each does for itself what follows
// from it. A broker leads a partition only in the life in which it was told to: what an earlier life was told counts for nothing.
//
// What it promises is in docs/log.md.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/log/cluster"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/nodes/log/transaction"
	"simrun/nodes/log/wire"
	"simrun/nodes/probe"
	agreement "simrun/nodes/raft/replica"
	"simrun/nodes/serve"
)

// Server is the kind.
var Server = nodes.Kind{
	Name:   "log.broker",
	Role:   nodes.Server,
	Doc:    "A broker of a partitioned, replicated log that speaks Kafka's protocol.",
	Port:   9092,
	Config: func() any { return DefaultConfig() },
	Main:   func(env nodes.Env, config any) error { return run(env, config.(*Config)) },
	Notes:  append(moments(), agreement.Notes...),
	Probes: append([]*probe.Set{&probes, &partition.Probes}, agreement.Sets...),
	Points: slices.Concat(points, partition.Points, agreement.Points),
	Words: nodes.Words{
		Protocols: []nodes.Protocol{wire.Protocol, agreement.Protocol("peer-listen", 19092, nodes.Brief)},
		Gauges: []nodes.Gauge{{Name: "leads", Title: "Partitions that it leads", Unit: "partition"}, {Name: "follower-lag", Title: "How far followers are behind", Unit: "record"},
			{Name: "under-replicated", Title: "Partitions not in full sync", Unit: "partition"}, {Name: "committed", Title: "Records that are committed", Unit: "record"},
			{Name: "replicas", Title: "Replicas that it keeps", Unit: "replica"}},
		Moments: agreement.Moments,
	},
}

// broker is one life of one.
type broker struct {
	env    nodes.Env
	config *Config
	record nodes.Recorder
	place  whereabouts
	codec  *record.Codec

	state       *cluster.State
	controllers *agreement.Replica
	duties      duties // of a leading controller
	session     session
	applied     nodes.Cond // the state has changed
	incarnation uint64

	replicas map[cluster.Ref]*replica
	changes  []cluster.Ref // for the keeper
	keeping  nodes.Cond    // the keeper waits here
	fetchers map[int32]*fetcher
	altering nodes.Cond // whoever asks for other in-sync sets waits here
	doubts   bool       // there may be some to ask for
	ids      transaction.IDs
	stocking bool // more of them are being asked for
	couriers map[int32]*courier
	calls    uint64 // the last number of one that a coordinator has

	listener net.Listener
	guests   map[uint64]*guest
	accepted uint64
	underWay nodes.Bytes   // of requests
	unread   int           // bytes of answers, and of what is being read for some
	shed     nodes.Instant // when connections were last looked through for one that reads too slowly

	complained nodes.Instant // of a disk that takes nothing
	room       nodes.Cond    // requests may have been answered
	gone       nodes.Cond    // a guest is gone
	out        []byte

	end      nodes.Cond // Main waits here
	stopping bool
	refusing bool // no more requests are taken
	shown    standing
}

// run is the Main of a broker.
func run(env nodes.Env, config *Config) error {
	if err := config.Validate(); err != nil {
		return err
	}
	place, err := config.locate(env.Host())
	if err != nil {
		return err
	}
	b := &broker{env: env, config: config, record: env.Record(), place: place, codec: new(record.Codec), state: cluster.New(),
		applied: env.NewCond(), keeping: env.NewCond(), altering: env.NewCond(), room: env.NewCond(), gone: env.NewCond(), end: env.NewCond(),
		replicas: map[cluster.Ref]*replica{}, fetchers: map[int32]*fetcher{}, couriers: map[int32]*courier{}, guests: map[uint64]*guest{}, incarnation: env.Rand().Uint64() | 1}
	b.duties.heard = map[int32]nodes.Instant{}
	b.duties.unfencing = map[int32]bool{}
	b.session.news = env.NewCond()
	lock, err := env.FS().Lock("broker.lock")
	if err != nil {
		return err
	}
	defer lock.Close()
	if b.listener, err = env.Listen("tcp", config.Listen); err != nil {
		return err
	}
	defer b.listener.Close()
	b.place.at(b.listener.Addr())
	if err := b.recoverLogs(); err != nil {
		return errors.Join(err, b.closeLogs())
	}
	if b.controllers, err = agreement.Open(env, config.controller(b.place), (*machine)(b), b.asked); err != nil {
		return errors.Join(err, b.closeLogs())
	}
	env.Log().Info("accepting", "address", b.listener.Addr(), "broker", b.place.id, "as", b.place.address, "controllers", config.PeerListen)
	b.start()
	for !b.stopping {
		if err := b.end.Wait(); err != nil {
			return err
		}
	}
	return b.stop()
}

// start begins the broker's tasks.
func (b *broker) start() {
	b.env.Go("accept", func() { serve.Accept(b.env, b.listener, b.welcome) })
	b.env.Go("keep", b.keep)
	b.env.Go("session", b.attend)
	b.env.Go("duties", b.doDuties)
	b.env.Go("in-sync", b.alterInSync)
	b.env.Go("lag", b.watchLag)
	b.env.Go("housekeeping", b.housekeep)
	b.env.Go("await stop", func() {
		if b.env.AwaitStop() == nil {
			b.stopping = true
			b.end.Broadcast()
		}
	})
}

// stop ends the broker in order: others lead what it led, and what it has is on the disk, and known to be.
func (b *broker) stop() error {
	b.env.Log().Info("stopping", "state", b.String())
	b.resign()
	b.refuse()
	err := b.controllers.Close()
	b.closeGuests(time.Second)
	if failed := b.closeLogs(); failed != nil || err != nil {
		return errors.Join(err, failed)
	}
	return b.remember(b.session.told || b.session.kept, true) // what an earlier life told still holds in one that told nothing
}

// fail stops the process: its disk cannot be relied on.
func (b *broker) fail(err error) {
	b.env.Log().Error("stopping", "err", err)
	b.env.Exit(err)
}

// machine is the broker's state, as its controllers' group has it.
type machine broker

// Apply does a command.
func (m *machine) Apply(command, dst []byte) []byte {
	dst = m.state.Apply(command, dst)
	(*broker)(m).changed()
	return dst
}

// Image is the state as it is now.
func (m *machine) Image() func(dst []byte) []byte { return m.state.Image() }

// Restore makes the state what an image was.
func (m *machine) Restore(image []byte) error {
	err := m.state.Restore(image)
	(*broker)(m).changed()
	return err
}

// alive says whether this life of the broker is the one that is registered, as far as the state is known here. What the state
// said before it was concerned an earlier life.
func (b *broker) alive() bool {
	me := b.state.Broker(b.place.id)
	return me != nil && me.Incarnation == b.incarnation
}

// changed does what follows from a change of the state, as far as that does not give way; the keeper does the rest.
func (b *broker) changed() {
	refs := b.state.Changed()
	was := b.session.known
	b.session.known = b.alive()
	for _, ref := range refs {
		if r := b.replicas[ref]; r != nil && r.log != nil && b.session.swept {
			r.look()
		}
	}
	for _, other := range b.state.Brokers() {
		if f := b.fetchers[other.ID]; f != nil {
			f.line.outlive()
		}
		if c := b.couriers[other.ID]; c != nil {
			c.line.outlive()
		}
	}
	if len(refs) > 0 || b.session.known != was {
		b.changes = append(b.changes, refs...)
		b.keeping.Signal()
	}
	b.applied.Broadcast()
	b.show()
}

// inOrder are the replicas, by topic and index.
func (b *broker) inOrder() []*replica {
	return slices.SortedFunc(maps.Values(b.replicas), func(x, y *replica) int { return x.ref.Compare(y.ref) })
}

// find is this broker's replica of a partition, or nil.
func (b *broker) find(topic string, index int32) *replica {
	t := b.state.Topic(topic)
	if t == nil {
		return nil
	}
	return b.replicas[cluster.Ref{Topic: topic, ID: t.ID, Index: index}]
}

// String is the broker on one line.
func (b *broker) String() string {
	leads := 0
	for _, r := range b.replicas {
		if r.leads {
			leads++
		}
	}
	return fmt.Sprintf("broker %d, %s, leads %d of %d replicas, %s", b.place.id, b.session.String(), leads, len(b.replicas), b.controllers)
}

// note names a moment.
func (b *broker) note(name string, r *replica) {
	b.record.Note(name, slog.String("topic", r.ref.Topic), slog.Int("partition", int(r.ref.Index)))
}
