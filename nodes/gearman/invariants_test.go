package gearman

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// If this failed, some order of requests, losses and syncs would leave the server with a job in no queue, a worker
// asleep beside a job, or a count that lies.
func TestNoOrderOfRequestsBreaksAnInvariant(t *testing.T) {
	for _, queue := range []Queue{MemoryQueue, JournalQueue} {
		t.Run(string(queue), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { inConfusion(t, queue) })
		})
	}
}

// inConfusion lets sessions ask for anything in any order, and looks at the server after each request.
func inConfusion(t *rapid.T, queue Queue) {
	config := DefaultServerConfig()
	config.Queue = queue
	config.Retries = rapid.IntRange(0, 2).Draw(t, "retries")
	config.MaxQueue = rapid.SampledFrom([]int{0, 3}).Draw(t, "max-queue")
	steps := rapid.SliceOfN(rapid.Custom(drawStep), 30, 90).Draw(t, "steps")
	dir, err := os.MkdirTemp("", "confusion")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	failure := ""
	err = osenv.New(osenv.Options{Host: "test", Seed: 1, DataDir: dir, Log: slog.New(slog.DiscardHandler)}).Run(func(env nodes.Env) error {
		v := newServer(&rigEnv{Env: env, disk: hastyDisk{env.FS()}}, config)
		v.prefix = []byte("H:1.")
		if queue == JournalQueue {
			if err := v.recover(); err != nil {
				return err
			}
		}
		failure = v.confuse(steps)
		return v.closeJournal()
	})
	require.NoError(t, err)
	require.Empty(t, failure)
}

// step is one request of one of three sessions, or an event.
type step struct {
	session  int
	what     Type
	function string
	unique   string
}

// What happens besides requests.
const (
	connectionLost Type = 1000 + iota
	wakeupLapses
	diskCatchesUp
	firstJobCancelled
)

func drawStep(t *rapid.T) step {
	return step{
		session: rapid.IntRange(0, 2).Draw(t, "session"),
		what: rapid.SampledFrom([]Type{CanDo, CantDo, ResetAbilities, PreSleep, PreSleep, PreSleep, GrabJob, GrabJob, GrabJob,
			SubmitJob, SubmitJobHigh, SubmitJobLowBG, SubmitJobBG, SubmitJobEpoch, WorkComplete, WorkFail, WorkException, WorkStatus,
			connectionLost, wakeupLapses, wakeupLapses, diskCatchesUp, firstJobCancelled}).Draw(t, "what"),
		function: rapid.SampledFrom([]string{"f", "g"}).Draw(t, "function"),
		unique:   rapid.SampledFrom([]string{"", "k", "l", "-"}).Draw(t, "unique"),
	}
}

// confuse takes the steps, and says what is wrong after one of them.
func (v *server) confuse(steps []step) (failure string) {
	defer func() { v.stopping = true }()
	sessions := []*session{v.pretendWorker(), v.pretendWorker(), pretend(v)}
	for n, step := range steps {
		at, what, f := step.session, step.what, []byte(step.function)
		s := sessions[at]
		var args [][]byte
		switch what {
		case CanDo, CantDo:
			args = [][]byte{f}
		case SubmitJob, SubmitJobHigh, SubmitJobLowBG, SubmitJobBG:
			args = [][]byte{f, []byte(step.unique), []byte("data")}
		case SubmitJobEpoch:
			args = [][]byte{f, nil, []byte("99999999999"), []byte("data")}
		case WorkComplete, WorkException, WorkStatus, WorkFail:
			if s.running == nil {
				continue
			}
			args = [][]byte{s.running.handle, []byte("1"), []byte("2")}[:forms[what].args]
		}
		switch what {
		case connectionLost:
			s.Close()
			v.leave(s)
			sessions[at] = v.pretendWorker()
		case wakeupLapses:
			if s.wokenFor != nil {
				v.answered(s)
			}
		case diskCatchesUp:
			_ = v.env.Sleep(0)
		case firstJobCancelled:
			for n := range v.handles {
				if j := v.jobs[fmt.Sprint("H:1.", n+1)]; j != nil && j.state != pending && j.state != ending {
					v.conclude(j, WorkFail, nil)
					break
				}
			}
		default:
			packet := Packet{Magic: Request, Type: what, Data: Append(nil, Request, what, args...)[HeaderSize:]}
			if err := v.handle(s, packet); err != nil {
				return err.Error()
			}
		}
		for _, s := range sessions {
			s.Out = s.Out[:0]
		}
		if failure = v.broken(sessions); failure != "" {
			return fmt.Sprintf("after step %d, %v %q: %s", n, what, args, failure)
		}
	}
	return v.endsEmpty(sessions)
}

