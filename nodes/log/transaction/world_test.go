package transaction

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// world is a partition of the internal topic, its coordinator, and producers that call it.
type world struct {
	t     require.TestingT
	o     Options
	core  *Core
	now   coordinator.Time
	epoch int32
	log   []coordinator.Entry // committed
	under []coordinator.Write // appended and not committed
	hold  bool                // writes stay under way until told otherwise
	last  map[string]Marker   // that was sent last of each transactional ID
	have  map[string]bool     // which partitions said that they have which marker

	calls     uint64
	waits     map[uint64]waits
	producers []*producer
	tell      func(format string, args ...any)
	told      func(by *producer, asked kmsg.Request, code wire.Code)
	marks     func(Marker)
	changed   func(Change)
}

type waits struct {
	by    *producer
	asked kmsg.Request
}

type producer struct {
	name, id string
	is       coordinator.Producer
}

func newWorld(t require.TestingT, o Options) *world {
	w := &world{t: t, o: o, waits: map[uint64]waits{}, last: map[string]Marker{}, have: map[string]bool{}, tell: func(string, ...any) {}}
	w.now = coordinator.Time{Mark: nodes.Instant(time.Hour), Wall: time.UnixMilli(1_600_000_000_000)}
	w.o.IDs = &IDs{}
	w.o.IDs.Add(1000, 1_000_000)
	w.start()
	return w
}

// start begins a coordinator with what was committed.
func (w *world) start() {
	w.core = New(w.o)
	for _, e := range w.log {
		require.NoError(w.t, w.core.Replay(e))
	}
	w.epoch++
	w.core.Serve(w.now, w.epoch)
	w.take()
}

// resign ends the coordinator: the first so many that are under way come to be committed.
func (w *world) resign(committed int) {
	w.core.Resign()
	for _, u := range w.under[:min(committed, len(w.under))] {
		w.log = append(w.log, coordinator.Entry{Records: u.Records})
	}
	w.under = nil
	w.take()
}

func (w *world) producer(name string) *producer {
	i := slices.IndexFunc(w.producers, func(p *producer) bool { return p.name == name })
	if i < 0 {
		w.producers = append(w.producers, &producer{name: name, is: coordinator.Producer{ID: -1, Epoch: noEpoch}})
		i = len(w.producers) - 1
	}
	return w.producers[i]
}

func (w *world) ask(by *producer, r kmsg.Request) {
	w.calls++
	w.waits[w.calls] = waits{by, r}
	w.core.Step(w.now, coordinator.Call{ID: w.calls, Client: by.name, Request: r})
	w.take()
}

// take does what the coordinator wants done.
func (w *world) take() {
	for {
		out := w.core.Output()
		for _, c := range out.Changes {
			w.tell("%s is %s, producer %d epoch %d", c.ID, c.To, c.Producer.ID, c.Producer.Epoch)
			if w.changed != nil {
				w.changed(c)
			}
		}
		for _, u := range out.Writes {
			w.tell("write %d: %s", u.Number, describe(u))
		}
		w.under = append(w.under, out.Writes...)
		for _, m := range out.Markers {
			w.last[m.ID] = m
			w.tell("%s marker of producer %d epoch %d by %d for %s", map[bool]string{true: "commit", false: "abort"}[m.Commit], m.Producer.ID, m.Producer.Epoch,
				m.CoordinatorEpoch, listed(m.Partitions))
			if w.marks != nil {
				w.marks(m)
			}
		}
		for _, a := range out.Answers {
			who, waits := w.waits[a.ID]
			require.True(w.t, waits, "call %d is answered twice, or was never asked", a.ID)
			delete(w.waits, a.ID)
			w.hear(who.by, who.asked, a.Response)
		}
		if w.hold || len(w.under) == 0 {
			return
		}
		w.commit(len(w.under))
	}
}

func listed(all []TopicPartition) string {
	var words []string
	for _, p := range all {
		words = append(words, fmt.Sprintf("%s/%d", p.Topic, p.Partition))
	}
	return strings.Join(words, " ")
}

// commit commits the first writes that are under way.
func (w *world) commit(n int) {
	for _, u := range w.under[:n] {
		w.log = append(w.log, coordinator.Entry{Records: u.Records})
	}
	last := w.under[n-1].Number
	w.under = w.under[n:]
	w.core.Committed(w.now, last)
}

