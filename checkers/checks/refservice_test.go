package checks

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// refServer is a job server: its memory dies with its process, its disk with nothing.
type refServer struct {
	*refHost
	jobs     map[string]*refJob
	order    []*refJob // as they were submitted
	workers  []*refWorkerAt
	disk     map[string]*refJob // what is durable
	deferred []func(lost bool)  // writes that are not
	stalled  time.Duration      // until when the disk stands still
	written  time.Duration      // when the last write will be durable
	gauge    int
	retries  int
}

type refJob struct {
	handle, function, unique, payload string
	priority, number                  int
	background, durable               bool
	pending                           bool // nobody has been told
	ending                            bool
	running                           *refWorkerAt
	attempts                          int
	acks                              []func()
	listeners                         map[*refConn]func(failed bool, result string)
}

// refWorkerAt is a worker's connection, as the server sees it.
type refWorkerAt struct {
	conn   *refConn
	asleep bool
	assign func(j *refJob) // sends it the job, or none
	wake   func()
}

func (s *refServer) boot(int) {
	s.jobs, s.order, s.workers = map[string]*refJob{}, nil, nil
	for _, name := range slices.Sorted(maps.Keys(s.disk)) {
		j := *s.disk[name]
		j.running, j.listeners, j.pending, j.ending, j.acks = nil, map[*refConn]func(bool, string){}, false, false, nil
		j.background, j.durable = true, true
		s.add(&j)
	}
	s.gauge = -1
	s.show()
}

func (s *refServer) lose(machine bool) {
	for _, settle := range s.deferred {
		settle(machine && s.w.chance(0.5) || s.w.chance(0.3))
	}
	s.deferred = nil
}

// sync makes a write durable after a while; a death before that leaves it to luck.
func (s *refServer) sync(write func(), then func()) {
	d := s.w.between(time.Millisecond, 10*time.Millisecond)
	if s.stalled > s.w.now {
		d += s.stalled - s.w.now
	}
	d = max(d, s.written-s.w.now) // a journal is written in order
	s.written = s.w.now + d
	over := false
	s.deferred = append(s.deferred, func(lost bool) {
		if !over && !lost {
			write()
		}
		over = true
	})
	life := s.life
	s.w.after(d, func() {
		if over || s.life != life {
			return
		}
		over = true
		write()
		s.now(life, then)
	})
}

func (s *refServer) add(j *refJob) {
	s.jobs[j.handle] = j
	s.order = append(s.order, j)
}

func (s *refServer) show() {
	n := 0
	for _, j := range s.order {
		n += one(!j.pending)
	}
	if n != s.gauge {
		s.gauge = n
		s.w.h.Samples = append(s.w.h.Samples, history.Sample{At: s.w.now, Host: s.name, Name: "jobs", Value: int64(n)})
	}
}

func (s *refServer) submit(c *refConn, in refJob, created func(handle string), answer func(failed bool, result string)) {
	var j *refJob
	for _, o := range s.order {
		if in.unique != "" && o.unique == in.unique && o.function == in.function && !o.ending {
			j = o
		}
	}
	fresh := j == nil
	if fresh {
		s.w.handle++
		j = &in
		j.handle, j.number = fmt.Sprintf("h%d", s.w.handle), s.w.handle
		j.listeners = map[*refConn]func(bool, string){}
		j.pending = in.background
		s.add(j)
	}
	acknowledge := func() {
		if !in.background && !c.ends[1].closed {
			j.listeners[c] = answer
		}
		created(j.handle)
	}
	switch {
	case in.background && !j.durable:
		j.acks = append(j.acks, acknowledge)
		if len(j.acks) > 1 && !fresh {
			return // its write is under way
		}
		s.sync(func() {
			copied := *j
			s.disk[j.handle] = &copied
		}, func() {
			was := j.pending
			j.background, j.durable, j.pending = true, true, false
			for _, ack := range j.acks {
				ack()
			}
			j.acks = nil
			s.show()
			if was {
				s.rouse()
			}
		})
	case j.pending:
		j.acks = append(j.acks, acknowledge)
	default:
		acknowledge()
		s.show()
		if fresh {
			s.rouse()
		}
	}
}

// best is the job that should be handed out next.
func (s *refServer) best() (best *refJob) {
	for _, j := range s.order {
		if j.pending || j.ending || j.running != nil {
			continue
		}
		if best == nil || j.priority < best.priority {
			best = j
		}
	}
	return best
}

// rouse wakes one sleeping worker, and another if that one does not come.
func (s *refServer) rouse() {
	if s.best() == nil {
		return
	}
	for _, at := range s.workers {
		if at.asleep {
			at.asleep = false
			at.wake()
			s.on(time.Second, s.rouse)
			return
		}
	}
}

func (s *refServer) grab(at *refWorkerAt) {
	j := s.best()
	at.asleep = j == nil
	if j != nil {
		j.running = at
		j.attempts++
	}
	at.assign(j)
	s.rouse()
}

func (s *refServer) complete(at *refWorkerAt, handle string, failed bool, result string) {
	j := s.jobs[handle]
	if j == nil || j.running != at || j.ending {
		return
	}
	s.conclude(j, failed, result)
}

func (s *refServer) conclude(j *refJob, failed bool, result string) {
	j.ending = true
	finish := func() {
		for _, c := range s.w.conns {
			if answer := j.listeners[c]; answer != nil {
				answer(failed, result)
			}
		}
		s.remove(j)
	}
	if !j.durable && len(j.acks) == 0 {
		finish()
		return
	}
	s.sync(func() { delete(s.disk, j.handle) }, finish)
}

