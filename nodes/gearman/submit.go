package gearman

import (
	"bytes"
	"strconv"
	"time"

	"simrun/nodes/journal"
)

// submission is what one of the SUBMIT_ packets asks for. Its fields lie in the packet.
type submission struct {
	function, unique, reducer, data []byte
	reduces                         bool
	priority                        priority
	background                      bool
	epoch                           int64
}

// submissionOf reads a SUBMIT_ packet. It returns a refusal for one that cannot be meant.
func submissionOf(p Packet) (sub submission, r *refusal) {
	if p.Type == SubmitReduceJob || p.Type == SubmitReduceJobBG {
		return reduction(p)
	}
	args, err := p.Args()
	if err != nil {
		return sub, tooFew
	}
	sub = submission{function: args[0], unique: args[1], data: args[2], priority: normal}
	switch p.Type {
	case SubmitJobHigh:
		sub.priority = high
	case SubmitJobHighBG:
		sub.priority, sub.background = high, true
	case SubmitJobLow:
		sub.priority = low
	case SubmitJobLowBG:
		sub.priority, sub.background = low, true
	case SubmitJobBG:
		sub.background = true
	case SubmitJobEpoch:
		sub.background, sub.data = true, args[3]
		if sub.epoch, err = strconv.ParseInt(string(args[2]), 10, 64); err != nil || sub.epoch < 0 {
			return sub, &refusal{"INVALID_ARGUMENT", "The epoch is not a number of seconds"}
		}
	}
	return sub, sub.check()
}

// reduction reads a SUBMIT_REDUCE_JOB. libgearman and gearmand put one argument more than the text of the
// protocol says between reducer and data, which is empty; a packet without a place for it is read as the text says.
func reduction(p Packet) (sub submission, r *refusal) {
	args, err := p.Args()
	if err != nil {
		return sub, tooFew
	}
	sub = submission{function: args[0], unique: args[1], reducer: args[2], data: args[3], reduces: true,
		priority: normal, background: p.Type == SubmitReduceJobBG}
	if at := bytes.IndexByte(sub.data, 0); at >= 0 {
		sub.data = sub.data[at+1:]
	}
	if len(sub.reducer) > longestFunction {
		return sub, &refusal{"ARGUMENT_TOO_LARGE", "Reducer name too large"}
	}
	return sub, sub.check()
}

var tooFew = &refusal{"INVALID_ARGUMENT", "Too few arguments"}

func (sub *submission) check() *refusal {
	if len(sub.unique) > MaxUnique {
		return &refusal{"ARGUMENT_TOO_LARGE", "Unique value too large"}
	}
	return checkName(sub.function)
}

// checkName refuses names of functions that no list could show.
func checkName(name []byte) *refusal {
	switch {
	case len(name) > longestFunction:
		return &refusal{"ARGUMENT_TOO_LARGE", "Function name too large"}
	case hasControl(name):
		return &refusal{"INVALID_ARGUMENT", "Function name has control characters"}
	}
	return nil
}

// submit answers a submission: with the handle of a new job, or of the one that it coalesces with, or with
// a refusal.
func (v *server) submit(s *session, sub submission) {
	for {
		f, j, refused := v.place(s, &sub)
		later := refused == nil && v.answersLater(j, &sub)
		// What is recorded already would be answered before what this session asked for in between.
		inTurn := later && (j == nil || !j.recorded)
		if s.owed > 0 && (!inTurn || s.owed >= mostOwed) {
			if !s.settle() {
				return
			}
			continue // the world may have changed meanwhile
		}
		switch {
		case refused != nil:
			s.refuse(refused)
		case j != nil:
			v.join(s, j, sub.background)
		case later && v.unsynced > mostUnsynced:
			v.record.Reach(waitedForDisk)
			if !s.Pause(func() error { return v.journal.Commit(v.last) }) {
				return
			}
			continue
		default:
			v.begin(s, f, &sub)
		}
		return
	}
}

// mostUnsynced bounds the bytes that wait for the journal: who submits more has to wait too.
const mostUnsynced = 32 << 20

// place finds the job that a submission coalesces with, or what speaks against a new one.
func (v *server) place(s *session, sub *submission) (*function, *job, *refusal) {
	f := v.functions.find(sub.function)
	switch {
	case f == nil:
		return nil, nil, &refusal{"QUEUE_ERROR", "Too many functions"}
	case v.draining:
		return nil, nil, &refusal{"SHUTDOWN_GRACEFUL", "The server takes no more jobs"}
	case !sub.background && s.listening >= mostListening:
		return nil, nil, &refusal{"QUEUE_ERROR", "Too many jobs of one client"}
	}
	if j := v.uniques.find(f, identityOf(sub.unique, sub.data)); j != nil {
		return f, j, nil
	}
	if most := f.limits[sub.priority]; most > 0 && f.total+f.pending >= most {
		v.record.Reach(queueFull)
		return f, nil, &refusal{"QUEUE_ERROR", "Job queue is full"}
	}
	size := len(sub.data) + len(sub.unique) + len(sub.reducer) + jobOverhead
	if most := v.config.MaxStored; most > 0 && int64(v.stored)+int64(size) > int64(most) {
		v.record.Reach(storeFull)
		return f, nil, &refusal{"QUEUE_ERROR", "Job store is full"}
	}
	return f, nil, nil
}

// answersLater says whether the answer has to wait for the journal.
func (v *server) answersLater(j *job, sub *submission) bool {
	switch {
	case v.journal == nil:
		return false
	case j == nil:
		return sub.background
	case j.state == pending:
		return true
	default:
		return sub.background && (!j.background || j.unsettled)
	}
}

