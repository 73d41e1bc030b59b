package jobs

import "simrun/checkers/linear"

// jobStep is one thing that happens to a job, as the model sees it. Numbers are those of the job's runs. What the weather
// made possible and nobody saw (a loss, a late result) is uncertain.
type jobStep struct {
	linear.Span
	do      jobVerb
	run     int
	promise bool // submit: the server promised to keep it; forget: it lost even what it had promised
	known   bool // status: what the server said
	running bool
	unsure  bool // status: the job may have been with a worker that never began
}

type jobVerb uint8

const (
	submit   jobVerb = iota // a client was told the handle
	appear                  // its submission arrived, perhaps that of a client who was told nothing
	begin                   // a worker was given it
	finish                  // a worker's result arrived, or was too late
	drop                    // a run was lost, or was not
	conclude                // the server gave up, or did not
	answer                  // a client was told that it is done
	forget                  // the server lost what it need not keep, or did not
	status                  // a server said what it knows
)

// jobState is where the job stands: in the queue, with its n-th run (from 1), done, or not there.
type jobState struct {
	phase   uint8
	run     int
	promise bool
}

const (
	absent uint8 = iota
	queued
	runs
	done
	gone
)

// jobModel is the object: queued → running(n) → queued only if attempt n was lost; done absorbs.
var jobModel = linear.Model[jobState, jobStep]{
	Step:  func(s jobState, step *jobStep) (jobState, bool) { return s.after(step) },
	Reads: func(step *jobStep) bool { return step.do == answer || step.do == status },
}

func (s jobState) after(step *jobStep) (after jobState, legal bool) {
	switch step.do {
	case submit:
		if s.phase == absent {
			s.phase = queued
		}
		s.promise = s.promise || step.promise
		return s, s.phase == queued || s.phase == runs
	case appear:
		if s.phase == absent {
			s.phase = queued
		}
		return s, true
	case begin:
		legal := s.phase == queued
		s.phase, s.run = runs, step.run
		return s, legal
	case finish:
		if s.phase == runs && s.run == step.run {
			s.phase, s.run = done, 0
		}
		return s, true
	case drop:
		if s.phase == runs && s.run == step.run {
			s.phase, s.run = queued, 0
		}
		return s, true
	case conclude:
		if s.phase == runs || s.phase == queued {
			s.phase, s.run = done, 0
		}
		return s, true
	case answer:
		return s, s.phase == done
	case forget:
		if !s.promise || step.promise {
			s.phase, s.run = gone, 0
		}
		return s, true
	default:
		return s, s.says(step)
	}
}

// says holds a server's word against the state. A server that has forgotten a job may say so.
func (s jobState) says(step *jobStep) bool {
	switch s.phase {
	case queued:
		return step.known && (!step.running || step.unsure)
	case runs:
		return step.known && step.running
	default:
		return !step.known
	}
}
