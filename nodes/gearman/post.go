package gearman

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"simrun/nodes"
	"simrun/nodes/backoff"
)

// post is a worker's place at one server: a connection on which it does one job at a time.
type post struct {
	worker  *worker
	server  nodes.NodeName
	task    nodes.Task
	backoff backoff.Backoff
	turn    turn

	conn      *Conn // nil while there is none
	withdrawn bool  // the server was told not to count on this worker for now
	busy      bool  // a job is under way
	rested    bool  // the last sleep ended without a wake-up
}

// run keeps the post until the worker stops.
func (p *post) run() {
	env := p.worker.env
	for !p.worker.stopping {
		err := p.serve()
		if p.worker.stopping {
			return
		}
		wait := p.backoff.Next(env.Rand())
		env.Log().Info("connection lost", "server", string(p.server), "err", err, "again", wait)
		if env.Sleep(wait) != nil {
			return
		}
	}
}

// leave ends the post: at once, or after the job that is under way.
func (p *post) leave() {
	if p.busy {
		return
	}
	if p.conn != nil {
		_ = p.conn.Close()
	}
	p.task.Cancel()
}

// serve works over one connection until it fails or the worker stops.
func (p *post) serve() error {
	w := p.worker
	stream, err := w.env.Dial("tcp", address(p.server), w.config.Timeout)
	if err != nil {
		return err
	}
	defer stream.Close()
	p.conn = NewConn(stream, w.env.Record(), int64(w.config.MaxPacket))
	p.withdrawn, p.rested = false, false
	defer func() { p.conn = nil }()
	if err := p.introduce(); err != nil {
		return err
	}
	again := false // the last NO_JOB was not believed
	for !w.stopping {
		if err := p.quirks(); err != nil {
			return err
		}
		worked, err := p.seek()
		switch {
		case err != nil || worked || w.stopping:
			again = false
		case w.env.Point(leaveUnbusy):
			return errLeft
		case !again && w.env.Point(askAgain):
			again = true
		default:
			again, err = false, p.sleep()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errLeft ends a connection for no reason but to see what comes of it.
var errLeft = errors.New("gearman: the worker has left")

// quirks is what a worker may do before it asks for a job, and need not.
func (p *post) quirks() error {
	env := p.worker.env
	dawdle(env, slowGrab)
	if !env.Point(registerAgain) {
		return nil
	}
	if err := p.tell(ResetAbilities); err != nil {
		return err
	}
	return p.register()
}

// introduce says who the worker is and what it can do.
func (p *post) introduce() error {
	if name := p.worker.env.Host(); name != "" {
		if err := p.tell(SetClientID, []byte(name)); err != nil {
			return err
		}
	}
	return p.register()
}

func (p *post) register() error {
	config := p.worker.config
	for _, function := range config.Functions {
		err := error(nil)
		if seconds := int64(config.JobTimeout / time.Second); seconds > 0 {
			err = p.tell(CanDoTimeout, []byte(function), strconv.AppendInt(nil, seconds, 10))
		} else {
			err = p.tell(CanDo, []byte(function))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tell sends a request.
func (p *post) tell(t Type, args ...[]byte) error {
	env := p.worker.env
	if err := p.conn.SetWriteDeadline(env.Now().Add(p.worker.config.Timeout)); err != nil {
		return err
	}
	return p.conn.WriteRequest(t, args...)
}

// patience is how long a post may hold the worker's turn while its server is silent, and how long a
// server may count on a worker that is busy at another.
const patience = 50 * time.Millisecond

// seek asks for a job and does it. The worker asks only when it could begin at once, lest a job wait
// for a busy worker while others are idle; and it does not let a server that is dark keep it from the
// others.
func (p *post) seek() (worked bool, err error) {
	if err := p.takeTurn(); err != nil {
		return false, err
	}
	defer p.turn.give()
	if err := p.tell(p.worker.config.Grab.request()); err != nil {
		return false, err
	}
	var impatient nodes.Timer
	if len(p.worker.posts) > p.worker.config.Concurrency {
		impatient = p.worker.env.AfterFunc(patience, p.giveWay)
	}
	a, err := p.answer()
	if impatient != nil {
		impatient.Stop()
	}
	if err != nil || a == nil {
		return false, err
	}
	p.busy = true
	defer func() { p.busy = false }()
	if err := p.turn.take(); err != nil {
		return false, err
	}
	record := p.worker.env.Record()
	record.Sometimes(missedCall, p.rested)
	record.Always(withinItsTurns, p.turn.held && p.worker.turns.free >= 0)
	return true, p.execute(a)
}

// giveWay lets another post have the turn while the server is silent.
func (p *post) giveWay() {
	p.worker.env.Record().Reach(grewImpatient)
	p.turn.give()
}

// takeTurn waits for the worker's turn. A server that has woken this worker for a job should not wait
// as long: it is told that the worker cannot do it, so that it wakes another, and afterwards that it
// can.
func (p *post) takeTurn() error {
	if p.worker.turns.free > 0 {
		return p.turn.take()
	}
	waiting := true
	withdraw := p.worker.env.AfterFunc(patience, func() {
		if !waiting {
			return // the turn came at the same instant
		}
		p.withdrawn = true
		p.worker.env.Record().Reach(withdrawn)
		_ = p.tell(ResetAbilities) // the next request meets the same error
	})
	err := p.turn.take()
	waiting = false
	withdraw.Stop()
	if err != nil || !p.withdrawn {
		return err
	}
	p.withdrawn = false
	if err := p.register(); err != nil {
		p.turn.give()
		return err
	}
	return nil
}

// answer waits for what a server says to a grab: a job, or nil for none.
func (p *post) answer() (*assignment, error) {
	env := p.worker.env
	if err := p.conn.SetReadDeadline(env.Now().Add(p.worker.config.Timeout)); err != nil {
		return nil, err
	}
	for {
		packet, err := p.conn.ReadPacket()
		if err != nil {
			return nil, err
		}
		p.backoff.Reset()
		switch packet.Type {
		case NoJob:
			return nil, nil
		case JobAssign, JobAssignUniq, JobAssignAll:
			return assigned(packet)
		case Error:
			if err := p.complaint(packet); err != nil {
				return nil, err
			}
		}
	}
}

// complaint is an ERROR. That a job is no longer known, because it was taken from this worker, is
// none of its business any more.
func (p *post) complaint(packet Packet) error {
	args, err := packet.Args()
	if err != nil {
		return err
	}
	if string(args[0]) == "JOB_NOT_FOUND" {
		p.worker.env.Record().Reach(lateResult)
		return nil
	}
	return fmt.Errorf("gearman: %s refuses: %s: %s", p.server, args[0], args[1])
}

// sleep waits to be woken, but no longer than the rest.
func (p *post) sleep() error {
	env := p.worker.env
	if err := p.tell(PreSleep); err != nil {
		return err
	}
	p.worker.state("asleep")
	if err := p.conn.SetReadDeadline(env.Now().Add(p.worker.config.Rest)); err != nil {
		return err
	}
	for {
		packet, err := p.conn.ReadPacket()
		p.rested = errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case p.rested:
			return nil
		case err != nil:
			return err
		case packet.Type == Noop:
			return nil
		case packet.Type == Error:
			if err := p.complaint(packet); err != nil {
				return err
			}
		}
	}
}
