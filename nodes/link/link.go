// Package link answers how servers of one cluster talk to each other: in frames, over connections that are dialled
// again when they fail.
//
// A server has one outgoing connection to each peer that it was told of, and sends on it; what it hears comes on
// connections that the others dialled. So who restarts is reached again by everybody's own redial, and no connection
// is ever in two hands.
//
// # What is promised
//
// Frames that Send took arrive whole, unaltered, once, and in order, or they do not arrive: with a connection goes all
// that was in its queue, under way, or only in the peer's kernel. Nobody is told which. A protocol that needs more
// (Raft does not) numbers what it says and has it acknowledged. Send never waits: where the queue to a peer is full, or
// the peer cannot be reached, it refuses the newest and says so. The oldest is never dropped in its favour, so that what
// arrives over one connection has no holes but those that Send told of.
//
// # Silence
//
// A connection whose peer stopped answering may look alive for a quarter of an hour (TCP retransmits for so long), and
// one that is jammed longer. So each side speaks at least three times in Options.Silence, and closes a connection of
// which it has heard nothing for that long.
package link

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"simrun/nodes"
)

// Options of a Link. The zero of all but Self and Listen is a default named here.
type Options struct {
	// Self is the address under which the others dial this server: its name among them.
	Self string
	// Listen is the address to accept on.
	Listen string
	// Cluster is what both sides of a connection must agree in, lest a server of one cluster speak to another's.
	Cluster string
	// FrameBytes is the largest frame that is sent or taken. Default 4MiB.
	FrameBytes nodes.Bytes
	// QueueBytes is how much may wait for one peer; one frame may always. Default 16MiB.
	QueueBytes nodes.Bytes
	// Silence is after how long without a word a connection is given up, and how long a dial may take. Default 5s.
	Silence time.Duration
	// BackoffMin and BackoffMax are how long a peer that cannot be reached is left alone: from the least, doubling to
	// the most, each time between half and all of it. Default 50ms and 2s.
	BackoffMin, BackoffMax time.Duration
	// Most is how many peers may be known, and twice that how many connections are accepted. Default 64.
	Most int
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Silence, 5 * time.Second}, {&o.BackoffMin, 50 * time.Millisecond}, {&o.BackoffMax, 2 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.FrameBytes <= 0 {
		o.FrameBytes = 4 << 20
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 16 << 20
	}
	if o.Most <= 0 {
		o.Most = 64
	}
	return o
}

// Tally counts what a Link did.
type Tally struct {
	FramesOut, FramesIn uint64 // those of Send, and those given to receive
	BytesOut, BytesIn   uint64 // of these frames, with their heads
	Refused             uint64 // by Send
	Dialled, Accepted   uint64 // connections whose hello was answered
	Silent              uint64 // connections that were given up for their silence
	Malformed           uint64 // connections that were closed for what came over them
}

// Link is a server's connections to its peers. Its methods are for the tasks of one process, and never give way,
// but for Close.
type Link struct {
	env      nodes.Env
	opts     Options
	record   nodes.Recorder
	receive  func(from string, payload []byte)
	listener net.Listener
	peers    map[string]*peer
	guests   map[string]*guest // by their hello; the newest of each name
	doors    int               // connections accepted and not closed
	tally    Tally
	closed   bool
	tasks    []nodes.Task
}

// Open accepts connections, and gives every frame that comes to receive, which may keep the payload. While receive
// gives way nothing more is read from that peer, and the peer's queue fills. Errors are those of Listen.
func Open(env nodes.Env, o Options, receive func(from string, payload []byte)) (*Link, error) {
	l := &Link{env: env, opts: o.withDefaults(), record: env.Record(), receive: receive,
		peers: map[string]*peer{}, guests: map[string]*guest{}}
	listener, err := env.Listen("tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	l.listener = listener
	l.tasks = append(l.tasks, env.Go("link accept", l.accept))
	return l, nil
}

// Address is where connections are accepted.
func (l *Link) Address() net.Addr { return l.listener.Addr() }

// Tally is what was done so far.
func (l *Link) Tally() Tally { return l.tally }

// Peers are those that are dialled, in order.
func (l *Link) Peers() []string { return slices.Sorted(maps.Keys(l.peers)) }

// Connected says whether frames to that peer leave at once.
func (l *Link) Connected(address string) bool {
	p := l.peers[address]
	return p != nil && p.connected
}

// String is the link on one line.
func (l *Link) String() string {
	up := 0
	for _, p := range l.peers {
		if p.connected {
			up++
		}
	}
	return fmt.Sprintf("%d of %d peers connected, %d guests, %d frames out, %d in, %d refused",
		up, len(l.peers), len(l.guests), l.tally.FramesOut, l.tally.FramesIn, l.tally.Refused)
}

// Reach makes the peers those of the list and nobody else: new ones are dialled, connections to others are closed.
// An address beyond Options.Most, or this server's own, is left out.
func (l *Link) Reach(addresses []string) {
	if l.closed {
		return
	}
	for _, known := range l.Peers() {
		if !slices.Contains(addresses, known) {
			l.peers[known].leave()
			delete(l.peers, known)
		}
	}
	for _, address := range addresses {
		if l.peers[address] != nil || address == l.opts.Self || len(l.peers) >= l.opts.Most {
			continue
		}
		p := newPeer(l, address)
		l.peers[address] = p
		p.task = l.env.Go("link to "+address, p.run)
	}
}

// Send queues a frame for a peer and says whether it did. It copies the payload.
func (l *Link) Send(address string, payload []byte) bool {
	p := l.peers[address]
	if p == nil || l.closed || !p.queue(payload) {
		l.tally.Refused++
		return false
	}
	l.tally.FramesOut++
	l.tally.BytesOut += uint64(headSize + len(payload))
	return true
}

// Close ends all connections. What is queued is lost.
func (l *Link) Close() {
	if l.closed {
		return
	}
	l.closed = true
	_ = l.listener.Close()
	for _, address := range l.Peers() {
		l.peers[address].leave()
	}
	for _, name := range slices.Sorted(maps.Keys(l.guests)) {
		l.guests[name].close()
	}
	for _, t := range l.tasks {
		_ = t.Join()
	}
}

// accept takes connections until the listener is closed.
func (l *Link) accept() {
	for {
		stream, err := l.listener.Accept()
		switch {
		case err == nil && l.doors < 2*l.opts.Most:
			l.doors++
			g := &guest{link: l, stream: stream}
			l.env.Go("link guest", g.run)
		case err == nil:
			l.record.Reach(tooMany)
			_ = stream.Close()
		case errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled):
			return
		default: // too many open files, or a guest that was gone before it was let in
			l.env.Log().Warn("link: accept", "err", err)
			if l.env.Sleep(100*time.Millisecond) != nil {
				return
			}
		}
	}
}

// note counts how a connection ended.
func (l *Link) note(err error) {
	switch {
	case isSilence(err):
		l.tally.Silent++
		l.record.Reach(fellSilent)
	case errors.Is(err, ErrFrame) || errors.Is(err, errHello):
		l.tally.Malformed++
		l.record.Reach(malformed)
	}
}
