package gearman

import (
	"bytes"
	"log/slog"
	"strconv"
	"time"

	"simrun/nodes"
)

// assignment is a job as a server hands it out.
type assignment struct {
	handle, function, unique, reducer, payload []byte
}

// assigned copies a job out of its packet.
func assigned(packet Packet) (*assignment, error) {
	packet.Data = bytes.Clone(packet.Data)
	args, err := packet.Args()
	if err != nil {
		return nil, err
	}
	a := &assignment{handle: args[0], function: args[1]}
	switch packet.Type {
	case JobAssign:
		a.payload = args[2]
	case JobAssignUniq:
		a.unique, a.payload = args[2], args[3]
	case JobAssignAll:
		a.unique, a.reducer, a.payload = args[2], args[3], args[4]
	}
	return a, nil
}

// execute does a job and says what came of it.
func (p *post) execute(a *assignment) error {
	w := p.worker
	w.state("at " + string(a.handle) + " of " + string(p.server))
	op := w.env.Record().Invoke(nodes.Request{}, "execute",
		slog.String("server", string(p.server)), slog.String("handle", string(a.handle)),
		slog.String("function", string(a.function)), slog.String("unique", string(a.unique)),
		slog.String("payload", string(a.payload)))
	out, err := p.perform(a)
	if err != nil {
		w.env.Record().Reach(lostWhileBusy)
		op.Unknown(err)
		return err
	}
	w.done++
	op.Ok(out)
	return nil
}

// perform draws the job's fate, occupies a core for its time, and answers. It draws the same number
// of variates for every job.
func (p *post) perform(a *assignment) (out slog.Attr, err error) {
	w, config := p.worker, p.worker.config
	r := w.env.Rand()
	lasts := config.JobTime.Pick(r)
	data, warn, fail, throw := config.DataRate.Hit(r.Uint64()), config.WarningRate.Hit(r.Uint64()),
		config.FailRate.Hit(r.Uint64()), config.ExceptionRate.Hit(r.Uint64())
	if err := p.flood(a); err != nil {
		return out, err
	}
	if err := p.labour(a, lasts); err != nil {
		return out, err
	}
	dawdle(w.env, slowReport)
	if warn {
		if err := p.tell(WorkWarning, a.handle, []byte("warning from "+w.env.Host())); err != nil {
			return out, err
		}
	}
	if data {
		if err := p.tell(WorkData, a.handle, a.payload); err != nil {
			return out, err
		}
	}
	switch {
	case fail:
		return slog.Bool("failed", true), p.tell(WorkFail, a.handle)
	case throw:
		return slog.Bool("failed", true), p.tell(WorkException, a.handle, []byte("exception in "+w.env.Host()))
	}
	result := a.result(w.env.Host())
	return slog.String("result", string(result)), p.tell(WorkComplete, a.handle, result)
}

// flood tells the server again and again that the job has only begun.
func (p *post) flood(a *assignment) error {
	const times = 8
	if !p.worker.env.Point(statusFlood) {
		return nil
	}
	for range times {
		if err := p.tell(WorkStatus, a.handle, []byte("0"), []byte("1")); err != nil {
			return err
		}
	}
	return nil
}

// labour occupies a core for as long as the job takes, and tells the server how far it is.
func (p *post) labour(a *assignment, lasts time.Duration) error {
	pieces := max(p.worker.config.Steps, 1)
	for i := range pieces {
		piece := lasts*time.Duration(i+1)/time.Duration(pieces) - lasts*time.Duration(i)/time.Duration(pieces)
		if piece > 0 {
			if err := p.worker.env.Work(piece); err != nil {
				return err
			}
		}
		if p.worker.config.Steps == 0 {
			continue
		}
		if err := p.tell(WorkStatus, a.handle, strconv.AppendInt(nil, int64(i+1), 10), strconv.AppendInt(nil, int64(pieces), 10)); err != nil {
			return err
		}
	}
	return nil
}

// result is what the worker of that name makes of the job.
func (a *assignment) result(worker string) []byte {
	if len(a.reducer) > 0 {
		return ReducedResult(worker, string(a.function), string(a.reducer), a.payload)
	}
	return Result(worker, string(a.function), a.payload)
}
