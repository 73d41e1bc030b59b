package shards

import (
	"bytes"

	"simrun/nodes"
	"simrun/nodes/kv/front"
)

// held is a command that came with ASKING before its slot did. Clients try again what is answered with TRYAGAIN, but not all
// of them what was in a pipeline; so the command waits for the slot, which is a few messages away.
type held struct {
	call  *front.Call
	do    func(*front.Call)
	until nodes.Instant
}

// mostHeld bounds the commands that wait.
const mostHeld = 10_000

// Admit says whether a command that reads or writes is this group's to do, as far as this server knows. If it is not, it was
// answered; or it waits for its slot, and do is called with it once that has come.
func (s *Shard) Admit(c *front.Call, do func(*front.Call)) bool {
	refusal := s.Refuse(&c.Request, c.Asking)
	if refusal == nil {
		return true
	}
	if !s.isEarly(c) || len(s.held) >= mostHeld {
		c.Reply(refusal)
		return false
	}
	s.record.Reach(cameEarly)
	keep(c)
	s.held = append(s.held, held{c, do, s.env.Mark().Add(s.opts.Patience)})
	s.env.AfterFunc(s.opts.Patience, s.release)
	return false
}

// isEarly says that a command was sent here after a slot that is arriving.
func (s *Shard) isEarly(c *front.Call) bool {
	slot, one := c.Slot(c.Args)
	return s.opts.Group != "" && s.store.Founded() && c.Asking && one && slot >= 0 && !s.store.owns(slot) && s.store.arriving(slot) != nil
}

// keep gives a command's strings memory of their own.
func keep(c *front.Call) {
	envelopes := len(c.All) - len(c.Args)
	all := make([][]byte, len(c.All))
	for i, arg := range c.All {
		all[i] = bytes.Clone(arg)
	}
	c.All, c.Args = all, all[envelopes:]
}

// release lets those go on whose slot has come, and answers those who have waited for too long.
func (s *Shard) release() {
	waiting := s.held
	s.held = nil
	for _, h := range waiting {
		switch {
		case h.call.Abandoned() || s.closed:
			h.call.Reply(failure("TRYAGAIN the slot has not arrived yet")) // nobody hears it
		case !s.isEarly(h.call):
			h.do(h.call)
		case s.env.Mark() >= h.until:
			s.record.Reach(saidTryAgain)
			h.call.Reply(failure("TRYAGAIN the slot has not arrived yet"))
		default:
			s.held = append(s.held, h)
		}
	}
}
