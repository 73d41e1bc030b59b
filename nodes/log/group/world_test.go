package group

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// world is a partition of the internal topic, its coordinator, and clients that call it.
type world struct {
	t     require.TestingT
	o     Options
	core  *Core
	now   coordinator.Time
	log   []coordinator.Entry // committed
	under []coordinator.Write // appended and not committed
	hold  bool                // writes stay under way until told otherwise

	calls   uint64
	waits   map[uint64]waits
	clients []*client
	tell    func(format string, args ...any)
	changed func(Change)
	told    func(by *client, asked kmsg.Request, answer kmsg.Response)
}

type waits struct {
	by    *client
	asked kmsg.Request
}

// client knows what it was told last.
type client struct {
	name, instance, group string
	id, leader            string
	generation            int32
	members               []string // of a leader
	joined, synced        bool
}

func newWorld(t require.TestingT, o Options) *world {
	w := &world{t: t, o: o, waits: map[uint64]waits{}, tell: func(string, ...any) {}}
	w.now = coordinator.Time{Mark: nodes.Instant(time.Hour), Wall: time.UnixMilli(1_600_000_000_000)}
	w.o.Rand = rand.New(rand.NewPCG(1, 2))
	w.start()
	return w
}

// start begins a coordinator with what was committed.
func (w *world) start() {
	w.core = New(w.o)
	for _, e := range w.log {
		require.NoError(w.t, w.core.Replay(e))
	}
	w.core.Serve(w.now)
	w.take()
}

// resign ends the coordinator: what is under way comes to be committed or not.
func (w *world) resign(committed int) {
	w.core.Resign()
	for _, u := range w.under[:min(committed, len(w.under))] {
		w.log = append(w.log, coordinator.Entry{Records: u.Records, Transaction: u.Transaction})
	}
	w.under = nil
	w.take()
}

func (w *world) client(name string) *client {
	i := slices.IndexFunc(w.clients, func(c *client) bool { return c.name == name })
	if i < 0 {
		w.clients = append(w.clients, &client{name: name, generation: -1})
		i = len(w.clients) - 1
	}
	return w.clients[i]
}

func (w *world) ask(by *client, r kmsg.Request) {
	w.calls++
	w.waits[w.calls] = waits{by, r}
	w.core.Step(w.now, coordinator.Call{ID: w.calls, Client: by.name, Host: "/10.0.0.1", Request: r})
	w.take()
}

// take does what the coordinator wants done.
func (w *world) take() {
	for {
		out := w.core.Output()
		for _, c := range out.Changes {
			w.tell("%s is %s, generation %d, %d members", c.Group, c.To, c.Generation, c.Members)
			if w.changed != nil {
				w.changed(c)
			}
		}
		for _, u := range out.Writes {
			w.tell("write %d: %s", u.Number, describe(u))
		}
		w.under = append(w.under, out.Writes...)
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

// commit commits the first writes that are under way.
func (w *world) commit(n int) {
	for _, u := range w.under[:n] {
		w.log = append(w.log, coordinator.Entry{Records: u.Records, Transaction: u.Transaction})
	}
	last := w.under[n-1].Number
	w.under = w.under[n:]
	w.core.Committed(w.now, last)
}

// end writes the marker of a producer's transaction.
func (w *world) end(producer int64, commit bool) {
	w.log = append(w.log, coordinator.Entry{Transaction: &coordinator.Producer{ID: producer}, Marker: true, Commit: commit})
	w.core.Ended(w.now, producer, commit)
	w.take()
}

// pass lets time pass; what is due happens when it is due.
func (w *world) pass(d time.Duration) {
	until := w.now.After(d)
	for turns := 0; w.core.Deadline() <= until.Mark; turns++ {
		require.Less(w.t, turns, 10_000, "time stands still")
		w.now = w.now.After(max(0, w.core.Deadline().Sub(w.now.Mark)))
		w.core.Tick(w.now)
		w.take()
	}
	w.now = until
}

// hear is how a client takes an answer.
func (w *world) hear(by *client, asked kmsg.Request, answer kmsg.Response) {
	if by == nil {
		return
	}
	if w.told != nil {
		w.told(by, asked, answer)
	}
	text := ""
	switch a := answer.(type) {
	case *kmsg.JoinGroupResponse:
		by.joined, by.synced = a.ErrorCode == 0, false
		switch text = wire.Code(a.ErrorCode).String(); wire.Code(a.ErrorCode) {
		case wire.None:
			by.id, by.leader, by.generation, by.members = a.MemberID, a.LeaderID, a.Generation, nil
			text = fmt.Sprintf("generation %d by %s, led by %s", a.Generation, *a.Protocol, a.LeaderID)
			for _, m := range a.Members {
				by.members = append(by.members, m.MemberID)
			}
			if len(by.members) > 0 {
				text += " with " + strings.Join(by.members, " ")
			}
		case wire.MemberIDRequired:
			by.id = a.MemberID
			text += " " + by.id
		case wire.UnknownMemberID, wire.FencedInstanceID:
			by.id, by.generation = "", -1
		}
	case *kmsg.SyncGroupResponse:
		by.joined, by.synced = by.joined && a.ErrorCode == 0, a.ErrorCode == 0
		text = wire.Code(a.ErrorCode).String()
		if a.ErrorCode == 0 {
			text = fmt.Sprintf("assigned %q", a.MemberAssignment)
		}
	case *kmsg.HeartbeatResponse:
		by.joined = by.joined && a.ErrorCode == 0
		text = wire.Code(a.ErrorCode).String()
	case *kmsg.LeaveGroupResponse:
		text = wire.Code(a.ErrorCode).String()
		for _, m := range a.Members {
			text += " " + wire.Code(m.ErrorCode).String()
		}
	case *kmsg.OffsetCommitResponse:
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf("%s/%d %s ", t.Topic, p.Partition, wire.Code(p.ErrorCode))
			}
		}
	case *kmsg.TxnOffsetCommitResponse:
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf("%s/%d %s ", t.Topic, p.Partition, wire.Code(p.ErrorCode))
			}
		}
	case *kmsg.OffsetFetchResponse:
		text = wire.Code(a.ErrorCode).String() + " "
		if a.ErrorCode == 0 {
			text = ""
		}
		for _, t := range a.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf("%s/%d is %d ", t.Topic, p.Partition, p.Offset)
				if p.ErrorCode != 0 {
					text += wire.Code(p.ErrorCode).String() + " "
				}
			}
		}
	case *kmsg.DeleteGroupsResponse:
		for _, g := range a.Groups {
			text += g.Group + " " + wire.Code(g.ErrorCode).String() + " "
		}
	}
	w.tell("%s: %s", by.name, strings.TrimSpace(text))
}

