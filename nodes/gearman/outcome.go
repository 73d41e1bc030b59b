package gearman

import (
	"errors"
	"time"

	"simrun/nodes/journal"
)

// How jobs end, and how what is promised of them becomes durable. The order is always: record, sync, then tell.
// What is not durable shows nowhere, not even as a job that is unknown.

// conclude ends a job with a result for those who wait for it. A job that is recorded stays, for all to see, what it was
// until the record of its end is durable.
func (v *server) conclude(j *job, result Type, data []byte) {
	v.uniques.remove(j)
	switch j.state {
	case running:
		if j.worker != nil {
			v.detach(j)
		}
	case queued:
		j.function.queues[j.priority].remove(j)
	case waiting:
		v.epochs.clear(j)
		j.function.waiting--
	}
	j.ran = j.state == running
	if !j.recorded {
		v.relay(j, result, data)
		v.bury(j)
		return
	}
	j.state, j.result = ending, result
	if len(j.listeners) > 0 {
		j.resultData = append([]byte(nil), data...)
	}
	v.recordEnd(j)
}

// recordEnd makes the end of a job durable, then tells of it. A disk that is full is asked again: until
// then the job has not ended, for it might run again.
func (v *server) recordEnd(j *job) {
	v.scratch = appendEnded(v.scratch[:0], j.handle)
	v.keep(v.scratch, func(err error) {
		if err != nil {
			v.record.Reach(endNotKept)
			v.env.AfterFunc(redo, func() { v.recordEnd(j) })
			return
		}
		v.relay(j, j.result, j.resultData)
		v.bury(j)
		v.compact()
	})
}

// redo is when what the disk refused is tried again.
const redo = time.Second

// relay tells those who wait for the job what its worker said.
func (v *server) relay(j *job, t Type, data []byte) {
	for _, l := range j.listeners {
		switch {
		case t == WorkFail || t == WorkException && !l.session.exceptions:
			l.session.send(WorkFail, j.handle)
		default:
			l.session.send(t, j.handle, data)
		}
	}
}

// bury forgets a job that has ended and been told of.
func (v *server) bury(j *job) {
	v.record.Note("job-done")
	if j.ran {
		j.function.running--
		v.running--
	}
	f := j.function
	f.total--
	v.total--
	v.erase(j)
	v.record.Always(nobodyLies, f.sleepers.first == nil || f.queued() <= f.woken)
	v.gauge()
}

// vanish forgets a job that nobody waits for any more.
func (v *server) vanish(j *job) {
	v.record.Note("job-dropped")
	v.record.Reach(droppedWithout)
	v.uniques.remove(j)
	j.function.total--
	v.total--
	v.erase(j)
	v.gauge()
}

// erase takes the job out of the tables.
func (v *server) erase(j *job) {
	j.state = gone
	delete(v.jobs, j.key)
	v.stored -= j.size()
	for _, l := range j.listeners {
		l.session.unlisten(l)
	}
	j.listeners, j.data, j.resultData = nil, nil, nil
}

// keep appends a record to the journal and calls then once it is durable, or with an error if it is certain
// not to be there. A journal that can promise neither ends the server: what a failed sync left behind is
// unknown until it is read again.
func (v *server) keep(record []byte, then func(error)) {
	size := int64(len(record))
	at, err := v.journal.Append(record)
	if err == nil {
		v.last = at
		v.unsynced += size
		v.sign()
		v.journal.Then(at, func(err error) {
			v.unsynced -= size
			v.sign()
			v.mustHold(err)
			then(err)
		})
		return
	}
	v.mustHold(err)
	then(err)
}

func (v *server) mustHold(err error) {
	if errors.Is(err, journal.ErrBroken) {
		v.env.Exit(err)
	}
}

// assignLater hands a job to a worker once it is durable that it was: attempts are bounded, over crashes too. A disk
// that is full does not stop the work.
func (v *server) assignLater(s *session, j *job, answer Type) {
	attempt := j.attempts
	s.owed++
	v.scratch = appendAttempted(v.scratch[:0], j.handle, attempt)
	v.keep(v.scratch, func(error) { v.handOver(s, j, attempt, answer) })
}

// compact lets the journal forget the jobs that have ended, where that is worth its while.
func (v *server) compact() {
	if v.compacting || !v.journal.Bloated() {
		return
	}
	v.compacting = true
	v.env.Go("compact", func() {
		err := v.journal.Compact(v.live())
		if err == nil {
			v.record.Reach(compacted)
		}
		if err != nil && !errors.Is(err, journal.ErrClosed) {
			v.mustHold(err)
			v.env.Log().Warn("the journal could not be compacted", "err", err)
			if v.env.Sleep(10*redo) != nil {
				return
			}
		}
		v.compacting = false
	})
}
