package netmodel

import (
	"syscall"
	"time"

	"simrun/nodes"
)

// Limits is what a host's network has. A zero field is the default.
type Limits struct {
	Files         int         // descriptors of the host's process; 1024
	Ports         int         // ephemeral ports from 32768 up, for each address connected to; 28232
	Backlog       int         // the most that an accept queue takes (somaxconn); 4096
	SendBuffer    nodes.Bytes // of a stream; 64 KiB
	ReceiveBuffer nodes.Bytes // of a stream, and of a datagram socket; 64 KiB
}

// ephemeral ports, as in ip_local_port_range.
const (
	firstPort = 32768
	lastPort  = 60999
)

// filled puts the defaults in and holds each limit to what can be.
func (l Limits) filled() Limits {
	if l.Files <= 0 {
		l.Files = 1024
	}
	if l.Ports <= 0 || l.Ports > lastPort-firstPort+1 {
		l.Ports = lastPort - firstPort + 1
	}
	if l.Backlog <= 0 {
		l.Backlog = 4096
	}
	if l.SendBuffer <= 0 {
		l.SendBuffer = 64 << 10
	}
	if l.ReceiveBuffer <= 0 {
		l.ReceiveBuffer = 64 << 10
	}
	l.SendBuffer = min(max(l.SendBuffer, 2<<10), 1<<30)
	l.ReceiveBuffer = min(max(l.ReceiveBuffer, 2<<10), 1<<30)
	return l
}

// Stack is the network of one machine: its kernel's part, and the descriptors of its one process.
type Stack struct {
	net    *Network
	id     uint32
	name   string
	site   string
	up     bool
	frozen bool
	since  time.Duration // when it froze
	limits Limits
	files  int // descriptors in use

	exhausted [resources]*Installed // the first rule that took the rest of it
	ports     ports
	listeners map[uint16]*Listener
	packets   map[uint16]*PacketSocket
	paths     map[uint32]*path

	// The ends of connections that this kernel knows or its process holds, in the order of their making.
	firstEnd, lastEnd *Socket
}

// Name is the host's.
func (s *Stack) Name() string { return s.name }

// Site is where it stands.
func (s *Stack) Site() string { return s.site }

// Up says whether the machine has power and is not frozen: whether it answers.
func (s *Stack) Up() bool { return s.up && !s.frozen }

// Limits are those in force.
func (s *Stack) Limits() Limits { return s.limits }

// SetLimits changes the host's limits. What exceeds them stays; buffers of open sockets stay as they are.
func (s *Stack) SetLimits(l Limits) { s.limits = l.filled() }

// Files is how many descriptors the process holds.
func (s *Stack) Files() int { return s.files }

// TakeFile takes a descriptor for something that is no socket, such as a file of the disk, or fails with
// EMFILE. DropFile gives it back.
func (s *Stack) TakeFile() error {
	if r := s.exhausted[Files]; r != nil {
		r.touched(nil)
		return syscall.EMFILE
	}
	if s.files >= s.limits.Files {
		return syscall.EMFILE
	}
	s.files++
	return nil
}

// DropFile gives back a descriptor of TakeFile.
func (s *Stack) DropFile() {
	if s.files == 0 {
		panic("netmodel: " + s.name + " closes a file that it has not open")
	}
	s.files--
}

// findExhausted looks which hosts have run out of what, after rules have changed.
func (n *Network) findExhausted() {
	for _, s := range n.stacks {
		s.exhausted = [resources]*Installed{}
	}
	for _, r := range n.rules {
		if r.rule.Verb != Exhaustion {
			continue
		}
		for _, s := range n.stacks {
			if at := &s.exhausted[r.rule.Resource]; r.from.has(s.id) && *at == nil {
				*at = r
			}
		}
	}
}

// link puts an end among those that the kernel knows.
func (s *Stack) link(e *Socket) {
	e.before, e.after = s.lastEnd, nil
	if s.lastEnd != nil {
		s.lastEnd.after = e
	} else {
		s.firstEnd = e
	}
	s.lastEnd = e
}

// unlink takes it out.
func (s *Stack) unlink(e *Socket) {
	if e.before != nil {
		e.before.after = e.after
	} else {
		s.firstEnd = e.after
	}
	if e.after != nil {
		e.after.before = e.before
	} else {
		s.lastEnd = e.before
	}
	e.before, e.after = nil, nil
}
