package netmodel

import (
	"math/bits"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// LinkClass says how good a link is in one direction. The zero class is instant and perfect.
type LinkClass struct {
	// Delay is drawn for each packet. Packets of a stream may overtake each other; its bytes do not.
	Delay nodes.Spread
	// Loss is the share of packets that vanish, Repeat that of packets that arrive twice.
	Loss, Repeat nodes.Percent
	// Bandwidth is in bytes per second, headers included, for each directed pair of hosts. Zero is no limit.
	Bandwidth nodes.Bytes
}

// loopback is the link of a host to itself. No rule touches it.
var loopback = LinkClass{Delay: nodes.Exactly(10 * time.Microsecond)}

// routerQueue is how much of a slow link's traffic waits for it before datagrams are dropped.
const routerQueue = time.Second

// SetLink says of what class the link is in one direction, from one host or site to another host or site;
// a site to itself is the inside of it. Where several apply, the one that names more hosts wins, and of
// two that name one host, that which names the sender. Packets under way keep their times. A negative
// delay is a panic, and one above a year counts as a year.
func (n *Network) SetLink(from, to string, class LinkClass) {
	if least(class.Delay) < 0 {
		panic("netmodel: a packet would arrive before it was sent, from " + from + " to " + to)
	}
	n.classes[[2]string{from, to}] = class
	n.version++
}

// least is a bound below all draws of a Spread.
func least(d nodes.Spread) time.Duration {
	return min(d.Lo, d.Mean, slices.Min(append(slices.Clip(d.Choices), 0)))
}

// class is that of the link from one host to another.
func (n *Network) class(from, to *Stack) LinkClass {
	if from == to {
		return loopback
	}
	for _, pair := range [4][2]string{{from.name, to.name}, {from.name, to.site}, {from.site, to.name}, {from.site, to.site}} {
		if class, ok := n.classes[pair]; ok {
			return class
		}
	}
	return LinkClass{}
}

// path is the way from one host to another, in that direction, as far as anybody has used it.
type path struct {
	from, to *Stack
	version  uint32        // of the network, when the rest was compiled
	plain    bool          // every packet arrives after class.Delay.Lo
	blocked  bool          // a rule may keep every packet off
	chain    []step        // of the rules that concern this path
	class    LinkClass     // with the least bandwidth that a rule leaves
	limiter  *Installed    // the rule that set the bandwidth, if one did
	uniform  uint64        // width of a uniform delay plus one; 0 is another distribution
	perByte  uint64        // nanoseconds to send a byte, in units of 2^-32; 0 without a limit
	freeAt   time.Duration // when the link has sent all that was given to it
	luck     luck.Stream
	opened   uint64 // connections and datagrams that went this way: their ordinals name their luck
}

// path finds the way to another host.
func (s *Stack) path(to *Stack) *path {
	p := s.paths[to.id]
	if p == nil {
		key := s.net.luck.Numbered(1)
		p = &path{from: s, to: to, luck: luck.Seed(key.Uint64()).Stream("path", s.name, to.name)}
		s.paths[to.id] = p
	}
	return p
}

// compile gathers what concerns the path, after rules or links have changed.
func (n *Network) compile(p *path) {
	p.version = n.version
	p.class = n.class(p.from, p.to)
	p.class.Delay.Lo, p.class.Delay.Hi = min(p.class.Delay.Lo, maxDelay), min(p.class.Delay.Hi, maxDelay)
	p.chain, p.blocked, p.limiter = p.chain[:0], false, nil
	for _, r := range n.rules {
		if p.from == p.to || !r.concerns(p.from, p.to) {
			continue
		}
		p.blocked = p.blocked || r.rule.blocks()
		if r.rule.Verb != BandwidthLimit {
			p.chain = append(p.chain, r.step())
		} else if p.class.Bandwidth == 0 || r.rule.Bandwidth < p.class.Bandwidth {
			p.class.Bandwidth, p.limiter = r.rule.Bandwidth, r
		}
	}
	p.perByte = 0
	if rate := uint64(p.class.Bandwidth); rate != 0 {
		p.perByte = uint64(time.Second)<<32/rate | 1
	}
	p.uniform = uniform(p.class.Delay)
	p.plain = p.uniform == 1 && p.class.Loss == 0 && p.class.Repeat == 0 && p.perByte == 0 && len(p.chain) == 0
}

// uniform is the width, plus one, of a Spread whose draws are all equally likely; 0 of any other.
func uniform(d nodes.Spread) uint64 {
	if len(d.Choices) > 0 || d.Mean != 0 || d.Lo > 0 && d.Hi/10 > d.Lo {
		return 0
	}
	return uint64(max(d.Hi-d.Lo, 0)) + 1
}

// delay is what the link itself takes, for the variate u.
func (p *path) delay(u uint64) time.Duration {
	if p.uniform != 0 {
		n, _ := bits.Mul64(u, p.uniform)
		return p.class.Delay.Lo + time.Duration(n)
	}
	return min(p.class.Delay.At(u), maxDelay)
}

// depart queues a packet at the link and says how long it takes to get off.
func (p *path) depart(now time.Duration, size int) time.Duration {
	if p.perByte == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(size+header), p.perByte)
	took := min(time.Duration(hi<<32|lo>>32), maxDelay)
	p.freeAt = min(max(p.freeAt, now)+took, now+maxDelay)
	return p.freeAt - now
}
