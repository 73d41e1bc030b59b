package checks

import (
	"log/slog"
	"time"

	"simrun/nodes/history"
)

// refWorker works for all servers, at one job at a time.
type refWorker struct {
	*refHost
	servers []*refServer
	busy    bool
	wanting []func()
}

func (k *refWorker) boot(int) {
	k.busy, k.wanting = false, nil
	for _, s := range k.servers {
		k.connect(s)
	}
}

func (k *refWorker) connect(s *refServer) {
	var at *refWorkerAt
	k.w.dial(k.refHost, s.refHost, func(c *refConn) {
		at = &refWorkerAt{conn: c}
		s.workers = append(s.workers, at)
		c.ends[1].broken = func() { s.left(c, at) }
	}, func(c *refConn) {
		if c == nil {
			k.on(k.w.between(50*time.Millisecond, time.Second), func() { k.connect(s) })
			return
		}
		p := &refPost{worker: k, server: s, conn: c}
		p.at = func() *refWorkerAt { return at }
		c.ends[0].broken = p.lost
		p.want()
	})
}

// refPost is a worker's place at one server.
type refPost struct {
	worker  *refWorker
	server  *refServer
	conn    *refConn
	at      func() *refWorkerAt
	waiting bool // for the answer to a grab
	grabs   int
	turn    bool
	dead    bool
}

func (p *refPost) lost() {
	if p.dead {
		return
	}
	p.dead = true
	if p.waiting {
		p.release()
	}
	p.worker.on(p.worker.w.between(50*time.Millisecond, time.Second), func() { p.worker.connect(p.server) })
}

func (p *refPost) release() {
	if !p.turn {
		return
	}
	p.turn = false
	k := p.worker
	k.busy = false
	if len(k.wanting) > 0 {
		next := k.wanting[0]
		k.wanting = k.wanting[1:]
		next()
	}
}

// take does something once the worker is free.
func (p *refPost) take(do func()) {
	if p.worker.busy {
		p.worker.wanting = append(p.worker.wanting, func() { p.take(do) })
		return
	}
	p.worker.busy, p.turn = true, true
	do()
}

func (p *refPost) want() {
	p.take(func() {
		if p.dead {
			p.release()
			return
		}
		p.grab()
	})
}

func (p *refPost) grab() {
	k, s := p.worker, p.server
	p.waiting = true
	p.grabs++
	grab := p.grabs
	p.conn.send(k.refHost, func() {
		at := p.at()
		at.wake = func() { p.conn.send(s.refHost, p.want) }
		at.assign = func(j *refJob) {
			if j == nil {
				p.conn.send(s.refHost, func() { p.answered(nil) })
				return
			}
			copied := *j
			p.conn.send(s.refHost, func() { p.answered(&copied) })
		}
		s.grab(at)
	})
	k.on(50*time.Millisecond, func() { // a dark server does not keep it from the others
		if p.waiting && p.grabs == grab {
			p.release()
		}
	})
	k.on(5*time.Second, func() {
		if p.waiting && p.grabs == grab && !p.dead {
			p.conn.close(k.refHost)
			p.lost()
		}
	})
}

func (p *refPost) answered(j *refJob) {
	if p.dead {
		return
	}
	p.waiting = false
	if j == nil {
		p.release()
		return
	}
	if p.turn {
		p.execute(j)
		return
	}
	p.take(func() {
		if p.dead {
			p.release()
			return
		}
		p.execute(j)
	})
}

func (p *refPost) execute(j *refJob) {
	k, s, w := p.worker, p.server, p.worker.w
	o := w.open(k.name, "execute", nil, slog.String("server", s.name), slog.String("handle", j.handle), slog.String("function", j.function),
		slog.String("unique", j.unique), slog.String("payload", j.payload))
	failed, result := w.chance(0.05), "r("+j.payload+") by "+k.name
	k.on(w.between(5*time.Millisecond, 80*time.Millisecond), func() {
		if p.dead || p.conn.ends[0].closed {
			w.end(o, history.Unknown, "connection reset by peer")
			p.release()
			return
		}
		p.conn.send(k.refHost, func() { s.complete(p.at(), j.handle, failed, result) })
		if failed {
			w.end(o, history.Ok, "", slog.Bool("failed", true))
		} else {
			w.end(o, history.Ok, "", slog.String("result", result))
		}
		p.release()
		p.want()
	})
}
