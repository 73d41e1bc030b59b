package netmodel

import "fmt"

// Check says which invariant of flow.go is broken, if one is.
func (n *Network) Check() error {
	ends := 0
	for _, s := range n.stacks {
		for e := s.firstEnd; e != nil; e = e.after {
			if e.state == gone && e.closed || e.stack != s {
				return fmt.Errorf("%s knows an end that is gone", s.name)
			}
			if e.state != gone {
				ends++
			}
		}
	}
	for _, c := range n.conns {
		if c == nil {
			continue
		}
		for i := range c.ends {
			e := &c.ends[i]
			f := &e.out
			if e.state != gone {
				ends--
			}
			switch {
			case f.acked > f.arrived || f.arrived > f.sent || f.sent > f.edge || f.read > f.arrived:
				return fmt.Errorf("acked %d, read %d, arrived %d, sent %d, edge %d", f.acked, f.read, f.arrived, f.sent, f.edge)
			case e.state != gone && f.sent > f.written:
				return fmt.Errorf("sent %d, written %d", f.sent, f.written)
			case int(f.written-f.acked) > int(f.sendBuffer) && f.written > f.acked:
				return fmt.Errorf("%d bytes wait in a buffer of %d", f.written-f.acked, f.sendBuffer)
			case f.arrived-f.read > uint64(f.window):
				return fmt.Errorf("%d unread bytes in a window of %d", f.arrived-f.read, f.window)
			case f.next-f.first > f.queue.n:
				return fmt.Errorf("%d segments arrived of %d", f.next-f.first, f.queue.n)
			case f.queue.n > maxSegments:
				return fmt.Errorf("%d segments under way", f.queue.n)
			}
			end := f.acked
			for k := range f.queue.n {
				g := f.queue.at(k)
				if g.end < end {
					return fmt.Errorf("segment %d ends at %d, the one before at %d", k, g.end, end)
				}
				end = g.end
			}
			if end != f.sent {
				return fmt.Errorf("the queue ends at %d, sent are %d", end, f.sent)
			}
			if e.state == established && f.troubled() && f.timerAt == 0 && !e.stack.frozen {
				return fmt.Errorf("%v: something is missing and no timer runs", e.LocalAddr())
			}
		}
		if c.ends[0].state == gone && c.ends[1].state == gone {
			return fmt.Errorf("slot %d holds a connection that nobody knows", c.slot)
		}
	}
	if ends != 0 {
		return fmt.Errorf("%d ends are known to a stack and stand in no table", ends)
	}
	if used := n.flying.used(); used < 0 {
		return fmt.Errorf("%d datagrams in flight", used)
	}
	return nil
}
