// Package repair answers what the nodes that keep a key owe one of them that was away: to tell it what it missed (hints),
// and not to forget too soon that something was deleted (tombstones).
//
// It decides and remembers; it reads no clock, no disk and no network. Times are those of wall clocks, because all this
// outlives a restart.
package repair

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"simrun/nodes/ring"
	"simrun/nodes/ring/version"
)

// Rules say when a tombstone may go. The zero of each is a default named here.
//
// A tombstone must stay as long as anything that it replaced may come from anywhere, or the deleted value is back. It can
// come from three places: from something under way, for as long as Window; from a copy that has not heard of the
// tombstone; and from a copy that was away so long that it cannot hear of it any more. The first is a matter of time, the
// second of asking, and the third is why a copy that was away for longer than the grace has to come back empty: a
// grace without that is no rule but a hope.
type Rules struct {
	// Window is for how long at most a hint, or a request that is under way, may carry what was true when it was made.
	// Default 3h.
	Window time.Duration
	// Grace is how old a tombstone has to be to go although not everybody has confirmed it. Default 240h.
	Grace time.Duration
	// MaxDrift is how far two nodes' wall clocks may be apart. Default 500ms.
	MaxDrift time.Duration
}

// ErrRules is wrapped by what is said of rules that would bring back what was deleted.
var ErrRules = errors.New("repair: no such rules")

// WithDefaults are the rules with what was not said. The error is ErrRules: the window has to be longer than the
// drift, or no hint could be delivered, and the grace longer than both together, or no copy would be in time.
func (r Rules) WithDefaults() (Rules, error) {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&r.Window, 3 * time.Hour}, {&r.Grace, 240 * time.Hour}, {&r.MaxDrift, 500 * time.Millisecond}} {
		if *d.field == 0 {
			*d.field = d.value
		}
		if *d.field < 0 {
			return Rules{}, fmt.Errorf("%w: %v", ErrRules, *d.field)
		}
	}
	if r.Window <= r.MaxDrift || r.Grace <= r.Window || r.Grace-r.Window <= r.MaxDrift {
		return Rules{}, fmt.Errorf("%w: a grace of %v beside a window of %v and a drift of %v", ErrRules, r.Grace, r.Window, r.MaxDrift)
	}
	return r, nil
}

// Tombstone is what a node knows of a key that was deleted, and of who else knows it.
type Tombstone struct {
	Deleted version.Stamp
	// Holders are all who may have something older of the key: those who keep it now, whether they can be reached or
	// not, and those who kept it before and have not said yet that they dropped it.
	Holders []ring.ID
	// Confirmed are those who said that they have this tombstone, or something that covers it. Who has nothing of the key has
	// not: it may yet be given something older by somebody who has not heard either.
	Confirmed []ring.ID
}

// Verdict is whether a tombstone may go, and why.
type Verdict uint8

// The verdicts.
const (
	Young   Verdict = iota // something under way may still carry what it replaced
	Awaited                // some holder has not confirmed it
	// Everywhere is that it may go: whoever could have something older has the tombstone. Who comes to that verdict tells
	// the holders, and each of them drops what it has if that is the same; or who drops it first would no longer
	// confirm it, and the others would have to outlive it.
	Everywhere
	// Outlived is that it may go: whoever has something older has to come back empty.
	Outlived
)

// String is the verdict's name.
func (v Verdict) String() string {
	return [...]string{"young", "awaited", "everywhere", "outlived"}[v]
}

// MayGo says whether the tombstone may be dropped, and with it all that is known of the key.
func (v Verdict) MayGo() bool { return v >= Everywhere }

// Judge says whether a tombstone may go, by this node's wall clock. A node that has nothing of a key and hears of a
// tombstone that is outlived does well not to take it.
func (r Rules) Judge(t Tombstone, now time.Time) Verdict {
	age := now.Sub(t.Deleted.Time()) - r.MaxDrift
	switch {
	case age <= r.Window:
		return Young
	case r.isConfirmed(t):
		return Everywhere
	case age > r.Grace:
		return Outlived
	}
	return Awaited
}

func (r Rules) isConfirmed(t Tombstone) bool {
	return !slices.ContainsFunc(t.Holders, func(id ring.ID) bool { return !slices.Contains(t.Confirmed, id) })
}

// MustStartEmpty says whether a node's copies are so old that it must not serve or send them any more, and has to come
// back without them, under another ID. Repaired is the last time at which it had compared all of them with all others who
// keep the same; of a new node, when it was started. It is to be asked before anything else after a start, and
// from time to time: a node that runs, but cannot reach some other for so long, is no better than one that was dark. Who can ask
// whether, and when, a tombstone was outlived without it asks of that time in the place of now, and may have nothing to drop.
func (r Rules) MustStartEmpty(repaired, now time.Time) bool {
	return now.Sub(repaired) > r.Grace-r.Window-r.MaxDrift
}

// MayDeliver says whether a hint is young enough to be handed over.
func (r Rules) MayDeliver(h Hint, now time.Time) bool { return now.Sub(h.Since) <= r.Window-r.MaxDrift }
