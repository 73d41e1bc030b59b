package client

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/log/wire"
)

var (
	errUnreachable   = errors.New("log: no broker could be reached")
	errNoLeader      = errors.New("log: nobody leads the partition")
	errNoCoordinator = errors.New("log: nobody coordinates this")
)

// brokers are those that a client knows, and what they said of who does what.
//
// Invariant: the first of remotes are those that it is configured with, in their order; there are never more than mostRemotes beside
// them.
type brokers struct {
	env      nodes.Env
	config   *Network
	remotes  []*remote
	byID     map[int32]*remote
	topics   map[string][]place
	last     *remote // who told the last metadata
	asking   bool    // for metadata
	rounds   uint64  // of metadata that were asked for
	changed  nodes.Cond
	stopping bool
}

// place is who leads a partition.
type place struct {
	leader int32 // -1 is nobody
	epoch  int32
}

// mostRemotes bounds the brokers that a client knows beside those that it is configured with.
const mostRemotes = 64

func newBrokers(env nodes.Env, config *Network) *brokers {
	b := &brokers{env: env, config: config, byID: map[int32]*remote{}, topics: map[string][]place{}, changed: env.NewCond()}
	for _, server := range config.Servers {
		b.remoteAt(address(string(server)))
	}
	return b
}

// remoteAt is the broker at an address; nil if too many have been named.
func (b *brokers) remoteAt(where string) *remote {
	for _, r := range b.remotes {
		if r.address == where {
			return r
		}
	}
	if len(b.remotes) >= len(b.config.Servers)+mostRemotes {
		return nil
	}
	r := &remote{brokers: b, address: where, backoff: backoff.Backoff{Least: b.config.BackoffMin, Most: b.config.BackoffMax}}
	b.remotes = append(b.remotes, r)
	return r
}

func (b *brokers) remoteNamed(host string, port int32) *remote {
	return b.remoteAt(net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// refresh asks for metadata of topics, whoever answers first. If somebody is asking already, it waits for that.
func (b *brokers) refresh(topics ...string) error {
	if b.asking {
		for round := b.rounds; b.asking && b.rounds == round; {
			if err := b.changed.Wait(); err != nil {
				return err
			}
		}
		return nil
	}
	b.asking = true
	err := b.askMetadata(topics)
	b.asking = false
	b.rounds++
	b.changed.Broadcast()
	return err
}

func (b *brokers) askMetadata(topics []string) error {
	err := errUnreachable
	all := slices.Clone(b.remotes)
	if i := slices.Index(all, b.last); i > 0 {
		all = append(append([]*remote{b.last}, all[:i]...), all[i+1:]...)
	}
	for _, r := range all {
		if b.stopping {
			return errStopping
		}
		request := kmsg.NewPtrMetadataRequest()
		request.AllowAutoTopicCreation = true
		for _, topic := range topics {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(topic)
			request.Topics = append(request.Topics, t)
		}
		answer, _, problem := r.ask(forShort, request, b.config.Timeout)
		if problem != nil {
			err = problem
			continue
		}
		b.last = r
		b.learn(answer.(*kmsg.MetadataResponse))
		return nil
	}
	b.last = nil
	return err
}

// learn takes over what a broker says of the others.
func (b *brokers) learn(told *kmsg.MetadataResponse) {
	for _, broker := range told.Brokers {
		if r := b.remoteNamed(broker.Host, broker.Port); r != nil {
			b.byID[broker.NodeID] = r
		}
	}
	for _, t := range told.Topics {
		if t.Topic == nil || wire.Code(t.ErrorCode) != wire.None && len(t.Partitions) == 0 {
			continue
		}
		places := b.topics[*t.Topic]
		for _, p := range t.Partitions {
			if p.Partition < 0 || p.Partition >= mostPartitions {
				continue
			}
			for int(p.Partition) >= len(places) {
				places = append(places, place{leader: -1, epoch: -1})
			}
			if at := &places[p.Partition]; p.LeaderEpoch >= at.epoch || p.LeaderEpoch < 0 {
				at.leader, at.epoch = p.Leader, p.LeaderEpoch // else it is older than what another has said
			}
		}
		b.topics[*t.Topic] = places
	}
}

// mostPartitions bounds those of a topic that a client believes in.
const mostPartitions = 100_000

// leader is who leads a partition, as far as it is known.
func (b *brokers) leader(topic string, partition int32) *remote {
	places := b.topics[topic]
	if int(partition) >= len(places) {
		return nil
	}
	return b.byID[places[partition].leader]
}

// The sorts of coordinators.
const (
	ofGroup       int8 = 0
	ofTransaction int8 = 1
)

// coordinator asks who coordinates a group or a transactional ID.
func (b *brokers) coordinator(sort int8, key string) (*remote, error) {
	err := error(errUnreachable)
	for _, r := range slices.Clone(b.remotes) {
		if b.stopping {
			return nil, errStopping
		}
		request := kmsg.NewPtrFindCoordinatorRequest()
		request.CoordinatorKey, request.CoordinatorType = key, sort
		answer, _, problem := r.ask(forShort, request, b.config.Timeout)
		if problem != nil {
			err = problem
			continue
		}
		told := answer.(*kmsg.FindCoordinatorResponse)
		if code := wire.Code(told.ErrorCode); code != wire.None {
			err = code
			continue
		}
		if found := b.remoteNamed(told.Host, told.Port); found != nil {
			b.byID[told.NodeID] = found
			return found, nil
		}
		err = errNoCoordinator
	}
	return nil, err
}

// rest waits before a further attempt.
func (b *brokers) rest(pause *backoff.Backoff) error {
	if b.stopping {
		return errStopping
	}
	wait := pause.Next(b.env.Rand())
	if b.env.Point(retryAtOnce) {
		wait = 0
	}
	return b.env.Sleep(wait)
}

func (b *brokers) pause() *backoff.Backoff {
	return &backoff.Backoff{Least: b.config.BackoffMin, Most: b.config.BackoffMax}
}

// stop lets nothing new begin, and wakes who waits.
func (b *brokers) stop() {
	b.stopping = true
	b.changed.Broadcast()
}

func (b *brokers) hangUp() {
	for _, r := range b.remotes {
		r.hangUp()
	}
}

// lasts says whether so much time is left, from an instant on.
func lasts(env nodes.Env, until nodes.Instant) time.Duration { return until.Sub(env.Mark()) }
