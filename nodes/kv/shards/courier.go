package shards

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"simrun/nodes/backoff"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// carry is the courier's task: while this server leads it does what is next, and tries again what did not succeed.
func (s *Shard) carry() {
	pause := backoff.Backoff{Least: max(s.opts.Poll/20, time.Millisecond), Most: s.opts.Poll}
	for !s.closed {
		if !s.group.Leads() || s.isAtRest() {
			s.wake.WaitFor(s.opts.Poll)
			continue
		}
		if err := s.advance(); err != nil {
			s.env.Log().Debug("shards: it did not go on", "state", s.store.String(), "err", err)
			if s.env.Sleep(pause.Next(s.env.Rand())) != nil {
				return
			}
			continue
		}
		pause.Reset()
	}
}

// isAtRest says that there is nothing to do.
func (s *Shard) isAtRest() bool {
	return s.store.Founded() && s.store.moving.to == "" && len(s.store.wanted.spans) == 0 && s.contested() == nil
}

// Errors of what did not succeed.
var (
	errUnheard = errors.New("shards: nothing has been heard of that group")
	errDeposed = errors.New("shards: this server does not lead any more, or somebody else went on")
)

// advance does what is next.
func (s *Shard) advance() error {
	st := s.store
	if !st.Founded() {
		_, err := s.commit(&change{step: foundStep, from: s.opts.Group, records: []byte(s.opts.Slots)})
		return err
	}
	if far := s.contested(); far != nil {
		return s.giveWay(*far)
	}
	if st.moving.to != "" {
		return s.deliver()
	}
	next := st.wanted.spans[0]
	if s.atlas.leader(next.Group) == "" {
		return fmt.Errorf("%w: %s", errUnheard, next.Group)
	}
	_, err := s.commit(&change{step: beginStep, from: st.group, to: next.Group, first: next.First, last: s.batch(next)})
	return err
}

// batch is up to where slots are handed over together: one at least, and no more than have the keys for it.
func (s *Shard) batch(span Span) (last int) {
	keys := 0
	for last = span.First; last <= span.Last; last++ {
		_, n := s.store.SlotDigest(last)
		if keys += n; keys > s.opts.BatchKeys && last > span.First || last > span.First && s.env.Point(loneSlot) {
			return last - 1
		}
	}
	return span.Last
}

// giveWay gives up what another group has under a greater epoch: because it took what this one hands over, or because this one
// has forgotten that it had handed it over.
func (s *Shard) giveWay(far Span) error {
	h := s.store.moving
	if h.frozen && far.Group == h.to && far.Epoch >= h.epoch {
		s.record.Reach(heardOfTaking)
		return s.conclude(h)
	}
	s.record.Reach(yielded)
	s.env.Log().Warn("shards: another group owns slots that are held here", "slots", far.String())
	_, err := s.commit(&change{step: yieldStep, from: s.store.group, to: far.Group, first: far.First, last: far.Last, epoch: far.Epoch})
	return err
}

// commit has a change done by this group, and waits for its answer. An error reply is an error.
func (s *Shard) commit(c *change) (answer string, err error) {
	done, over := false, s.env.NewCond()
	s.group.Propose(c.append(nil), func(reply []byte, e error) {
		done, answer, err = true, string(reply), e
		over.Signal()
	})
	for !done {
		if e := over.Wait(); e != nil {
			return "", e
		}
	}
	answer = strings.TrimSpace(answer)
	if err == nil && strings.HasPrefix(answer, "-") {
		err = resp.Error(answer[1:])
	}
	return answer, err
}

// delivery is a handover while one leader is at it.
type delivery struct {
	*Shard
	h      handover
	term   uint64
	held   *kv.Inventory // what the other group has
	remote contact
}

// mostRounds is after how many rounds slots are frozen although much has been written meanwhile.
const mostRounds = 8

// deliver takes the handover that has begun to its end.
func (s *Shard) deliver() error {
	d := &delivery{Shard: s, h: s.store.moving, term: s.group.Term(), held: kv.NewInventory()}
	d.remote = contact{shard: s, address: s.atlas.leader(d.h.to)}
	defer d.remote.close()
	if d.remote.address == "" {
		return fmt.Errorf("%w: %s", errUnheard, d.h.to)
	}
	answer, err := d.say(&change{step: offerStep})
	switch {
	case err != nil:
		return err
	case answer == taken:
		s.record.Reach(tookAlready)
		return s.conclude(d.h)
	}
	if err := d.list(); err != nil {
		return err
	}
	if err := d.bring(); err != nil {
		return err
	}
	if _, err := d.say(&change{step: takeStep, version: s.store.Version(), now: s.store.Now(), digest: s.store.Contents(d.h.first, d.h.last)}); err != nil {
		return err
	}
	return s.conclude(d.h)
}

