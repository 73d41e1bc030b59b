package shards

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/kv"
)

// plain is a table as a row of slots, for the first of them.
type plain [64]Span

func (p *plain) each(first, last int, f func(slot int, s *Span)) {
	for slot := first; slot <= last; slot++ {
		f(slot, &p[slot])
	}
}

// If this failed, a server would take one group's slot for another's.
func TestATableIsARowOfSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		var model plain
		slots := func(t *rapid.T) (first, last int) {
			first = rapid.IntRange(0, len(model)-1).Draw(t, "first")
			return first, rapid.IntRange(first, len(model)-1).Draw(t, "last")
		}
		span := func(t *rapid.T) Span {
			first, last := slots(t)
			return Span{first, last, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "group"), rapid.Uint64Range(1, 3).Draw(t, "epoch")}
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				s := span(t)
				table.Set(s)
				model.each(s.First, s.Last, func(_ int, to *Span) { *to = s })
			},
			"merge": func(t *rapid.T) {
				s := span(t)
				table.Merge(s)
				model.each(s.First, s.Last, func(_ int, to *Span) {
					if to.Epoch < s.Epoch {
						*to = s
					}
				})
			},
			"cut": func(t *rapid.T) {
				first, last := slots(t)
				table.Cut(first, last)
				model.each(first, last, func(_ int, to *Span) { *to = Span{} })
			},
			"": func(t *rapid.T) {
				owned := 0
				model.each(0, len(model)-1, func(slot int, want *Span) {
					got, known := table.At(slot)
					require.Equal(t, want.Group != "", known, "slot %d of %s", slot, &table)
					require.Equal(t, want.Group, got.Group, "slot %d of %s", slot, &table)
					require.Equal(t, want.Epoch, got.Epoch, "slot %d of %s", slot, &table)
					if known {
						owned++
					}
				})
				require.Equal(t, owned, table.Count(""))
				for i, s := range table.spans {
					require.LessOrEqual(t, s.First, s.Last)
					if i > 0 {
						before := table.spans[i-1]
						require.Less(t, before.Last, s.First, "%s is not in order", &table)
						require.False(t, before.Last+1 == s.First && before.Group == s.Group && before.Epoch == s.Epoch, "%s has a seam", &table)
					}
				}
				first, last := slots(t)
				whole := true
				model.each(first, last, func(_ int, s *Span) { whole = whole && s.Group == "a" })
				require.Equal(t, whole, table.Whole(first, last, func(s Span) bool { return s.Group == "a" }))
			},
		})
	})
}

// If this failed, an administrator would move other slots than he named.
func TestSlotsAreReadAsPeopleWriteThem(t *testing.T) {
	got, err := ParseSlots("0-99,200,16383")
	require.NoError(t, err)
	require.Equal(t, [][2]int{{0, 99}, {200, 200}, {kv.Slots - 1, kv.Slots - 1}}, got)
	got, err = ParseSlots("none")
	require.NoError(t, err)
	require.Empty(t, got)
	for _, wrong := range []string{"", "a", "5-", "-5", "9-3", "16384", "0-99,", "1-2-3"} {
		_, err = ParseSlots(wrong)
		require.Error(t, err, wrong)
	}
}
