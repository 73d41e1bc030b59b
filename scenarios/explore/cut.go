package explore

import (
	"slices"
	"time"

	"simrun/scenarios"
)

// cuts are the ways to make a plan smaller besides dropping faults. Each lists what can be done to its i-th item,
// the boldest first, and nil when there is no such item. What it lists is smaller than what is kept, so that
// going on always ends: it has less in it, or says less, or says it in fewer digits, or in as many a lesser number.
var cuts = []func(h *hunt, i int) []*draft{
	dropLoads, dropVariants, lowerCopies, dropNodes, unhookFaults, hastenFaults, shortenFaults, dropPhases, shortenPhases, fewerTargets,
	fewerPoints, plainOptions, allowRestarts, lowerPromises, plainNodes, plainLoads, quietLinks, plainSites, tidyWorld,
	slowLoads, // last: where little is under way, only a lucky blow shows anything
}

// change is the kept plan with one thing changed.
func (h *hunt) change(edit func(*draft)) *draft {
	d := h.kept.clone()
	edit(d)
	return d
}

// lesser are times to put in the place of d, none under least: shorter ones, the shortest first, down to d in one
// digit and in two; then, if d has more digits than that, what is next to it in two and in three.
// What is less than a millisecond is tried only if it is the least: nobody reads it.
func lesser(d, least time.Duration) []time.Duration {
	var all []time.Duration
	for _, try := range []time.Duration{least, readableTime(d/4, 2), readableTime(d/2, 2), readableTime(d, 1), readableTime(d, 2)} {
		if try >= least && try < d && (try == least || try >= time.Millisecond) && !slices.Contains(all, try) {
			all = append(all, try)
		}
	}
	for _, most := range []time.Duration{100, 1000} {
		down, up := rounded(d, most)
		for _, try := range []time.Duration{down, up} {
			if try >= least && try != d && down != d && !slices.Contains(all, try) {
				all = append(all, try)
			}
		}
	}
	return all
}

// rounded are the times below most of their own unit that come before and after d.
func rounded(d, most time.Duration) (down, up time.Duration) {
	unit := time.Duration(1)
	for d/unit >= most {
		unit *= 10
	}
	down = d / unit * unit
	return down, down + unit
}

// readableTime is the time towards zero in so many digits of its own unit: 2h, 90m, 7.8s.
func readableTime(d time.Duration, digits int) time.Duration {
	for _, unit := range []time.Duration{time.Hour, time.Minute} {
		switch n := d / unit; {
		case n == 0:
		case digits == 1 || n >= 10 || n <= -10:
			return scenarios.Rounded(n, digits) * unit
		default:
			return d / (unit / 6) * (unit / 6)
		}
	}
	return scenarios.Rounded(d, digits)
}
