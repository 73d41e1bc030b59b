package history

import (
	"simrun/nodes"
	"simrun/nodes/probe"
)

// reach is a sequence that goes on, and somebody's horizon of it.
type reach struct {
	of       *probe.Horizon
	sequence uint64
}

// furthest is the greatest number that any host has told of, and its value.
type furthest struct{ number, value uint64 }

func (r *recorder) Advance(h *probe.Horizon, sequence, number, value uint64) {
	if *r.dead {
		return
	}
	at := reach{h, sequence}
	if r.log.horizons[at].number < number {
		r.log.horizons[at] = furthest{number, value}
	}
}

func (r *recorder) Horizon(h *probe.Horizon, sequence uint64) (number, value uint64) {
	f := r.log.horizons[reach{h, sequence}]
	return f.number, f.value
}

func (r *recorder) Steady(within nodes.Percent) bool { return r.log.Strayed <= within }
