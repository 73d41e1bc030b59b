package broker

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/wire"
	"simrun/nodes/serve"
)

// guest is one connection: of a client, or of a follower.
type guest struct {
	serve.Answers
	broker *broker
	number uint64
	in     *bufio.Reader
	host   string
}

// call is a request that is under way.
type call struct {
	serve.Answer
	guest  *guest
	header wire.Header
	size   nodes.Bytes
	mute   bool // the protocol knows no answer to it
}

// mostOwed bounds the requests of one connection that are under way.
const mostOwed = 1 << 10

// welcome starts the tasks of a connection.
func (b *broker) welcome(stream net.Conn) {
	if b.stopping || len(b.guests) >= b.config.MaxClients {
		b.record.Reach(notWelcome)
		_ = stream.Close()
		return
	}
	b.accepted++
	options := serve.Options{MaxOutput: b.config.MaxOutput, Load: &b.unread, Patience: b.config.IdleTimeout, SmallWrites: smallWrites, Deaf: func() { b.record.Reach(peerDeaf) }}
	g := &guest{broker: b, number: b.accepted, in: bufio.NewReaderSize(stream, 16<<10), host: "/" + hostOf(stream.RemoteAddr())}
	g.Answers = serve.NewAnswers(b.env, stream, options, mostOwed, func(a *serve.Answer) { b.record.Note(a.Moment) })
	b.guests[g.number] = g
	b.env.Go("read", g.read)
	b.env.Go("write", func() {
		g.Write()
		delete(b.guests, g.number)
		b.gone.Broadcast()
	})
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// read is the reader's task.
func (g *guest) read() {
	err := g.serve()
	if err != nil && !g.Closed() && !serve.IsEnd(err) {
		g.broker.record.Sometimes(notTheProtocol, errors.Is(err, wire.ErrMalformed))
		g.broker.env.Log().Info("connection closed", "peer", g.Stream().RemoteAddr(), "err", err)
	}
	if serve.IsEnd(err) && !errors.Is(err, io.EOF) {
		g.Close() // nobody is there to be answered
	}
	g.SetBusy(false)
	g.Queued()
	g.finish()
}

// serve takes requests until the stream ends.
func (g *guest) serve() error {
	g.SetBusy(true)
	for !g.Ending() && !g.Closed() {
		if !g.Await(g.mayBegin) {
			return net.ErrClosed
		}
		body, err := g.next()
		if err != nil {
			return err
		}
		if err := g.take(body); err != nil {
			return err
		}
	}
	return nil
}

// mayBegin says whether one more request may be read. All connections share what may be under way.
func (g *guest) mayBegin() bool {
	return g.Room() && (g.broker.underWay < g.broker.config.MaxMemory || g.broker.underWay == 0)
}

// next sends what there is, and reads a request.
func (g *guest) next() ([]byte, error) {
	if g.in.Buffered() == 0 {
		g.Flush()
	}
	g.SetBusy(false)
	defer g.SetBusy(true)
	for {
		patience := g.broker.config.IdleTimeout
		if patience > 0 {
			_ = g.Stream().SetReadDeadline(g.broker.env.Now().Add(patience))
		}
		_, err := g.in.Peek(1)
		if err == nil {
			return g.body()
		}
		if patience == 0 || !errors.Is(err, os.ErrDeadlineExceeded) || g.Owed() == 0 {
			g.broker.record.Sometimes(idleClosed, errors.Is(err, os.ErrDeadlineExceeded))
			return nil, err
		}
	}
}

const (
	// smallRequest is how large a request may be for which there is always room.
	smallRequest = 64 << 10
	// requestPatience is how long a larger one may take to come once it has begun, since it has others wait.
	requestPatience = time.Minute
)

// body reads a request that has begun. It is under way from here on; a large one waits until there is room for it.
func (g *guest) body() ([]byte, error) {
	b := g.broker
	head, err := g.in.Peek(4)
	size := nodes.Bytes(0)
	if err == nil {
		size = nodes.Bytes(int32(binary.BigEndian.Uint32(head)))
	}
	if size <= 0 || size > b.config.MaxRequest { // it cannot be read
		return wire.Read(g.in, int(b.config.MaxRequest))
	}
	if size > smallRequest {
		if !g.Await(func() bool { return b.underWay == 0 || b.underWay+size <= b.config.MaxMemory }) {
			return nil, net.ErrClosed
		}
		_ = g.Stream().SetReadDeadline(b.env.Now().Add(requestPatience))
		defer func() { _ = g.Stream().SetReadDeadline(time.Time{}) }()
	}
	b.underWay += size
	body, err := wire.Read(g.in, int(b.config.MaxRequest))
	if err != nil {
		b.release(size)
	}
	return body, err
}

// release says that a request is not under way any more.
func (b *broker) release(size nodes.Bytes) {
	full := b.underWay+b.config.MaxRequest >= b.config.MaxMemory
	if b.underWay -= size; !full {
		return
	}
	for _, g := range b.everybody() { // some may wait for this
		g.Turn.Signal()
	}
}

// take takes a request.
func (g *guest) take(body []byte) error {
	b := g.broker
	b.dawdle(slowRequest)
	header, request, err := wire.DecodeRequest(body)
	c := &call{guest: g, header: header, size: nodes.Bytes(len(body))}
	if err != nil {
		b.release(c.size)
		if !errors.Is(err, wire.ErrUnspoken) || header.Key != wire.ApiVersions {
			return err
		}
		b.record.Reach(tooNew)
		g.Begin(&c.Answer)
		c.give(wire.Versions(header.Version))
		return nil
	}
	b.record.Note(receivedNotes[header.Key])
	if p, ok := request.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		c.mute = true
	} else {
		c.Moment = sentNotes[header.Key]
		g.Begin(&c.Answer)
	}
	b.handle(c, request)
	return nil
}

