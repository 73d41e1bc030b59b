package checks

import (
	"time"
)

// refCut is a spell in which nothing passes one way, or packets are lost and come late.
type refCut struct {
	from, to   map[string]bool
	start, end time.Duration
	loss       float64
}

func (w *refWorld) cut(from, to string) (until time.Duration, loss float64) {
	for _, c := range w.cuts {
		if c.from[from] && c.to[to] && c.start <= w.now && w.now < c.end {
			if c.loss == 0 {
				until = max(until, c.end)
			}
			loss = max(loss, c.loss)
		}
	}
	return until, loss
}

// refConn is a connection: in order each way, late rather than lost, and dead without a word if a machine is.
type refConn struct {
	w    *refWorld
	ends [2]refEnd
	gone bool // one machine has forgotten it
}

type refEnd struct {
	host   *refHost
	life   int
	closed bool
	last   time.Duration // arrival of the last thing sent to it
	broken func()        // told once that the connection is over
}

func (c *refConn) end(h *refHost) *refEnd {
	for i := range c.ends {
		if c.ends[i].host == h && c.ends[i].life == h.life {
			return &c.ends[i]
		}
	}
	return nil
}

func (c *refConn) peer(e *refEnd) *refEnd {
	if e == &c.ends[0] {
		return &c.ends[1]
	}
	return &c.ends[0]
}

// send has the other end do something when it comes to it. What is cut off is tried again, after waits that grow.
func (c *refConn) send(from *refHost, do func()) {
	me := c.end(from)
	if me == nil || me.closed {
		return
	}
	you := c.peer(me)
	w := c.w
	d := w.between(time.Millisecond, 5*time.Millisecond)
	switch until, loss := w.cut(me.host.name, you.host.name); {
	case until > 0:
		d += until - w.now + w.between(0, min(until-w.now, time.Minute))
	case loss > 0:
		for rto := 200 * time.Millisecond; w.chance(loss); rto *= 2 {
			d += rto
		}
	}
	d = max(d, you.last+1-w.now)
	you.last = w.now + d
	w.after(d, func() {
		switch {
		case c.gone && you.host.machine: // the machine is back and knows of no such connection
			me.hear(w)
		case c.gone || you.closed && !you.host.machine:
		case you.closed:
			me.hear(w)
		default:
			you.host.now(you.life, do)
		}
	})
}

// hear tells an end that the connection is over.
func (e *refEnd) hear(w *refWorld) {
	if e.closed {
		return
	}
	e.closed = true
	e.host.now(e.life, func() { e.broken() })
}

// close ends it from one side; the other hears of it after all that was sent before.
func (c *refConn) close(h *refHost) {
	me := c.end(h)
	if me == nil || me.closed {
		return
	}
	you := c.peer(me)
	alive := h.up
	if !alive { // the kernel of a dead process says goodbye for it
		h.up = true
	}
	c.sendRaw(me, you)
	h.up = alive
	me.closed = true
}

func (c *refConn) sendRaw(me, you *refEnd) {
	w := c.w
	d := w.between(time.Millisecond, 5*time.Millisecond)
	if until, _ := w.cut(me.host.name, you.host.name); until > 0 {
		d += until - w.now + w.between(0, min(until-w.now, time.Minute))
	}
	d = max(d, you.last+1-w.now)
	you.last = w.now + d
	w.after(d, func() { you.hear(w) })
}

// reset breaks every connection between two hosts at once.
func (w *refWorld) reset(a, b string) {
	for _, c := range w.conns {
		if c.ends[0].host.name == a && c.ends[1].host.name == b || c.ends[0].host.name == b && c.ends[1].host.name == a {
			c.ends[0].hear(w)
			c.ends[1].hear(w)
		}
	}
}

// dial connects to a server, if it lives and packets pass both ways; then is told, nil if it does not.
func (w *refWorld) dial(from, to *refHost, accept func(c *refConn), then func(c *refConn)) {
	there, _ := w.cut(from.name, to.name)
	back, _ := w.cut(to.name, from.name)
	if there > 0 || back > 0 || !to.machine {
		from.on(time.Second, func() { then(nil) })
		return
	}
	d := w.between(2*time.Millisecond, 10*time.Millisecond)
	life := from.life
	w.after(d, func() {
		if !to.up || from.life != life || !from.up {
			from.now(life, func() { then(nil) })
			return
		}
		c := &refConn{w: w}
		c.ends[0] = refEnd{host: from, life: from.life, broken: func() {}}
		c.ends[1] = refEnd{host: to, life: to.life, broken: func() {}}
		w.conns = append(w.conns, c)
		to.now(to.life, func() { accept(c) })
		from.now(life, func() { then(c) })
	})
	w.keepAlive()
}

// keepAlive forgets the connections that are over, and lets probes find those that a machine forgot.
func (w *refWorld) keepAlive() {
	kept := w.conns[:0]
	for _, c := range w.conns {
		if c.ends[0].closed && c.ends[1].closed {
			continue
		}
		kept = append(kept, c)
	}
	w.conns = kept
}

// probe is what a kernel does for an idle connection, every fifteen seconds.
func (w *refWorld) probe() {
	for _, c := range w.conns {
		for i := range c.ends {
			me, you := &c.ends[i], &c.ends[1-i]
			there, _ := w.cut(me.host.name, you.host.name)
			back, _ := w.cut(you.host.name, me.host.name)
			if !me.closed && c.gone && you.host.machine && there == 0 && back == 0 {
				me.hear(w)
			}
		}
	}
	w.after(15*time.Second, w.probe)
}
