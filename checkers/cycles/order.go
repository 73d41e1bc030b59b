package cycles

import (
	"cmp"
	"slices"

	"simrun/checkers/linear"
)

// Order adds edges from each span to all that began after it had certainly ended: from Return to a later Call; with touch,
// also to an equal one, for the spans of one client, which begins one thing after another. It adds about three edges a span.
func (b *Builder) Order(spans []Span, kind Kind, touch bool) {
	began := slices.Clone(spans)
	slices.SortStableFunc(began, func(a, c Span) int { return cmp.Or(cmp.Compare(a.Call, c.Call), cmp.Compare(a.Node, c.Node)) })
	ended := make([]int, 0, len(began))
	for i := range began {
		if began[i].Certain() {
			ended = append(ended, i)
		}
	}
	slices.SortStableFunc(ended, func(i, j int) int { return cmp.Compare(began[i].Return, began[j].Return) })
	last := int32(-1)
	for i := range began {
		for len(ended) > 0 {
			e := &began[ended[0]]
			if e.Return > began[i].Call || e.Return == began[i].Call && (!touch || ended[0] >= i) {
				break
			}
			milestone := b.Hide()
			if last >= 0 {
				b.Edge(last, milestone, 0)
			}
			b.Edge(e.Node, milestone, kind)
			last, ended = milestone, ended[1:]
		}
		if last >= 0 {
			b.Edge(last, began[i].Node, 0)
		}
	}
}

// Span is when the thing of a node was done.
type Span struct {
	Node int32
	linear.Span
}
