package broker

import (
	"errors"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/group"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/nodes/log/transaction"
	"simrun/nodes/log/wire"
)

// The brokers' own topics.
const (
	offsetsTopic = "__consumer_offsets"
	ledgerTopic  = "__transaction_state"
)

func internal(topic string) bool { return topic == offsetsTopic || topic == ledgerTopic }

// core is a coordinator, of groups or of transactions.
type core interface {
	Replay(e coordinator.Entry) error
	Step(now coordinator.Time, call coordinator.Call)
	Committed(now coordinator.Time, number uint64)
	Refused(now coordinator.Time, number uint64, code wire.Code)
	Deadline() nodes.Instant
	Tick(now coordinator.Time)
	Resign()
}

// keeper drives the coordinator of a partition that this broker leads: from when it leads until it does not.
type keeper struct {
	b     *broker
	r     *replica
	log   *partition.Partition
	epoch int32
	core
	groups  *group.Core       // one of these two is the core
	ledger  *transaction.Core // the other is nil
	answers map[uint64]func(kmsg.Response)
	timer   nodes.Timer
	at      nodes.Instant // when the timer rings
	busy    bool
	over    bool
}

// tend lets a coordinator begin where a partition of the brokers' own topics is led.
func (b *broker) tend(r *replica) {
	if !internal(r.ref.Topic) {
		return
	}
	k := &keeper{b: b, r: r, log: r.log, epoch: r.epoch, answers: map[uint64]func(kmsg.Response){}, at: coordinator.Never}
	if r.ref.Topic == offsetsTopic {
		o := b.config.group()
		o.Rand = b.env.Rand()
		k.groups = group.New(o)
		k.core = k.groups
	} else {
		k.ledger = transaction.New(transaction.Options{IDs: &b.ids, OffsetsTopic: offsetsTopic, OffsetsPartitions: b.partitionsOf(offsetsTopic)})
		k.core = k.ledger
	}
	r.keeper = k
	b.env.Go("load "+r.ref.Topic, k.load)
}

// partitionsOf is how many partitions a topic of the brokers' own has, or will have.
func (b *broker) partitionsOf(topic string) int {
	if t := b.state.Topic(topic); t != nil {
		return len(t.Partitions)
	}
	if topic == offsetsTopic {
		return b.config.Offsets
	}
	return b.config.Ledgers
}

// now is both clocks.
func (b *broker) now() coordinator.Time {
	return coordinator.Time{Mark: b.env.Mark(), Wall: b.env.Now()}
}

// load reads what stands in the partition, and begins to serve once all of it is committed: until then another leader might have
// less.
func (k *keeper) load() {
	end := k.r.starts
	for at := k.log.Start(); !k.over && at < end; {
		data, err := k.log.Read(at, partition.ReadOptions{MaxBytes: 1 << 20})
		switch {
		case k.over:
			return
		case errors.Is(err, partition.ErrOutOfRange):
			at = k.log.Start() // compaction went on meanwhile
			continue
		case errors.As(err, new(*partition.Corruption)):
			k.b.rotten(k.r, err)
		case err != nil:
			k.b.fail(err)
		case len(data) == 0: // it is not placed yet
			if k.b.env.Sleep(time.Millisecond) != nil {
				return
			}
			continue
		}
		for len(data) > 0 {
			var batch record.Batch
			if batch, data, err = record.Cut(data); err == nil {
				err = k.replay(batch)
			}
			if err != nil {
				k.b.env.Log().Warn("something in a topic of the brokers' own is not understood", "log", k.r.dir(), "err", err)
			}
			if batch == nil {
				break
			}
			at = batch.NextOffset()
		}
	}
	if k.over {
		return
	}
	k.r.await(end, func(code wire.Code) {
		if code != wire.None || k.over {
			return
		}
		if k.groups != nil {
			k.groups.Serve(k.b.now())
		} else {
			k.ledger.Serve(k.b.now(), k.epoch)
		}
		k.b.record.Reach(coordinates)
		k.b.note("coordinates", k.r)
		k.drive()
	})
}

// replay tells the core what a batch says.
func (k *keeper) replay(b record.Batch) error {
	e := coordinator.Entry{}
	if by := b.Producer(); b.Attributes().Transactional() {
		e.Transaction = &coordinator.Producer{ID: by.ID, Epoch: by.Epoch}
	}
	if b.Attributes().Control() {
		m, err := b.Marker()
		if err != nil {
			return err
		}
		e.Marker, e.Commit = true, m.Commit
		return k.core.Replay(e)
	}
	for one, err := range k.b.codec.Records(b) {
		if err != nil {
			return err
		}
		e.Records = append(e.Records, coordinator.Record{Key: one.Key, Value: one.Value})
	}
	if len(e.Records) == 0 {
		return nil // what compaction left
	}
	return k.core.Replay(e)
}

