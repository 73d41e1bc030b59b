package checks

import (
	"fmt"
	"maps"
	"slices"
	"time"

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
