package sim

import (
	"slices"

	"simrun/nodes"
	"simrun/sim/luck"
)

// quirk is a time in which a host's node takes the rarer path at some of its points: the points are chosen first, then
// each fires with the odds. Bugs hide where one rare thing happens often, not where all happen seldom.
//
// Each point has luck of its own, counted from the beginning of the quirk: it hangs neither on other quirks nor on what
// other points were asked.
type quirk struct {
	points []quirkyPoint
	odds   nodes.Percent
	taken  int64 // how often the rarer path was taken
}

type quirkyPoint struct {
	name string
	luck luck.Stream
}

// Buggify makes the host's node take the rarer path at these of its points, each time with the odds. It outlives the
// process. Its effects are the times that the rarer path was taken.
func (h *Host) Buggify(points []string, odds nodes.Percent) *Strike {
	h.world.outsideTasks()
	q := &quirk{odds: odds}
	for _, name := range points {
		stream := h.world.options.Seed.Stream("point", h.Name, name)
		q.points = append(q.points, quirkyPoint{name, stream.Numbered(uint64(h.world.now))})
	}
	h.quirks = append(h.quirks, q)
	return &Strike{effects: func() int64 { return q.taken }, end: func() {
		h.quirks = slices.DeleteFunc(h.quirks, func(other *quirk) bool { return other == q })
	}}
}

// quirky asks every quirk of the host, so that one does not take another's luck.
func (h *Host) quirky(point string) bool {
	rarer := false
	for _, q := range h.quirks {
		rarer = q.fires(point) || rarer
	}
	if rarer && h.world.trace.recording {
		h.world.record(h.Name, "point", "", point, 0)
	}
	return rarer
}

func (q *quirk) fires(point string) bool {
	for i := range q.points {
		if p := &q.points[i]; p.name == point {
			if !q.odds.Hit(p.luck.Uint64()) {
				return false
			}
			q.taken++
			return true
		}
	}
	return false
}
