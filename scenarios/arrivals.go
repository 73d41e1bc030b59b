package scenarios

import (
	"math/bits"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// line is one line of the workload over all the phases in which it goes on. Arrivals are a Poisson
// process that waits for no answer; each takes three variates whatever becomes of it.
type line struct {
	stage  *stage
	luck   luck.Stream
	shifts []shift
	begun  bool
}

// shift is a phase in which a line goes on.
type shift struct {
	load     *Load
	from, to time.Duration
}

func (l *line) begin() { l.next(0, l.shifts[0].from) }

// next schedules the first arrival after a time that falls into shift i or a later one. What would come
// after the end of a shift does not come: the next shift begins afresh.
func (l *line) next(i int, after time.Duration) {
	for ; i < len(l.shifts); i++ {
		s := l.shifts[i]
		every := s.load.Rate.Every()
		if every <= 0 {
			continue
		}
		at := max(after, s.from) + nodes.Spread{Mean: every}.At(l.luck.Uint64())
		if at < s.to {
			l.stage.world.At(at, func() { l.arrive(i, at) })
			return
		}
	}
}

func (l *line) arrive(i int, at time.Duration) {
	load := l.shifts[i].load
	host := load.From[l.luck.Below(len(load.From))]
	variant := load.variant(l.luck.Uint64())
	l.stage.arrivals++
	l.stage.world.Host(host).Ask(nodes.Request{ID: l.stage.arrivals, Do: load.Operation.Name, Variant: variant,
		Options: load.Options, Intended: at})
	l.next(i, at)
}

// variant is the member of the mix that the variate stands for; the shares add up to the whole.
func (l *Load) variant(u uint64) string {
	if len(l.Mix) == 0 {
		if len(l.Operation.Mix) == 0 {
			return ""
		}
		return l.Operation.Mix[0]
	}
	part, _ := bits.Mul64(u, uint64(nodes.PerMillion))
	for _, s := range l.Mix {
		if part < uint64(s.Of) {
			return s.Variant
		}
		part -= uint64(s.Of)
	}
	return l.Mix[len(l.Mix)-1].Variant
}
