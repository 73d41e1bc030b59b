package netmodel

import (
	"math/bits"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// verdict is what becomes of one packet.
type verdict uint8

const (
	passes  verdict = iota
	arrives         // at fate.at
	drops
	holds // until fate.by is removed
)

// fate is the verdict on one packet, with what belongs to it.
type fate struct {
	verdict verdict
	at      time.Duration
	again   time.Duration // when its copy arrives; 0 if it has none
	garble  uint64        // not 0: which bits of a datagram arrive flipped, and which of its bytes
	by      *Installed    // the rule that dropped or holds it; nil is the link itself
}

// Each question about a packet has a variate of its own, made from the packet's one draw and the
// question's salt, so that no question shifts another's luck. A rule's salt is its key.
const (
	saltDelay    = 0x243f6a8885a308d3
	saltLoss     = 0x13198a2e03707344
	saltRepeat   = 0xa4093822299f31d0
	saltCopy     = 0x082efa98ec4e6c89
	saltGarble   = 0x452821e638d01377
	saltFragment = 0xbe5466cf34e90c6c
)

// variate is what a packet's draw says to a question. The draw is random already, so that one
// multiplication is enough to set the answers apart.
func variate(draw, salt uint64) uint64 {
	hi, lo := bits.Mul64(draw^salt, 0xe7037ed1a0b428db)
	return hi ^ lo
}

// judge asks the rules in their order, then the link. The packet's luck is draw number n of a stream. The
// first rule to drop or hold it decides; those that slow, repeat or garble it add to what the link does.
// A packet of a stream has its connection, a datagram has none.
func (n *Network) judge(p *path, c *conn, key, number uint64, size int, now time.Duration) fate {
	if p.version != n.version {
		n.compile(p)
	}
	if p.plain {
		return fate{verdict: arrives, at: now + p.class.Delay.Lo}
	}
	u := luck.Mix(key, number)
	delay := p.delay(variate(u, saltDelay))
	var again bool
	var garble uint64
	for i := range p.chain {
		s := &p.chain[i]
		switch s.verb {
		case Loss:
			if !s.hit(u) && (size <= mtu || !s.hitFragment(u, c, size)) {
				continue
			}
		case Repetition:
			if s.hit(u) {
				s.rule.touched(c)
				again = true
			}
			continue
		case Corruption:
			if !s.hit(u) {
				continue
			}
			if c == nil {
				s.rule.touched(c)
				garble = variate(u, saltGarble) | 1
				continue
			} // a checksum that fails is a loss
		case Slowness:
			s.rule.touched(c)
			delay = s.slowed(delay, u)
			continue
		case Flapping:
			if !s.rule.flap.down(now) {
				continue
			}
		case Jam:
			s.rule.touched(c)
			return fate{verdict: holds, by: s.rule}
		}
		s.rule.touched(c)
		n.counts.Dropped++
		return fate{verdict: drops, by: s.rule}
	}
	return n.cross(p, c, u, size, now, delay, again, garble)
}

// cross is what the link itself does to a packet that all rules let pass.
func (n *Network) cross(p *path, c *conn, u uint64, size int, now, delay time.Duration, again bool, garble uint64) fate {
	if p.class.Loss != 0 && lost(p.class.Loss, variate(u, saltLoss), c, size) {
		n.counts.Dropped++
		return fate{verdict: drops}
	}
	if p.perByte != 0 {
		wait := p.depart(now, size)
		if c == nil && wait > routerQueue {
			n.counts.Dropped++
			p.freeAt -= wait - routerQueue
			return fate{verdict: drops, by: p.limiter}
		}
		if p.limiter != nil {
			p.limiter.touched(c)
		}
		delay += wait
	}
	f := fate{verdict: arrives, at: now + delay, garble: garble}
	if again || p.class.Repeat != 0 && p.class.Repeat.Hit(variate(u, saltRepeat)) {
		f.again = f.at + p.delay(variate(u, saltCopy))
	}
	return f
}

// step is a rule in the chain of a path, with what the path of a packet needs at hand.
type step struct {
	verb   Verb
	rule   *Installed
	key    uint64
	share  uint64        // of 2^32: Rate
	factor uint64        // thousandths
	lo     time.Duration // what is added
	width  uint64        // and uniformly more, plus one; 0 is another distribution
}

// step makes one of a rule.
func (in *Installed) step() step {
	r := &in.rule
	s := step{verb: r.Verb, rule: in, key: in.key, factor: max(uint64(r.Factor), 1000), lo: r.Delay.Lo, width: uniform(r.Delay)}
	s.share = min(uint64(r.Rate), uint64(nodes.PerMillion)) << 32 / uint64(nodes.PerMillion)
	return s
}

// hit says whether the packet with that draw is of the rule's share.
func (s *step) hit(u uint64) bool { return variate(u, s.key)>>32 < s.share }

// hitFragment says whether a fragment of a datagram other than the first is.
func (s *step) hitFragment(u uint64, c *conn, size int) bool {
	return lost(s.rule.rule.Rate, variate(u, s.key), c, size)
}

// times is a delay multiplied by that many thousandths.
func times(delay time.Duration, thousandths uint64) time.Duration {
	hi, lo := bits.Mul64(uint64(delay), thousandths)
	if hi >= 1000 {
		return maxDelay
	}
	product, _ := bits.Div64(hi, lo, 1000)
	return time.Duration(min(product, uint64(maxDelay)))
}

// slowed is the delay that the rule makes of another.
func (s *step) slowed(delay time.Duration, u uint64) time.Duration {
	if s.factor > 1000 {
		delay = times(delay, s.factor)
	}
	switch s.width {
	case 1:
		delay += s.lo
	case 0:
		delay += s.rule.rule.Delay.At(variate(u, s.key))
	default:
		more, _ := bits.Mul64(variate(u, s.key), s.width)
		delay += s.lo + time.Duration(more)
	}
	return min(delay, maxDelay)
}

// maxDelay is longer than anybody waits, and short enough to be added to any time.
const maxDelay = 365 * 24 * time.Hour

// launch schedules what f says of the packet whose arrival is e.
func (n *Network) launch(f fate, e Event) {
	switch f.verdict {
	case arrives:
		n.world.Schedule(f.at, e)
		if f.again != 0 {
			n.world.Schedule(f.again, e)
		}
	case holds:
		f.by.hold(e)
	}
}

// mtu is how much of a datagram fits a packet of Ethernet.
const mtu = 1500 - 28

// lost says whether a packet is, which has that chance. A datagram above the MTU travels in fragments, and is
// lost with any of them. Segments of a stream are judged as one: what their parts would lose is sent
// again, and the whole waits for it all the same.
func lost(rate nodes.Percent, u uint64, c *conn, size int) bool {
	fragments := 1
	if c == nil {
		fragments = max(1, (size+mtu-1)/mtu)
	}
	for i := range fragments {
		if rate.Hit(u) {
			return true
		}
		u = luck.Mix(u, saltFragment+uint64(i))
	}
	return false
}

// reason names who dropped a packet.
func (f fate) reason() string {
	if f.by != nil {
		return f.by.rule.Name
	}
	return "link"
}