// describe tells what a write says.
func describe(u coordinator.Write) string {
	var all []string
	for _, r := range u.Records {
		var text string
		if r.Key[1] == groupKeyVersion {
			var k kmsg.GroupMetadataKey
			var v kmsg.GroupMetadataValue
			_, _ = k.ReadFrom(r.Key), v.ReadFrom(r.Value)
			text = fmt.Sprintf("%s generation %d", k.Group, v.Generation)
			for _, m := range v.Members {
				text += fmt.Sprintf(" %s=%q", m.MemberID, m.Assignment)
			}
		} else {
			var k kmsg.OffsetCommitKey
			var v kmsg.OffsetCommitValue
			_, _ = k.ReadFrom(r.Key), v.ReadFrom(r.Value)
			text = fmt.Sprintf("%s %s/%d at %d", k.Group, k.Topic, k.Partition, v.Offset)
		}
		if r.Value == nil {
			text = "no more " + text[:strings.LastIndexByte(text, ' ')]
		}
		all = append(all, text)
	}
	if u.Transaction != nil {
		all = append(all, fmt.Sprintf("in the transaction of producer %d", u.Transaction.ID))
	}
	return strings.Join(all, ", ")
}

// What clients ask.

func (w *world) join(by *client, session, rebalance time.Duration, protocols ...string) {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.ProtocolType = 5, by.group, by.id, "consumer"
	if by.instance != "" {
		r.InstanceID = kmsg.StringPtr(by.instance)
	}
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = int32(session.Milliseconds()), int32(rebalance.Milliseconds())
	for _, p := range protocols {
		r.Protocols = append(r.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: []byte(by.name)})
	}
	w.ask(by, r)
}

func (w *world) sync(by *client, assignments map[string]string) {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 3, by.group, by.id, by.generation
	if by.instance != "" {
		r.InstanceID = kmsg.StringPtr(by.instance)
	}
	for _, id := range by.members {
		r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: []byte(assignments[id])})
	}
	w.ask(by, r)
}

func (w *world) beat(by *client) {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 3, by.group, by.id, by.generation
	if by.instance != "" {
		r.InstanceID = kmsg.StringPtr(by.instance)
	}
	w.ask(by, r)
}

func (w *world) leave(by *client) {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Version, r.Group = 3, by.group
	m := kmsg.LeaveGroupRequestMember{MemberID: by.id}
	if by.instance != "" {
		m.InstanceID = kmsg.StringPtr(by.instance)
	}
	r.Members = append(r.Members, m)
	w.ask(by, r)
}

func (w *world) commitOffset(by *client, topic string, partition int32, at int64) {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 7, by.group, by.id, by.generation
	if by.instance != "" {
		r.InstanceID = kmsg.StringPtr(by.instance)
	}
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: partition, Offset: at, LeaderEpoch: -1}}}}
	w.ask(by, r)
}

func (w *world) commitInTransaction(by *client, producer int64, topic string, partition int32, at int64) {
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.ProducerID = 3, by.group, by.id, by.generation, producer
	r.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Partition: partition, Offset: at, LeaderEpoch: -1}}}}
	w.ask(by, r)
}

func (w *world) fetch(by *client, stable bool, topics []kmsg.OffsetFetchRequestTopic) {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Version, r.Group, r.RequireStable, r.Topics = 7, by.group, stable, topics
	w.ask(by, r)
}

func codeNamed(name string) wire.Code {
	for code := wire.Code(-1); code < 120; code++ {
		if code.String() == name {
			return code
		}
	}
	panic("no such code: " + name)
}
