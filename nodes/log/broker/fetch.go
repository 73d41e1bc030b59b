package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/wire"
	"simrun/nodes/serve"
)

// fetching is a fetch that may wait for something to come.
type fetching struct {
	b       *broker
	request *kmsg.FetchRequest
	answer  *kmsg.FetchResponse
	life    int64 // the asking follower's; 0 for a consumer
	bytes   int
	failed  bool // some partition has something to say besides records
	starved bool // there is no memory for records
	held    int  // bytes of records, read or being read, that unread has
	watch   watch
	watched []*replica
}

// longestWait bounds how long a fetch may ask to wait.
const longestWait = 5 * time.Minute

// serveFetch answers with records as soon as there are enough, or time is up. Sessions are not kept: an answer with session 0 tells a
// client to name all its partitions each time, as real brokers do whose cache of sessions is full.
func (b *broker) serveFetch(c *call, r *kmsg.FetchRequest) {
	f := &fetching{b: b, request: r, watch: watch{cond: b.env.NewCond()}}
	if r.ReplicaID >= 0 {
		life, ok := lifeOf(c.header.Client, r.ReplicaID)
		if !ok {
			b.record.Reach(strangeFollower)
		}
		f.life = life
	}
	defer f.unwatch()
	until := b.env.Mark().Add(min(longestWait, milliseconds(r.MaxWaitMillis)))
	for {
		f.watch.moved = false
		f.collect()
		left := until.Sub(b.env.Mark())
		if f.failed || f.bytes >= int(r.MinBytes) || left <= 0 || c.guest.Closed() {
			break
		}
		b.record.Reach(longPoll)
		if f.bytes > leastRation { // it is read again: others need the memory meanwhile
			f.answer = nil
			f.hold(0)
		}
		waited := c.pause(func() error {
			for !f.watch.moved && left > 0 && !b.refusing {
				if f.starved {
					f.watch.cond.WaitFor(min(left, starvedEvery))
					f.watch.moved = true // perhaps
				} else {
					f.watch.cond.WaitFor(left)
				}
				left = until.Sub(b.env.Mark())
			}
			return nil
		})
		if !waited || b.refusing {
			if f.answer == nil {
				f.collect()
			}
			break
		}
	}
	f.hold(0) // what is read is the outbox's from here on
	c.reply(f.answer)
}

// hold makes it so many bytes that this fetch has others reckon with.
func (f *fetching) hold(bytes int) {
	f.b.unread += bytes - f.held
	f.held = bytes
}

func (f *fetching) unwatch() {
	for _, r := range f.watched {
		r.unwatch(&f.watch)
	}
}

// collect reads what there is now.
func (f *fetching) collect() {
	r := f.request
	f.answer, f.bytes, f.failed, f.starved = r.ResponseKind().(*kmsg.FetchResponse), 0, false, false
	f.hold(0)
	if r.SessionID != 0 { // a session that nobody gave it
		f.answer.ErrorCode, f.failed = int16(wire.FetchSessionIDNotFound), true
		return
	}
	most := min(int(max(r.MaxBytes, 0)), int(f.b.config.MaxFetch))
	f.answer.Topics = make([]kmsg.FetchResponseTopic, 0, len(r.Topics))
	for i := range r.Topics {
		asked := &r.Topics[i]
		told := kmsg.NewFetchResponseTopic()
		told.Topic, told.Partitions = asked.Topic, make([]kmsg.FetchResponseTopicPartition, 0, len(asked.Partitions))
		for j := range asked.Partitions {
			told.Partitions = append(told.Partitions, f.collectFrom(asked.Topic, &asked.Partitions[j], most-f.bytes))
		}
		f.answer.Topics = append(f.answer.Topics, told)
	}
}

const (
	leastRation  = 64 << 10
	starvedEvery = 50 * time.Millisecond
	// slowestReader is how long a consumer may take to read an answer while there is no memory for those of others.
	slowestReader = 30 * time.Second
)

// ration is how many bytes of records there is memory for in a consumer's answer: the fewer, the more wait to be read, so that
// consumers which do not read leave something to those that do. If that is too little, there are none for now, and whoever has read
// too slowly for too long is closed. Followers are few, and what they are owed others wait for.
func (f *fetching) ration() int {
	b := f.b
	spare := int(b.config.MaxMemory) - b.unread
	if f.starved = spare < max(8*leastRation, f.firstBatch()) && b.unread > 0; !f.starved {
		return max(spare/8, leastRation)
	}
	b.record.Reach(noMemoryToFetch)
	if now := b.env.Mark(); now.Sub(b.shed) >= time.Second {
		b.shed = now
		for _, g := range b.everybody() {
			if g.Stuck() > slowestReader {
				b.env.Log().Warn("connection closed", "peer", g.Stream().RemoteAddr(), "err", serve.ErrDeaf)
				b.record.Reach(peerDeaf)
				g.Close()
			}
		}
	}
	return 0
}

// firstBatch is how many bytes an answer may have in any case, or a consumer would never come past a batch.
func (f *fetching) firstBatch() int {
	if f.bytes > 0 {
		return 0
	}
	return int(f.b.config.MaxMessage)
}

