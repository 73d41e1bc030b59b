package history

import (
	"slices"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// reach is a sequence that goes on, and somebody's horizon of it.
type reach struct {
	of       *probe.Horizon
	sequence uint64
}

// furthest is the greatest number that any host has told of, its value, and who they are.
type furthest struct {
	number, value uint64
	hosts         []string
}

func (r *recorder) Advance(h *probe.Horizon, sequence, number, value uint64) {
	if *r.dead {
		return
	}
	at := reach{h, sequence}
	f := r.log.horizons[at]
	if f == nil {
		f = &furthest{}
		r.log.horizons[at] = f
	}
	if !slices.Contains(f.hosts, r.host) {
		f.hosts = append(f.hosts, r.host)
	}
	if f.number < number {
		f.number, f.value = number, value
	}
}

func (r *recorder) Horizon(h *probe.Horizon, sequence uint64) (number, value uint64) {
	if f := r.log.horizons[reach{h, sequence}]; f != nil {
		return f.number, f.value
	}
	return 0, 0
}

// Strays says that a host's clock differs from true time by that rate, now or for a while.
func (l *Log) Strays(host string, by nodes.Percent) { l.strayed[host] = max(l.strayed[host], by) }

func (r *recorder) Steady(h *probe.Horizon, sequence uint64, within nodes.Percent) bool {
	f := r.log.horizons[reach{h, sequence}]
	return f == nil || !slices.ContainsFunc(f.hosts, func(host string) bool { return r.log.strayed[host] > within })
}
