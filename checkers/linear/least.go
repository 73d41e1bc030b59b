package linear

import (
	"fmt"

	"simrun/nodes/history"
)

// least looks for the least set of certain operations that cannot be put in order, of the others known only that they may
// have happened. It takes no more than the steps that the search has left, and is content with what it has by then.
func (s *search) least() (kept []step) {
	end := s.steps[s.far].end
	for _, x := range s.steps[:s.certain] {
		if x.call <= end { // what was called later cannot help
			kept = append(kept, x)
		}
	}
	for chunk := (len(kept) + 1) / 2; chunk > 0 && s.States > 0; chunk /= 2 {
		for from := 0; from < len(kept); {
			fewer := append(append([]step{}, kept[:from]...), kept[min(from+chunk, len(kept)):]...)
			if s.suffice(fewer) {
				kept = fewer
			} else {
				from += chunk
			}
		}
	}
	return kept
}

// suffice says whether there is still no order if only those steps are certain.
func (s *search) suffice(certain []step) bool {
	try := search{Options: s.Options, step: s.step, class: s.class, vague: s.vague, steps: append([]step{}, certain...)}
	is := map[int32]bool{}
	for _, x := range certain {
		is[x.op] = true
	}
	for _, x := range s.steps {
		if !is[x.op] && !x.reads {
			if x.certain {
				x.op += s.vague
			}
			x.certain, x.end = false, history.Never
			try.steps = append(try.steps, x)
		}
	}
	verdict := try.run()
	s.States = try.States
	return verdict == Violated
}

// stuck is the Result of a search that went through all orders: none gets past the end of one operation.
func (s *search) stuck(span func(op int32) *Span) Result {
	last := s.steps[s.far]
	if s.Brief {
		return violated("no-order", fmt.Sprintf("no order goes past %s, when operation %d had ended", last.end, span(last.op).ID), span(last.op))
	}
	var witness []*Span
	for _, x := range s.least() {
		witness = append(witness, span(x.op))
	}
	reason := fmt.Sprintf("no order goes past %s, when operation %d had ended", last.end, span(last.op).ID)
	if int(s.certain) > len(witness) {
		reason += ", whatever the others did"
	}
	return violated("no-order", reason, witness...)
}
