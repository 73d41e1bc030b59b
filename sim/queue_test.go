package sim

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
	"simrun/sim/luck"
)

// If this failed, time would run backwards.
func TestTheQueueGivesEventsInTheOrderOfTheirTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var model []event
		before := func(a, b event) bool { return a.at < b.at || a.at == b.at && a.order < b.order }
		steps := rapid.SliceOfN(rapid.IntRange(-3, 20), 1, 400).Draw(t, "steps: below zero pops, else pushes at that time")
		for i, s := range steps {
			if s < 0 {
				if len(model) == 0 {
					continue
				}
				slices.SortFunc(model, func(a, b event) int {
					if before(a, b) {
						return -1
					}
					return 1
				})
				limit := q.last + time.Duration(-s)*8
				got, ok := q.pop(limit)
				if model[0].at > limit {
					if ok {
						t.Fatalf("popped %v, which is later than %v", got, limit)
					}
					continue
				}
				if !ok || got != model[0] {
					t.Fatalf("popped %v, want %v", got, model[0])
				}
				model = model[1:]
				continue
			}
			e := event{at: q.last + time.Duration(s), order: luck.Mix(1, uint64(i)), id: uint32(i)}
			q.push(e)
			model = append(model, e)
		}
		if q.length != len(model) {
			t.Fatalf("%d events left, want %d", q.length, len(model))
		}
	})
}
