package gearman

import (
	"net"

	"simrun/nodes"
)

// Conn is a stream of packets as workers and clients use it, and half of what a server needs. It tells the
// recorder of each packet, so that a fault can wait for one.
//
// One task may read while another writes; of several that write, each writes its packets whole.
type Conn struct {
	net.Conn
	*Reader
	record nodes.Recorder
	spare  []byte // memory for the next packet to write; nil while a task writes from it
}

// NewConn speaks packets over stream. The record may be nil; limit is that of NewReader.
func NewConn(stream net.Conn, record nodes.Recorder, limit int64) *Conn {
	return &Conn{Conn: stream, Reader: NewReader(stream, limit), record: record, spare: make([]byte, 0, 512)}
}

// ReadPacket waits for the next packet; it is valid until the next call. Errors are those of
// Reader.ReadPacket and of the stream.
func (c *Conn) ReadPacket() (Packet, error) {
	p, err := c.Reader.ReadPacket()
	if err == nil {
		noteReceived(c.record, p.Type)
	}
	return p, err
}

// WriteRequest writes one request, in one Write of the stream.
func (c *Conn) WriteRequest(t Type, args ...[]byte) error {
	packet := Append(c.spare[:0], Request, t, args...)
	c.spare = nil
	noteSent(c.record, t)
	_, err := c.Conn.Write(packet)
	if cap(packet) <= 4*readBuffer {
		c.spare = packet
	}
	return err
}

// The names of notes are made once: a note then costs no more than a call.
var sentNotes, receivedNotes = func() (sent, received [typeCount]string) {
	for t := range Type(typeCount) {
		sent[t], received[t] = "send "+t.String(), "recv "+t.String()
	}
	return
}()

func noteSent(record nodes.Recorder, t Type) {
	if record != nil && t.Known() {
		record.Note(sentNotes[t])
	}
}

func noteReceived(record nodes.Recorder, t Type) {
	if record != nil && t.Known() {
		record.Note(receivedNotes[t])
	}
}
