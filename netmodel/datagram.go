package netmodel

import (
	"syscall"
	"time"
)

// maxDatagram is the most that UDP over IPv4 carries.
const maxDatagram = 65507

// PacketSocket sends and receives datagrams.
type PacketSocket struct {
	// Waiter is woken when ReceiveFrom may succeed after it returned EAGAIN.
	Waiter Waiter

	stack   *Stack
	port    uint16
	ways    map[Addr]*way
	epoch   uint64   // of ways: how often it was emptied
	queue   []uint32 // slots of what has arrived, oldest first
	size    int      // of the queue, with what Linux adds for each
	blocked bool
	closed  bool
}

// way is where a socket sends to, and the luck of what it sends there.
type way struct {
	path  *path
	key   uint64
	draws uint64
}

// maxWays is how many destinations a socket remembers; then it begins to remember anew, with new luck.
const maxWays = 1 << 12

// OpenPacket opens a port for datagrams. Port 0 is a free one. Errors: EADDRINUSE, EMFILE, EINVAL, ENETDOWN.
func (s *Stack) OpenPacket(port int) (*PacketSocket, error) {
	if port < 0 || port > 65535 {
		return nil, syscall.EINVAL
	}
	if !s.Up() {
		return nil, syscall.ENETDOWN
	}
	number := uint16(port)
	if port == 0 {
		number = s.freePort(func(p uint16) bool { return s.packets[p] == nil })
	}
	if number == 0 || s.packets[number] != nil {
		return nil, syscall.EADDRINUSE
	}
	if err := s.TakeFile(); err != nil {
		return nil, err
	}
	p := &PacketSocket{stack: s, port: number, ways: make(map[Addr]*way)}
	s.packets[number] = p
	return p, nil
}

// Addr is where it receives.
func (p *PacketSocket) Addr() Addr { return Addr{Host: p.stack.name, Port: int(p.port)} }

// SendTo sends a datagram. It never blocks and nobody says whether it arrives. Errors: ErrUnknownHost,
// EMSGSIZE above 65,507 bytes, EINVAL for a port that is none, EBADF.
func (p *PacketSocket) SendTo(b []byte, to Addr) error {
	if p.closed {
		return eBadFile
	}
	if len(b) > maxDatagram {
		return syscall.EMSGSIZE
	}
	w, err := p.way(to)
	if err != nil {
		return err
	}
	n := p.stack.net
	w.draws++
	fate := n.judge(w.path, nil, w.key, w.draws, len(b), n.world.Now())
	if fate.verdict == drops {
		if n.Observer != nil {
			now := n.world.Now()
			n.Observer.Packet(Packet{From: p.Addr(), To: to, Kind: Datagram, Bytes: len(b), Dropped: fate.reason(), Sent: now, Data: b})
		}
		return nil
	}
	id := n.flying.add(n, datagram{from: p.stack, to: w.path.to, fromPort: p.port, toPort: uint16(to.Port), garble: fate.garble, sent: n.world.Now()}, b)
	d := &n.flying.slots[id]
	if fate.again != 0 {
		d.copies = 2
	}
	n.launch(fate, Event{Kind: evDatagram, ID: id, Arg: uint64(d.serial) << 32})
	return nil
}

// way finds or makes the way to an address.
func (p *PacketSocket) way(to Addr) (*way, error) {
	if w := p.ways[to]; w != nil {
		return w, nil
	}
	host := p.stack.net.names[to.Host]
	if host == nil {
		return nil, ErrUnknownHost
	}
	if to.Port < 1 || to.Port > 65535 {
		return nil, syscall.EINVAL
	}
	if len(p.ways) >= maxWays {
		clear(p.ways)
		p.epoch++
	}
	w := &way{path: p.stack.path(host)}
	ports := w.path.luck.Numbered(1<<63 | p.epoch<<32 | uint64(p.port)<<16 | uint64(to.Port))
	w.key = ports.Uint64()
	p.ways[to] = w
	return w, nil
}

// ReceiveFrom takes the datagram that has waited longest; what does not fit into b is lost. Errors: EAGAIN,
// EBADF.
func (p *PacketSocket) ReceiveFrom(b []byte) (int, Addr, error) {
	if p.closed {
		return 0, Addr{}, eBadFile
	}
	if len(p.queue) == 0 {
		p.blocked = true
		return 0, Addr{}, eAgain
	}
	id := p.queue[0]
	p.queue = p.queue[:copy(p.queue, p.queue[1:])]
	net := p.stack.net
	d := &net.flying.slots[id]
	p.size -= d.cost()
	from := Addr{Host: d.from.name, Port: int(d.fromPort)}
	n := copy(b, d.data[:d.size])
	net.flying.remove(net, id)
	return n, from, nil
}

