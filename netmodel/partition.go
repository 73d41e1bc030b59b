package netmodel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// Form is how a partition divides hosts.
type Form uint8

// The forms of partitions.
const (
	// Groups parts hosts of different groups. Hosts of no group reach everybody.
	Groups Form = iota
	// Bridge is Groups whose last group stands in the middle: it reaches, and is reached by, all.
	Bridge
	// Ring lets each host of the first group, in its order, reach only the next and the one before; of three
	// hosts the last and the first are parted too, or nothing would be.
	Ring
	// Isolate parts the hosts of the first group from all others, but not from each other.
	Isolate
)

// Shape says which ways a partition cuts.
type Shape struct {
	Form   Form
	Groups [][]string
	// OneWay cuts only one direction: from an earlier group to a later one, from the isolated to the others,
	// from each host of a ring to those after it.
	OneWay bool
}

// cut is a Shape by host ids.
type cut struct {
	form   Form
	oneWay bool
	place  map[uint32]int // the host's group, or in a ring its position, counted from 1
	size   int            // groups, or hosts of the ring
}

// parts says whether packets of that direction are cut.
func (c *cut) parts(from, to uint32) bool {
	a, b := c.place[from], c.place[to]
	switch c.form {
	case Isolate:
		if c.oneWay {
			return a != 0 && b == 0
		}
		return a != b && (a == 0 || b == 0)
	case Ring:
		if a == 0 || b == 0 || a == b || c.oneWay && a > b {
			return false
		}
		gap := max(a-b, b-a)
		return gap != 1 && (c.size == 3 || gap != c.size-1)
	default:
		if a == 0 || b == 0 || a == b || c.oneWay && a > b {
			return false
		}
		return c.form != Bridge || a != c.size && b != c.size
	}
}

// resolve turns the shape's names into places.
func (s Shape) resolve(n *Network) (cut, error) {
	c := cut{form: s.Form, oneWay: s.OneWay, place: make(map[uint32]int), size: len(s.Groups)}
	least := map[Form]int{Groups: 2, Bridge: 3, Ring: 1, Isolate: 1}[s.Form]
	if s.Form > Isolate || len(s.Groups) < least {
		return c, errors.New("the partition has too few groups for its form")
	}
	for g, group := range s.Groups {
		for i, name := range group {
			host := n.names[name]
			if host == nil {
				return c, fmt.Errorf("no host %q", name)
			}
			if c.place[host.id] != 0 {
				return c, fmt.Errorf("host %q stands in two places", name)
			}
			c.place[host.id] = g + 1
			if s.Form == Ring {
				c.place[host.id], c.size = i+1, len(group)
			}
		}
	}
	return c, nil
}

// hostSet is a set of hosts; the zero set is every host, also those added later.
type hostSet struct {
	some bool
	bits []uint64
}

// has says whether a host is in the set.
func (h *hostSet) has(id uint32) bool {
	return !h.some || int(id/64) < len(h.bits) && h.bits[id/64]&(1<<(id%64)) != 0
}

// hosts makes a set of names; no names are every host.
func (n *Network) hosts(names []string) (hostSet, error) {
	h := hostSet{some: len(names) > 0, bits: make([]uint64, (len(n.stacks)+63)/64)}
	for _, name := range names {
		host := n.names[name]
		if host == nil {
			return h, fmt.Errorf("no host %q", name)
		}
		h.bits[host.id/64] |= 1 << (host.id % 64)
	}
	return h, nil
}

// resolve turns the rule's names into sets and refuses what makes no sense.
func (in *Installed) resolve() (err error) {
	r, n := &in.rule, in.net
	if r.Verb == 0 || r.Verb > Exhaustion {
		return errors.New("no such verb")
	}
	if r.Verb == BandwidthLimit && r.Bandwidth <= 0 {
		return errors.New("a bandwidth must be positive")
	}
	if r.Verb == Flapping && (r.Up.IsZero() || r.Down.IsZero()) {
		return errors.New("a flapping link needs times for up and down")
	}
	if r.Verb == Exhaustion && r.Resource >= resources {
		return errors.New("no such resource")
	}
	if r.Factor < 0 || min(least(r.Delay), least(r.Up), least(r.Down)) < 0 {
		return errors.New("a factor or a time is negative")
	}
	if r.Verb == Cut {
		in.cut, err = r.Shape.resolve(n)
		return err
	}
	if in.from, err = n.hosts(slices.Concat(r.Hosts, r.Links.From)); err != nil {
		return err
	}
	in.to, err = n.hosts(r.Links.To)
	return err
}

// flapping is where a flapping link is in its periods. They are drawn one after the other whether or not
// packets come, so what is down when is a function of the rule's luck and the time.
type flapping struct {
	up, dark nodes.Spread
	period   time.Duration // if it is always the same; else 0
	luck     luck.Stream
	isDown   bool
	changes  time.Duration // when it is no longer as it is
}

// start begins the first period.
func (f *flapping) start(r *Rule, s luck.Stream, now time.Duration) {
	*f = flapping{up: r.Up, dark: r.Down, luck: s, isDown: true, changes: now}
	if uniform(r.Up) == 1 && uniform(r.Down) == 1 {
		f.period = r.Up.Lo + r.Down.Lo
	}
}

// down says whether the link is cut at that time, which never goes back.
func (f *flapping) down(now time.Duration) bool {
	if now >= f.changes {
		f.advance(now)
	}
	return f.isDown
}

// advance draws periods up to that time. Whole periods that are all the same are skipped.
func (f *flapping) advance(now time.Duration) {
	if f.period > 0 {
		f.changes += (now - f.changes) / f.period * f.period
	}
	for now >= f.changes {
		f.isDown = !f.isDown
		spread := &f.up
		if f.isDown {
			spread = &f.dark
		}
		f.changes += max(spread.At(f.luck.Uint64()), 1)
	}
}