// mark confirms the marker that was sent last, by some partitions or by all.
func (w *world) mark(id string, partitions ...TopicPartition) {
	m := w.last[id]
	if partitions == nil {
		partitions = m.Partitions
	}
	w.confirm(m, partitions...)
}

// confirm has partitions say that they have a marker.
func (w *world) confirm(m Marker, partitions ...TopicPartition) {
	for _, p := range partitions {
		w.have[fmt.Sprint(m.CoordinatorEpoch, m.Number, p)] = true
	}
	w.core.Marked(w.now, m, partitions...)
	w.take()
}

// pass lets time pass; what is due happens when it is due.
func (w *world) pass(d time.Duration) {
	until := w.now.After(d)
	for turns := 0; w.core.Deadline() <= until.Mark; turns++ {
		require.Less(w.t, turns, 100_000, "time stands still")
		w.now = w.now.After(max(0, w.core.Deadline().Sub(w.now.Mark)))
		w.core.Tick(w.now)
		w.take()
	}
	w.now = until
}

// hear is how a producer takes an answer.
func (w *world) hear(by *producer, asked kmsg.Request, answer kmsg.Response) {
	var code wire.Code
	var text string
	switch a := answer.(type) {
	case *kmsg.InitProducerIDResponse:
		if code = wire.Code(a.ErrorCode); code == wire.None {
			by.is = coordinator.Producer{ID: a.ProducerID, Epoch: a.ProducerEpoch}
			text = fmt.Sprintf("is producer %d epoch %d", a.ProducerID, a.ProducerEpoch)
		}
	case *kmsg.AddPartitionsToTxnResponse:
		code = wire.Code(a.Topics[0].Partitions[0].ErrorCode)
	case *kmsg.AddOffsetsToTxnResponse:
		code = wire.Code(a.ErrorCode)
	case *kmsg.EndTxnResponse:
		if code = wire.Code(a.ErrorCode); code == wire.None && a.Version >= endMovesOn {
			by.is = coordinator.Producer{ID: a.ProducerID, Epoch: a.ProducerEpoch}
			text = fmt.Sprintf("goes on as producer %d epoch %d", a.ProducerID, a.ProducerEpoch)
		}
	}
	if w.told != nil {
		w.told(by, asked, code)
	}
	if text == "" {
		text = code.String()
	}
	w.tell("%s: %s", by.name, text)
}

// describe tells what a write says.
func describe(u coordinator.Write) string {
	var all []string
	for _, r := range u.Records {
		var k kmsg.TxnMetadataKey
		_ = k.ReadFrom(r.Key)
		if r.Value == nil {
			all = append(all, "no more "+k.TransactionalID)
			continue
		}
		var v kmsg.TxnMetadataValue
		_ = v.ReadFrom(r.Value)
		s, err := standingOf(&v)
		if err != nil {
			panic(err)
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s producer %d epoch %d %s", k.TransactionalID, s.state, s.producer, s.epoch, listed(s.partitions))))
	}
	return strings.Join(all, ", ")
}

// What producers ask.

func (w *world) init(by *producer, timeout time.Duration, again bool) {
	r := kmsg.NewPtrInitProducerIDRequest()
	r.Version, r.TransactionTimeoutMillis = 3, int32(timeout.Milliseconds())
	if by.id != "" {
		r.TransactionalID = kmsg.StringPtr(by.id)
	}
	if again {
		r.ProducerID, r.ProducerEpoch = by.is.ID, by.is.Epoch
	}
	w.ask(by, r)
}

func (w *world) add(by *producer, partitions ...TopicPartition) {
	r := kmsg.NewPtrAddPartitionsToTxnRequest()
	r.Version, r.TransactionalID, r.ProducerID, r.ProducerEpoch = 3, by.id, by.is.ID, by.is.Epoch
	for _, p := range partitions {
		r.Topics = append(r.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: p.Topic, Partitions: []int32{p.Partition}})
	}
	w.ask(by, r)
}

func (w *world) addOffsets(by *producer, group string) {
	r := kmsg.NewPtrAddOffsetsToTxnRequest()
	r.Version, r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group = 3, by.id, by.is.ID, by.is.Epoch, group
	w.ask(by, r)
}

func (w *world) end(by *producer, commit, movesOn bool) {
	r := kmsg.NewPtrEndTxnRequest()
	if r.Version = 3; movesOn {
		r.Version = endMovesOn
	}
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = by.id, by.is.ID, by.is.Epoch, commit
	w.ask(by, r)
}
