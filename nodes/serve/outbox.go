package serve

import (
	"errors"
	"net"
	"time"

	"simrun/nodes"
)

const (
	// directOutput is the most that a reader sends itself. It must fit the buffers of any socket beside
	// what is in them, or a peer that writes much before it reads could hold the reader up.
	directOutput = 4 << 10
	// keptOutput is the most memory that a connection at rest keeps for its output.
	keptOutput = 16 << 10
	// Linger is how long a connection that is over may take to send its last answers.
	Linger = 10 * time.Second
)

// ErrDeaf is why a connection is closed of which too much waits to be read.
var ErrDeaf = errors.New("too much output waits for a peer that does not read")

// Options of an Outbox. The zero is no limit, no patience's end, and no point.
type Options struct {
	// MaxOutput is how many bytes may wait for the peer; beyond, the connection is closed.
	MaxOutput nodes.Bytes
	// Load, if there is one, is kept at how many bytes wait in all outboxes that share it, or are being sent.
	Load *int
	// Patience is how long the peer may leave what is sent unread.
	Patience time.Duration
	// SmallWrites is the point at which what is sent leaves in two pieces.
	SmallWrites string
	// Deaf is told of a peer that has left too much unread, when its connection is closed.
	Deaf func()
}

// Outbox is what waits to be sent on a connection.
//
// Invariant: while the reader is busy, it will send what is in Out before it waits; else whoever appends to Out says so
// by Queued.
type Outbox struct {
	// Out is what waits. Append to it, then say Queued.
	Out []byte
	// Turn is where the reader waits in the middle of a request (Pause). The end of the connection signals it.
	Turn nodes.Cond

	env     nodes.Env
	stream  net.Conn
	options Options
	spare   []byte     // memory for the next Out
	wake    nodes.Cond // the writer waits here for something in Out

	owed    int // answers that are to come, without which the connection does not end
	held    int // bytes of answers that wait for those before them
	sending int // bytes on their way to the stream
	weighed int // bytes that Load has of this outbox
	since   nodes.Instant
	busy    bool // the reader will send what is in Out
	waiting bool // the reader waits for output to be sent, among others
	writing bool
	ending  bool
	closed  bool
}

// NewOutbox is an empty one. Write has to be started as a task of its own.
func NewOutbox(env nodes.Env, stream net.Conn, options Options) Outbox {
	return Outbox{Turn: env.NewCond(), env: env, stream: stream, options: options, wake: env.NewCond()}
}

// Stream is the connection.
func (o *Outbox) Stream() net.Conn { return o.stream }

// Ending says that the connection is closed as soon as all is sent. Nothing more is to be read.
func (o *Outbox) Ending() bool { return o.ending }

// Closed says that the connection is closed.
func (o *Outbox) Closed() bool { return o.closed }

// Busy says whether the reader will send what is in Out by itself.
func (o *Outbox) Busy() bool { return o.busy }

// SetBusy is the reader's word that it will, or will not, send what is in Out before it waits.
func (o *Outbox) SetBusy(busy bool) { o.busy = busy }

// Idle says that nothing waits to be sent or is being sent.
func (o *Outbox) Idle() bool { return len(o.Out) == 0 && !o.writing }

// Stuck is for how long the stream has not taken what is being sent; 0 if nothing is.
func (o *Outbox) Stuck() time.Duration {
	if !o.writing {
		return 0
	}
	return o.env.Mark().Sub(o.since)
}

// weigh tells Load what there is now.
func (o *Outbox) weigh() {
	if o.options.Load != nil {
		size := len(o.Out) + o.held + o.sending
		*o.options.Load += size - o.weighed
		o.weighed = size
	}
}

// Queued says that something was appended to Out.
func (o *Outbox) Queued() {
	o.weigh()
	if !o.busy {
		o.wake.Signal()
	}
}

// Overflows closes a connection whose peer has left too much unread.
func (o *Outbox) Overflows() bool {
	limit := int(o.options.MaxOutput)
	if limit == 0 || o.closed || len(o.Out)+o.held <= limit {
		return false
	}
	o.env.Log().Warn("connection closed", "peer", o.stream.RemoteAddr(), "err", ErrDeaf)
	if o.options.Deaf != nil {
		o.options.Deaf()
	}
	o.Close()
	return true
}

// Flush is the reader's: it sends what is there, or leaves it to the writer if it is much.
func (o *Outbox) Flush() {
	for len(o.Out) > 0 && !o.closed {
		if o.writing || len(o.Out) > directOutput {
			o.wake.Signal()
			return
		}
		o.transmit()
	}
}

// Pause lets the reader wait in the middle of a request. It says false if the connection is over.
func (o *Outbox) Pause(wait func() error) bool {
	o.Flush()
	o.busy = false
	err := wait()
	o.busy = true
	return err == nil && !o.closed
}

// Write is the writer's task. It returns when the connection is closed, at the latest when all is sent after End.
func (o *Outbox) Write() {
	for !o.closed {
		switch {
		case o.writing || len(o.Out) == 0 && !(o.ending && o.owed == 0):
			if o.wake.Wait() != nil {
				o.Close()
			}
		case len(o.Out) == 0:
			o.Close()
		default:
			o.transmit()
		}
	}
}

// transmit sends what is in Out.
func (o *Outbox) transmit() {
	out := o.Out
	o.Out, o.spare = o.spare[:0], nil
	o.writing, o.sending, o.since = true, len(out), o.env.Mark()
	err := o.put(out)
	o.writing, o.sending = false, 0
	o.weigh()
	if cap(out) <= keptOutput {
		o.spare = out
	}
	if err != nil {
		o.Close()
	}
	if o.ending || len(o.Out) > 0 && !o.busy {
		o.wake.Signal()
	}
	if o.waiting {
		o.Turn.Signal()
	}
}

// put writes to the stream.
func (o *Outbox) put(out []byte) error {
	if o.options.Patience > 0 {
		_ = o.stream.SetWriteDeadline(o.env.Now().Add(o.options.Patience))
	}
	if half := len(out) / 2; o.options.SmallWrites != "" && o.env.Point(o.options.SmallWrites) {
		if _, err := o.stream.Write(out[:half]); err != nil {
			return err
		}
		out = out[half:]
	}
	_, err := o.stream.Write(out)
	return err
}

// End lets the connection end once all is sent.
func (o *Outbox) End() {
	o.ending = true
	o.wake.Signal()
}

// Close ends the connection at once. The reader's next read fails.
func (o *Outbox) Close() {
	if o.closed {
		return
	}
	o.closed = true
	o.Out, o.held = nil, 0
	o.weigh()
	_ = o.stream.Close()
	o.wake.Signal()
	o.Turn.Signal()
}