// resign ends it. Whoever waits is told to look for the next.
func (k *keeper) resign() {
	if k.over {
		return
	}
	k.over = true
	if k.timer != nil {
		k.timer.Stop()
	}
	k.core.Resign()
	k.drive()
}

// step lets the core take a request.
func (k *keeper) step(client, host string, request kmsg.Request, done func(kmsg.Response)) {
	k.b.calls++
	k.answers[k.b.calls] = done
	k.core.Step(k.b.now(), coordinator.Call{ID: k.b.calls, Client: client, Host: host, Request: request})
	k.drive()
}

// drive does what the core has come to want: it appends, answers, and sends markers. What that leads to at once is done in the same
// call.
func (k *keeper) drive() {
	if k.busy {
		return
	}
	k.busy = true
	for {
		var writes []coordinator.Write
		var answers []coordinator.Answer
		var markers []transaction.Marker
		if k.groups != nil {
			out := k.groups.Output()
			writes, answers = out.Writes, out.Answers
			k.tellGroups(out.Changes)
		} else {
			out := k.ledger.Output()
			writes, answers, markers = out.Writes, out.Answers, out.Markers
		}
		if len(writes)+len(answers)+len(markers) == 0 {
			break
		}
		for _, w := range writes {
			if !k.over {
				k.write(w)
			}
		}
		for _, a := range answers {
			if done := k.answers[a.ID]; done != nil {
				delete(k.answers, a.ID)
				done(a.Response)
			}
		}
		for _, m := range markers {
			if !k.over {
				k.b.sendMarkers(k, m)
			}
		}
	}
	k.busy = false
	k.arm()
}

// arm sets the timer to when the core wants to be called next.
func (k *keeper) arm() {
	due := k.core.Deadline()
	if k.over || due == k.at && k.timer != nil {
		return
	}
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
	if k.at = due; due == coordinator.Never {
		return
	}
	k.timer = k.b.env.AfterFunc(max(0, due.Sub(k.b.env.Mark())), func() {
		k.timer = nil
		if !k.over {
			k.core.Tick(k.b.now())
			k.drive()
		}
	})
}

// write appends records. They count once they are committed; if that is not to be seen any more, the coordinator resigns, for it does not know what
// stands in the partition.
func (k *keeper) write(w coordinator.Write) {
	refuse := func(err error) {
		if k.over {
			return
		}
		if errors.Is(err, partition.ErrBroken) || errors.Is(err, partition.ErrClosed) {
			k.resign()
			return
		}
		code := codeOf(err)
		if code == wire.StorageError || errors.Is(err, partition.ErrBehind) {
			code = wire.CoordinatorNotAvailable
		}
		k.core.Refused(k.b.now(), w.Number, code)
		k.drive()
	}
	build := record.Builder{}
	if by := w.Transaction; by != nil {
		build.Producer, build.Transactional = &record.Producer{ID: by.ID, Epoch: by.Epoch, Sequence: k.sequence(by)}, true
	}
	var records []record.Record
	now := k.b.env.Now().UnixMilli()
	for _, each := range w.Records {
		records = append(records, record.Record{Time: now, Key: each.Key, Value: each.Value})
	}
	batch, err := k.b.codec.Build(build, records...)
	var a partition.Appended
	if err == nil {
		a, err = k.log.Append(batch, k.epoch)
	}
	if err != nil {
		refuse(err)
		return
	}
	committed := k.r.await(a.Last+1, func(code wire.Code) {
		if code == wire.None && !k.over {
			k.core.Committed(k.b.now(), w.Number)
			k.drive()
		}
	})
	k.log.Then(a, func(err error) {
		if err != nil && !committed.over {
			committed.over = true // its offset goes to another batch
			refuse(err)
		}
	})
}

// sequence is the number of what comes next here of a producer. Only coordinators write to this partition, so it is for them to count.
func (k *keeper) sequence(by *coordinator.Producer) int32 {
	known, ok := k.log.Producer(by.ID)
	if !ok || known.Epoch != by.Epoch || known.LastSequence < 0 {
		return 0
	}
	return (known.LastSequence + 1) & math.MaxInt32
}

// coordinator is who coordinates a group or a transactional ID, if this broker does.
func (b *broker) coordinator(topic, name string) (*keeper, wire.Code) {
	t := b.state.Topic(topic)
	if t == nil {
		return nil, wire.CoordinatorNotAvailable
	}
	r, code := b.leading(topic, coordinator.Partition(name, len(t.Partitions)), -1)
	if code != wire.None || r.keeper == nil {
		b.record.Reach(notCoordinator)
		return nil, wire.NotCoordinator
	}
	return r.keeper, wire.None
}
