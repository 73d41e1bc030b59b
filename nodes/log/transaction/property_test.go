package transaction

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// judge holds what producers are told, and what partitions are, to what a coordinator promises.
type judge struct {
	*world
	given   map[coordinator.Producer]*producer // who was given a number and epoch
	newest  map[string]coordinator.Producer    // that was given for a transactional ID
	decided map[string]Marker                  // the first of the transaction, until it is complete
	sent    []Marker
	taken   map[string]map[TopicPartition]bool // into the transaction under way, as producers were told
}

func (j *judge) hears(by *producer, asked kmsg.Request, code wire.Code) {
	if code != wire.None {
		return
	}
	switch r := asked.(type) {
	case *kmsg.InitProducerIDRequest:
		was, again := j.given[by.is]
		require.True(j.t, !again || was == by, "%v is given to %s and to %s", by.is, by.name, by.id)
		j.given[by.is] = by
		if by.id != "" {
			j.newest[by.id], j.taken[by.id] = by.is, map[TopicPartition]bool{}
		}
	case *kmsg.AddPartitionsToTxnRequest:
		j.isNewest(by, r.ProducerID, r.ProducerEpoch)
		for _, t := range r.Topics {
			j.taken[by.id][TopicPartition{t.Topic, t.Partitions[0]}] = true
		}
	case *kmsg.EndTxnRequest:
		if asked := (coordinator.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}); by.is == asked {
			j.isNewest(by, r.ProducerID, r.ProducerEpoch)
		} else if was := j.newest[by.id]; was != by.is { // it has not heard before that it goes on under the next epoch
			require.Equal(j.t, was, asked, "%s was fenced off", by.name)
			j.given[by.is], j.newest[by.id] = by, by.is
		}
		if m, open := j.decided[by.id]; open {
			require.Equal(j.t, m.Commit, r.Commit, "%s was told that its transaction ended otherwise", by.name)
		}
	}
}

// isNewest says that a producer that was fenced off gets nothing done.
func (j *judge) isNewest(by *producer, id int64, epoch int16) {
	require.Equal(j.t, j.newest[by.id], coordinator.Producer{ID: id, Epoch: epoch}, "%s was fenced off", by.name)
}

// hearsMarker holds a marker to the first of its transaction.
func (j *judge) hearsMarker(m Marker) {
	j.sent = append(j.sent, m)
	first, again := j.decided[m.ID]
	if !again {
		j.decided[m.ID] = m
		for p := range j.taken[m.ID] {
			require.Contains(j.t, m.Partitions, p, "a partition of the transaction of %s is left out", m.ID)
		}
		j.taken[m.ID] = map[TopicPartition]bool{}
		return
	}
	require.Equal(j.t, first.Commit, m.Commit, "%s is told two things", m.ID)
	require.Equal(j.t, first.Producer, m.Producer)
	require.Subset(j.t, first.Partitions, m.Partitions)
}

// completes holds a transaction that is complete to what its partitions said of the markers of it that this coordinator sent.
func (j *judge) completes(id string) {
	last := j.last[id]
	for _, p := range j.decided[id].Partitions {
		require.True(j.t, j.have[fmt.Sprint(last.CoordinatorEpoch, last.Number, p)], "%v has no marker of the transaction of %s", p, id)
	}
	delete(j.decided, id)
}

// If this failed, a transaction would be committed in one partition and aborted in another, a producer that was fenced off would write on,
// or one would be told what the next coordinator knows nothing of.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, Options{Retention: 10 * time.Minute, CleanEvery: time.Minute})
		j := &judge{world: w, given: map[coordinator.Producer]*producer{}, newest: map[string]coordinator.Producer{}, decided: map[string]Marker{},
			taken: map[string]map[TopicPartition]bool{}}
		w.told, w.marks, w.changed = j.hears, j.hearsMarker, func(c Change) {
			if !c.To.decided() {
				j.completes(c.ID)
			}
		}
		for i := range 4 {
			w.producer(fmt.Sprint("p", i)).id = []string{"x", "x", "y", ""}[i]
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			j.step(t)
			for id := range j.decided { // it may have been completed by what a coordinator wrote before it was lost
				if x := w.core.transactions[id]; x == nil || !x.state.decided() {
					delete(j.decided, id)
				}
			}
		}
		j.calm()
		w.resign(0)
		require.Empty(t, w.waits, "calls that nobody answered")
	})
}

