package netmodel

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// Verb is what a rule does.
type Verb uint8

// The verbs; verbs.go makes rules of each.
const (
	Cut            Verb = iota + 1 // a partition: no packet passes
	Flapping                       // a cut that comes and goes
	Slowness                       // delays are longer
	Jam                            // packets wait until the rule is removed
	Loss                           // a share of packets is lost
	Repetition                     // a share arrives twice
	Corruption                     // a share arrives garbled
	BandwidthLimit                 // links are narrower
	Reset                          // connections are reset, once, at installation
	Exhaustion                     // a resource of hosts has run out
)

// String is the verb as a scenario writes it.
func (v Verb) String() string {
	names := [...]string{"", "partition", "flap", "slow-link", "jam", "lose-packets", "repeat-packets",
		"corrupt-packets", "limit-bandwidth", "reset-connections", "exhaust"}
	if int(v) >= len(names) {
		return fmt.Sprintf("verb %d", v)
	}
	return names[v]
}

// Resource is what a host can run out of.
type Resource uint8

// The resources.
const (
	Ports   Resource = iota // connecting fails with EADDRNOTAVAIL
	Files                   // what needs a descriptor fails with EMFILE
	Backlog                 // connections that arrive are ignored, as with a full accept queue
	resources
)

// Rule is one piece of weather, as data. Make it with a constructor of verbs.go.
type Rule struct {
	// Name is how effects and dropped packets are told; it also names the rule's luck, so that two rules
	// of one name, one after the other, strike the same packets.
	Name      string
	Verb      Verb
	Links     Links         // all verbs but Exhaustion
	Rate      nodes.Percent // Loss, Repetition, Corruption
	Factor    int64         // Slowness: what the link's delay is multiplied by, in thousandths; 0 leaves it
	Delay     nodes.Spread  // Slowness: what is added, drawn for each packet
	Up, Down  nodes.Spread  // Flapping: how long it passes, then is cut; drawn for each period
	Bandwidth nodes.Bytes   // BandwidthLimit: bytes per second
	Resource  Resource      // Exhaustion
	Hosts     []string      // Exhaustion
}

// blocks says whether the rule may keep every packet off, so that a silent peer is to be doubted.
func (r *Rule) blocks() bool {
	switch r.Verb {
	case Cut, Flapping, Jam:
		return true
	case Loss, Corruption:
		return r.Rate > nodes.PerMillion/4
	}
	return false
}

// Effects is what a rule has done so far.
type Effects struct {
	Packets     uint64 // dropped, held, delayed, doubled or garbled by it; or calls that failed by it
	Connections uint64 // connections that had such a packet or were reset, each counted once
}

// Any says whether there was an effect at all.
func (e Effects) Any() bool { return e.Packets+e.Connections > 0 }

// Installed is a rule at work.
type Installed struct {
	net     *Network
	rule    Rule
	key     uint64  // its luck: what it decides of a packet is a function of this and the packet's draw
	from    hostSet // Links or Hosts, resolved
	to      hostSet
	flap    flapping
	effects Effects
	bit     uint64              // of conn.seen; 0 if all were taken
	met     map[uint32]struct{} // in place of the bit
	held    []Event
	removed bool
}

// maxHeld is how many packets a jam holds; further ones are lost, as in any queue.
const maxHeld = 1 << 16

// Install puts a rule behind those already at work. A Reset acts at once. It returns an error if the rule
// makes no sense or names a host that does not exist.
func (n *Network) Install(rule Rule) (*Installed, error) {
	stream := n.luck.Numbered(2)
	name := luck.Seed(stream.Uint64()).Stream("rule", rule.Name)
	in := &Installed{net: n, rule: rule, key: name.Uint64()}
	if err := in.resolve(); err != nil {
		return nil, fmt.Errorf("netmodel: %s %q: %w", rule.Verb, rule.Name, err)
	}
	if free := ^n.bits; free != 0 {
		in.bit = 1 << bits.TrailingZeros64(free)
		n.bits |= in.bit
	}
	in.flap.start(&in.rule, name.Numbered(0), n.world.Now())
	n.rules = append(n.rules, in)
	n.version++
	n.findExhausted()
	if rule.Verb == Reset {
		n.resetConnections(in)
	}
	if rule.blocks() {
		n.doubtAll()
	}
	return in, nil
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
	if in.from, err = n.hosts(slices.Concat(r.Hosts, r.Links.From)); err != nil {
		return err
	}
	in.to, err = n.hosts(r.Links.To)
	return err
}

// Remove ends a rule. What it held is on its way from now. Removing it twice is a panic.
func (n *Network) Remove(in *Installed) {
	if in.removed {
		panic("netmodel: rule " + in.rule.Name + " is removed already")
	}
	in.removed = true
	for i, r := range n.rules {
		if r == in {
			n.rules = append(n.rules[:i], n.rules[i+1:]...)
			break
		}
	}
	n.version++
	n.findExhausted()
	if in.bit != 0 {
		for _, c := range n.conns {
			if c != nil {
				c.seen &^= in.bit
			}
		}
		n.bits &^= in.bit
	}
	in.met = nil
	in.release()
}

// Rule is what was installed.
func (in *Installed) Rule() Rule { return in.rule }

// String is the rule and its effects in one line.
func (in *Installed) String() string {
	return fmt.Sprintf("%v %q: %d packets, %d connections", in.rule.Verb, in.rule.Name, in.effects.Packets, in.effects.Connections)
}

// Effects is what the rule has done so far; it keeps its value after the removal.
func (in *Installed) Effects() Effects { return in.effects }

// concerns says whether packets on that way are the rule's business.
func (in *Installed) concerns(from, to *Stack) bool {
	return in.rule.Verb != Exhaustion && in.rule.Verb != Reset && in.links(from, to)
}

// touched counts a packet that the rule did something to.
func (in *Installed) touched(c *conn) {
	in.effects.Packets++
	if c != nil && (in.bit == 0 || c.seen&in.bit == 0) {
		in.saw(c)
	}
}

// saw counts the connection, once.
func (in *Installed) saw(c *conn) {
	if in.bit == 0 {
		if _, met := in.met[c.serial]; met {
			return
		}
		if in.met == nil {
			in.met = make(map[uint32]struct{})
		}
		in.met[c.serial] = struct{}{}
	}
	c.seen |= in.bit
	in.effects.Connections++
}

// hold keeps a packet until the rule is removed.
func (in *Installed) hold(e Event) {
	if len(in.held) < maxHeld {
		in.held = append(in.held, e)
		return
	}
	if e.Kind == evDatagram {
		in.net.flying.drop(in.net, e)
	}
}

// release sends on what was held. It arrives in a stretch of time as long as a delay of its link, in
// the order of its sending.
func (in *Installed) release() {
	now := in.net.world.Now()
	for i, e := range in.held {
		in.net.world.Schedule(now+in.net.transit(e, luck.Mix(in.key, uint64(i))), e)
	}
	in.held = nil
}

// transit is how long a held packet's link takes, for a variate of its own.
func (n *Network) transit(e Event, u uint64) time.Duration {
	var p *path
	if e.Kind == evDatagram {
		d := &n.flying.slots[e.ID]
		p = d.from.path(d.to)
	} else {
		c := n.conns[e.ID]
		if c == nil || c.serial != uint32(e.Arg>>32) {
			return 0
		}
		p = c.ends[e.Kind&1].path
	}
	if p.version != n.version {
		n.compile(p)
	}
	return p.delay(u)
}
