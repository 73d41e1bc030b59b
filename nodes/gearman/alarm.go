package gearman

import (
	"container/heap"
	"time"

	"simrun/nodes"
)

// alarm calls for jobs when they are due. One timer runs while there are any, and none else.
type alarm struct {
	env  nodes.Env
	jobs dueJobs
	// until says how long it is until an instant of the alarm's clock, and may say less.
	until func(due int64) time.Duration
	// ring is told of each job that is due; it is out of the alarm then.
	ring  func(*job)
	timer nodes.Timer
	armed int64 // what the timer was set for
}

// set makes the job due at that instant.
func (a *alarm) set(j *job, due int64) {
	j.due = due
	heap.Push(&a.jobs, j)
	a.arm()
}

// clear takes the job out, if it is in.
func (a *alarm) clear(j *job) {
	if j.index > 0 {
		heap.Remove(&a.jobs, j.index-1)
	}
}

// look rings for all jobs that are due.
func (a *alarm) look() {
	for len(a.jobs) > 0 && a.until(a.jobs[0].due) <= 0 {
		a.ring(heap.Pop(&a.jobs).(*job))
	}
	a.arm()
}

// arm sees to it that the timer rings for the first job. One that is set for a job that has left may
// ring for nothing, once.
func (a *alarm) arm() {
	if len(a.jobs) == 0 || a.timer != nil && a.armed <= a.jobs[0].due {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	a.armed = a.jobs[0].due
	a.timer = a.env.AfterFunc(max(a.until(a.armed), 0), func() {
		a.timer = nil
		a.look()
	})
}

// dueJobs is a heap.Interface of jobs by due, then by order.
type dueJobs []*job

func (d dueJobs) Len() int { return len(d) }
func (d dueJobs) Less(a, b int) bool {
	if d[a].due != d[b].due {
		return d[a].due < d[b].due
	}
	return d[a].number < d[b].number
}
func (d dueJobs) Swap(a, b int) {
	d[a], d[b] = d[b], d[a]
	d[a].index, d[b].index = a+1, b+1
}
func (d *dueJobs) Push(x any) {
	j := x.(*job)
	*d = append(*d, j)
	j.index = len(*d)
}
func (d *dueJobs) Pop() any {
	last := len(*d) - 1
	j := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	j.index = 0
	return j
}
