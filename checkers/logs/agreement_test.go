package logs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// draw makes a small history of what two clients may have seen of two partitions: often what a log would show, and often not.
func draw(seed uint64) ([]Op, Options) {
	r := rand.New(rand.NewPCG(seed, 3))
	o := Options{Latest: r.IntN(3) == 0, Compacted: r.IntN(3) == 0, CaughtUp: r.IntN(3) == 0}
	if r.IntN(3) == 0 {
		o.Retained = history.Time(1 + r.IntN(8))
	}
	wild := r.IntN(3)
	var stored [2][]Message
	next := [2]int64{}
	position := map[[2]int]int{}
	var ops []Op
	now := history.Time(0)
	value := linear.Value(0)
	for id := range uint64(2 + r.IntN(9)) {
		now += history.Time(r.IntN(3))
		op := Op{Span: linear.Span{ID: id + 1, Client: int32(r.IntN(2)), Call: now, Return: now + history.Time(r.IntN(3)), Outcome: history.Ok}}
		if r.IntN(6) == 0 {
			op.Outcome = []history.Outcome{history.Unknown, history.Pending, history.Fail}[r.IntN(3)]
		}
		what := r.IntN(5)
		for range r.IntN(3) {
			if what > 2 && r.IntN(3) > 0 {
				continue
			}
			value++
			p := r.IntN(2)
			m := Message{Partition: linear.Value(p), Value: value, Key: linear.Nil, Offset: next[p]}
			if r.IntN(2) == 0 {
				m.Key = linear.Value(100 + p)
				if r.IntN(12) == 0 {
					m.Key = 100
				}
			}
			next[p] += 1 + int64(r.IntN(4)/3)
			if wild > 0 && r.IntN(8) == 0 {
				m.Offset = max(0, m.Offset-int64(r.IntN(3)))
			}
			m.Told = op.Outcome == history.Ok && r.IntN(5) > 0 || r.IntN(9) == 0
			op.Sent = append(op.Sent, m)
			if op.Outcome != history.Fail || wild > 0 && r.IntN(4) == 0 {
				stored[p] = append(stored[p], m)
			}
			now += history.Time(r.IntN(2))
			op.Return = max(op.Return, now)
		}
		if what >= 2 {
			op.Polls = true
			op.Moved = r.IntN(5) == 0
			for p := range 2 {
				at := position[[2]int{int(op.Client), p}]
				if op.Moved {
					at = r.IntN(len(stored[p]) + 1)
				}
				for n := r.IntN(4); n > 0 && at < len(stored[p]); n-- {
					rec := Record{linear.Value(p), stored[p][at].Offset, stored[p][at].Value}
					if wild > 1 {
						switch r.IntN(20) {
						case 0:
							rec.Value = linear.Value(1 + r.IntN(int(value)+2))
						case 1:
							rec.Offset += int64(r.IntN(2))
						case 2:
							at++
						case 3:
							at = max(0, at-2)
						}
					}
					at++
					op.Polled = append(op.Polled, rec)
				}
				if op.Outcome != history.Fail {
					position[[2]int{int(op.Client), p}] = at
				}
			}
			if op.Outcome != history.Ok {
				op.Polled = nil
			}
		}
		ops = append(ops, op)
	}
	return ops, o
}

func tell(ops []Op, o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nlatest %v, compacted %v, retained %d, caught up %v", o.Latest, o.Compacted, o.Retained, o.CaughtUp)
	for _, op := range ops {
		fmt.Fprintf(&b, "\n%d: client %d %d..%d %s moved %v", op.ID, op.Client, op.Call, op.Return, op.Outcome, op.Moved)
		for _, m := range op.Sent {
			fmt.Fprintf(&b, " send %d to %d/%d (%v) key %d", m.Value, m.Partition, m.Offset, m.Told, m.Key)
		}
		for _, r := range op.Polled {
			fmt.Fprintf(&b, " poll %d/%d=%d", r.Partition, r.Offset, r.Value)
		}
	}
	return b.String()
}

// event is a message or a record, flat.
type event struct {
	op   *Op
	nth  int
	sent *Message
	Record
}

// plain is the definitions, one pair of messages and records after another.
type plain struct {
	Options
	shows  []event // that stand where they say
	inbox  []event // polled
	outbox []event // sent
}

