package raft

// Output is what is to be done: first Save begun (it need not be finished), then Send, then Restore, then Apply. The
// slices are the caller's until the next call of Output; what entries point to is never written to again.
type Output struct {
	Save    *Save
	Send    []Message
	Restore *Snapshot // replaces the state machine
	Apply   []Entry   // committed, in order
	Reads   []Read    // confirmed
	Refused []uint64  // reads that this server can no longer answer
}

// Save is what has to be durable before its Number is given to Saved. Saves are written in their order; one may be
// begun before the one before it is durable.
type Save struct {
	Number uint64
	Term   uint64
	Vote   ID
	// Snapshot, if not nil, came from a leader, and replaces all that was there.
	Snapshot *Snapshot
	// Entries follow what is there, from Entries[0].Index on in place of it.
	Entries []Entry
}

// write is a Save that is under way. Once it is durable, entries up to last are.
type write struct{ number, last uint64 }

// gated is what is said only once a Save is durable: a message, or the server's own vote.
type gated struct {
	number  uint64
	own     bool
	message Message
}

// Output takes what has come to be done since the last call.
func (c *Core) Output() Output {
	if c.role == Leader {
		c.pump()
	}
	out := c.out
	c.out = Output{Send: c.spare.Send[:0], Reads: c.spare.Reads[:0], Refused: c.spare.Refused[:0]}
	c.spare = out
	out.Save = c.save()
	if c.applied < c.commit {
		out.Apply = c.log.from(c.applied + 1)[:c.commit-c.applied]
		c.applied = c.commit
	}
	return out
}

// pump sends what followers lack, and begins a round if a read waits for one.
func (c *Core) pump() {
	if c.asked {
		c.beat()
		return
	}
	for _, p := range c.peers {
		c.feed(p)
	}
}

// save is what has changed, if anything has.
func (c *Core) save() *Save {
	if !c.dirty {
		return nil
	}
	c.saves++
	s := &Save{Number: c.saves, Term: c.term, Vote: c.vote}
	if c.taken {
		snapshot := c.log.base
		s.Snapshot = &snapshot
	}
	if c.fresh <= c.log.last() {
		s.Entries = c.log.from(c.fresh)
		s.Entries = s.Entries[:len(s.Entries):len(s.Entries)]
	}
	c.fresh = c.log.last() + 1
	c.dirty, c.taken = false, false
	c.writing = append(c.writing, write{s.Number, c.log.last()})
	return s
}

// Saved says that all Saves up to that number are durable.
func (c *Core) Saved(number uint64) {
	if number > c.saves || number <= c.saved {
		return
	}
	c.saved = number
	n := 0
	for ; n < len(c.writing) && c.writing[n].number <= number; n++ {
		c.log.stable = max(c.log.stable, c.writing[n].last)
	}
	c.writing = append(c.writing[:0], c.writing[n:]...)
	n = 0
	for ; n < len(c.gated) && c.gated[n].number <= number; n++ {
	}
	c.ready = append(c.ready[:0], c.gated[:n]...)
	c.gated = append(c.gated[:0], c.gated[n:]...)
	for i := range c.ready {
		c.release(&c.ready[i])
	}
	if c.role == Leader {
		c.advance()
	}
}

// release says what was kept back.
func (c *Core) release(g *gated) {
	switch {
	case !g.own:
		c.out.Send = append(c.out.Send, g.message)
	case c.role == Candidate && c.term == g.message.Term:
		c.count(ballot{c.opts.ID, true})
	}
}

// gate says something once everything that is true now is durable.
func (c *Core) gate(g gated) {
	g.number = c.saves
	if c.dirty {
		g.number++
	}
	if g.number <= c.saved {
		c.release(&g)
		return
	}
	for i := len(c.gated) - 1; i >= 0 && c.gated[i].number == g.number; i-- {
		if c.gated[i].renew(&g) {
			return
		}
	}
	c.gated = append(c.gated, g)
}

// renew lets what is said now take the place of what was to be said at the same time, if that was the same with an
// older figure. So a disk that has come to a stop does not make the server remember an answer for each heartbeat.
func (g *gated) renew(now *gated) bool {
	was, is := &g.message, now.message
	if g.own || now.own || was.To != is.To || was.Type != is.Type || was.Term != is.Term || was.Reject != is.Reject {
		return false
	}
	if is.Type == AppendReply && !is.Reject {
		is.Index, is.Round = max(is.Index, was.Index), max(is.Round, was.Round)
	}
	*was = is
	return true
}

// replaced says that the entries from an index on are no longer those that are being written.
func (c *Core) replaced(from uint64) {
	for i := range c.writing {
		c.writing[i].last = min(c.writing[i].last, from-1)
	}
}

func (c *Core) sendNow(m Message) {
	c.out.Send = append(c.out.Send, c.signed(m))
}

func (c *Core) sendAfterSave(m Message) {
	c.gate(gated{message: c.signed(m)})
}

// signed is the message with its sender and, unless it speaks of another, this term.
func (c *Core) signed(m Message) Message {
	m.From = c.opts.ID
	if m.Term == 0 {
		m.Term = c.term
	}
	if m.Round > 0 && m.Type.answers() {
		m.Promise = c.promise()
	}
	return m
}