func (s *refServer) remove(j *refJob) {
	delete(s.jobs, j.handle)
	for i, o := range s.order {
		if o == j {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			break
		}
	}
	s.show()
}

// abandoned says whether nobody is left who was promised anything.
func (j *refJob) abandoned() bool {
	return !j.background && !j.durable && len(j.acks) == 0 && len(j.listeners) == 0
}

// left takes from a connection that is over what it had.
func (s *refServer) left(c *refConn, at *refWorkerAt) {
	for i, o := range s.workers {
		if o == at {
			s.workers = append(s.workers[:i:i], s.workers[i+1:]...)
			break
		}
	}
	for _, j := range append([]*refJob(nil), s.order...) {
		delete(j.listeners, c)
		switch {
		case j.ending:
		case at != nil && j.running == at:
			j.running = nil
			if j.abandoned() {
				s.remove(j)
			} else if s.retries > 0 && j.attempts > s.retries {
				s.conclude(j, true, "")
			}
		case j.running == nil && j.abandoned():
			s.remove(j)
		}
	}
	s.rouse()
}

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

// refClient submits, and submits again.
type refClient struct {
	*refHost
	servers []*refServer
	known   []evidence.JobKey
}

func (c *refClient) boot(int) {}

func (c *refClient) request(n int) {
	w := c.w
	in := refJob{function: "work", unique: fmt.Sprintf("%s-%d", c.name, n), payload: fmt.Sprintf("%s-%d", c.name, n), priority: w.rand.IntN(3)}
	switch w.rand.IntN(6) {
	case 0:
		in.unique = ""
	case 1: // the same key again
		in.unique = fmt.Sprintf("shared-%d", n/8)
		c.on(30*time.Millisecond, func() { c.begin(in) })
	case 2:
		c.ask()
	}
	in.background = w.chance(0.5)
	c.begin(in)
}

func (c *refClient) begin(in refJob) {
	o := c.w.open(c.name, "submit", nil, slog.Bool("background", in.background), slog.String("function", in.function))
	o.Request = o.ID
	c.attempt(o, in, 0, nil)
}

var priorityNames = []string{"high", "normal", "low"}

func (c *refClient) attempt(o *history.Operation, in refJob, try int, unknown error) {
	w := c.w
	if try > 4 {
		if unknown != nil {
			w.end(o, history.Unknown, unknown.Error())
		} else {
			w.end(o, history.Fail, "no server")
		}
		return
	}
	s := c.servers[try%len(c.servers)]
	again := func(unknown error) {
		c.on(w.between(10*time.Millisecond, 200*time.Millisecond), func() { c.attempt(o, in, try+1, unknown) })
	}
	w.dial(c.refHost, s.refHost, func(conn *refConn) {
		conn.ends[1].broken = func() { s.left(conn, nil) }
	}, func(conn *refConn) {
		if conn == nil {
			again(unknown)
			return
		}
		c.submit(o, in, s, conn, again)
	})
}

// submit is one attempt over a connection.
func (c *refClient) submit(o *history.Operation, in refJob, s *refServer, conn *refConn, again func(error)) {
	w := c.w
	a := w.open(c.name, "attempt", o, slog.String("server", s.name), slog.String("function", in.function), slog.String("unique", in.unique),
		slog.String("payload", in.payload), slog.Bool("background", in.background), slog.String("priority", priorityNames[in.priority]))
	over := false
	finish := func(outcome history.Outcome, reason string, out ...slog.Attr) bool {
		if over {
			return false
		}
		over = true
		w.end(a, outcome, reason, out...)
		conn.close(c.refHost)
		if outcome == history.Ok {
			w.end(o, outcome, "", out...)
		} else {
			again(fmt.Errorf("%s", reason))
		}
		return true
	}
	conn.ends[0].broken = func() { finish(history.Unknown, "connection reset") }
	handle := ""
	created := func(h string) {
		conn.send(s.refHost, func() {
			if over {
				return
			}
			handle = h
			a.Notes = append(a.Notes, history.Note{At: w.now, Name: "created", Attrs: []slog.Attr{slog.String("handle", h)}})
			c.known = append(c.known, evidence.JobKey{Server: s.name, Handle: h})
			if in.background {
				finish(history.Ok, "", slog.String("server", s.name), slog.String("handle", h))
			}
		})
	}
	answer := func(failed bool, result string) {
		conn.send(s.refHost, func() {
			last := slog.String("result", result)
			if failed {
				last = slog.Bool("failed", true)
			}
			finish(history.Ok, "", slog.String("server", s.name), slog.String("handle", handle), last)
		})
	}
	conn.send(c.refHost, func() { s.submit(conn, in, created, answer) })
	c.on(2*time.Second, func() { finish(history.Unknown, "no answer in time") })
}

// ask asks a server what it knows of a job.
func (c *refClient) ask() {
	if len(c.known) == 0 {
		return
	}
	key := c.known[max(0, len(c.known)-1-c.w.rand.IntN(3))]
	for _, s := range c.servers {
		if s.name != key.Server {
			continue
		}
		c.w.dial(c.refHost, s.refHost, func(*refConn) {}, func(conn *refConn) {
			if conn == nil {
				return
			}
			o := c.w.open(c.name, "status", nil, slog.String("server", key.Server), slog.String("handle", key.Handle))
			conn.send(c.refHost, func() {
				j := s.jobs[key.Handle]
				known := j != nil && !j.pending
				running := known && j.running != nil
				conn.send(s.refHost, func() {
					c.w.end(o, history.Ok, "", slog.Bool("known", known), slog.Bool("running", running))
					conn.close(c.refHost)
				})
			})
		})
	}
}