// bring sends all that the slots hold, first while they are served, then while they are frozen.
func (d *delivery) bring() error {
	for round := 0; !d.h.frozen; round++ {
		sent, err := d.round()
		if err != nil {
			return err
		}
		if d.record.Sometimes(furtherRound, round > 0 && sent > 0); sent <= 1 || round >= mostRounds {
			break
		}
	}
	if !d.h.frozen {
		if _, err := d.commit(d.about(freezeStep)); err != nil {
			return err
		}
		d.h.frozen = true
		d.record.Note("slots-frozen")
	}
	for {
		if sent, err := d.round(); err != nil || sent == 0 {
			return err
		}
		d.record.Reach(afterFreeze)
	}
}

// conclude forgets what the other group has taken.
func (s *Shard) conclude(h handover) error {
	s.record.Note("slots-taken")
	_, err := s.commit(&change{step: goneStep, from: s.store.group, to: h.to, first: h.first, last: h.last, epoch: h.epoch})
	if err == nil {
		s.record.Reach(handedOver)
		s.record.Note("slots-gone")
	}
	return err
}

// about is a step of this handover.
func (d *delivery) about(step step) *change {
	return &change{step: step, from: d.store.group, to: d.h.to, first: d.h.first, last: d.h.last, epoch: d.h.epoch}
}

// Answers of another group.
const (
	fine  = "OK"
	taken = "TAKEN"
)

// mostRedirections bounds how often one question follows from one server to the next.
const mostRedirections = 5

// ask asks the other group's leader. It fails too where this server is not who goes on with the handover any more.
func (d *delivery) ask(words ...string) (answer resp.Value, err error) {
	for range mostRedirections {
		if d.isOver() {
			return answer, errDeposed
		}
		answer, err = d.remote.ask(words...)
		var e resp.Error
		if !errors.As(err, &e) || e.Code() != "MOVED" {
			break
		}
		_, where, found := strings.Cut(e.Rest(), " ")
		if !found {
			break
		}
		d.remote.close()
		d.remote.address = where
	}
	if err == nil && d.isOver() {
		err = errDeposed
	}
	return answer, err
}

// isOver says that somebody else leads, or that the handover is another.
func (d *delivery) isOver() bool {
	m := d.store.moving
	return d.closed || !d.group.Leads() || d.group.Term() != d.term || m.to != d.h.to || m.first != d.h.first || m.last != d.h.last || m.epoch != d.h.epoch
}

// say has the other group do a step of this handover.
func (d *delivery) say(what *change) (string, error) {
	c := d.about(what.step)
	d.sequence++
	c.term, c.sequence, c.version, c.now, c.digest, c.records = d.term, d.sequence, what.version, what.now, what.digest, what.records
	answer, err := d.ask("SHARDS", "STEP", string(c.append(nil)))
	if err != nil {
		return "", err
	}
	if text := string(answer.Text); answer.Kind == resp.Simple && (text == fine || text == taken) {
		return text, nil
	}
	return "", fmt.Errorf("shards: %s is no answer to a step", answer)
}

// list asks what the other group holds already, from this leader or another.
func (d *delivery) list() error {
	for slot := d.h.first; slot <= d.h.last; {
		n := strconv.Itoa
		answer, err := d.ask("SHARDS", "HELD", d.store.group, n(d.h.first), n(d.h.last), strconv.FormatUint(d.h.epoch, 10), n(slot))
		switch {
		case err != nil:
			return err
		case answer.Kind != resp.Array || len(answer.Array) != 2 || answer.Array[0].Int <= int64(slot):
			return fmt.Errorf("shards: %s is no list of what is held", answer)
		}
		if err := d.held.Note(answer.Array[1].Text); err != nil {
			return err
		}
		d.record.Sometimes(wentOn, len(answer.Array[1].Text) > 0)
		slot = int(answer.Array[0].Int)
	}
	return nil
}

// round sends what the other group lacks, slot by slot, and says in how many parcels.
func (d *delivery) round() (sent int, err error) {
	most := int(d.opts.ParcelBytes)
	if d.env.Point(tinyParcels) {
		most = 1
	}
	var parcel []byte
	for slot := d.h.first; slot <= d.h.last; {
		var whole bool
		if parcel, whole = d.held.Pack(d.store.Store, slot, most, parcel); whole {
			slot++
		}
		if len(parcel) < most && whole && slot <= d.h.last || len(parcel) == 0 {
			continue
		}
		answer, err := d.say(&change{step: putStep, records: parcel})
		switch {
		case err != nil:
			return sent, err
		case answer == taken:
			return sent, errDeposed
		}
		if err := d.held.Note(parcel); err != nil {
			return sent, err
		}
		parcel = nil
		sent++
	}
	return sent, nil
}
