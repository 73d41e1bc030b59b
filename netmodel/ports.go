package netmodel

import (
	"time"

	"simrun/sim/luck"
)

// ports is which local ports of a host are taken by connections that it opened, and towards whom. A port
// may serve several connections as long as they go to different addresses.
type ports struct {
	next   int // where the search for a free one goes on, from 0
	taken  map[tuple]struct{}
	count  map[uint64]int // taken ports by the address connected to
	by     map[uint16]int // connections by local port
	wait   []waiting      // in TIME_WAIT, oldest first
	waited int            // entries of wait that are over
}

// tuple names a connection at the host that opened it.
type tuple struct {
	peer  uint64 // host and port
	local uint16
}

// waiting is a tuple in TIME_WAIT.
type waiting struct {
	tuple
	until time.Duration
}

func peerKey(host uint32, port uint16) uint64 { return uint64(host)<<16 | uint64(port) }

// start begins the search at a port drawn by luck.
func (p *ports) start(s luck.Stream) {
	p.next = s.Below(lastPort - firstPort + 1)
	p.taken = make(map[tuple]struct{})
	p.count = make(map[uint64]int)
	p.by = make(map[uint16]int)
}

// take finds a free port of the first so many for a connection to peer; 0 means that there is none. Ports
// that one listens on are not given out.
func (p *ports) take(peer uint64, among int, now time.Duration, listeners map[uint16]*Listener) uint16 {
	p.expire(now)
	if p.count[peer] >= among {
		return 0
	}
	for range among {
		p.next = (p.next + 1) % among
		t := tuple{peer: peer, local: uint16(firstPort + p.next)}
		if _, taken := p.taken[t]; taken || listeners[t.local] != nil {
			continue
		}
		p.taken[t] = struct{}{}
		p.count[peer]++
		p.by[t.local]++
		return t.local
	}
	return 0
}

// release frees a port, at once or after TIME_WAIT.
func (p *ports) release(t tuple, now time.Duration, later bool) {
	if later {
		p.wait = append(p.wait, waiting{tuple: t, until: now + timeWait})
		return
	}
	delete(p.taken, t)
	if p.count[t.peer]--; p.count[t.peer] == 0 {
		delete(p.count, t.peer)
	}
	if p.by[t.local]--; p.by[t.local] == 0 {
		delete(p.by, t.local)
	}
}

// expire ends what has waited long enough. All wait equally long, so the oldest are the first.
func (p *ports) expire(now time.Duration) {
	for p.waited < len(p.wait) && p.wait[p.waited].until <= now {
		p.release(p.wait[p.waited].tuple, now, false)
		p.waited++
	}
	if p.waited*2 > len(p.wait) {
		p.wait = p.wait[:copy(p.wait, p.wait[p.waited:])]
		p.waited = 0
	}
}

// forget frees everything, as a reboot does.
func (p *ports) forget() {
	clear(p.taken)
	clear(p.count)
	clear(p.by)
	p.wait, p.waited = nil, 0
}
