package data

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// audit is what final reads say of the acknowledged writes of a store.
type audit struct {
	kind    string
	since   history.Time // reads from here on are final
	healed  bool
	acked   int       // acknowledged writes, of all keys
	checked int       // of these, those that a final read came long enough after
	lost    []missing // in the order of their acknowledgements
	kept    []*stored // acknowledged writes that a final read saw, and none missed
	unread  int       // keys with acknowledged writes that no final read was about
}

// missing is an acknowledged write that a read did not see, and what it saw.
type missing struct {
	key   string
	write *stored
	read  *stored
	saw   *stored // nil if nobody wrote what it saw
}

// auditOf holds the acknowledged writes against the final reads.
func auditOf(e *evidence.Evidence, write string, r Reading) *audit {
	a := &audit{kind: write}
	a.since, a.healed = e.Healed()
	a.since += r.Within
	if !a.healed {
		return a
	}
	for _, k := range storeOf(e.Only(r.From), write, r.Read).shelves {
		a.key(k, r.Within)
	}
	slices.SortStableFunc(a.lost, func(x, y missing) int { return cmp.Compare(x.write.Return, y.write.Return) })
	return a
}

func (a *audit) key(k *shelf, settle time.Duration) {
	missed, seen := map[*stored]missing{}, map[*stored]bool{}
	last := history.Time(-1)
	for _, r := range k.reads {
		if r.Call < a.since {
			continue
		}
		last = r.Call
		saw := k.saw(r)
		seen[saw] = true
		for _, w := range k.missedBy(r, saw, r.Call-settle) {
			if _, known := missed[w]; !known {
				missed[w] = missing{k.key, w, r, saw}
			}
		}
		for value := range r.list { // in whatever order
			seen[k.writer[value]] = true
		}
	}
	acked := 0
	for _, w := range k.writes {
		if w.Outcome != history.Ok {
			continue
		}
		acked++
		a.checked += one(w.Return+settle <= last)
		if m, lost := missed[w]; lost {
			a.lost = append(a.lost, m)
		} else if seen[w] {
			a.kept = append(a.kept, w)
		}
	}
	a.acked += acked
	a.unread += one(acked > 0 && last < 0)
}

// missedBy is the writes acknowledged by a time that a read must have seen, or something as new, and did not: what it saw
// was over before they began, or is of an older version, or is a list without them.
func (k *shelf) missedBy(r, saw *stored, by history.Time) (missed []*stored) {
	call, version := k.newest(by)
	switch {
	case r.list != nil:
	case r.told && version <= r.version && k.versions:
		return nil
	case !(r.told && k.versions) && saw != nil && call <= saw.end():
		return nil
	}
	for _, w := range k.writes {
		if w.Outcome != history.Ok || w.Return > by || w == saw {
			continue
		}
		lost := false
		switch {
		case r.list != nil:
			lost = !w.nothing && !r.list[w.value]
		case r.told && k.versions:
			lost = r.version < w.version
		case saw == nil:
			lost = !(w.nothing && r.nothing)
		default:
			lost = saw.end() < w.Call
		}
		if lost {
			missed = append(missed, w)
		}
	}
	return missed
}

func (a *audit) figure() string {
	return fmt.Sprintf("%s of %s kept", wording.Thousands(a.checked-len(a.lost)), wording.Count(a.checked, "acknowledged "+a.kind))
}

func (a *audit) judge(e *evidence.Evidence) checkers.Judgement {
	j := checkers.Holds.With("%s", a.figure())
	if why := a.undecided(); why != nil {
		j = *why
	} else if len(a.lost) > 0 {
		j = a.violated(e, a.lost[0], "lost-write", "")
	}
	j.Data = a.data()
	return j
}

// undecided says why nothing can be said, if so.
func (a *audit) undecided() *checkers.Judgement {
	var j checkers.Judgement
	switch {
	case !a.healed:
		j = checkers.Censored.Because("it was never healed")
	case a.acked == 0:
		j = checkers.Vacuous.Because("no %s was acknowledged", a.kind)
	case a.checked == 0:
		j = checkers.Vacuous.Because("nobody read, from %s on, what had been acknowledged", wording.Stamp(a.since))
	default:
		return nil
	}
	return &j
}

func (a *audit) data() map[string]float64 {
	return map[string]float64{"acknowledged": float64(a.acked), "checked": float64(a.checked), "lost": float64(len(a.lost)),
		"unread": float64(a.unread)}
}

// violated tells of one lost write; what is wrong about it besides comes last.
func (a *audit) violated(e *evidence.Evidence, m missing, anomaly, besides string) checkers.Judgement {
	what := "nothing"
	witness := []*history.Operation{m.write.Operation, m.read.Operation}
	t := e.Tell().Access(m.write.Operation, m.key, m.write.name(m.key)).Access(m.read.Operation, m.key, m.read.name(m.key))
	switch {
	case m.read.list != nil:
		what = "a list without it"
	case m.saw == nil && !m.read.nothing:
		what = wording.Short(m.read.value) + ", which nobody wrote"
	case m.saw != nil && !m.saw.nothing:
		what = wording.Short(m.saw.value) + ", which had been written before"
	}
	if m.saw != nil {
		t.Access(m.saw.Operation, m.key, m.saw.name(m.key))
		witness = append([]*history.Operation{m.saw.Operation}, witness...)
	}
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Figure: a.figure(),
		Reason: fmt.Sprintf("%s was told at %s that %s is written, and at %s %s read %s%s", m.write.Host,
			wording.Stamp(m.write.Return),
			m.write.name(m.key), wording.Stamp(m.read.Return), m.read.Host, what, besides),
		Witness: checkers.IDs(witness), Object: m.key, Window: history.Window{From: m.write.Call, To: m.read.Return},
		Story: t.Lines()}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
