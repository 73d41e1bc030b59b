package shards

import (
	"slices"
	"strings"

	"simrun/nodes/kv"
)

// Answers that whoever hands over understands.
const (
	errStale    = "STALE a later leader has spoken"
	errUnknown  = "NOHANDOVER these slots are not arriving"
	errMismatch = "MISMATCH what has arrived is not what was sent"
	errBusy     = "TRYAGAIN the slots have not left yet"
	errNotOurs  = "ERR the slots are not this group's to give"
)

// mostArrivals bounds the groups that give at one time.
const mostArrivals = 64

// is says whether the handover is the one that a change is about.
func (h *handover) is(c *change) bool {
	return h.to == c.to && h.to != "" && h.first == c.first && h.last == c.last && h.epoch == c.epoch
}

// begin notes that slots are being handed over. They have their next epoch with the other group.
func (s *Store) begin(c *change) string {
	switch {
	case s.moving.to != "":
		return "TRYAGAIN another handover is under way"
	case c.to == s.group:
		return errNotOurs
	}
	epoch := uint64(0)
	if !s.table.Whole(c.first, c.last, func(span Span) bool {
		epoch = max(epoch, span.Epoch)
		return span.Group == s.group
	}) {
		return errNotOurs
	}
	s.wanted.Cut(c.first, c.last)
	s.moving = handover{to: strings.Clone(c.to), first: c.first, last: c.last, epoch: epoch + 1}
	return ""
}

// freeze ends the service of the slots here, so that what is held of them is final.
func (s *Store) freeze(c *change) string {
	if !s.moving.is(c) {
		return errNotOurs
	}
	s.moving.frozen = true
	return ""
}

// gone forgets slots that the other group owns.
func (s *Store) gone(c *change) string {
	if !s.moving.is(c) || !s.moving.frozen {
		return errNotOurs
	}
	h := s.moving
	s.moving = handover{}
	s.Discard(h.first, h.last)
	s.table.Set(Span{h.first, h.last, h.to, h.epoch})
	return ""
}

// yield gives up slots that another group has under a greater epoch. That can only be where a log has forgotten what it
// promised: this group was begun a second time, or its servers do not wait for each other.
func (s *Store) yield(c *change) {
	for span := range s.table.Within(c.first, c.last) {
		if span.Group != s.group || span.Epoch >= c.epoch {
			continue
		}
		s.Discard(span.First, span.Last)
		s.table.Set(Span{span.First, span.Last, strings.Clone(c.to), c.epoch})
		s.wanted.Cut(span.First, span.Last)
		if h := s.moving; h.to != "" && h.first <= span.Last && span.First <= h.last {
			s.moving = handover{}
		}
	}
}

// arrivalFor is what is arriving by the handover of the change, or nil.
func (s *Store) arrivalFor(c *change) *arrival {
	for _, a := range s.imports {
		if a.from == c.from && a.first == c.first && a.last == c.last && a.epoch == c.epoch {
			return a
		}
	}
	return nil
}

// conflict is why slots cannot come by a handover, whatever has arrived; empty if they can.
func (s *Store) conflict(c *change) string {
	for span := range s.table.Within(c.first, c.last) {
		switch {
		case span.Epoch >= c.epoch:
			return errStale
		case span.Group == s.group:
			return errBusy
		}
	}
	return ""
}

// offer makes room for slots to arrive. What has arrived of them already stays.
func (s *Store) offer(c *change) string {
	if problem := s.conflict(c); problem != "" {
		return problem
	}
	a := s.arrivalFor(c)
	at := slices.IndexFunc(s.imports, func(a *arrival) bool { return a.from == c.from })
	switch {
	case at >= 0 && (c.term < s.imports[at].term || c.term == s.imports[at].term && c.sequence < s.imports[at].sequence):
		return errStale
	case a != nil:
		a.term, a.sequence = c.term, c.sequence
		return ""
	}
	a = &arrival{from: strings.Clone(c.from), first: c.first, last: c.last, epoch: c.epoch, term: c.term, sequence: c.sequence,
		held: kv.New()}
	switch {
	case at >= 0:
		s.imports[at] = a
	case len(s.imports) >= mostArrivals:
		return errBusy
	default:
		s.imports = append(s.imports, a)
	}
	return ""
}

// put takes in a parcel. One that comes twice is taken once.
func (s *Store) put(c *change) string {
	a := s.arrivalFor(c)
	switch {
	case a == nil:
		return errUnknown
	case c.term != a.term || c.sequence < a.sequence:
		return errStale
	case c.sequence == a.sequence:
		return ""
	}
	if err := a.held.Unpack(c.records, a.first, a.last); err != nil {
		return "ERR " + err.Error()
	}
	a.sequence = c.sequence
	return ""
}

// take makes the slots this group's, if what has arrived is all that there was.
func (s *Store) take(c *change) string {
	a := s.arrivalFor(c)
	switch {
	case a == nil:
		return errUnknown
	case c.term < a.term:
		return errStale
	case s.conflict(c) != "":
		return s.conflict(c)
	case a.held.Contents(a.first, a.last) != c.digest:
		// What has come can be of a source that has forgotten since what it sent. It comes again from the beginning.
		a.held, a.sequence = kv.New(), c.sequence
		return errMismatch
	}
	s.imports = slices.DeleteFunc(s.imports, func(other *arrival) bool { return other == a })
	s.Adopt(a.held, c.version, c.now)
	s.table.Set(Span{a.first, a.last, s.group, a.epoch})
	return ""
}
