package link

import (
	"bufio"
	"fmt"
	"net"
)

// guest is a connection that another server dialled.
type guest struct {
	link   *Link
	stream net.Conn
	name   string // by its hello
	closed bool
}

// run hears what the guest has to say.
func (g *guest) run() {
	l := g.link
	err := g.serve()
	g.close()
	l.doors--
	if l.guests[g.name] == g {
		delete(l.guests, g.name)
	}
	if !l.closed {
		l.note(err)
		l.env.Log().Debug("link: guest gone", "guest", g.name, "from", g.stream.RemoteAddr(), "err", err)
	}
}

func (g *guest) close() {
	g.closed = true
	_ = g.stream.Close()
}

// serve takes frames until the stream ends.
func (g *guest) serve() error {
	l := g.link
	in := bufio.NewReaderSize(g.stream, 16<<10)
	if err := g.welcome(in); err != nil {
		return err
	}
	l.tally.Accepted++
	if old := l.guests[g.name]; old != nil {
		l.record.Reach(calledAgain)
		old.close()
	}
	l.guests[g.name] = g
	if p := l.peers[g.name]; p != nil {
		p.called()
	}
	for !g.closed && !l.closed {
		g.patience()
		k, payload, err := readFrame(in, int64(l.opts.FrameBytes))
		switch {
		case err != nil:
			return err
		case g.closed || l.closed:
			return net.ErrClosed // what came of it since may already count for another life
		case k == pingFrame:
			if err := g.put(appendFrame(nil, pingFrame, nil)); err != nil {
				return err
			}
		case k == dataFrame:
			l.tally.FramesIn++
			l.tally.BytesIn += uint64(headSize + len(payload))
			l.receive(g.name, payload)
		default:
			return fmt.Errorf("%w: of kind %d", ErrFrame, k)
		}
	}
	return net.ErrClosed
}

// welcome reads who it is, and answers.
func (g *guest) welcome(in *bufio.Reader) error {
	o := &g.link.opts
	g.patience()
	k, payload, err := readFrame(in, helloBytes)
	if err != nil {
		return err
	}
	var h hello
	if k != helloFrame {
		err = fmt.Errorf("%w: it does not begin with a hello", errHello)
	} else if h, err = decodeHello(payload); err == nil && h.cluster != o.Cluster {
		err = fmt.Errorf("%w: it is of the cluster %q, this is %q", errHello, h.cluster, o.Cluster)
	} else if err == nil && g.link.guests[h.self] == nil && len(g.link.guests) >= o.Most {
		err = fmt.Errorf("%w: there are too many already", errHello)
	}
	if err != nil {
		_ = g.put(appendFrame(nil, refuseFrame, []byte(err.Error())))
		return err
	}
	g.name = h.self
	return g.put(appendHello(nil, hello{o.Cluster, o.Self}))
}

func (g *guest) patience() {
	_ = g.stream.SetReadDeadline(g.link.env.Now().Add(g.link.opts.Silence))
}

func (g *guest) put(b []byte) error {
	_ = g.stream.SetWriteDeadline(g.link.env.Now().Add(g.link.opts.Silence))
	_, err := g.stream.Write(b)
	return err
}
