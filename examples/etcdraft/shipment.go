package main

import (
	"fmt"
	"slices"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"simrun/nodes"
	"simrun/nodes/raft"
)

// A snapshot is one message of the library, which leaves it to others how it gets there, and sends that server nothing else
// until it is told how it went. So it goes in pieces, each after the one before it was acknowledged.

// shipment is a snapshot that a leader sends.
//
// Invariant: all before offset has arrived, and the piece that begins there is under way.
type shipment struct {
	to      raft.ID
	index   uint64
	logTerm uint64
	term    uint64
	data    []byte // the message, encoded
	offset  uint64
	moved   nodes.Instant
}

// incoming is a snapshot of which the beginning has arrived.
type incoming struct {
	from           raft.ID
	index, logTerm uint64
	total          uint64
	data           []byte
}

// ship begins to send a snapshot, in the place of what was under way.
func (c *core) ship(m *pb.Message) {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("etcdraft: the library's own message cannot be encoded: " + err.Error())
	}
	meta := m.GetSnapshot().GetMetadata()
	s := &shipment{to: raft.ID(m.GetTo()), index: meta.GetIndex(), logTerm: meta.GetTerm(), term: m.GetTerm(), data: data, moved: c.now}
	c.shipments = slices.DeleteFunc(c.shipments, func(old *shipment) bool { return old.to == s.to })
	c.shipments = append(c.shipments, s)
	c.sendPiece(s)
}

func (c *core) sendPiece(s *shipment) {
	end := min(s.offset+uint64(orDefault(c.opts.ChunkBytes, 256<<10)), uint64(len(s.data)))
	c.out.Send = append(c.out.Send, raft.Message{Type: raft.InstallSnapshot, From: c.opts.ID, To: s.to, Term: s.term, Index: s.index, LogTerm: s.logTerm,
		Offset: s.offset, Prev: uint64(len(s.data)), Data: s.data[s.offset:end]})
}

// goOn sends the next piece, or says that the last has arrived.
func (c *core) goOn(m *raft.Message) {
	at := slices.IndexFunc(c.shipments, func(s *shipment) bool {
		return s.to == m.From && s.index == m.Index && s.logTerm == m.LogTerm
	})
	if at < 0 || m.Offset == c.shipments[at].offset || m.Offset > uint64(len(c.shipments[at].data)) {
		return
	}
	s := c.shipments[at]
	s.offset, s.moved = m.Offset, c.now
	if s.offset < uint64(len(s.data)) {
		c.sendPiece(s)
		return
	}
	c.shipments = slices.Delete(c.shipments, at, at+1)
	c.do(func() { c.node.ReportSnapshot(uint64(s.to), etcd.SnapshotFinish) })
}

// giveUp tells the library of snapshots that do not get on, so that it tries again. It does not find out by itself.
func (c *core) giveUp() {
	leads, term := c.Leads(), c.Term()
	var lost []raft.ID
	c.shipments = slices.DeleteFunc(c.shipments, func(s *shipment) bool {
		if leads && s.term == term && c.now.Sub(s.moved) <= c.opts.Election {
			return false
		}
		lost = append(lost, s.to)
		return true
	})
	for _, id := range lost {
		c.do(func() { c.node.ReportSnapshot(uint64(id), etcd.SnapshotFailure) })
	}
}

// receive takes a piece of a snapshot, and gives the library the whole.
func (c *core) receive(m *raft.Message) {
	total, most := m.Prev, uint64(orDefault(c.opts.SnapshotBytes, 1<<30))
	if m.Term < c.Term() || total == 0 || total > most || m.Offset > total || uint64(len(m.Data)) > total-m.Offset {
		return
	}
	in := c.incoming
	if in == nil || in.from != m.From || in.index != m.Index || in.logTerm != m.LogTerm || in.total != total {
		in = &incoming{from: m.From, index: m.Index, logTerm: m.LogTerm, total: total}
		c.incoming = in
	}
	if m.Offset == uint64(len(in.data)) {
		in.data = append(in.data, m.Data...)
	}
	have := uint64(len(in.data))
	c.out.Send = append(c.out.Send, raft.Message{Type: raft.SnapshotReply, From: c.opts.ID, To: m.From, Term: m.Term, Index: m.Index, LogTerm: m.LogTerm, Offset: have})
	if have < total {
		return
	}
	c.incoming = nil
	whole := &pb.Message{}
	err := proto.Unmarshal(in.data, whole)
	if err == nil {
		_, err = decodeSnapshot(whole.GetSnapshot())
	}
	if err != nil || whole.GetType() != pb.MsgSnap {
		c.env.Log().Warn("etcd: a snapshot is left out", "from", uint64(m.From), "err", err)
		return
	}
	c.step(whole)
}

// decodeSnapshot is a snapshot of the library, with the machine's image and where the members are reached.
func decodeSnapshot(from *pb.Snapshot) (raft.Snapshot, error) {
	s, err := raft.DecodeSnapshot(from.GetData())
	if err != nil {
		return raft.Snapshot{}, err
	}
	if s.Snapshot.Index != from.GetMetadata().GetIndex() || s.Snapshot.Term != from.GetMetadata().GetTerm() {
		return raft.Snapshot{}, fmt.Errorf("%w: a snapshot that says two things of itself", errMessage)
	}
	return s.Snapshot, nil
}
