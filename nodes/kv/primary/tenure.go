package primary

import (
	"log/slog"
	"time"

	"simrun/nodes"
)

// tenure is what a server knows of who the primary is, and its own part in that.
type tenure struct {
	decree  decree
	members []member
	reports uint64                     // that were sent
	sent    [reportsKept]nodes.Instant // when the last of them were, by number
	until   nodes.Instant              // a primary: nobody else is made one before
}

// reportsKept is how many reports a grant may be late by.
const reportsKept = 64

// reportOften is the task that lets the monitors, and the replicas, hear of this server.
func (s *server) reportOften() {
	for !s.stopping {
		s.report()
		s.beat()
		if s.env.Sleep(s.config.Heartbeat) != nil {
			return
		}
	}
}

// report tells all monitors.
func (s *server) report() {
	t := &s.tenure
	t.reports++
	t.sent[t.reports%reportsKept] = s.env.Mark()
	r := report{life: s.life, sequence: t.reports, epoch: t.decree.epoch, promised: s.kept, ballot: s.ballot, acknowledge: uint64(s.config.Acknowledge),
		last: s.log.placeOf(s.log.durable), whole: s.vouched, serves: s.reign != nil, leaves: s.stopping, client: s.client}
	if s.pledged.before(r.last) {
		s.pledged = r.last
	}
	frame := r.append(nil)
	for _, monitor := range s.monitors {
		s.link.Send(monitor, frame)
	}
}

// isLost says whether the server may have forgotten what it promised: its journal has no promise at all, for it is a new server or
// one that lost its disk. It takes no part, neither in an epoch nor in a ballot, before the leading monitor has answered a report of
// this life. That has every epoch behind it that an earlier life took part in or promised; a lagging monitor's word may be of an
// epoch that an earlier life had promised to take nothing of any more, and what it acknowledged there nobody would look for.
func (s *server) isLost() bool { return s.promised == 0 }

// fenced is asked to take nothing of epochs before one. The answer is a report, once that is durable.
func (s *server) fenced(in *wire) error {
	f, err := in.fence()
	if err != nil {
		return err
	}
	epoch, founds := f.epoch, f.founds == s.life
	if s.isLost() && !founds {
		s.record.Reach(tookNoPart)
		return nil
	}
	s.ballot = f.ballot
	begins := founds && !s.whole && s.reign == nil && s.session == nil
	if begins {
		s.becomeWhole() // there never was a primary: nothing can be missing here
	}
	switch {
	case epoch > s.promised || begins:
		s.promise(max(epoch, s.promised), s.report)
	case epoch <= s.kept && (!founds || s.vouched): // else that is on its way to the disk
		s.report()
	}
	return nil
}

// promise takes nothing of epochs before one from here on, and calls done once that is durable. What the journal has been
// given before is durable then too; it was not acknowledged, and need not be, but it may count.
func (s *server) promise(epoch uint64, done func()) {
	s.promised = epoch
	if r := s.reign; r != nil && r.epoch < epoch {
		s.abdicate("another epoch begins")
	}
	if f := s.session; f != nil && f.epoch < epoch {
		s.leave()
	}
	s.landed(s.keep(putNumbers([]byte{recordPromise}, epoch)), func() {
		s.kept, s.pledged = max(s.kept, epoch), s.log.placeOf(s.log.durable)
		if done != nil {
			done()
		}
	})
}

// granted takes an answer to a report.
func (s *server) granted(in *wire) error {
	g, err := in.grant()
	if err != nil {
		return err
	}
	t := &s.tenure
	if g.decree.epoch < t.decree.epoch || g.decree.epoch == 0 {
		return nil
	}
	if s.isLost() && !(g.sure && g.life == s.life) {
		s.record.Reach(tookNoPart)
		return nil
	}
	t.members = g.members
	if g.decree.epoch > t.decree.epoch {
		s.decreed(g.decree)
	}
	if r := s.reign; r != nil && r.epoch == g.decree.epoch && g.life == s.life && g.lease > 0 && t.reports-g.sequence < reportsKept {
		until := t.sent[g.sequence%reportsKept].Add(g.lease - s.drift(g.lease))
		t.until = max(t.until, until)
		s.advance()
	}
	return nil
}

// decreed hears of a new primary.
func (s *server) decreed(d decree) {
	s.tenure.decree = d
	s.record.Note("new-epoch", slog.Uint64("epoch", d.epoch), slog.String("primary", d.primary))
	if s.reign != nil {
		s.abdicate("another is primary")
	}
	s.leave()
	if d.epoch < s.promised {
		s.tell()
		return // a later one begins already
	}
	if d.epoch > s.promised {
		s.promise(d.epoch, nil)
	}
	switch {
	case d.primary != s.self:
		s.seek()
	case d.life == s.life && !s.log.place().before(s.pledged) && s.whole && !s.installing:
		s.begin(d)
	default:
		s.record.Reach(declined)
	}
	s.tell()
}

// leased says whether nobody else can be primary.
func (s *server) leased() bool { return s.env.Mark() < s.tenure.until }

// timeLeft is for how long.
func (s *server) timeLeft() time.Duration { return max(0, s.tenure.until.Sub(s.env.Mark())) }
