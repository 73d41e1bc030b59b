package txn

import (
	"slices"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// lists is what a store of lists holds.
type lists map[linear.Value][]linear.Value

// run does a transaction on top of what there is; it returns false where a read would have been another.
func (s lists) run(t *Txn) (lists, bool) {
	after := lists{}
	for k, v := range s {
		after[k] = v
	}
	for _, step := range t.Steps {
		switch {
		case !step.Read:
			after[step.Key] = append(slices.Clone(after[step.Key]), step.Value)
		case t.Outcome == history.Ok && !slices.Equal(after[step.Key], step.List):
			return nil, false
		}
	}
	return after, true
}

// serialOrder tries all orders of the transactions, with and without those whose answer was lost.
func serialOrder(txns []Txn, level Level) bool {
	var try func(s lists, done uint) bool
	try = func(s lists, done uint) bool {
		all := true
		for i := range txns {
			all = all && (done&(1<<i) != 0 || txns[i].Outcome != history.Ok)
		}
		if all {
			return true
		}
		for i := range txns {
			if done&(1<<i) != 0 || !txns[i].Possible() || !mayBeNext(txns, i, done, level) {
				continue
			}
			if after, fits := s.run(&txns[i]); fits && try(after, done|1<<i) {
				return true
			}
		}
		return false
	}
	return try(lists{}, 0)
}

// mayBeNext says whether none that has not come yet must come before.
func mayBeNext(txns []Txn, i int, done uint, level Level) bool {
	order := promises[level].order
	for j := range txns {
		a, b := &txns[j], &txns[i]
		if done&(1<<j) != 0 || i == j || !a.Certain() {
			continue
		}
		if order&realtime != 0 && a.Return < b.Call {
			return false
		}
		if order&process != 0 && a.Client == b.Client && (a.Return < b.Call || a.Return == b.Call && (a.Call < b.Call || a.Call == b.Call && j < i)) {
			return false
		}
	}
	return true
}

// snapshotOrder tries all orders of starts and commits: who starts sees what was committed, and who commits must be the
// first that did with any of its lists since it started.
func snapshotOrder(txns []Txn) bool {
	type run struct {
		started, committed bool
		conflict           bool
	}
	runs := make([]run, len(txns))
	var try func(s lists) bool
	try = func(s lists) bool {
		all := true
		for i := range txns {
			all = all && (runs[i].committed || txns[i].Outcome != history.Ok)
		}
		if all {
			return true
		}
		for i := range txns {
			t, before := &txns[i], slices.Clone(runs)
			switch {
			case runs[i].committed || !t.Possible():
				continue
			case !runs[i].started:
				if _, fits := s.run(t); !fits {
					continue
				}
				runs[i].started = true
				if try(s) {
					return true
				}
			case !runs[i].conflict:
				runs[i].committed = true
				after := lists{}
				for k, v := range s {
					after[k] = v
				}
				for _, step := range t.Steps {
					if step.Read {
						continue
					}
					after[step.Key] = append(slices.Clone(after[step.Key]), step.Value)
					for j := range txns {
						if runs[j].started && !runs[j].committed && slices.ContainsFunc(txns[j].Steps, func(o Step) bool { return !o.Read && o.Key == step.Key }) {
							runs[j].conflict = true
						}
					}
				}
				if try(after) {
					return true
				}
			}
			copy(runs, before)
		}
		return false
	}
	return try(lists{})
}
