package gearman

import (
	"simrun/nodes"
)

// priority orders jobs: a lower one goes first.
type priority uint8

const (
	high priority = iota
	normal
	low
	priorities
)

// state is where a job stands.
//
//	pending → queued ⇄ running → ending → gone
//	        ↘ waiting ↗
//
// A job that is not recorded skips pending and ending.
type state uint8

const (
	pending state = iota // submitted, but its record is not durable: nobody has been told of it
	waiting              // for its epoch
	queued
	running // a worker has it
	ending  // it has ended, but the record of that is not durable: nobody has been told
	gone
)

// job is one piece of work.
//
// Invariants: it is in its function's queue exactly while queued, in its worker's list exactly while running,
// in an alarm exactly while waiting or while running with a timeout. It is counted in its function's total, and in
// the gauge, from when it leaves pending until it is gone.
type job struct {
	handle   []byte
	key      string // the handle, as the key of the table of jobs
	function *function
	unique   []byte
	identity string // what it coalesces by; empty if it does not
	reducer  []byte
	data     []byte
	priority priority
	epoch    int64 // seconds since 1970 before which it is not to run

	number uint64 // submissions in order, over all lives of the server
	order  uint64 // its place among those of its priority

	state      state
	background bool   // it is promised: it does not end with its clients
	recorded   bool   // a record of it has been appended, and so must its end be
	unsettled  bool   // that record is not durable yet
	place      uint64 // the number of that record, plus one
	attempts   int    // how often it was handed out
	lost       int    // how often its worker was lost in this life of the server

	acks                   []ack       // submissions to answer once the record is durable
	listeners              []*listener // submissions to tell of the result, in order
	worker                 *session
	numerator, denominator uint32

	result     Type   // while ending: what to tell the listeners
	resultData []byte // and that
	ran        bool   // while ending: it was running before

	due   int64 // its key in an alarm
	index int   // its place there, plus one

	next, prev       *job // in its function's queue
	nextRun, prevRun *job // in its worker's list
	nextSame         *job // of the same identity and another function
}

// ack is a submission that waits for its job to be durable.
type ack struct {
	session    *session
	background bool
}

// listener is a foreground submission. It stands in its job's list and in its session's.
type listener struct {
	job        *job
	session    *session
	next, prev *listener // in the session's list
}

// size is what the job holds of max-stored.
func (j *job) size() nodes.Bytes {
	return nodes.Bytes(len(j.data) + len(j.unique) + len(j.reducer) + jobOverhead)
}

// jobOverhead is about what a job costs besides what its client sent.
const jobOverhead = 512

// abandoned says that nobody is left who was promised anything.
func (j *job) abandoned() bool {
	return !j.background && !j.recorded && len(j.listeners) == 0
}

// jobQueue is a queue of jobs in the order of job.order.
type jobQueue struct {
	first, last *job
	length      int
}

// insert puts the job in its place, which nearly always is the end, or for a job that comes back, near
// the front.
func (q *jobQueue) insert(j *job) {
	q.length++
	if q.last == nil || q.last.order < j.order {
		j.prev, j.next = q.last, nil
		if q.last == nil {
			q.first = j
		} else {
			q.last.next = j
		}
		q.last = j
		return
	}
	behind := q.first
	for behind.order < j.order {
		behind = behind.next
	}
	j.prev, j.next = behind.prev, behind
	behind.prev = j
	if j.prev == nil {
		q.first = j
	} else {
		j.prev.next = j
	}
}

// remove takes the job out of the queue, wherever it stands.
func (q *jobQueue) remove(j *job) {
	q.length--
	if j.prev == nil {
		q.first = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		q.last = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.next, j.prev = nil, nil
}
