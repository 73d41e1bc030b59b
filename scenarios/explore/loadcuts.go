package explore

import (
	"slices"
	"time"

	"simrun/nodes"
	"simrun/scenarios"
)

// lineOf is the i-th line of the workload: of the scenario's, then of each phase's own.
func (d *draft) lineOf(i int) (loads *[]scenarios.Load, line int, ok bool) {
	if i < len(d.plan.Workload) {
		return &d.plan.Workload, i, true
	}
	i -= len(d.plan.Workload)
	for k := range d.plan.Phases {
		p := &d.plan.Phases[k]
		if !p.OwnLoad {
			continue
		}
		if i < len(p.Load) {
			return &p.Load, i, true
		}
		i -= len(p.Load)
	}
	return nil, 0, false
}

// dropLoads takes lines of the workload away. A phase's own last line stays: without it the phase would be
// another.
func dropLoads(h *hunt, i int) []*draft {
	loads, _, ok := h.kept.lineOf(i)
	switch {
	case !ok:
		return nil
	case len(*loads) == 1:
		return []*draft{}
	}
	return []*draft{h.change(func(d *draft) {
		loads, line, _ := d.lineOf(i)
		*loads = slices.Delete(*loads, line, line+1)
	})}
}

// dropVariants leaves one variant in the mix of a line or, where it takes several, one less.
func dropVariants(h *hunt, i int) []*draft {
	loads, line, ok := h.kept.lineOf(i)
	if !ok {
		return nil
	}
	was := (*loads)[line]
	tries := []*draft{}
	try := func(mix []scenarios.Share) {
		tries = append(tries, h.change(func(d *draft) {
			loads, line, _ := d.lineOf(i)
			(*loads)[line].Mix = mix
		}))
	}
	if len(was.Mix) > 0 && was.Mix[0].Variant == was.Operation.Mix[0] {
		try(nil) // the usual one need not be named
	}
	if len(was.Mix) < 2 {
		return tries
	}
	for _, share := range was.Mix {
		try([]scenarios.Share{{Variant: share.Variant, Of: nodes.PerMillion}})
	}
	for k := range was.Mix {
		if len(was.Mix) == 2 {
			break
		}
		less := slices.Delete(slices.Clone(was.Mix), k, k+1)
		less[0].Of += was.Mix[k].Of
		try(less)
	}
	return tries
}

// plainLoads turns the options of a line's operation back to what is usual.
func plainLoads(h *hunt, i int) []*draft {
	loads, line, ok := h.kept.lineOf(i)
	if !ok {
		return nil
	}
	was := (*loads)[line]
	tries := []*draft{}
	if was.Options == nil {
		return tries
	}
	for _, plainer := range plainer(was.Options, was.Operation.Options(), h.claimed) {
		tries = append(tries, h.change(func(d *draft) {
			loads, line, _ := d.lineOf(i)
			(*loads)[line].Options = plainer
		}))
	}
	return tries
}

// fewest is how many requests a line still asks for, on average: with less, only one luck in many shows anything.
const fewest = 5

// slowLoads makes requests rarer.
func slowLoads(h *hunt, i int) []*draft {
	loads, line, ok := h.kept.lineOf(i)
	if !ok {
		return nil
	}
	every, lasts := (*loads)[line].Rate, time.Duration(0)
	for _, p := range h.kept.plan.Phases {
		for k := range p.Load {
			if p.Load[k].Stream == (*loads)[line].Stream {
				lasts += p.To - p.From
			}
		}
	}
	tries := []*draft{}
	for _, times := range []scenarios.Rate{20, 5, 2} {
		if every > 0 && every.Every()*time.Duration(times)*fewest <= lasts {
			tries = append(tries, h.change(func(d *draft) {
				loads, line, _ := d.lineOf(i)
				(*loads)[line].Rate = (every * times).Plain()
			}))
		}
	}
	return tries
}
