package gearman

import (
	"slices"
	"time"

	"simrun/nodes"
)

// Who gets which job, and who is woken for it.
//
// Invariant of every function, whenever no request is being handled: it has no sleeping worker, or no more
// queued jobs than workers that were woken for it and have not asked yet. So each job wakes one worker, and no
// job lies beside one that sleeps.

// enqueue makes a job available to workers.
func (v *server) enqueue(j *job) {
	j.state = queued
	j.function.queues[j.priority].insert(j)
	v.record.Note("job-queued")
	v.rouse(j.function)
}

// rouse wakes workers until the invariant holds.
func (v *server) rouse(f *function) {
	for f.sleepers.first != nil && f.queued() > f.woken {
		v.wake(f.sleepers.first.worker, f)
	}
}

// wake tells a sleeping worker that there is a job of that function.
func (v *server) wake(s *session, f *function) {
	s.rise()
	v.call(s, f)
}

// call sends the NOOP that wakes, and remembers for whom.
func (v *server) call(s *session, f *function) {
	s.wokenFor = f
	s.wakeCount++
	f.woken++
	v.record.Note("worker-woken")
	if count := s.wakeCount; v.env.Point(slowWake) {
		v.env.AfterFunc(lull(v.env), func() {
			if s.wokenFor != nil && s.wakeCount == count {
				s.send(Noop)
			}
		})
	} else {
		s.send(Noop)
	}
	v.wakeups.add(wakeup{s, s.wakeCount, v.env.Mark().Add(v.config.WakeTimeout)})
}

// answered ends a wakeup: the worker asked for a job, or is gone, or has been given up.
func (v *server) answered(s *session) {
	f := s.wokenFor
	if f == nil {
		return
	}
	s.wokenFor = nil
	f.woken--
	v.rouse(f)
}

// sleep is PRE_SLEEP: a worker wants to be woken. If there is a job for it, it is, at once: the job may have
// come after the NO_JOB that made it sleep.
func (v *server) sleep(s *session) {
	if s.sleeping {
		return
	}
	v.answered(s)
	if j := s.best(); j != nil {
		v.record.Reach(wokenAtOnce)
		v.call(s, j.function)
		return
	}
	if s.inVain = !s.inVain && v.env.Point(needlessWake); s.inVain {
		s.send(Noop)
		return
	}
	s.sleeping = true
	for _, a := range s.abilities {
		a.function.sleepers.push(a)
	}
}

// rise takes a session from the sleepers.
func (s *session) rise() {
	if !s.sleeping {
		return
	}
	s.sleeping = false
	for _, a := range s.abilities {
		a.function.sleepers.remove(a)
	}
}