func newPlain(ops []Op, o Options) *plain {
	p := &plain{Options: o}
	for i := range ops {
		for j := range ops[i].Sent {
			m := &ops[i].Sent[j]
			e := event{&ops[i], j, m, Record{m.Partition, m.Offset, m.Value}}
			p.outbox = append(p.outbox, e)
			if m.Told && ops[i].Outcome == history.Ok {
				p.shows = append(p.shows, e)
			}
		}
		for j, r := range ops[i].Polled {
			if ops[i].Outcome == history.Ok {
				p.inbox = append(p.inbox, event{&ops[i], j, nil, r})
				p.shows = append(p.shows, event{&ops[i], j, nil, r})
			}
		}
	}
	return p
}

// at is where a message was first shown, in the order of operations and within each of what it sent and then polled.
func (p *plain) at(m event) (Record, bool) {
	for _, s := range p.shows {
		if s.Value == m.Value {
			return s.Record, true
		}
	}
	return Record{}, false
}

// stands says whether the message must be seen: nothing undid or compacted it.
func (p *plain) stands(m event) (Record, bool) {
	r, shown := p.at(m)
	if !shown || m.op.Outcome == history.Fail {
		return r, false
	}
	for _, other := range p.outbox {
		if s, is := p.at(other); p.Compacted && is && other.op.Outcome != history.Fail && other.sent.Key == m.sent.Key && m.sent.Key != linear.Nil &&
			s.Partition == r.Partition && s.Offset > r.Offset {
			return r, false
		}
	}
	return r, true
}

// earlier says whether a client knew of one message when it sent another, or had it before in one operation.
func earlier(a, b event) (within, before bool) {
	if a.op == b.op {
		return a.nth < b.nth, false
	}
	call := a.op.Call < b.op.Call || a.op.Call == b.op.Call && a.op.ID < b.op.ID
	return false, a.op.Client == b.op.Client && a.op.Outcome == history.Ok && a.op.Return <= b.op.Call && call
}

func (p *plain) kinds(ops []Op) map[string]bool {
	found := map[string]bool{}
	for _, a := range p.shows {
		for _, b := range p.shows {
			if a.Partition == b.Partition && a.Offset == b.Offset && a.Value != b.Value {
				found["inconsistent-offsets"] = true
			}
		}
	}
	for _, m := range p.outbox {
		p.message(found, m)
		for _, s := range p.shows {
			if r, _ := p.at(m); s.Value == m.Value && (r.Partition != s.Partition || r.Offset != s.Offset) {
				found["duplicate"] = true
			}
		}
		for _, n := range p.outbox {
			a, is := p.at(m)
			b, also := p.at(n)
			if !is || !also || m.op.Outcome == history.Fail || n.op.Outcome == history.Fail {
				continue
			}
			same := m.sent.Key == n.sent.Key && m.sent.Key != linear.Nil
			found["split-key"] = found["split-key"] || same && a.Partition != b.Partition
			within, before := earlier(m, n)
			swapped := a.Partition == b.Partition && a.Offset >= b.Offset
			found["nonmonotonic-send"] = found["nonmonotonic-send"] || before && swapped
			found["int-nonmonotonic-send"] = found["int-nonmonotonic-send"] || within && swapped
			found["unordered-key"] = found["unordered-key"] || (within || before) && swapped && same
		}
	}
	for _, r := range p.inbox {
		i := slices.IndexFunc(p.outbox, func(m event) bool { return m.Value == r.Value })
		switch {
		case i < 0:
			found["phantom-read"] = true
		case p.outbox[i].op.Outcome == history.Fail:
			found["G1a"] = true
		case r.op.Return < p.outbox[i].op.Call:
			found["early-read"] = true
		}
	}
	p.polls(found, ops)
	maps.DeleteFunc(found, func(_ string, is bool) bool { return !is })
	return found
}

