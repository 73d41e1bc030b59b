package evidence

import (
	"cmp"
	"slices"
	"strings"

	"simrun/checkers/weather"
	"simrun/nodes/history"
)

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
		if f.Effects > 0 {
			b.Faults++
		}
	}
	if len(e.Faults) == 0 {
		b.Faults = len(e.Downs) + len(e.Impairments)
	}
	for i := range e.Downs {
		if d := &e.Downs[i]; weather.Dies(d.Why) {
			b.Deaths++
			if weather.Loses(d.Why) {
				b.PowerOff++
			}
			b.Unsynced += d.Unsynced
		}
	}
	return b
}

// Healed is when all was well for the last time: when the last phase began that heals, else when the last weather
// ended. It was not where the weather lasts to the end of the run.
func (e *Evidence) Healed() (at history.Time, ok bool) {
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
		if !weather.Harmless(&e.Impairments[i]) {
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

// FaultWindows is the windows of the faults that an event of the scenario language names.
func (e *Evidence) FaultWindows(event string) (windows []history.Window) {
	verb, target, _ := strings.Cut(strings.TrimPrefix(event, "restore-"), " ")
	for _, f := range e.Faults {
		if (verb == "" || f.Verb == verb) && (target == "" || f.Target == target) {
			windows = append(windows, f.Windows...)
		}
	}
	slices.SortFunc(windows, func(a, b history.Window) int { return cmp.Compare(a.From, b.From) })
	return windows
}
