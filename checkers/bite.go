package checkers

import "simrun/nodes/history"

// Bite is what the faults of a run did, as far as the history knows: a claim that held through faults without effect
// was not tried.
type Bite struct {
	Faults   int   // those that had an effect; of a history without a ledger, all that is known
	Effects  int64 // packets that they touched, processes that they ended, and the like
	Deaths   int   // processes that ended
	PowerOff int   // of these, with their machines: what was not synced was lost
	Unsynced int64 // bytes that were
}

// Bite counts what the faults did.
func (e *Evidence) Bite() (b Bite) {
	for i := range e.Faults {
		f := &e.Faults[i]
		b.Effects += f.Effects
		b.Faults += one(f.Effects > 0)
	}
	if len(e.Faults) == 0 {
		b.Faults = len(e.Downs) + len(e.Impairments)
	}
	for i := range e.Downs {
		if d := &e.Downs[i]; dies(d.Why) {
			b.Deaths++
			b.PowerOff += one(loses(d.Why))
			b.Unsynced += d.Unsynced
		}
	}
	return b
}

// bitten adds the tally to a judgement's data, so that it stands next to every pass.
func (e *Evidence) bitten(j Judgement) Judgement {
	b := e.Bite()
	if j.Data == nil {
		j.Data = map[string]float64{}
	}
	j.Data["faults"], j.Data["effects"] = float64(b.Faults), float64(b.Effects)
	j.Data["deaths"], j.Data["power-off"], j.Data["unsynced"] = float64(b.Deaths), float64(b.PowerOff), float64(b.Unsynced)
	return j
}

// healed is when all was well for the last time: when the last phase began that heals, else when the last weather
// ended. It was not where the weather lasts to the end of the run.
func (e *Evidence) healed() (at history.Time, ok bool) {
	for _, p := range e.Phases {
		if p.Heal {
			at, ok = p.From, true
		}
	}
	if ok {
		return at, true
	}
	for i := range e.Downs {
		at = max(at, e.Downs[i].To)
	}
	for i := range e.Impairments {
		if !harmless(&e.Impairments[i]) {
			at = max(at, e.Impairments[i].End)
		}
	}
	for i := range e.Faults {
		for _, w := range e.Faults[i].Windows {
			at = max(at, w.To)
		}
	}
	return at, at < e.End
}