// Readable says whether ReceiveFrom would not return EAGAIN.
func (p *PacketSocket) Readable() bool { return p.closed || len(p.queue) > 0 }

// Close gives the port back. A second Close returns EBADF.
func (p *PacketSocket) Close() error {
	if p.closed {
		return eBadFile
	}
	p.stack.files--
	p.end()
	return nil
}

// end closes it without regard to descriptors.
func (p *PacketSocket) end() {
	p.closed, p.Waiter = true, nil
	delete(p.stack.packets, p.port)
	for _, id := range p.queue {
		p.stack.net.flying.remove(p.stack.net, id)
	}
	p.queue, p.ways = nil, nil
}

// datagramArrives is a datagram, or the copy of one, at its machine.
func (n *Network) datagramArrives(e Event) {
	if int(e.ID) >= len(n.flying.slots) || n.flying.slots[e.ID].serial != uint32(e.Arg>>32) {
		return
	}
	d := n.flying.slots[e.ID]
	id := e.ID
	if d.copies > 1 {
		n.flying.slots[id].copies--
		d.copies = 1
		id = n.flying.add(n, d, d.data[:d.size])
	}
	p, dropped := d.to.packets[d.toPort], ""
	switch {
	case !d.to.Up():
		dropped = "dark"
	case p == nil:
		dropped = "no socket"
	case p.size+d.cost() > int(d.to.limits.ReceiveBuffer):
		dropped = "buffer"
	}
	if n.Observer != nil {
		n.Observer.Packet(Packet{From: Addr{d.from.name, int(d.fromPort)}, To: Addr{d.to.name, int(d.toPort)}, Kind: Datagram, Bytes: d.size,
			Dropped: dropped, Sent: d.sent, Data: d.data[:d.size]})
	}
	if dropped != "" {
		n.counts.Dropped++
		n.flying.remove(n, id)
		return
	}
	n.counts.Messages++
	n.counts.Bytes += uint64(d.size)
	n.flying.slots[id].garbled()
	p.size += d.cost()
	p.queue = append(p.queue, id)
	if p.blocked {
		p.blocked = false
		if p.Waiter != nil {
			p.Waiter.Wake()
		}
	}
}

// datagram is one under way, or one that waits to be received.
type datagram struct {
	data             []byte
	from, to         *Stack
	size             int
	sent             time.Duration
	garble           uint64
	serial           uint32 // generation in events; 0 is a free slot
	fromPort, toPort uint16
	copies           uint8
}

// cost is what a waiting datagram takes of the receive buffer.
func (d *datagram) cost() int { return d.size + 256 }

// garbled flips bits in one of its bytes, if it is to be.
func (d *datagram) garbled() {
	if d.garble != 0 && d.size > 0 {
		d.data[(d.garble>>8)%uint64(d.size)] ^= byte(d.garble%255 + 1)
	}
}

// flight is all datagrams under way or waiting, by slot.
type flight struct {
	slots  []datagram
	free   []uint32
	serial uint32
}

// used is how many there are.
func (f *flight) used() int { return len(f.slots) - len(f.free) }

// add puts one in a slot, with its own copy of the bytes.
func (f *flight) add(n *Network, d datagram, b []byte) uint32 {
	if f.serial++; f.serial == 0 {
		f.serial = 1
	}
	d.serial, d.copies, d.size = f.serial, 1, len(b)
	d.data = n.bytes.take(max(len(b), 64))
	copy(d.data, b)
	if last := len(f.free) - 1; last >= 0 {
		id := f.free[last]
		f.free = f.free[:last]
		f.slots[id] = d
		return id
	}
	f.slots = append(f.slots, d)
	return uint32(len(f.slots) - 1)
}

// remove frees a slot.
func (f *flight) remove(n *Network, id uint32) {
	n.bytes.give(f.slots[id].data)
	f.slots[id] = datagram{}
	f.free = append(f.free, id)
}

// drop forgets the datagram of an event that will not come.
func (f *flight) drop(n *Network, e Event) { f.remove(n, e.ID) }
