package checks

import (
	"fmt"
	"log/slog"
	"time"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

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
