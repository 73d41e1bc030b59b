package netmodel

import (
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// PacketKind is what a packet is for.
type PacketKind uint8

// The kinds of packets.
const (
	SYN PacketKind = iota
	SYNACK
	ACK // acknowledgements proper are not observed, only those of handshakes and probes
	Data
	FIN
	RST
	Probe
	Datagram
)

// String is the kind's name.
func (k PacketKind) String() string {
	return [...]string{"SYN", "SYN-ACK", "ACK", "data", "FIN", "RST", "probe", "datagram"}[k]
}

// Packet is what an Observer is told.
type Packet struct {
	From, To Addr
	Kind     PacketKind
	Bytes    int // of payload
	// Dropped is empty for a packet that arrived, else why it did not: the name of a rule, "link", "dark"
	// for a host without power or frozen, "backlog", or "buffer".
	Dropped string
}

// Observer watches packets arrive and get lost. It must not call back into the network.
type Observer interface {
	Packet(p Packet)
}

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
	garble  uint64        // not 0: which bits of a datagram arrive flipped
	by      *Installed    // the rule that dropped or holds it; nil is the link itself
}

// Each question about a packet has a variate of its own, made from the packet's one draw and the
// question's salt, so that no question shifts another's luck.
const (
	saltDelay = iota + 1
	saltLoss
	saltRepeat
	saltCopy
	saltGarble
	saltFragment
)

// judge asks the rules in their order, then the link. The packet's luck is draw number n of a stream. The
// first rule to drop or hold it decides; those that slow, repeat or garble it add to what the link does.
// A packet of a stream has its connection, a datagram has none.
func (n *Network) judge(p *path, c *conn, key, draw uint64, size int, now time.Duration) fate {
	if p.version != n.version {
		n.compile(p)
	}
	if p.plain {
		return fate{verdict: arrives, at: now + p.class.Delay.Lo}
	}
	u := luck.Mix(key, draw)
	delay := p.delay(luck.Mix(u, saltDelay))
	f := fate{}
	for _, r := range p.chain {
		if !r.strikes(luck.Mix(u, r.key), now, size, c != nil) {
			continue
		}
		r.touched(c)
		switch r.rule.Verb {
		case Slowness:
			delay = r.slowed(delay, luck.Mix(u, r.key))
		case Repetition:
			f.again = 1
		case Jam:
			return fate{verdict: holds, by: r}
		case Corruption:
			if c == nil {
				f.garble = luck.Mix(u, saltGarble) | 1
				continue
			}
			fallthrough // a checksum that fails is a loss
		default:
			n.counts.Dropped++
			return fate{verdict: drops, by: r}
		}
	}
	if lost(p.class.Loss, luck.Mix(u, saltLoss), fragments(size, c != nil)) {
		n.counts.Dropped++
		return fate{verdict: drops}
	}
	wait := p.depart(now, size)
	if c == nil && wait > routerQueue {
		n.counts.Dropped++
		p.freeAt -= wait - routerQueue
		return fate{verdict: drops, by: p.limiter}
	}
	if p.limiter != nil {
		p.limiter.touched(c)
	}
	f.verdict, f.at = arrives, now+wait+delay
	if f.again != 0 || p.class.Repeat.Hit(luck.Mix(u, saltRepeat)) {
		f.again = f.at + p.delay(luck.Mix(u, saltCopy))
	}
	return f
}

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

// fragments is how many packets carry that much. Segments of a stream are judged as one: what their parts
// would lose is sent again, and the whole waits for it all the same.
func fragments(size int, stream bool) int {
	if stream {
		return 1
	}
	return max(1, (size+mtu-1)/mtu)
}

// lost says whether one of the fragments is, each with that chance.
func lost(rate nodes.Percent, u uint64, fragments int) bool {
	if rate == 0 {
		return false
	}
	for i := range fragments {
		if rate.Hit(u) {
			return true
		}
		u = luck.Mix(u, saltFragment+uint64(i))
	}
	return false
}

// seen tells the observer, if there is one, of a packet that arrived or did not.
func (n *Network) seen(from, to Addr, kind PacketKind, size int, dropped string) {
	n.Observer.Packet(Packet{From: from, To: to, Kind: kind, Bytes: size, Dropped: dropped})
}

// reason names who dropped a packet.
func (f fate) reason() string {
	if f.by != nil {
		return f.by.rule.Name
	}
	return "link"
}
