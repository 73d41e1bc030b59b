// Package gossip answers who belongs to a ring and who of them is alive, without anybody whose answer counts more (Das,
// Gupta & Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group Membership Protocol", 2002).
//
// Core is the whole protocol and does nothing by itself: messages and the time go in; messages and what has changed
// come out. Each member pings another in each interval, in an order of its own in which everybody has a turn. Whoever
// does not acknowledge is pinged by others in its place; if they hear nothing either, it is suspected, and has some
// time, longer among many members, to contradict with a new incarnation. What is believed of members travels on
// whatever is sent anyway, a number of times that grows with the logarithm of the members.
//
// From Dadgar, Phillips & Currey, "Lifeguard: Local Health Awareness for More Accurate Failure Detection", 2018: a member
// that misses answers which others get slows down (health), a suspicion that several members share ends sooner, and
// who is suspected is told so first. A member that finds that it was frozen itself blames nobody for that time.
//
// What SWIM leaves open: members compare all that they believe from time to time, page by page (sync), also with
// seeds and with members that are believed dead. So the halves of a partition find each other again.
//
// What holds. While no message is lost and each takes less than half of Options.Timeout, nobody that runs is suspected.
// Nobody is believed dead on hearsay: each member that hears of a death suspects first, so whoever runs is believed dead
// only by those whom no contradiction reached in the whole time of their suspicion.
// Dead is no leave: a member's data is its own until it has left or is forgotten.
package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/ring"
)

// Options of a Core. The zero of all but ID, Address and Rand is a default named here.
type Options struct {
	ring.Member            // this one
	Address     string     // where it is reached
	Seeds       []string   // addresses of members to join by; also tried when contact to them was lost
	Rand        *rand.Rand // orders probes
	// Interval is how often another member is pinged. Default 1s.
	Interval time.Duration
	// Timeout is how long a ping may take there and back before others are asked to ping. Default Interval / 4.
	Timeout time.Duration
	// Relays is how many are asked. Default 3.
	Relays int
	// Suspicion times the number of binary digits of the number of members is for how many intervals somebody is
	// suspected, if enough others do so, too; six times as long if nobody does. Default 2.
	Suspicion int
	// Spread times the same is how often a member passes on each thing that it believes. Default 3.
	Spread int
	// SyncEvery is how many intervals pass between comparing all with another. Default 5.
	SyncEvery int
	// Grace is how long who is dead or has left is remembered. Default 1h.
	Grace time.Duration
	// MessageBytes is the largest message. Default 1,200, least 1,000.
	MessageBytes int
	// Most is how many other members there may be; further ones are not believed in. Default 1,024.
	Most int
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Relays, 3}, {&o.Suspicion, 2}, {&o.Spread, 3}, {&o.SyncEvery, 5}, {&o.MessageBytes, 1200}, {&o.Most, 1024}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = max(o.Interval/4, 1)
	}
	if o.Grace <= 0 {
		o.Grace = time.Hour
	}
	o.MessageBytes = max(o.MessageBytes, 1000)
	return o
}

// ErrOptions is wrapped by what is said of options that make no member.
var ErrOptions = errors.New("gossip: no such member")

// Output is what is to be done and what is believed anew. The slices are the caller's.
type Output struct {
	Send    []Message
	Changes []Change
}

// Core is one member's part in the protocol.
//
// Invariants: peers is sorted by ID, has at most Options.Most, and not this member; what is believed of a member never
// falls in the order of overrides while it is remembered; order has the ID of each peer once; the incarnation never
// falls; health is 0 to mostHealth.
type Core struct {
	opts  Options
	now   nodes.Instant
	self  *peer
	peers []*peer
	left  bool

	order  []ring.ID // of probes; what is before turn had its turn
	turn   int
	probe  probe
	relays []relay
	seq    uint64
	health int
	syncAt nodes.Instant
	seed   int // the next to be tried

	pending []*peer // what is to be passed on
	news    uint64  // counts changes, so that of two things told as often the newer goes first

	out Output
}

// peer is a member and what is known of it here.
type peer struct {
	Member
	by     ring.ID       // of a suspicion: the last who was heard of to have it
	until  nodes.Instant // when a suspicion ends in death, and when who is dead or has left is forgotten
	doubts doubts

	told int    // how often what is believed was passed on
	news uint64 // when it came to be believed
}

