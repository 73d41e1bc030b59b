// Package netmodel decides what becomes of bytes between two hosts.
//
// It is a passive state machine: it knows no task, no goroutine and no wall clock. A Network asks its
// World for the time and for events to come back later, and everything else happens inside calls: those
// of a host's Stack (Listen, Connect, Read, Write, Close, all of them non-blocking and with Linux's error
// numbers) and Handle. A caller that would block gets EAGAIN, leaves a Waiter, and is woken when trying
// again may help.
//
// Streams behave as Linux TCP does; see flow.go for the one direction of a connection that everything
// rests on, and verbs.go for the weather that can be made. Not modelled: congestion control, MSS-sized
// segments, IP addresses, ICMP other than an unreachable neighbour, urgent data.
//
// Nothing is scheduled for what is well: acknowledgements on a healthy path are reckoned when somebody asks,
// retransmission timers run only after a loss, keepalive probes only where a peer may be cut off. An idle
// connection costs no event in a year.
package netmodel

import (
	"strconv"
	"syscall"
	"time"

	"simrun/sim/luck"
)

// World is what the owner of a Network gives it: the true time, and events that come back.
type World interface {
	// Now is the true time since the start of the world.
	Now() time.Duration
	// Schedule has e handed to Network.Handle at that time, which is never in the past. Of two events
	// at one instant either may come first.
	Schedule(at time.Duration, e Event)
}

// Event is something that is to come. It is small and passed by value; an event that no longer concerns
// anybody is ignored when it comes, so nothing is ever unscheduled.
type Event struct {
	// Arg holds the generation of what ID names in its upper half, and the kind's own number below.
	Arg uint64
	// ID is a slot of the table of connections or of datagrams in flight.
	ID uint32
	// Kind is private to this package: what comes, and at which end of a connection.
	Kind uint8
}

// Waiter is told that a call which would have blocked is worth trying again. Wake may only take note of it:
// it must not call back into the network.
type Waiter interface {
	Wake()
}

// Addr is where a socket is: a host of the world, by name, and a port.
type Addr struct {
	Host string
	Port int
}

// String is the address as people write it.
func (a Addr) String() string { return a.Host + ":" + strconv.Itoa(a.Port) }

// Counts is what a network has done since it was made, and what it holds now.
type Counts struct {
	Messages      uint64 // segments with data, and datagrams, that arrived
	Bytes         uint64 // payload in them
	Dropped       uint64 // packets of any kind that did not arrive
	Retransmitted uint64 // segments sent again
	Connections   int    // connections of which an end still exists, TIME_WAIT apart
	Buffered      int    // bytes of buffers in use
	InFlight      int    // datagrams under way
}

// ErrUnknownHost is returned where a name is no host of the world.
const ErrUnknownHost = unknownHost("no such host")

type unknownHost string

func (e unknownHost) Error() string { return string(e) }

// Network is all hosts' network, and every packet under way.
type Network struct {
	// Observer, if not nil, is told of every packet that arrived or was dropped.
	Observer Observer

	world   World
	luck    luck.Stream
	stacks  []*Stack // by Stack.id
	names   map[string]*Stack
	classes map[[2]string]LinkClass

	conns  []*conn // by slot; nil is free
	free   []uint32
	serial uint32 // of the newest connection

	rules   []*Installed // in the order of their installation
	version uint32       // counts changes of rules and links; paths compile anew when they see another
	bits    uint64       // which bits of conn.seen are taken by installed rules

	flying flight
	bytes  pool[byte]
	queues pool[segment]
	counts Counts
}

// New makes a network without hosts. All its luck comes from the seed.
func New(world World, seed luck.Seed) *Network {
	return &Network{
		world:   world,
		luck:    seed.Stream("netmodel"),
		names:   make(map[string]*Stack),
		classes: make(map[[2]string]LinkClass),
		version: 1,
	}
}