// collectFrom reads one partition: so many bytes at most, unless these would be the first of the answer.
func (f *fetching) collectFrom(topic string, asked *kmsg.FetchRequestTopicPartition, most int) kmsg.FetchResponseTopicPartition {
	told := kmsg.NewFetchResponseTopicPartition()
	told.Partition, told.HighWatermark, told.LastStableOffset, told.LogStartOffset = asked.Partition, -1, -1, -1
	told.RecordBatches = []byte{}
	epoch := int32(-1)
	if f.request.Version >= 9 {
		epoch = asked.CurrentLeaderEpoch
	}
	r, code := f.b.leading(topic, asked.Partition, epoch)
	if code == wire.None {
		f.watchIt(r)
		code = f.read(r, asked, &told, most)
	}
	if code != wire.None {
		told.ErrorCode, f.failed = int16(code), true
	}
	return told
}

func (f *fetching) watchIt(r *replica) {
	for _, other := range f.watched {
		if other == r {
			return
		}
	}
	f.watched = append(f.watched, r)
	r.watches = append(r.watches, &f.watch)
}

// read reads from a partition that is led here.
func (f *fetching) read(r *replica, asked *kmsg.FetchRequestTopicPartition, told *kmsg.FetchResponseTopicPartition, most int) wire.Code {
	log, follows := r.log, f.request.ReplicaID >= 0
	told.HighWatermark, told.LastStableOffset, told.LogStartOffset = log.Watermark(), log.Stable(), log.Start()
	if f.request.Version >= 12 && asked.LastFetchedEpoch >= 0 && asked.FetchOffset >= log.Start() {
		if of, end := log.EndOfEpoch(asked.LastFetchedEpoch); of == partition.NoEpoch {
			return wire.UnknownLeaderEpoch
		} else if of < asked.LastFetchedEpoch || end < asked.FetchOffset {
			told.DivergingEpoch.Epoch, told.DivergingEpoch.EndOffset = of, end
			f.failed = true
			f.b.record.Reach(partedWays)
			return wire.None
		}
	}
	if asked.FetchOffset < log.Start() || asked.FetchOffset > log.Next() {
		return wire.OffsetOutOfRange
	}
	below := log.Watermark()
	switch {
	case follows:
		below = log.Placed()
		r.hear(f.request.ReplicaID, f.life, asked.FetchOffset)
		told.UnknownTags.Set(everywhereTag, binary.BigEndian.AppendUint64(nil, uint64(r.everywhere)))
	case f.request.IsolationLevel > 0:
		below = log.Stable()
	}
	told.HighWatermark, told.LastStableOffset = log.Watermark(), log.Stable()
	if asked.FetchOffset >= below || most <= 0 && f.bytes > 0 {
		return wire.None
	}
	if most = max(0, min(most, int(asked.PartitionMaxBytes))); !follows {
		most = min(most, f.ration())
	}
	if f.starved {
		return wire.None
	}
	before := f.held
	f.hold(before + max(most, f.firstBatch())) // a read takes a while, and others begin meanwhile
	data, err := log.Read(asked.FetchOffset, partition.ReadOptions{Below: below, Strict: f.bytes > 0, MaxBytes: nodes.Bytes(most)})
	f.hold(before + len(data))
	if err != nil {
		return f.unreadable(r, log, err)
	}
	if f.request.IsolationLevel > 0 && !follows {
		told.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		for _, a := range log.Aborted(asked.FetchOffset, below) {
			aborted := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
			aborted.ProducerID, aborted.FirstOffset = a.Producer, a.First
			told.AbortedTransactions = append(told.AbortedTransactions, aborted)
		}
	}
	told.RecordBatches = data
	f.bytes += len(data)
	return wire.None
}

// everywhereTag is a field of what a follower is told of a partition that the protocol does not have: below which offset every replica has all.
const everywhereTag = 1000

// unreadable is what is told where a log cannot be read. One that rotted is the end of this life: the next finds it damaged before it says
// what it has.
func (f *fetching) unreadable(r *replica, log *partition.Partition, err error) wire.Code {
	if log != r.log {
		return wire.NotLeaderOrFollower
	}
	f.b.env.Log().Error("a log cannot be read", "dir", r.dir(), "err", err)
	if errors.As(err, new(*partition.Corruption)) {
		f.b.rotten(r, err)
	}
	if errors.Is(err, partition.ErrBroken) {
		f.b.fail(err)
	}
	return codeOf(err)
}

// A follower says who it is, and in which life, in what its connection calls itself: the protocol's own field for that comes with a
// version of Fetch that calls topics by their IDs.
func clientOf(id int32, life int64) string { return fmt.Sprintf("broker-%d@%d", id, life) }

// lifeOf is the life of a follower.
func lifeOf(client string, id int32) (life int64, ok bool) {
	name, text, _ := strings.Cut(client, "@")
	life, err := strconv.ParseInt(text, 10, 64)
	if err != nil || name != "broker-"+strconv.Itoa(int(id)) {
		return 0, false
	}
	return life, true
}
