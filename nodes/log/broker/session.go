package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/log/cluster"
	"simrun/nodes/log/wire"
	agreement "simrun/nodes/raft/replica"
)

// session is this life of the broker, as the controllers know it.
type session struct {
	epoch int64 // 0 until it is registered
	kept  bool  // what an earlier life said that it has is still there
	lost  []cluster.Ref
	told  bool // the controllers know what this disk lacks
	known bool // the state here has the registration
	swept bool // all logs are open that the state has for this broker
	busy  bool // the keeper is at it
	over  bool // it is not to be heard any more
	news  nodes.Cond
}

func (s *session) String() string {
	switch {
	case s.epoch == 0:
		return "not registered"
	case !s.known || !s.swept:
		return fmt.Sprintf("registered under epoch %d, opening its logs", s.epoch)
	}
	return fmt.Sprintf("registered under epoch %d", s.epoch)
}

// beat is what a broker tells the leading controller, four times in the time after which it would be fenced.
type beat struct {
	cluster.Standing
	// Ready says that it knows of its registration, and has opened its logs.
	Ready bool
}

// Requests to the leading controller begin with what they are.
const (
	askCommand byte = 'c' // a cluster.Command
	askBeat    byte = 'b' // a beat
)

// command has a command done, and calls done with its result.
func (b *broker) command(c *cluster.Command, done func(r cluster.Result, err error)) {
	b.ask(append([]byte{askCommand}, c.Encode()...), done)
}

// ask asks the leading controller, which may be this server.
func (b *broker) ask(request []byte, done func(r cluster.Result, err error)) {
	if b.controllers.Leads() {
		b.serveRequest(request, done)
		return
	}
	b.controllers.Call(request, func(answer []byte, err error) {
		if err != nil {
			done(cluster.Result{}, err)
			return
		}
		done(cluster.DecodeResult(answer))
	})
}

// asked is a request of another broker to this server, which leads the controllers.
func (b *broker) asked(_ string, request []byte, reply func(answer []byte)) {
	b.serveRequest(request, func(r cluster.Result, err error) {
		if errors.Is(err, agreement.ErrNotLeader) {
			reply(nil)
			return
		}
		if err != nil {
			r = cluster.Result{Code: codeOfRefusal(err), Why: err.Error()}
		}
		reply(r.Encode())
	})
}

// codeOfRefusal is what is told of a command that failed.
func codeOfRefusal(err error) wire.Code {
	switch {
	case errors.Is(err, agreement.ErrNotLeader):
		return wire.NotController
	case errors.Is(err, agreement.ErrBusy):
		return wire.ThrottlingQuotaExceeded
	}
	return wire.RequestTimedOut
}

// serveRequest does what a broker asks of the leading controller.
func (b *broker) serveRequest(request []byte, done func(r cluster.Result, err error)) {
	if len(request) == 0 {
		done(cluster.Result{Code: wire.InvalidRequest}, nil)
		return
	}
	switch request[0] {
	case askCommand:
		b.controllers.Propose(request[1:], func(answer []byte, err error) {
			if err != nil {
				done(cluster.Result{}, err)
				return
			}
			done(cluster.DecodeResult(answer))
		})
	case askBeat:
		var told beat
		if json.Unmarshal(request[1:], &told) != nil {
			done(cluster.Result{Code: wire.InvalidRequest}, nil)
			return
		}
		done(b.hear(&told), nil)
	default:
		done(cluster.Result{Code: wire.InvalidRequest}, nil)
	}
}

// settled has a command done, and waits for its result. It asks again for as long as nothing was done and there is time.
func (b *broker) settled(c *cluster.Command, patience time.Duration) cluster.Result {
	return b.allSettled([]*cluster.Command{c}, patience)[0]
}

// allSettled is settled for several commands at once.
func (b *broker) allSettled(commands []*cluster.Command, patience time.Duration) []cluster.Result {
	until := b.env.Mark().Add(patience)
	results, left := make([]cluster.Result, len(commands)), []int{}
	for i := range commands {
		left = append(left, i)
	}
	for len(left) > 0 {
		errs := b.together(commands, left, results)
		var again []int
		for n, i := range left {
			if err := errs[n]; err != nil {
				results[i] = cluster.Result{Code: codeOfRefusal(err), Why: err.Error()}
				if errors.Is(err, agreement.ErrNotLeader) || errors.Is(err, agreement.ErrBusy) || errors.Is(err, agreement.ErrLost) {
					again = append(again, i)
				}
			}
		}
		rest := until.Sub(b.env.Mark())
		if left = again; len(left) > 0 && (rest <= 0 || b.stopping || b.env.Sleep(min(rest, b.config.Election/8)) != nil) {
			break
		}
	}
	return results
}

// together has some of the commands done, each once, and waits for their results or failures.
func (b *broker) together(commands []*cluster.Command, which []int, results []cluster.Result) []error {
	errs, waiting, cond := make([]error, len(which)), len(which), b.env.NewCond()
	for n, i := range which {
		b.command(commands[i], func(r cluster.Result, err error) {
			results[i], errs[n] = r, err
			waiting--
			cond.Signal()
		})
	}
	for waiting > 0 {
		if err := cond.Wait(); err != nil {
			return slices.Repeat([]error{err}, len(which))
		}
	}
	return errs
}

