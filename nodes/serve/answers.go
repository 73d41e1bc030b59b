package serve

import (
	"bytes"
	"net"

	"simrun/nodes"
)

// Answers are an outbox on which many requests are under way at once, and whose answers leave in the order of the
// requests, whatever the order in which they are found.
//
// Invariants: the answers of first to last are to come, which are owed many; held is what those take that wait for
// another before them, and expected the sum of what those are to take that are not given yet.
type Answers struct {
	Outbox
	leaves      func(*Answer)
	most        int
	expected    int
	first, last *Answer
}

// Answer is the place of an answer among those to come. It is part of a request's own record, as a rule.
type Answer struct {
	answers *Answers
	bytes   []byte // while it waits for those before it
	next    *Answer
	given   bool
	// Moment is what leaves tells a recorder, for one.
	Moment string
	// Expected is how many bytes the request and its answer are likely to take until it is given, where that may be much. It
	// is not to change once the answer has begun.
	Expected int
}

// NewAnswers are none yet. At most so many are owed at once; leaves, if there is one, is told when an answer is about to
// leave. Write has to be started as a task of its own.
func NewAnswers(env nodes.Env, stream net.Conn, options Options, most int, leaves func(*Answer)) Answers {
	return Answers{Outbox: NewOutbox(env, stream, options), most: most, leaves: leaves}
}

// Owed is how many answers are to come.
func (a *Answers) Owed() int { return a.owed }

// Room says whether one more request may begin: not too many are under way, and not too much is unsent, or will be once what is
// under way is answered. A peer that does not read is not read from either, long before its connection is closed for it; and one
// that reads is not closed for having asked for much at once, all of which is answered at one moment.
func (a *Answers) Room() bool {
	limit := int(a.options.MaxOutput)
	return a.owed < a.most && (limit == 0 || len(a.Out)+a.held+a.expected <= limit/4)
}

// Await lets the reader wait until its next request may begin. It is asked again whenever an answer has left, or output was
// sent. It says false if the connection is over.
func (a *Answers) Await(may func() bool) bool {
	for !a.closed && !may() {
		a.Flush()
		a.busy, a.waiting = false, true
		var err error
		if !a.closed && !may() { // it may have come while answers were sent
			err = a.Turn.Wait()
		}
		a.busy, a.waiting = true, false
		if err != nil {
			return false
		}
	}
	return !a.closed
}

// Begin puts an answer behind those that are to come.
func (a *Answers) Begin(x *Answer) {
	x.answers = a
	if a.last != nil {
		a.last.next = x
	} else {
		a.first = x
	}
	a.last = x
	a.owed++
	a.expected += x.Expected
}

// Given says whether the answer was given.
func (x *Answer) Given() bool { return x.given }

// Give gives an answer that has begun, once. Its memory is the caller's again.
func (x *Answer) Give(answer []byte) {
	if x.given {
		panic("serve: a second answer to one request")
	}
	x.given = true
	a := x.answers
	a.expected -= x.Expected
	switch {
	case a.closed:
	case a.first == x:
		a.Out = append(a.Out, answer...)
		a.advance()
		a.Queued()
	default:
		x.bytes = bytes.Clone(answer)
		a.held += len(answer)
		a.weigh()
	}
	a.Overflows()
}

// advance takes what is answered from the head of the answers to come.
func (a *Answers) advance() {
	for a.first != nil && a.first.given {
		x := a.first
		a.held -= len(x.bytes)
		a.Out = append(a.Out, x.bytes...)
		if a.leaves != nil {
			a.leaves(x)
		}
		x.bytes = nil
		if a.first = x.next; a.first == nil {
			a.last = nil
		}
		a.owed--
	}
	if a.waiting {
		a.Turn.Signal()
	}
}