// endsEmpty lets a worker do all that is left, and says what is still there then.
func (v *server) endsEmpty(sessions []*session) string {
	for _, s := range sessions {
		s.Close()
		v.leave(s)
	}
	worker := v.pretendWorker()
	for range 1000 {
		v.grab(worker, JobAssign)
		worker.settle()
		if worker.running != nil {
			v.conclude(worker.running, WorkComplete, nil)
		}
		if v.unsynced > 0 {
			_ = v.env.Sleep(time.Millisecond)
		}
		if len(v.jobs) == len(v.epochs.jobs) && v.unsynced == 0 {
			return v.broken([]*session{worker})
		}
	}
	return fmt.Sprintf("%d jobs are left: %s", len(v.jobs), v)
}

// broken says which invariant does not hold.
func (v *server) broken(sessions []*session) string {
	total, ran, stored := 0, 0, nodes.Bytes(0)
	for _, j := range v.jobs {
		stored += j.size()
		if j.state != pending {
			total++
		}
		if j.state == running || j.state == ending && j.ran {
			ran++
		}
		switch {
		case j.state == gone:
			return fmt.Sprintf("%s is gone and in the table", j.handle)
		case (j.state == running) != (j.worker != nil):
			return fmt.Sprintf("%s has state %d and worker %v", j.handle, j.state, j.worker != nil)
		case j.state != running && j.abandoned():
			return fmt.Sprintf("%s waits for nobody", j.handle)
		case v.journal == nil && (j.recorded || j.state == pending || j.state == ending):
			return fmt.Sprintf("%s waits for a journal that is not there", j.handle)
		case j.identity != "" && v.uniques.find(j.function, j.identity) != j:
			return fmt.Sprintf("%s cannot be found by what it coalesces by", j.handle)
		}
	}
	if total != v.total || ran != v.running || stored != v.stored {
		return fmt.Sprintf("%d jobs, %d running, %d bytes; counted %d, %d, %d", total, ran, stored, v.total, v.running, v.stored)
	}
	for _, f := range v.functions.byName {
		if text := f.broken(v, sessions); text != "" {
			return f.name + ": " + text
		}
	}
	for i, s := range sessions {
		count := 0
		for j := s.running; j != nil; j = j.nextRun {
			count++
			if j.worker != s || j.state != running {
				return fmt.Sprintf("session %d holds a job that it has not", i)
			}
		}
		heard := 0
		for l := s.first; l != nil; l = l.next {
			heard++
			if v.jobs[l.job.key] != l.job {
				return fmt.Sprintf("session %d listens to a job that is gone", i)
			}
		}
		if count != s.jobs || heard != s.listening {
			return fmt.Sprintf("session %d has %d jobs and %d listeners, and counts %d and %d", i, count, heard, s.jobs, s.listening)
		}
	}
	return ""
}

func (f *function) broken(v *server, sessions []*session) string {
	for p := range f.queues {
		length, last := 0, uint64(0)
		for j := f.queues[p].first; j != nil; j = j.next {
			if j.state != queued || j.function != f || j.priority != priority(p) || j.order <= last {
				return fmt.Sprintf("job %s stands in the wrong place", j.handle)
			}
			length, last = length+1, j.order
		}
		if length != f.queues[p].length {
			return fmt.Sprintf("queue of %d counts %d", length, f.queues[p].length)
		}
	}
	workers, woken, asleep := 0, 0, 0
	for _, s := range sessions {
		if s.wokenFor == f {
			woken++
		}
		if a := s.ability(f); a != nil {
			workers++
			if a.asleep != s.sleeping {
				return "an ability sleeps and its worker does not"
			}
			if a.asleep {
				asleep++
			}
		}
	}
	switch {
	case workers != f.workers || woken != f.woken:
		return fmt.Sprintf("%d workers, %d woken; counted %d, %d", workers, woken, f.workers, f.woken)
	case asleep > 0 && f.queued() > f.woken:
		return fmt.Sprintf("%d sleep beside %d jobs, %d woken", asleep, f.queued(), f.woken)
	}
	counted := f.queued() + f.waiting + f.running
	for _, j := range v.jobs {
		if j.function == f && j.state == ending && !j.ran {
			counted++
		}
	}
	if counted != f.total {
		return fmt.Sprintf("%d jobs, counted %d", counted, f.total)
	}
	return ""
}

// pretend is a session that a test drives itself. What it sends goes nowhere.
func pretend(v *server) *session {
	v.accepted++
	s := newSession(v, nowhere{})
	s.SetBusy(true)
	return s
}

// pretendWorker is one that can do both functions.
func (v *server) pretendWorker() *session {
	s := pretend(v)
	_ = v.canDo(s, []byte("f"), 0)
	_ = v.canDo(s, []byte("g"), 0)
	return s
}

// hastyDisk does not take the time to sync.
type hastyDisk struct{ nodes.FS }

type hastyFile struct{ nodes.File }

func (d hastyDisk) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	return hastyFile{f}, err
}

func (d hastyDisk) SyncDir(string) error { return nil }
func (f hastyFile) Sync() error          { return nil }

// nowhere is a stream that leads there.
type nowhere struct{ net.Conn }

func (nowhere) Close() error                { return nil }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
