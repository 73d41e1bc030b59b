package jepsen

import (
	"slices"
	"strings"

	"simrun/nodes/history"
)

// nemesis makes fault windows of what Jepsen's nemeses say. They say everything twice, when they begin to do it and when it
// is done, each time as info. A fault lasts from the first line that begins it to the last that ends it; one that nothing is known to
// end, from its first line to its second. Each line is a note too, with its value.
type nemesis struct {
	open []undone
	over map[string][]int // by what ended them: faults whose end was said once
}

// mostOpen bounds the faults that have not ended; of further ones there are only the notes.
const mostOpen = 100

// undone is a fault that has not ended: what began it, and its place in the ledger.
type undone struct {
	f  string
	of int
}

// enders are the words of Jepsen's own nemeses that end what others began.
var enders = map[string][]string{
	"start":        {"stop"},
	"kill":         {"start", "restart"},
	"crash":        {"start", "restart"},
	"pause":        {"resume"},
	"partition":    {"heal", "stop"},
	"bump":         {"reset"},
	"strobe":       {"reset"},
	"bump-clock":   {"reset-clock"},
	"strobe-clock": {"reset-clock"},
}

// ended are the words that end what f began.
func ended(f string) []string {
	if what, starts := strings.CutPrefix(f, "start-"); starts {
		return []string{"stop-" + what, "heal-" + what}
	}
	return enders[f]
}

// ends says whether f only ends what something else began.
func ends(f string) bool {
	switch f {
	case "stop", "heal", "resume", "reset", "restart", "reset-clock":
		return true
	default:
		return strings.HasPrefix(f, "stop-") || strings.HasPrefix(f, "heal-")
	}
}

func (n *nemesis) take(h *history.History, e *entry) {
	h.Notes[e.who] = append(h.Notes[e.who], history.Note{At: e.time, Name: e.f, Attrs: e.attrs})
	to := func(of int) { h.Faults[of].Windows[0].To = e.time }
	var done []int
	again := false // it began by the line before of this f, or goes on
	n.open = slices.DeleteFunc(n.open, func(u undone) bool {
		until := ended(u.f)
		again = again || u.f == e.f
		switch {
		case slices.Contains(until, e.f):
			done = append(done, u.of)
		case u.f != e.f || until != nil:
			return false
		}
		to(u.of)
		return true
	})
	switch said := n.over[e.f]; {
	case again:
	case len(done) > 0:
		if n.over == nil {
			n.over = map[string][]int{}
		}
		n.over[e.f] = done
	case len(said) > 0:
		delete(n.over, e.f)
		for _, of := range said {
			to(of)
		}
	case !ends(e.f) && len(n.open) < mostOpen:
		n.open = append(n.open, undone{e.f, len(h.Faults)})
		h.Faults = append(h.Faults, history.Fault{Verb: strings.TrimPrefix(e.f, "start-"), At: e.time, DrawnBy: e.who, Armed: 1, Fired: 1,
			Windows: []history.Window{{From: e.time, To: history.Never}}})
	}
}