// message says whether a message was lost or not seen.
func (p *plain) message(found map[string]bool, m event) {
	at, stands := p.stands(m)
	_, shown := p.at(m)
	polled := slices.ContainsFunc(p.inbox, func(r event) bool { return r.Value == m.Value })
	if polled || shown && !stands || m.op.Outcome != history.Ok {
		return
	}
	passed, late, reached := false, false, false
	for _, r := range p.inbox {
		if shown && r.Partition == at.Partition {
			stays := p.Retained == 0 || r.op.Return < m.op.Call+p.Retained
			passed = passed || r.Offset > at.Offset && stays
			late = late || r.Offset > at.Offset && !stays
			reached = reached || r.Offset <= at.Offset
		}
	}
	switch {
	case (passed || late) && p.Latest && !reached:
	case passed:
		found["lost-write"] = true
	case late:
	case p.CaughtUp:
		found["unseen"] = true
	}
}

// polls compares each record with the one before it that the client polled of its partition.
func (p *plain) polls(found map[string]bool, ops []Op) {
	for i, r := range p.inbox {
		before := -1
		for j, s := range p.inbox {
			first := s.op == r.op && s.nth < r.nth || s.op != r.op && (s.op.Call < r.op.Call || s.op.Call == r.op.Call && s.op.ID < r.op.ID)
			if s.op.Client != r.op.Client || s.Partition != r.Partition || !first {
				continue
			}
			if before < 0 || p.inbox[before].op.Call < s.op.Call || p.inbox[before].op.Call == s.op.Call && p.inbox[before].op.ID < s.op.ID || p.inbox[before].op == s.op && p.inbox[before].nth < s.nth {
				before = j
			}
		}
		if before < 0 || excused(ops, p.inbox[before].op, r.op) {
			continue
		}
		from, to := p.inbox[before].Offset, p.inbox[i].Offset
		within := map[bool]string{true: "int-"}[p.inbox[before].op == r.op]
		found[within+"nonmonotonic-poll"] = found[within+"nonmonotonic-poll"] || to <= from
		for _, m := range p.outbox {
			if at, stands := p.stands(m); stands && at.Partition == r.Partition && from < at.Offset && at.Offset < to {
				found[within+"poll-skip"] = true
			}
		}
	}
}

// excused says whether the client was moved, did not know what it polled, or did two things at once, after the first operation and up to the second.
func excused(ops []Op, first, then *Op) bool {
	if first == then {
		return first.Moved
	}
	var last *Op
	passed := false
	for i := range ops { // in the order of their calls
		o := &ops[i]
		if o.Client != first.Client {
			continue
		}
		if passed {
			if o.Moved || o.Polls && (o.Outcome == history.Unknown || o.Outcome == history.Pending || last.Return > o.Call) {
				return true
			}
		}
		if o == then {
			return false
		}
		passed = passed || o == first
		if o.Polls {
			last = o
		}
	}
	return false
}

// judge is what finds anomalies in a history, rightly or wrongly.
type judge func(ops []Op, o Options) ([]Op, Options)

func right(ops []Op, o Options) ([]Op, Options) { return ops, o }

func disagreement(see judge, ops []Op, o Options) string {
	seen, with := see(slices.Clone(ops), o)
	all, err := Find(seen, with)
	if err != nil {
		return err.Error()
	}
	want, got := newPlain(ops, o).kinds(ops), map[string]bool{}
	for _, a := range all {
		got[a.Anomaly] = true
		if len(a.Witness) == 0 || len(a.Witness) > 3 || a.Count == 0 || a.Reason == "" {
			return fmt.Sprintf("%+v shows nothing, or too much", a)
		}
	}
	if !maps.Equal(want, got) {
		return fmt.Sprintf("there are %v; found are %v", want, got)
	}
	return ""
}

const campaign = 15_000

// If this fails, an anomaly is overlooked, or one is found that is none.
func TestAgreesWithTheDefinitions(t *testing.T) {
	verdicts := map[string]int{}
	for seed := range uint64(campaign) {
		ops, o := draw(seed)
		require.Empty(t, disagreement(right, ops, o), "seed %d%s", seed, tell(ops, o))
		all, err := Find(ops, o)
		require.NoError(t, err)
		for _, a := range all {
			verdicts[a.Anomaly]++
		}
		if len(all) == 0 {
			verdicts["nothing"]++
		}
	}
	for _, kind := range append(Kinds(), "nothing") {
		require.Greater(t, verdicts[kind], campaign/1000, "%s: %v", kind, verdicts)
	}
}