// best is the job that the worker should have next: of the highest priority, and of those the oldest,
// whatever their functions. It is nil if there is none.
func (s *session) best() *job {
	for p := high; p < priorities; p++ {
		var best *job
		for _, a := range s.abilities {
			if j := a.function.queues[p].first; j != nil && (best == nil || j.order < best.order) {
				best = j
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// grab is GRAB_JOB in its three forms.
func (v *server) grab(s *session, answer Type) {
	s.rise()
	s.asked = true
	j := s.best()
	if j == nil {
		v.answered(s)
		s.send(NoJob)
		return
	}
	v.record.Always(ranByOne, j.worker == nil)
	j.function.queues[j.priority].remove(j)
	j.state = running
	j.attempts++
	j.worker = s
	s.take(j)
	j.function.running++
	v.running++
	v.answered(s)
	v.gauge()
	if v.config.Retries > 0 && j.recorded {
		v.assignLater(s, j, answer)
		return
	}
	if attempt := j.attempts; v.env.Point(slowAssign) {
		s.owed++
		v.env.AfterFunc(lull(v.env), func() { v.handOver(s, j, attempt, answer) })
		return
	}
	v.assign(s, j, answer)
}

// handOver hands a job to the worker that it was taken for, or says that there is none if it is that worker's no more.
func (v *server) handOver(s *session, j *job, attempt int, answer Type) {
	if j.state == running && j.worker == s && j.attempts == attempt {
		v.assign(s, j, answer)
	} else {
		v.record.Reach(lateAssignment)
		s.send(NoJob)
	}
	s.paid()
}

// assign hands a job to a worker.
func (v *server) assign(s *session, j *job, answer Type) {
	v.record.Note("job-assigned")
	name := []byte(j.function.name)
	switch {
	case answer == JobAssign:
		s.send(JobAssign, j.handle, name, j.data)
	case answer == JobAssignUniq || j.reducer == nil:
		s.send(JobAssignUniq, j.handle, name, j.unique, j.data)
	default:
		s.send(JobAssignAll, j.handle, name, j.unique, j.reducer, j.data)
	}
	if a := s.ability(j.function); a != nil && a.timeout > 0 {
		v.timeouts.set(j, int64(v.env.Mark().Add(a.timeout)))
	}
}

// expire ends a job that took longer than its worker allowed itself: the client is told, and what the worker
// says of it later is not heard.
func (v *server) expire(j *job) {
	v.record.Note("job-expired")
	v.record.Reach(timeRanOut)
	v.conclude(j, WorkFail, nil)
}

// lose takes a job from a worker that is gone.
func (v *server) lose(j *job) {
	v.record.Reach(workerLost)
	if v.config.Retries > 0 && j.attempts > v.config.Retries && !j.abandoned() {
		v.exhaust(j)
		return
	}
	v.detach(j)
	j.function.running--
	v.running--
	if j.abandoned() {
		v.record.Reach(lostUnheard)
		v.vanish(j)
		return
	}
	v.record.Note("job-requeued")
	j.numerator, j.denominator = 0, 0
	j.lost++
	if j.lost > 1 {
		// It may be what ends its workers: let the others go first.
		v.record.Reach(sentToTheEnd)
		j.order = v.nextOrder()
	}
	v.enqueue(j)
}

// exhaust ends a job that has been handed out as often as it may.
func (v *server) exhaust(j *job) {
	v.record.Note("job-exhausted")
	v.record.Reach(retriesRanOut)
	v.env.Log().Warn("job given up", "handle", string(j.handle), "function", j.function.name, "attempts", j.attempts)
	v.conclude(j, WorkFail, nil)
}

// losses is how often a worker has had the job and not ended it.
func (j *job) losses() int {
	if j.state == running {
		return j.attempts - 1
	}
	return j.attempts
}

// detach ends what binds a running job to its worker.
func (v *server) detach(j *job) {
	v.timeouts.clear(j)
	j.worker.give(j)
	j.worker = nil
}

// take puts a job into the worker's list.
func (s *session) take(j *job) {
	j.nextRun = s.running
	if s.running != nil {
		s.running.prevRun = j
	}
	s.running = j
	s.jobs++
}

// give takes a job out of the worker's list.
func (s *session) give(j *job) {
	if j.prevRun == nil {
		s.running = j.nextRun
	} else {
		j.prevRun.nextRun = j.nextRun
	}
	if j.nextRun != nil {
		j.nextRun.prevRun = j.prevRun
	}
	j.nextRun, j.prevRun = nil, nil
	s.jobs--
}

// ability is what the worker said of a function, or nil.
func (s *session) ability(f *function) *ability {
	for _, a := range s.abilities {
		if a.function == f {
			return a
		}
	}
	return nil
}

// canDo is CAN_DO and CAN_DO_TIMEOUT.
func (v *server) canDo(s *session, name []byte, timeout time.Duration) *refusal {
	if r := checkName(name); r != nil {
		return r
	}
	if f := v.functions.byName[string(name)]; f != nil {
		if a := s.ability(f); a != nil {
			a.timeout = timeout
			return nil
		}
	}
	if most := v.config.MaxAbilities; most > 0 && len(s.abilities) >= most {
		return &refusal{"ARGUMENT_TOO_LARGE", "Too many functions for one worker"}
	}
	f := v.functions.find(name)
	if f == nil {
		return &refusal{"QUEUE_ERROR", "Too many functions"}
	}
	a := &ability{worker: s, function: f, timeout: timeout}
	s.abilities = append(s.abilities, a)
	f.workers++
	if len(s.abilities) == 1 {
		v.workers++
		v.gauge()
	}
	if s.sleeping {
		f.sleepers.push(a)
		v.rouse(f)
	}
	return nil
}

// cantDo is CANT_DO.
func (v *server) cantDo(s *session, name []byte) {
	f := v.functions.byName[string(name)]
	if f == nil {
		return
	}
	at := slices.IndexFunc(s.abilities, func(a *ability) bool { return a.function == f })
	if at < 0 {
		return
	}
	f.sleepers.remove(s.abilities[at])
	f.workers--
	s.abilities = slices.Delete(s.abilities, at, at+1)
	if s.wokenFor == f {
		v.record.Reach(abilitiesReset)
		v.answered(s)
	}
	if len(s.abilities) == 0 {
		v.workers--
		v.gauge()
	}
}

// resetAbilities is RESET_ABILITIES.
func (v *server) resetAbilities(s *session) {
	for len(s.abilities) > 0 {
		v.cantDo(s, []byte(s.abilities[len(s.abilities)-1].function.name))
	}
}

// wakeup is one NOOP that was sent.
type wakeup struct {
	session *session
	count   uint64
	until   nodes.Instant
}

// wakeups are those that may not have been answered, oldest first. One timer runs while there are any.
type wakeups struct {
	server *server
	sent   []wakeup
	timer  bool
}

func (w *wakeups) add(one wakeup) {
	// What was answered leaves from the front, so that the list stays as short as the answers are quick.
	for len(w.sent) > 0 && w.sent[0].isAnswered() {
		w.sent = w.sent[1:]
	}
	w.sent = append(w.sent, one)
	w.arm()
}

func (w wakeup) isAnswered() bool {
	return w.session.wokenFor == nil || w.session.wakeCount != w.count
}

func (w *wakeups) arm() {
	if w.timer || len(w.sent) == 0 {
		return
	}
	w.timer = true
	w.server.env.AfterFunc(max(w.sent[0].until.Sub(w.server.env.Mark()), 0), w.look)
}

// look gives up those who were woken and did not come: others get their turn.
func (w *wakeups) look() {
	w.timer = false
	now := w.server.env.Mark()
	for len(w.sent) > 0 && (w.sent[0].isAnswered() || w.sent[0].until <= now) {
		one := w.sent[0]
		w.sent = w.sent[1:]
		if !one.isAnswered() {
			w.server.record.Reach(wokenInVain)
			w.server.answered(one.session)
		}
	}
	w.arm()
}
