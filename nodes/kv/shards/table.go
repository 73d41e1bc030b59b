package shards

import (
	"fmt"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"

	"simrun/nodes/kv"
)

// Span is a run of slots that have one owner.
type Span struct {
	First, Last int
	Group       string
	Epoch       uint64 // greater each time the slots change hands
}

func (s Span) String() string {
	if s.First == s.Last {
		return fmt.Sprintf("%d %s@%d", s.First, s.Group, s.Epoch)
	}
	return fmt.Sprintf("%d-%d %s@%d", s.First, s.Last, s.Group, s.Epoch)
}

// Table says who owns which slots. The zero says it of none.
//
// Invariant: spans are in order and do not overlap; neighbours that agree are one.
type Table struct{ spans []Span }

// Spans are the table, in order. They are not to be written to.
func (t *Table) Spans() []Span { return t.spans }

// from is where the first span is that ends at a slot or later.
func (t *Table) from(slot int) int {
	return sort.Search(len(t.spans), func(i int) bool { return t.spans[i].Last >= slot })
}

// At is who owns a slot; false if nobody does.
func (t *Table) At(slot int) (Span, bool) {
	if i := t.from(slot); i < len(t.spans) && t.spans[i].First <= slot {
		return t.spans[i], true
	}
	return Span{}, false
}

// Within are the parts of the table from first to last. It is not to be changed meanwhile.
func (t *Table) Within(first, last int) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for i := t.from(first); i < len(t.spans) && t.spans[i].First <= last; i++ {
			s := t.spans[i]
			s.First, s.Last = max(s.First, first), min(s.Last, last)
			if !yield(s) {
				return
			}
		}
	}
}

// Whole says whether every slot from first to last is in the table and fits.
func (t *Table) Whole(first, last int, fits func(Span) bool) bool {
	next := first
	for s := range t.Within(first, last) {
		if s.First != next || !fits(s) {
			return false
		}
		next = s.Last + 1
	}
	return next == last+1
}

// Cut takes slots out of the table.
func (t *Table) Cut(first, last int) {
	i := t.from(first)
	j := i
	var kept []Span
	for ; j < len(t.spans) && t.spans[j].First <= last; j++ {
		s := t.spans[j]
		if before := s; s.First < first {
			before.Last = first - 1
			kept = append(kept, before)
		}
		if after := s; s.Last > last {
			after.First = last + 1
			kept = append(kept, after)
		}
	}
	t.spans = slices.Replace(t.spans, i, j, kept...)
}

// Set gives slots to an owner.
func (t *Table) Set(s Span) {
	t.Cut(s.First, s.Last)
	i := t.from(s.First)
	t.spans = slices.Insert(t.spans, i, s)
	joins := func(a, b Span) bool { return a.Last+1 == b.First && a.Group == b.Group && a.Epoch == b.Epoch }
	if i+1 < len(t.spans) && joins(s, t.spans[i+1]) {
		t.spans[i].Last = t.spans[i+1].Last
		t.spans = slices.Delete(t.spans, i+1, i+2)
	}
	if i > 0 && joins(t.spans[i-1], s) {
		t.spans[i-1].Last = t.spans[i].Last
		t.spans = slices.Delete(t.spans, i, i+1)
	}
}

// Merge gives those of the slots to the owner of which nobody is known who came by them later.
func (t *Table) Merge(s Span) {
	if old, known := t.At(s.First); known && old.Last >= s.Last && old.Epoch >= s.Epoch {
		return // nothing new, as nearly always
	}
	later := slices.Collect(t.Within(s.First, s.Last))
	t.Set(s)
	for _, old := range later {
		if old.Epoch >= s.Epoch {
			t.Set(old)
		}
	}
}

// Count is how many slots a group owns; of all groups if it is empty.
func (t *Table) Count(group string) (n int) {
	for _, s := range t.spans {
		if group == "" || s.Group == group {
			n += s.Last - s.First + 1
		}
	}
	return n
}

// Of are the spans of a group.
func (t *Table) Of(group string) []Span {
	return slices.DeleteFunc(slices.Clone(t.spans), func(s Span) bool { return s.Group != group })
}

func (t *Table) String() string {
	parts := make([]string, len(t.spans))
	for i, s := range t.spans {
		parts[i] = s.String()
	}
	return strings.Join(parts, ", ")
}

// ParseSlots reads slots as people write them: 0-99,200; none, for none.
func ParseSlots(text string) (all [][2]int, err error) {
	if text == "none" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		first, err1 := strconv.Atoi(low)
		last, err2 := strconv.Atoi(high)
		if err1 != nil || err2 != nil || first < 0 || last < first || last >= kv.Slots || len(all) > kv.Slots {
			return nil, fmt.Errorf("%.64q are not slots from 0 to %d, such as 0-99,200", part, kv.Slots-1)
		}
		all = append(all, [2]int{first, last})
	}
	return all, nil
}

// longestGroup is the most bytes of a group's name.
const longestGroup = 64

// FitsGroup says whether a name can be a group's: letters, digits, and -_. between them.
func FitsGroup(name string) bool {
	return name != "" && len(name) <= longestGroup && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./", r))
	})
}
