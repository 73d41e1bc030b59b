package raft

import "fmt"

// incoming is a snapshot of which the beginning has arrived.
type incoming struct {
	index, term uint64
	data        []byte
}

// Compactable is up to where a snapshot may stand for the log: what is applied, and on this server's disk. A new server
// that has not come to an entry with the members yet has none: nobody could learn them from its snapshot.
func (c *Core) Compactable() uint64 {
	index := min(c.applied, c.log.stable)
	if len(c.membersAt(index).Voters) == 0 {
		return c.log.base.Index
	}
	return index
}

// Compact lets a snapshot of the state machine stand for the log up to index, and returns it with all that is to be
// kept of it. The data is not to be written to from here on. Index is no more than Compactable.
func (c *Core) Compact(index uint64, data []byte) Snapshot {
	if index > c.Compactable() || index < c.log.base.Index {
		panic(fmt.Sprintf("raft: a snapshot up to %d does not fit a log from %d that is durable and applied up to %d",
			index, c.FirstIndex(), c.Compactable()))
	}
	term, _ := c.log.term(index)
	s := Snapshot{Index: index, Term: term, Members: c.membersAt(index), Data: data}
	c.log.compact(s)
	c.fresh = max(c.fresh, index+1)
	for len(c.settings) > 1 && c.settings[1].index <= index {
		c.settings = c.settings[1:]
	}
	return s
}

// sendChunk sends the next piece of a snapshot.
func (c *Core) sendChunk(p *peer) {
	s := p.sending
	p.paused = true
	end := min(p.offset+uint64(c.opts.ChunkBytes), uint64(len(s.Data)))
	m := Message{Type: InstallSnapshot, To: p.id, Index: s.Index, LogTerm: s.Term, Round: c.round,
		Offset: p.offset, Data: s.Data[p.offset:end], Done: end == uint64(len(s.Data))}
	if m.Done {
		m.Members = s.Members
	}
	c.sendNow(m)
}

// handleSnapshot takes a chunk.
func (c *Core) handleSnapshot(m *Message) {
	c.follow(m.From)
	if term, known := c.log.term(m.Index); known && term == m.LogTerm {
		// The log has it all, and more that may have been promised: a crash half-way through writing a snapshot in its
		// place would take that away.
		c.commitTo(m.Index)
	}
	if m.Index <= c.commit { // it is known here, by entries or by another snapshot
		c.incoming = nil
		c.sendAfterSave(Message{Type: AppendReply, To: m.From, Index: c.commit, Round: m.Round})
		return
	}
	in := c.incoming
	if in == nil || in.index != m.Index || in.term != m.LogTerm {
		in = &incoming{index: m.Index, term: m.LogTerm}
		c.incoming = in
	}
	have := uint64(len(in.data))
	if m.Offset == have && have+uint64(len(m.Data)) <= uint64(c.opts.SnapshotBytes) {
		in.data = append(in.data, m.Data...)
		have = uint64(len(in.data))
	}
	if !m.Done || m.Offset+uint64(len(m.Data)) != have {
		c.sendNow(Message{Type: SnapshotReply, To: m.From, Index: m.Index, Offset: have, Round: m.Round})
		return
	}
	c.incoming = nil
	c.restore(Snapshot{Index: in.index, Term: in.term, Members: m.Members, Data: in.data})
	c.sendAfterSave(Message{Type: AppendReply, To: m.From, Index: m.Index, Round: m.Round})
}

// restore takes over a snapshot, in place of a log that does not have its last entry.
func (c *Core) restore(s Snapshot) {
	c.log.reset(s)
	c.replaced(s.Index + 1)
	c.settings = []setting{{s.Index, s.Members}}
	c.fresh = s.Index + 1
	c.members = s.Members
	c.commit, c.applied = s.Index, s.Index
	c.taken, c.dirty = true, true
	restored := c.log.base
	c.out.Restore = &restored
}

// handleSnapshotReply goes on with the next chunk.
func (c *Core) handleSnapshotReply(m *Message) {
	p := c.peer(m.From)
	if c.role != Leader || p == nil {
		return
	}
	c.answered(p, m)
	if p.pace != install || p.sending.Index != m.Index || m.Offset > uint64(len(p.sending.Data)) || m.Offset == p.offset {
		return
	}
	p.offset, p.moved = m.Offset, true
	c.sendChunk(p)
}
