package jobs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Order is J8: at one server, of two jobs for one function that both certainly waited, the one of higher
// priority is handed out first, and of equals the one that was submitted first.
type Order struct{}

// turn is when a job certainly waited, and within what it was handed out.
type turn struct {
	x        *evidence.Execution
	a        *evidence.Attempt
	lo, hi   history.Time // it was handed out after lo and before hi
	priority int
}

// Judge looks, for each job, for one that should have been handed out before it and certainly was not.
func (c *Order) Judge(e *evidence.Evidence) checkers.Judgement {
	compared := 0
	waited := c.turns(e)
	for _, key := range slices.SortedFunc(maps.Keys(waited), evidence.Identity.Compare) {
		turns := waited[key]
		slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.a.Created, b.a.Created) })
		var before [3]latest
		for _, t := range turns {
			before[t.priority].add(t)
		}
		for _, b := range turns {
			for priority := 0; priority <= b.priority; priority++ {
				waiting := b.lo
				if priority == b.priority {
					waiting = min(waiting, b.a.Call-1)
				}
				a := before[priority].by(waiting)
				if a == nil {
					continue
				}
				compared++
				if a.lo > b.hi { // at one instant, who was first cannot be told
					return c.violated(e, *a, b)
				}
			}
		}
	}
	if compared == 0 {
		return checkers.Vacuous.Because("no two jobs certainly waited for their turn")
	}
	return checkers.Holds.With("%s in order", wording.Count(compared, "pair"))
}

// latest answers, of the jobs that were acknowledged by some time, which was handed out last.
type latest struct {
	created []history.Time
	last    []turn
}

func (l *latest) add(t turn) {
	if n := len(l.last); n > 0 && l.last[n-1].lo >= t.lo {
		l.last = append(l.last, l.last[n-1])
	} else {
		l.last = append(l.last, t)
	}
	l.created = append(l.created, t.a.Created)
}

func (l *latest) by(at history.Time) *turn {
	i := sort.Search(len(l.created), func(i int) bool { return l.created[i] > at })
	if i == 0 {
		return nil
	}
	return &l.last[i-1]
}

// backoff is for how long a connection that fared badly may still deliver late, and a job that was handed out over it come
// back: TCP's waiting for retransmissions outlives the weather.
const backoff = 20 * time.Second

// turns is the jobs that can be compared, by server and function: submitted once, also by those who were told
// nothing, and in no weather that could have put them back into the queue. A worker asks for the next job after it
// has ended the last one of the same server; with several at a time, it cannot be told when it asked.
func (c *Order) turns(e *evidence.Evidence) map[evidence.Identity][]turn {
	v := e.Jobs()
	r := e.ReachFor(checkers.DefaultLimit, 0)
	turns := map[evidence.Identity][]turn{}
	for _, h := range e.Selected("all", "worker") {
		last := map[string]history.Time{}
		parallel := h.Concurrency > 1
		for _, x := range v.ByHost[h.Name] {
			parallel = parallel || x.Call < last[x.Key.Server]
			asked := last[x.Key.Server]
			last[x.Key.Server] = max(asked, x.End)
			if parallel || x.Job.Runs[0] != x || len(x.Job.Attempts) != 1 || x.Job.Attempts[0].Created == history.Never {
				continue
			}
			a := x.Job.Attempts[0]
			calm, since := true, max(0, a.Call-backoff)
			for _, worker := range e.Crew(x.Key.Server) {
				calm = calm && r.Turned(worker, x.Key.Server, since, x.Call) == ""
			}
			if calm && (a.Identity.Unique == "" || len(v.ByIdentity[a.Identity]) == 1) {
				key := evidence.Identity{Server: x.Key.Server, Function: x.Function}
				turns[key] = append(turns[key], turn{x: x, a: a, lo: asked, hi: x.Call, priority: a.Priority})
			}
		}
	}
	return turns
}

func (c *Order) violated(e *evidence.Evidence, a, b turn) checkers.Judgement {
	why := "had been submitted first"
	if a.priority < b.priority {
		why = "has a higher priority"
	}
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "out-of-order", Figure: "1 pair out of order",
		Reason: fmt.Sprintf("%s handed out %s before %s, which %s and was waiting", b.a.Key.Server, b.x.Key.Handle,
			a.x.Key.Handle, why),
		Witness: []uint64{a.a.ID, a.x.ID, b.a.ID, b.x.ID}, Window: history.Window{From: a.a.Call, To: a.x.Call},
		Story: e.Tell().Job(a.x.Job).Job(b.x.Job).Lines()}
}