// reply answers the call.
func (c *call) reply(answer kmsg.Response) {
	b := c.guest.broker
	b.release(c.size)
	if c.mute {
		return
	}
	answer.SetVersion(c.header.Version)
	c.give(answer)
}

func (c *call) give(answer kmsg.Response) {
	b := c.guest.broker
	b.out = wire.AppendAnswer(b.out[:0], c.header.Correlation, answer)
	c.Give(b.out)
	if cap(b.out) > 1<<20 {
		b.out = nil
	}
}

// pause lets the reader wait in the middle of a request. It says false if the connection is over.
func (c *call) pause(wait func() error) bool { return c.guest.Pause(wait) }

// finish lets the connection end once all that is owed is sent, or soon.
func (g *guest) finish() {
	if g.Ending() {
		return
	}
	g.End()
	if !g.Closed() {
		g.broker.env.AfterFunc(serve.Linger, g.Close)
	}
}

// refuse stops accepting and taking requests. What is under way may still be answered.
func (b *broker) refuse() {
	b.refusing = true
	_ = b.listener.Close()
	for _, r := range b.inOrder() {
		r.wakeAll()
	}
	for _, g := range b.everybody() {
		g.finish()
	}
}

func (b *broker) everybody() []*guest {
	return slices.SortedFunc(maps.Values(b.guests), func(x, y *guest) int { return cmp.Compare(x.number, y.number) })
}

// closeGuests lets answers that are there be sent for up to patience, and closes all connections.
func (b *broker) closeGuests(patience time.Duration) {
	until := b.env.Mark().Add(patience)
	for len(b.guests) > 0 && until.Sub(b.env.Mark()) > 0 {
		b.gone.WaitFor(until.Sub(b.env.Mark()))
	}
	for _, g := range b.everybody() {
		g.Close()
	}
}

// The names of notes are made once, by the API's key.
var receivedNotes, sentNotes = func() (received, sent [64]string) {
	for _, api := range wire.Spoken() {
		received[api.Key], sent[api.Key] = fmt.Sprint("recv ", api.Name), fmt.Sprint("send ", api.Name)
	}
	return
}()