// join makes the submission a part of a job that is there.
func (v *server) join(s *session, j *job, background bool) {
	v.record.Note("job-coalesced")
	v.record.Reach(coalesced)
	if v.answersLater(j, &submission{background: background}) {
		s.owed++
		j.acks = append(j.acks, ack{s, background})
		if !j.recorded {
			v.record.Reach(promoted)
			v.promise(j)
		}
		return
	}
	j.background = j.background || background
	v.acknowledge(j, ack{s, background})
}

// acknowledge answers a submission with the job's handle.
func (v *server) acknowledge(j *job, a ack) {
	v.record.Always(toldWhenDurable, !a.background || v.isKept(j))
	if !a.background && !a.session.left {
		a.session.listen(j)
	}
	a.session.send(JobCreated, j.handle)
}

// begin makes a new job. One that is recorded is promised once that is durable; until then it can be coalesced
// with, and nothing else.
func (v *server) begin(s *session, f *function, sub *submission) {
	j := &job{function: f, priority: sub.priority, epoch: sub.epoch, background: sub.background, number: v.nextOrder()}
	j.order = j.number
	j.own(v.newHandle(), sub.unique, sub.reducer, sub.data)
	if sub.reduces && j.reducer == nil {
		j.reducer = []byte{}
	}
	j.key = string(j.handle)
	v.record.Always(handlesAreNew, v.jobs[j.key] == nil)
	j.identity = identityOf(sub.unique, sub.data)
	v.jobs[j.key] = j
	v.stored += j.size()
	v.uniques.add(j)
	if sub.background && v.journal != nil {
		f.pending++
		s.owed++
		j.acks = append(j.acks, ack{s, true})
		v.promise(j)
		return
	}
	f.total++
	v.total++
	v.acknowledge(j, ack{s, sub.background})
	v.admit(j)
	v.gauge()
}

// promise records a background job, and answers those who wait for it when that is durable.
func (v *server) promise(j *job) {
	j.recorded, j.unsettled = true, true
	record := j.submitted()
	v.scratch = appendSubmitted(v.scratch[:0], &record)
	v.keep(v.scratch, func(err error) { v.settled(j, err) })
	j.place = v.last.Number() + 1
}

// isKept says whether the job may be acknowledged as a background job.
func (v *server) isKept(j *job) bool {
	switch {
	case v.journal == nil:
		return true
	case v.config.Sync == journal.Interval:
		return j.recorded && !j.unsettled
	default:
		return j.place > 0 && j.place <= v.journal.Durable()
	}
}

// settled continues with a job whose record is durable, or certain not to be there.
func (v *server) settled(j *job, err error) {
	j.unsettled = false
	acks := j.acks
	j.acks = nil
	if err != nil {
		j.recorded = false
		v.unsettle(j, acks, err)
		return
	}
	fresh := j.state == pending
	if fresh {
		j.function.pending--
		j.function.total++
		v.total++
	}
	j.background = true
	for _, a := range acks {
		v.acknowledge(j, a)
		a.session.paid()
	}
	if fresh {
		v.admit(j)
	}
	v.gauge()
}

// unsettle refuses what the disk did not take. A job that its foreground clients wait for goes on without it.
func (v *server) unsettle(j *job, acks []ack, err error) {
	v.record.Reach(notKept)
	v.env.Log().Warn("job refused", "function", j.function.name, "err", err)
	if j.state == pending {
		j.function.pending--
		v.uniques.remove(j)
		v.erase(j)
	}
	for _, a := range acks {
		a.session.refuse(&refusal{"QUEUE_ERROR", "The journal cannot take the job: " + err.Error()})
		a.session.paid()
	}
	if j.state == queued && j.abandoned() {
		j.function.queues[j.priority].remove(j)
		v.vanish(j)
	}
}

// admit queues a job, or lets it wait for its epoch.
func (v *server) admit(j *job) {
	if j.epoch > 0 && j.epoch > v.env.Now().Unix() {
		j.state = waiting
		j.function.waiting++
		v.epochs.set(j, j.epoch)
		return
	}
	v.enqueue(j)
}

// ripe queues a job whose epoch has come.
func (v *server) ripe(j *job) {
	v.record.Note("job-due")
	v.record.Reach(epochCame)
	j.function.waiting--
	j.order = v.nextOrder()
	v.enqueue(j)
}

// untilEpoch is how long a job has to wait for that second. The wall clock may step, so it is looked at
// once a minute.
func (v *server) untilEpoch(epoch int64) time.Duration {
	now := v.env.Now()
	if epoch-now.Unix() > 60 {
		return time.Minute
	}
	return min(time.Unix(epoch, 0).Sub(now), time.Minute)
}

// own gives the job what its packet or record holds, in one piece of memory.
func (j *job) own(handle, unique, reducer, data []byte) {
	memory := make([]byte, 0, len(handle)+len(unique)+len(reducer)+len(data))
	cut := func(part []byte) []byte {
		from := len(memory)
		memory = append(memory, part...)
		return memory[from:len(memory):len(memory)]
	}
	j.handle, j.unique, j.data = cut(handle), cut(unique), cut(data)
	if len(reducer) > 0 {
		j.reducer = cut(reducer)
	}
}

// listen makes the session hear the job's result.
func (s *session) listen(j *job) {
	l := &listener{job: j, session: s, prev: s.last}
	if s.last == nil {
		s.first = l
	} else {
		s.last.next = l
	}
	s.last = l
	s.listening++
	j.listeners = append(j.listeners, l)
}

// unlisten takes the listener from its session's list.
func (s *session) unlisten(l *listener) {
	if l.prev == nil {
		s.first = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		s.last = l.prev
	} else {
		l.next.prev = l.prev
	}
	l.next, l.prev = nil, nil
	s.listening--
}