// once has a command done, and waits for its result or its failure.
func (b *broker) once(c *cluster.Command) (cluster.Result, error) {
	results := make([]cluster.Result, 1)
	errs := b.together([]*cluster.Command{c}, []int{0}, results)
	return results[0], errs[0]
}

// until waits for the state to be such, for so long. It says whether it is.
func (b *broker) until(patience time.Duration, is func() bool) bool {
	end := b.env.Mark().Add(patience)
	for !is() {
		left := end.Sub(b.env.Mark())
		if left <= 0 || b.stopping {
			return false
		}
		b.applied.WaitFor(left)
	}
	return true
}

// attend is the task that registers the broker, and lets it be heard.
func (b *broker) attend() {
	for !b.stopping && !b.session.over {
		if b.session.epoch == 0 {
			b.register()
		} else {
			b.tell()
		}
		b.session.news.WaitFor(b.pause())
	}
}

// pause is how long it is until the broker is to be heard again.
func (b *broker) pause() time.Duration {
	if b.session.epoch == 0 {
		return b.config.Election / 8
	}
	return b.config.Session / 4
}

// register makes this life known. It may be asked for more than once: the state knows it by its incarnation.
func (b *broker) register() {
	r, err := b.once(&cluster.Command{Register: &cluster.Register{Kept: b.session.kept, Lost: b.session.lost, Broker: cluster.Broker{
		ID: b.place.id, Name: b.env.Host(), Address: b.place.address, Rack: b.config.Site, Incarnation: b.incarnation}}})
	switch {
	case err != nil:
		b.env.Log().Debug("not registered yet", "err", err)
	case r.Code != wire.None:
		b.env.Log().Warn("not registered", "code", r.Code, "why", r.Why)
	default:
		b.session.epoch = r.Epoch
		if err := b.toldOfLoss(); err != nil {
			b.fail(err)
		}
		b.session.told = true
		b.record.Reach(registered)
		b.record.Sometimes(cameBackWithoutTail, !b.session.kept && r.Epoch > int64(len(b.place.peers)))
		b.env.Log().Info("registered", "epoch", r.Epoch, "kept", b.session.kept, "lost", len(b.session.lost))
		b.tell()
	}
}

// tell lets the broker be heard.
func (b *broker) tell() {
	content, err := json.Marshal(beat{cluster.Standing{ID: b.place.id, Epoch: b.session.epoch}, b.session.known && b.session.swept})
	if err != nil {
		b.fail(err)
	}
	b.ask(append([]byte{askBeat}, content...), func(r cluster.Result, err error) {
		if err == nil && r.Code == wire.StaleBrokerEpoch && b.session.known && !b.stopping {
			b.env.Exit(fmt.Errorf("broker: another life of broker %d has registered", b.place.id))
		}
	})
}

// resign lets others lead what this broker leads, before it stops.
func (b *broker) resign() {
	b.session.over = true
	if b.session.epoch != 0 && b.session.known {
		r := b.settled(&cluster.Command{Fence: &cluster.Standing{ID: b.place.id, Epoch: b.session.epoch}}, b.config.Election)
		b.env.Log().Info("others lead now", "code", r.Code)
	}
}

// duties is what the leading controller knows.
type duties struct {
	term      uint64 // in which it heard
	heard     map[int32]nodes.Instant
	unfencing map[int32]bool
	preferred nodes.Instant
}

// hear takes a broker's word that it is alive.
func (b *broker) hear(told *beat) cluster.Result {
	known := b.state.Broker(told.ID)
	if known == nil || known.Epoch != told.Epoch {
		return cluster.Result{Code: wire.StaleBrokerEpoch}
	}
	b.duties.heard[told.ID] = b.env.Mark()
	if known.Fenced && told.Ready && !b.duties.unfencing[told.ID] {
		b.duties.unfencing[told.ID] = true
		b.command(&cluster.Command{Unfence: &told.Standing}, func(cluster.Result, error) { b.duties.unfencing[told.ID] = false })
	}
	return cluster.Result{}
}

// doDuties is the task of whoever leads the controllers: it fences who is silent, and lets preferred leaders lead.
func (b *broker) doDuties() {
	for b.env.Sleep(b.config.Session/8) == nil && !b.stopping {
		if !b.controllers.Leads() {
			continue
		}
		now := b.env.Mark()
		if term := b.controllers.Term(); term != b.duties.term {
			b.duties.term, b.duties.preferred = term, now
			clear(b.duties.heard)
		}
		for _, known := range b.state.Brokers() {
			last, heard := b.duties.heard[known.ID]
			if !heard {
				b.duties.heard[known.ID] = now // it has a whole session from now on
				continue
			}
			if !known.Fenced && now.Sub(last) > b.config.Session {
				b.record.Reach(brokerFenced)
				b.env.Log().Info("a broker is silent, and fenced", "broker", known.ID, "epoch", known.Epoch)
				_, _ = b.once(&cluster.Command{Fence: &cluster.Standing{ID: known.ID, Epoch: known.Epoch}}) // else the next round tries again
			}
		}
		if now.Sub(b.duties.preferred) >= b.config.Prefer && b.state.OutOfPlace() {
			b.duties.preferred = now
			b.record.Reach(preferredLead)
			_, _ = b.once(&cluster.Command{Prefer: &cluster.Prefer{}})
		}
	}
}
