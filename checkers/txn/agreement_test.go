package txn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// shop makes small histories of transactions that run in one another's midst on a store which keeps them apart only as far as
// it is careful.
type shop struct {
	*rand.Rand
	txns   []Txn
	store  lists
	copies []lists // what each transaction works on
	value  linear.Value
}

// draw makes a history of up to most transactions. Careful is in how many of ten steps the store lets nobody else in between.
func draw(seed uint64, most int) []Txn {
	s := &shop{Rand: rand.New(rand.NewPCG(seed, 1)), store: lists{}}
	n := 2 + s.IntN(most-1)
	s.txns, s.copies = make([]Txn, n), make([]lists, n)
	careful, snapshots := s.IntN(9), s.IntN(2) == 0
	clients := 1 + s.IntN(n)
	keys := 1 + s.IntN(2)
	left := make([]int, n)
	busy := make([]int, clients)
	for c := range busy {
		busy[c] = -1
	}
	started, now := 0, history.Time(0)
	for under := 0; started < n || under > 0; {
		now += history.Time(s.IntN(2))
		if c := s.IntN(clients); started < n && busy[c] < 0 && (under == 0 || s.IntN(10) >= careful) {
			t := &s.txns[started]
			t.ID, t.Client, t.Call = uint64(started+1), int32(c), now
			left[started] = 1 + s.IntN(4)
			if snapshots {
				s.copies[started] = s.copyOf()
			}
			busy[c] = started
			started++
			under++
			continue
		}
		c := s.IntN(clients)
		if busy[c] < 0 {
			continue
		}
		i := busy[c]
		if left[i] > 0 {
			left[i]--
			s.step(i, linear.Value(s.IntN(keys)))
			continue
		}
		s.end(i, now, snapshots)
		busy[c] = -1
		under--
	}
	switch s.IntN(6) {
	case 0:
		s.spoil()
	case 1:
		s.lie()
	}
	return s.txns
}

// spoil makes one read another than it was.
func (s *shop) spoil() {
	i := s.IntN(len(s.txns))
	for j := range s.txns[i].Steps {
		read := &s.txns[i].Steps[j]
		n := len(read.List)
		if !read.Read || n == 0 {
			continue
		}
		switch s.IntN(4) {
		case 0:
			read.List = read.List[:n-1]
		case 1:
			read.List[0], read.List[n-1] = read.List[n-1], read.List[0]
		case 2:
			read.List = append(read.List, 1+linear.Value(s.IntN(int(s.value)+1)))
		case 3:
			read.List = read.List[:s.IntN(n)]
		}
		return
	}
}

// lie tells other times than those at which it all happened.
func (s *shop) lie() {
	for i := range s.txns {
		t := &s.txns[i]
		t.Call = history.Time(s.IntN(8))
		if t.Return != history.Never {
			t.Return = t.Call + history.Time(s.IntN(5))
		}
	}
}

func (s *shop) copyOf() lists {
	c := lists{}
	for k, v := range s.store {
		c[k] = slices.Clone(v)
	}
	return c
}

func (s *shop) step(i int, key linear.Value) {
	on := s.store
	if s.copies[i] != nil {
		on = s.copies[i]
	}
	if s.IntN(2) == 0 {
		s.value++
		on[key] = append(on[key], s.value)
		s.txns[i].Steps = append(s.txns[i].Steps, Append(key, s.value))
		return
	}
	s.txns[i].Steps = append(s.txns[i].Steps, Read(key, slices.Clone(on[key])...))
}

func (s *shop) end(i int, now history.Time, snapshots bool) {
	t := &s.txns[i]
	t.Return = now
	t.Outcome = []history.Outcome{history.Ok, history.Ok, history.Ok, history.Ok, history.Unknown, history.Pending, history.Fail}[s.IntN(7)]
	undo := t.Outcome == history.Fail && s.IntN(4) > 0 || t.Outcome != history.Ok && s.IntN(2) == 0
	for _, step := range t.Steps {
		switch {
		case step.Read:
		case snapshots && !undo:
			s.store[step.Key] = append(s.store[step.Key], step.Value)
		case !snapshots && undo:
			s.store[step.Key] = slices.DeleteFunc(s.store[step.Key], func(v linear.Value) bool { return v == step.Value })
		}
	}
	if t.Outcome != history.Ok {
		t.Steps = slices.DeleteFunc(t.Steps, func(s Step) bool { return s.Read })
	}
	if t.Outcome == history.Pending {
		t.Return = history.Never
	}
}

// told writes transactions as a person would.
func told(txns []Txn) string {
	var b strings.Builder
	for _, t := range txns {
		fmt.Fprintf(&b, "\n%d by %d, %d..%d %s:", t.ID, t.Client, t.Call, t.Return, t.Outcome)
		for _, s := range t.Steps {
			if s.Read {
				fmt.Fprintf(&b, " r%d%v", s.Key, s.List)
			} else {
				fmt.Fprintf(&b, " a%d(%d)", s.Key, s.Value)
			}
		}
	}
	return b.String()
}

// judge is a checker, right or wrong.
type judge func(txns []Txn, l Level) linear.Verdict

func right(txns []Txn, l Level) linear.Verdict { return Check(txns, Options{Level: l}).Verdict }

// unordered says whether two transactions appended to a list what nobody read: in which order is for the store to know.
func unordered(txns []Txn) bool {
	x, err := newIndex(txns, nil)
	return err == nil && slices.ContainsFunc(x.lists, func(l list) bool { return len(l.unseen) > 1 })
}

// disagreement compares a judge with what trying all orders says of one history.
func disagreement(j judge, txns []Txn) string {
	for _, l := range []Level{Serializable, StrongSessionSerializable, StrictSerializable} {
		if may, got := serialOrder(txns, l), j(txns, l); may != (got == linear.Holds) {
			return fmt.Sprintf("%s: an order exists: %v; the checker says it %s%s", l, may, got, told(txns))
		}
	}
	may, got := snapshotOrder(txns), j(txns, SnapshotIsolation)
	if may && got != linear.Holds || !may && got == linear.Holds && !unordered(txns) {
		return fmt.Sprintf("an order of snapshots exists: %v; the checker says it %s%s", may, got, told(txns))
	}
	return ""
}

const campaign = 10_000

// If this fails, the checker takes a history for serializable that is not, or the other way round.
func TestAgreesWithTryingAllOrders(t *testing.T) {
	verdicts := map[Level]map[linear.Verdict]int{}
	for seed := range uint64(campaign) {
		txns := draw(seed, 4)
		require.Empty(t, disagreement(right, txns), "seed %d", seed)
		for _, l := range Levels {
			if verdicts[l] == nil {
				verdicts[l] = map[linear.Verdict]int{}
			}
			verdicts[l][right(txns, l)]++
		}
	}
	for _, l := range Levels {
		require.Greater(t, verdicts[l][linear.Holds], campaign/10, "%s: %v", l, verdicts)
		require.Greater(t, verdicts[l][linear.Violated], campaign/20, "%s: %v", l, verdicts)
	}
	t.Log(verdicts)
}