// AddStack adds a host, powered on, and returns its network stack. A name that is taken is a panic.
func (n *Network) AddStack(name, site string, limits Limits) *Stack {
	if n.names[name] != nil {
		panic("netmodel: a second host named " + name)
	}
	s := &Stack{net: n, id: uint32(len(n.stacks)), name: name, site: site, up: true, limits: limits.filled()}
	key := n.luck.Numbered(0)
	s.ports.start(luck.Seed(key.Uint64()).Stream("ports", name))
	s.listeners = make(map[uint16]*Listener)
	s.packets = make(map[uint16]*PacketSocket)
	s.paths = make(map[uint32]*path)
	n.stacks = append(n.stacks, s)
	n.names[name] = s
	return s
}

// Lookup is the stack of the host with that name, or nil.
func (n *Network) Lookup(name string) *Stack { return n.names[name] }

// Counts says what the network has done and what it holds.
func (n *Network) Counts() Counts {
	c := n.counts
	c.Buffered = n.bytes.used
	c.InFlight = n.flying.used()
	return c
}

// The kinds of events. Those of connections come in pairs: the kind, plus the end where it happens.
const (
	evSegment     uint8 = 2 * iota // a segment of the end's stream arrives at the other end
	evAck                          // an acknowledgement that matters arrives at the end
	evSack                         // the end learns that segments before a later one are missing
	evHeldAck                      // an acknowledgement that was jammed arrives at the end
	evTimer                        // the end's retransmission timer
	evProbe                        // the end's keepalive or window-probe timer
	evProbed                       // the end's probe arrives at the other end
	evProbeAck                     // the answer to the end's probe arrives
	evReset                        // a RST arrives at the end
	evSYN                          // a SYN of the end arrives at the other end
	evSYNACK                       // its answer arrives at the end
	evHandshook                    // the end's ACK of the handshake arrives at the other end
	evUnreachable                  // the end's neighbour has not answered
	evFinWait                      // the closed end has waited long enough for the peer's FIN
	evDatagram                     // a datagram arrives
)

// Handle makes happen what e announced. The owner calls it when the time has come.
func (n *Network) Handle(e Event) {
	if e.Kind&^1 == evDatagram {
		n.datagramArrives(e)
		return
	}
	if int(e.ID) >= len(n.conns) {
		return
	}
	c := n.conns[e.ID]
	if c == nil || c.serial != uint32(e.Arg>>32) {
		return
	}
	s, number := &c.ends[e.Kind&1], uint32(e.Arg)
	switch e.Kind &^ 1 {
	case evSegment:
		n.segmentArrives(s, number)
	case evAck:
		n.ackArrives(s)
	case evSack:
		n.sackArrives(s, number)
	case evHeldAck:
		n.heldAckArrives(s, number)
	case evTimer:
		n.timerFires(s)
	case evProbe:
		n.probeFires(s)
	case evProbed:
		n.probeArrives(s)
	case evProbeAck:
		n.probeAckArrives(s)
	case evReset:
		n.resetArrives(s)
	case evSYN:
		n.synArrives(s)
	case evSYNACK:
		n.synAckArrives(s)
	case evHandshook:
		n.handshakeEnds(s)
	case evUnreachable:
		n.neighbourFails(s)
	case evFinWait:
		n.finWaitEnds(s)
	}
}

// The kernel's figures, those of Linux 6 as shipped.
const (
	minRTO         = 200 * time.Millisecond
	maxRTO         = 120 * time.Second
	maxRetries     = 15 // tcp_retries2: about 924 s
	orphanRetries  = 8  // the same for a connection whose process has closed it
	synRetries     = 6  // tcp_syn_retries: 127 s
	synAckRetries  = 5
	synTimeout     = time.Second
	finWaitTimeout = 60 * time.Second
	timeWait       = 60 * time.Second
	neighbourFail  = 3 * time.Second // three ARP requests, a second apart
	maxSegment     = 64 << 10
	maxSegments    = 256 // unacknowledged in one direction; then small writes wait and are sent together
	mss            = 1448
	header         = 40 // bytes of a packet that are not payload
)

const never = time.Duration(1<<63 - 1)

// Errors by the names that the code uses most.
const (
	eAgain       = syscall.EAGAIN
	eBadFile     = syscall.EBADF
	eReset       = syscall.ECONNRESET
	ePipe        = syscall.EPIPE
	eRefused     = syscall.ECONNREFUSED
	eTimedOut    = syscall.ETIMEDOUT
	eUnreachable = syscall.EHOSTUNREACH
)
