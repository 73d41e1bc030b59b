package weather

import (
	"time"

	"simrun/nodes/history"
)

// Strike is one piece of weather on a host, or on a path between two.
type Strike struct {
	history.Window
	Why   string
	Down  bool          // the host did not run, or nothing passed
	half  bool          // of a path: what went the other way did pass
	told  bool          // peers hear of it at once: the kernel of a dead process answers for it
	delay time.Duration // the most that it adds to one step, if it only slows; 0 if it does worse
	own   bool          // the process ended by itself, with nothing wrong about its host: no weather, but its own doing
}

// leaks says whether something passes in spite of the fault: a flapping path is whole at times, and a host
// that ran out of ports keeps the connections that it has.
func leaks(verb string) bool { return verb == "flap" || verb == "exhaust" }

// Harmless says whether an impairment can be no excuse: a clock that lies, since nodes reckon by differences
// of the monotonic one and no clock drifts far (one that stands still is another matter), and what a stream hides.
func Harmless(m *history.Impairment) bool {
	switch {
	case m.Clock || m.Verb == "repeat-packets":
		return true
	default:
		return !m.Cut && m.Delay == 0 && 0 < m.Loss && m.Loss <= mildLoss
	}
}

// Dies says whether a Down ended the process, rather than froze it.
func Dies(why string) bool { return why != "pause" && why != "pause-machine" }

// Loses says whether a Down took the machine, with its page cache and its connections, and told no peer.
func Loses(why string) bool {
	return why == "cut-power" || why == "crash-machine" || why == "wipe-disk"
}

// rough says whether a strike is more than a delay of that much at each step, and not the host's own doing.
func (s Strike) rough(delay time.Duration) bool { return !s.own && (s.delay == 0 || s.delay > delay) }

// Noticed is when every peer certainly knows of the strike, or is past it.
func (s Strike) Noticed() history.Time {
	if s.told {
		return s.From + time.Second
	}
	late := s.From + toGiveUp
	if s.To != history.Never {
		late = min(late, s.To+min(s.To-s.From, toRetry)+toProbe)
	}
	return late
}

// settled is when those who were connected are so again: by then, retries that backed off while packets were
// lost have come through, and probes have found out that a machine forgot its connections.
func (s Strike) settled(what Settling) history.Time {
	switch {
	case s.To == history.Never || s.told || s.Why == "pause":
		return s.To
	case Loses(s.Why) && what == Traffic:
		return s.To // it has no connections
	case Loses(s.Why):
		return s.To + toProbe
	default:
		return s.To + min(s.To-s.From, toRetry)
	}
}

// turns says whether the strike began or ended within [from, to], or lasted through it as weather that lets
// some things pass: a change that those who were at work then had to live through.
func (s Strike) turns(from, to history.Time) bool {
	if s.To < from || to < s.From {
		return false
	}
	return !s.Down || s.half || from <= s.From || s.To <= to
}

// Parts says whether a strike on a host ends its connections: a death, or a machine that is silent for so long.
func (s Strike) Parts(patience time.Duration) bool {
	switch {
	case !s.Down || s.Why == "pause":
		return false
	case s.Why == "pause-machine":
		return s.To-s.From >= patience
	default:
		return true
	}
}

// CutsOff says whether a strike on a path may end the connections that run over it: by a reset, by a silence
// longer than the patience, or by loss that can amount to one.
func (s Strike) CutsOff(patience time.Duration) bool {
	switch {
	case s.Why == "reset-connections" || s.Why == "flap":
		return true
	case s.Down:
		return s.To-s.From >= patience
	case s.delay > 0:
		return s.delay >= patience
	default:
		return true
	}
}

// Wrecks says whether a fault makes a disk lose or change what had been durable.
func Wrecks(verb string) bool {
	return verb == "wipe-disk" || verb == "corrupt-disk" || verb == "misdirect-write"
}
