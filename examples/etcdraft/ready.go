package main

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"simrun/nodes/raft"
)

// owed is what the library may be told, or another server, only once a Save is durable.
type owed struct {
	number  uint64
	message *pb.Message
}

// mostOwed bounds what waits for a disk that stands still, besides what this server owes itself. What is beyond is lost, as on
// the network.
const mostOwed = 4096

// Output takes what has come to be done since the last call.
func (c *core) Output() raft.Output {
	c.collect()
	c.refuse()
	out := c.out
	c.out = raft.Output{}
	if out.Restore != nil {
		c.applied = out.Restore.Index
	}
	if n := len(out.Apply); n > 0 {
		c.applied = out.Apply[n-1].Index
	}
	return out
}

// collect takes what the library has come up with. What of it this server answers itself may give it more to do.
func (c *core) collect() {
	for c.node.HasReady() {
		r := c.node.Ready()
		for _, s := range r.ReadStates {
			c.answer(s)
		}
		for _, m := range r.Messages {
			switch m.GetType() {
			case pb.MsgStorageAppend:
				c.keep(m)
			case pb.MsgStorageApply:
				c.apply(m)
			case pb.MsgSnap:
				c.ship(m)
			default:
				c.out.Send = append(c.out.Send, envelope(m))
			}
		}
	}
}

// keep takes what the library wants to be kept into the Save that is to come, and what waits for that.
func (c *core) keep(m *pb.Message) {
	changed := false
	if m.Term != nil {
		changed = m.GetTerm() != c.term || m.GetVote() != c.vote
		c.term, c.vote, c.commit = m.GetTerm(), m.GetVote(), m.GetCommit()
	}
	if m.GetSnapshot() != nil {
		c.restore(m.GetSnapshot())
	}
	if len(m.GetEntries()) > 0 {
		c.log.append(m.GetEntries())
		c.write(m.GetEntries())
	}
	if changed { // that more is committed alone is not worth a write: whoever does not know is told again
		c.save()
	}
	for _, response := range m.GetResponses() {
		c.owe(response)
	}
}

// save is the Save that is to come.
func (c *core) save() *raft.Save {
	if c.out.Save == nil {
		c.saves++
		c.out.Save = &raft.Save{Number: c.saves}
	}
	c.out.Save.Term, c.out.Save.Vote = c.term, raft.ID(c.vote)
	return c.out.Save
}

// write adds entries to the Save that is to come, in the place of those that have their index.
func (c *core) write(entries []*pb.Entry) {
	s := c.save()
	if n := len(s.Entries); n > 0 {
		first := s.Entries[0].Index
		s.Entries = s.Entries[:min(uint64(n), max(entries[0].GetIndex(), first)-first)]
	}
	for _, e := range entries {
		s.Entries = append(s.Entries, wrap(e, c.commit))
	}
}

// restore takes over a snapshot, in the place of all there was.
func (c *core) restore(from *pb.Snapshot) {
	snapshot, err := decodeSnapshot(from)
	if err != nil {
		panic(err) // it was looked at when it came
	}
	c.log.restore(snapshot)
	c.settings = []setting{{snapshot.Index, snapshot.Members}}
	s := c.save()
	s.Snapshot, s.Entries = &snapshot, nil
	restored := snapshot
	c.out.Restore, c.out.Apply = &restored, nil
}

// owe has something said once all that is to be kept by now is durable.
func (c *core) owe(m *pb.Message) {
	switch {
	case c.saves == c.saved:
		c.deliver(m)
	case m.GetTo() == uint64(c.opts.ID) || len(c.owed) < mostOwed:
		c.owed = append(c.owed, owed{c.saves, m})
	}
}

func (c *core) deliver(m *pb.Message) {
	if m.GetTo() == uint64(c.opts.ID) {
		c.step(m)
		return
	}
	c.out.Send = append(c.out.Send, envelope(m))
}

// Saved says that all Saves up to that number are durable.
func (c *core) Saved(number uint64) {
	if number > c.saves || number <= c.saved {
		return
	}
	c.saved = number
	n := 0
	for ; n < len(c.owed) && c.owed[n].number <= number; n++ {
	}
	now := c.owed[:n:n]
	c.owed = append([]owed(nil), c.owed[n:]...)
	for _, o := range now {
		c.deliver(o.message)
	}
}

// apply hands out committed entries. They are applied before anything else happens, so the library may know at once.
func (c *core) apply(m *pb.Message) {
	for _, e := range m.GetEntries() {
		c.out.Apply = append(c.out.Apply, entryOf(e))
		if e.GetType() != pb.EntryNormal {
			c.configure(e)
		}
	}
	for _, response := range m.GetResponses() {
		c.step(response)
	}
}