// New is a member that knows only its seeds. Errors: ErrOptions.
func New(o Options, now nodes.Instant) (*Core, error) {
	o = o.withDefaults()
	me := Member{Member: o.Member, Address: o.Address, State: Alive}
	if !me.valid() || o.Rand == nil {
		return nil, fmt.Errorf("%w: %s at %q", ErrOptions, me, o.Address)
	}
	c := &Core{opts: o, now: now, self: &peer{Member: me}}
	c.probe.end = now.Add(time.Duration(o.Rand.Int64N(int64(o.Interval)))) // not all in step
	c.syncAt = now
	return c, nil
}

// Tick does what is due by now.
func (c *Core) Tick(now nodes.Instant) {
	late := now.Sub(c.Deadline())
	c.see(now)
	if c.left {
		return
	}
	if late >= c.opts.Interval {
		c.wake(late)
	}
	c.endSuspicions()
	c.forget()
	c.endRelays()
	c.goOn()
	if c.now >= c.syncAt {
		c.sync()
	}
}

// see takes note of the time. A monotonic clock does not run backwards.
func (c *Core) see(now nodes.Instant) { c.now = max(c.now, now) }

// wake leaves out of account the time for which this member itself stood still.
func (c *Core) wake(late time.Duration) {
	c.probe.open = false
	c.ail(1)
	for _, p := range c.peers {
		if p.State == Suspect {
			p.until = p.until.Add(late)
			p.doubts.from = p.doubts.from.Add(late)
		}
	}
}

// Deadline is when Tick wants to be called. Who calls it later than by an interval is taken to have been frozen. After
// Leave it is never.
func (c *Core) Deadline() nodes.Instant {
	if c.left {
		return math.MaxInt64
	}
	due := min(c.syncAt, c.probe.due())
	for _, r := range c.relays {
		due = min(due, r.until)
	}
	for _, p := range c.peers {
		if p.State != Alive {
			due = min(due, p.until)
		}
	}
	return due
}

// Step takes a message from another member. What is not for this member is left alone.
func (c *Core) Step(now nodes.Instant, m Message) {
	c.see(now)
	speaks := m.From.valid() && m.From.ID != c.self.ID && (m.From.State == Alive || m.From.State == Left)
	if c.left || !speaks || m.To != 0 && m.To != c.self.ID {
		return
	}
	c.believe(Update{Member: m.From})
	for _, u := range m.Updates {
		c.hear(u, m.From.ID)
	}
	switch m.Type {
	case Ping:
		c.reply(&m, Message{Type: Ack, Seq: m.Seq})
	case Ack:
		c.handleAck(m.Seq)
	case Ask:
		c.handleAsk(&m)
	case Nack:
		c.handleNack(m.Seq)
	case Sync:
		c.handleSync(&m)
	case SyncReply:
		c.handleSyncReply(&m)
	}
}

// Leave says to some members that this one goes for good. From then on it does nothing any more.
func (c *Core) Leave(now nodes.Instant) {
	c.see(now)
	if c.left {
		return
	}
	c.self.State = Left
	for _, p := range c.some(c.opts.Spread*digits(len(c.peers)), 0) {
		c.send(p, Message{Type: Ping})
	}
	c.left = true
}

// Output takes what has come to be done and to be believed since the last call.
func (c *Core) Output() Output {
	out := c.out
	c.out = Output{}
	return out
}

// Self is this member as it says of itself.
func (c *Core) Self() Member { return c.self.Member }

// Members are all that are remembered, this one too, by ID.
func (c *Core) Members() []Member {
	all := make([]Member, 0, len(c.peers)+1)
	for _, p := range c.peers {
		all = append(all, p.Member)
	}
	at, _ := c.find(c.self.ID)
	return slices.Insert(all, at, c.self.Member)
}

// Ring is who keeps keys: all that have not left, dead ones with them.
func (c *Core) Ring() (members []ring.Member) {
	for _, m := range c.Members() {
		if m.State != Left {
			members = append(members, m.Member)
		}
	}
	return members
}

// State is what is believed of a member.
func (c *Core) State(id ring.ID) State {
	if id == c.self.ID {
		return c.self.State
	}
	if p := c.peer(id); p != nil {
		return p.State
	}
	return Unknown
}

// String is what is believed, on one line.
func (c *Core) String() string {
	var words []string
	for _, m := range c.Members() {
		words = append(words, m.String())
	}
	return fmt.Sprintf("%d health %d: %s", c.self.ID, c.health, strings.Join(words, ", "))
}

func (c *Core) find(id ring.ID) (int, bool) {
	return slices.BinarySearchFunc(c.peers, id, func(p *peer, id ring.ID) int { return cmp.Compare(p.ID, id) })
}

func (c *Core) peer(id ring.ID) *peer {
	if i, found := c.find(id); found {
		return c.peers[i]
	}
	return nil
}