func (j *judge) step(t *rapid.T) {
	p := j.producers[rapid.IntRange(0, 3).Draw(t, "producer")]
	some := TopicPartition{"orders", int32(rapid.IntRange(0, 2).Draw(t, "partition"))}
	switch rapid.SampledFrom([]string{"init", "init", "again", "add", "add", "add", "offsets", "commit", "commit", "abort", "mark", "mark", "all", "late", "pass", "hold", "release",
		"refuse", "restart", "lose"}).Draw(t, "what") {
	case "init":
		j.init(p, time.Minute, false)
	case "again":
		j.init(p, time.Minute, true)
	case "add":
		j.add(p, some)
	case "offsets":
		j.addOffsets(p, "workers")
	case "commit":
		j.end(p, true, rapid.Bool().Draw(t, "moves on"))
	case "abort":
		j.end(p, false, rapid.Bool().Draw(t, "moves on"))
	case "mark":
		j.mark(p.id, some)
	case "all":
		j.mark(p.id)
	case "late":
		if len(j.sent) > 0 {
			m := j.sent[rapid.IntRange(0, len(j.sent)-1).Draw(t, "marker")]
			j.confirm(m, m.Partitions...)
		}
	case "pass":
		j.pass(time.Duration(rapid.SampledFrom([]int{1, 30, 61, 700}).Draw(t, "seconds")) * time.Second)
	case "hold":
		j.hold = true
	case "release":
		j.hold = false
		j.take()
	case "refuse":
		if last := len(j.under) - 1; last >= 0 {
			u := j.under[last]
			j.under = j.under[:last]
			j.core.Refused(j.now, u.Number, wire.NotEnoughReplicas)
			j.take()
		}
	case "restart":
		j.hold = false
		j.take()
		before := strings.ReplaceAll(j.core.String(), "✓", "") // which of them have their markers is not written down
		j.resign(0)
		j.start()
		require.Equal(t, before, j.core.String())
	case "lose":
		j.resign(rapid.IntRange(0, 2).Draw(t, "committed"))
		j.start()
	}
}

// calm has all partitions confirm their markers, and everybody come anew: then each can begin and commit a transaction.
func (j *judge) calm() {
	j.hold = false
	j.take()
	for _, id := range []string{"x", "y"} {
		p := &producer{name: "new " + id, id: id}
		j.init(p, time.Minute, false)
		for range 2 {
			j.mark(id)
			j.pass(2 * time.Second)
		}
		j.init(p, time.Minute, false)
		j.add(p, TopicPartition{"orders", 0})
		j.end(p, true, false)
		require.Equal(j.t, PrepareCommit, j.core.transactions[id].state, j.core.String())
		j.mark(id)
		require.Equal(j.t, CompleteCommit, j.core.transactions[id].state, j.core.String())
	}
}

// What a record says does no more than be an error.
func FuzzReplay(f *testing.F) {
	w := newWorld(f, Options{})
	a := w.producer("a")
	a.id = "pay"
	w.init(a, time.Minute, false)
	w.add(a, TopicPartition{"orders", 0}, TopicPartition{"orders", 1})
	w.end(a, true, true)
	w.mark("pay")
	for _, e := range w.log {
		f.Add(e.Records[0].Key, e.Records[0].Value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		ids := &IDs{}
		c := New(Options{IDs: ids})
		err := c.Replay(coordinator.Entry{Records: []coordinator.Record{{Key: key, Value: value}}})
		if err != nil {
			require.ErrorIs(t, err, ErrRecord)
		}
		now := w.now
		c.Serve(now, 1)
		for range 100 {
			now = now.After(max(0, c.Deadline().Sub(now.Mark)))
			c.Tick(now)
			out := c.Output()
			for _, u := range out.Writes {
				c.Committed(now, u.Number)
			}
			for _, m := range out.Markers {
				c.Marked(now, m, m.Partitions...)
			}
		}
		for _, x := range c.sorted() {
			require.False(t, x.state == Ongoing || x.state.decided(), "%s", x)
		}
	})
}

// If this failed, a coordinator would take over what cannot be, and go on from there.
func TestWhatCannotStandIsNotTakenOver(t *testing.T) {
	some := []kmsg.TxnMetadataValueTopic{{Topic: "orders", Partitions: []int32{0}}}
	for _, v := range []kmsg.TxnMetadataValue{
		{ProducerID: -1, TimeoutMillis: 1}, {ProducerID: 1, ProducerEpoch: -1, TimeoutMillis: 1}, {ProducerID: 1},
		{ProducerID: 1, TimeoutMillis: 1, Topics: some}, {ProducerID: 1, TimeoutMillis: 1, State: kmsg.TransactionState(Ongoing)},
		{ProducerID: 1, TimeoutMillis: 1, State: 6}, {ProducerID: 1, TimeoutMillis: 1, State: -1}, {Version: 2, ProducerID: 1, TimeoutMillis: 1},
	} {
		c := New(Options{IDs: &IDs{}})
		err := c.Replay(coordinator.Entry{Records: []coordinator.Record{{Key: keyOf("x"), Value: v.AppendTo(nil)}}})
		require.ErrorIs(t, err, ErrRecord, "%+v", v)
		require.Empty(t, c.transactions)
	}
}
