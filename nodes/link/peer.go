package link

import (
	"bufio"
	"fmt"
	"net"

	"simrun/nodes"
	"simrun/nodes/backoff"
)

// peer is an outgoing connection, or the attempt to have one.
//
// Invariant: out holds whole frames, and is empty while the peer rests.
type peer struct {
	link    *Link
	address string
	task    nodes.Task
	wake    nodes.Cond // run waits here: to send, for the next ping, or for the end of its rest

	stream    net.Conn // nil while there is none
	connected bool     // the peer has answered the hello
	resting   bool     // it could not be reached, and is left alone for a while
	broken    error    // why the connection is at its end
	missed    int      // attempts since it was last connected
	left      bool
	backoff   backoff.Backoff

	out, spare []byte
}

func newPeer(l *Link, address string) *peer {
	return &peer{link: l, address: address, wake: l.env.NewCond(),
		backoff: backoff.Backoff{Least: l.opts.BackoffMin, Most: l.opts.BackoffMax}}
}

// queue adds a frame to what is to be sent.
func (p *peer) queue(payload []byte) bool {
	o := &p.link.opts
	switch {
	case p.resting || p.left || int64(len(payload)) > int64(o.FrameBytes),
		len(p.out) > 0 && int64(len(p.out)+headSize+len(payload)) > int64(o.QueueBytes),
		p.link.env.Point(refuse):
		return false
	}
	if len(p.out) == 0 {
		p.wake.Signal()
	}
	p.out = appendFrame(p.out, dataFrame, payload)
	return true
}

// leave ends it.
func (p *peer) leave() {
	p.left, p.out = true, nil
	p.hangUp(net.ErrClosed)
	if p.task != nil {
		p.task.Cancel()
	}
}

// hangUp closes the connection, if there is one. Who reads or writes on it meets an error.
func (p *peer) hangUp(why error) {
	if p.broken == nil {
		p.broken = why
	}
	if p.stream != nil {
		_ = p.stream.Close()
	}
	p.wake.Signal()
}

// hopeless is how many attempts may fail before whoever runs the server is told once: a name may be wrong.
const hopeless = 8

// run has a connection whenever it can.
func (p *peer) run() {
	env := p.link.env
	for !p.left {
		err := p.serve()
		if p.missed++; p.connected {
			p.missed = 0
		}
		p.connected, p.stream, p.out = false, nil, nil
		if p.left {
			return
		}
		p.link.note(err)
		wait := p.backoff.Next(env.Rand())
		if p.missed == hopeless {
			env.Log().Warn("link: not reached, and tried on", "peer", p.address, "err", err)
		}
		env.Log().Debug("link: lost", "peer", p.address, "err", err, "again", wait)
		p.resting = true
		p.wake.WaitFor(wait) // or until the peer itself calls
		p.resting = false
	}
}

// called is told that the peer has dialled this server: it can be reached, most likely.
func (p *peer) called() {
	if p.resting {
		p.link.record.Reach(wokenByCall)
		p.backoff.Reset()
		p.wake.Signal()
	}
}

// serve keeps one connection until it fails.
func (p *peer) serve() error {
	l := p.link
	stream, err := l.env.Dial("tcp", p.address, l.opts.Silence)
	if err != nil {
		return err
	}
	defer stream.Close()
	if p.left {
		return net.ErrClosed
	}
	p.stream, p.broken = stream, nil
	in := bufio.NewReaderSize(stream, 4<<10)
	if err := p.greet(in); err != nil {
		return err
	}
	p.connected = true
	p.backoff.Reset()
	l.tally.Dialled++
	listener := l.env.Go("link hear", func() { p.hear(in) })
	err = p.speak()
	p.hangUp(err)
	_ = listener.Join()
	return p.broken
}

// greet says who speaks and waits for the answer.
func (p *peer) greet(in *bufio.Reader) error {
	o := &p.link.opts
	if err := p.put(appendHello(nil, hello{o.Cluster, o.Self})); err != nil {
		return err
	}
	p.patience()
	k, payload, err := readFrame(in, helloBytes)
	switch {
	case err != nil:
		return err
	case k == refuseFrame:
		return fmt.Errorf("%w: %q", errHello, payload)
	case k != helloFrame:
		return fmt.Errorf("%w: it answers a hello with something else", errHello)
	}
	h, err := decodeHello(payload)
	if err == nil && h.cluster != o.Cluster {
		err = fmt.Errorf("%w: it is of the cluster %q", errHello, h.cluster)
	}
	return err
}

// patience bounds how long the next read may take.
func (p *peer) patience() {
	_ = p.stream.SetReadDeadline(p.link.env.Now().Add(p.link.opts.Silence))
}

// hear reads signs of life, and ends the connection when they cease.
func (p *peer) hear(in *bufio.Reader) {
	for p.broken == nil {
		p.patience()
		k, _, err := readFrame(in, helloBytes)
		if err == nil && k != pingFrame {
			err = fmt.Errorf("%w: of kind %d", ErrFrame, k)
		}
		if err != nil {
			p.hangUp(err)
		}
	}
}

// speak sends what is queued, and a ping now and then.
func (p *peer) speak() error {
	env := p.link.env
	ping := env.Mark()
	for p.broken == nil {
		now := env.Mark()
		switch {
		case now >= ping:
			ping = now.Add(p.link.opts.Silence / 3)
			p.out = appendFrame(p.out, pingFrame, nil)
		case len(p.out) == 0:
			p.wake.WaitFor(ping.Sub(now))
			if len(p.out) > 0 && env.Point(slowSend) {
				if err := env.Sleep(lulls.Pick(env.Rand())); err != nil {
					return err
				}
			}
		case env.Point(hangUp):
			return errHungUp
		default:
			out := p.out
			p.out, p.spare = p.spare[:0], nil
			if err := p.put(out); err != nil {
				return err
			}
			if cap(out) <= keptBytes {
				p.spare = out
			}
		}
	}
	return p.broken
}

// keptBytes is the most memory that a peer at rest keeps for what it sends.
const keptBytes = 1 << 20

// put writes to the stream, within the time that silence may last.
func (p *peer) put(b []byte) error {
	_ = p.stream.SetWriteDeadline(p.link.env.Now().Add(p.link.opts.Silence))
	_, err := p.stream.Write(b)
	return err
}
