package gearman

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxPacket is the most data that a packet may carry where nothing else is configured.
const DefaultMaxPacket = 64 << 20

// ErrMagic tells that a stream is not at the start of a packet. Nothing after it can be read.
var ErrMagic = errors.New("gearman: neither \\0REQ nor \\0RES at the start of a packet")

// SizeError tells that a packet claims more data than the reader takes. Nothing after it can be read.
type SizeError struct {
	Type        Type
	Size, Limit int64
}

// Error says how much too large.
func (e *SizeError) Error() string {
	return fmt.Sprintf("gearman: %s of %d bytes, more than the limit of %d", e.Type, e.Size, e.Limit)
}

// Reader reads packets, and lines of the text protocol, from a stream.
//
// A packet that fits the stream's buffer is handed out where it lies. A larger one is gathered in memory that
// grows with the bytes that have come, never by the length that a header claims.
type Reader struct {
	in    *bufio.Reader
	limit int64
	taken int    // bytes of the last packet that are still in the buffer
	large []byte // where packets larger than the buffer are gathered
}

// readBuffer holds a few dozen small packets of a pipelining client, and is most of what an idle connection costs.
const readBuffer = 4 << 10

// NewReader reads packets of at most limit bytes of data; zero stands for DefaultMaxPacket.
func NewReader(from io.Reader, limit int64) *Reader {
	if limit <= 0 {
		limit = DefaultMaxPacket
	}
	return &Reader{in: bufio.NewReaderSize(from, readBuffer), limit: limit}
}

// Buffered says whether bytes have come that no call has returned yet: the next call may not have to wait.
func (r *Reader) Buffered() bool { return r.in.Buffered() > r.taken }

// AtText says, once a byte has come, whether a line of the text protocol follows and no packet.
func (r *Reader) AtText() (bool, error) {
	r.release()
	first, err := r.in.Peek(1)
	if err != nil {
		return false, err
	}
	return first[0] != 0, nil
}

// ReadPacket returns the next packet, valid until the next call. At the end of the stream between two
// packets it returns io.EOF, within one io.ErrUnexpectedEOF; ErrMagic and *SizeError where the bytes
// are no packet that it takes.
func (r *Reader) ReadPacket() (Packet, error) {
	r.release()
	header, err := r.in.Peek(HeaderSize)
	if err != nil {
		return Packet{}, within(err, len(header))
	}
	p := Packet{Magic: Magic(binary.BigEndian.Uint32(header)), Type: Type(binary.BigEndian.Uint32(header[4:]))}
	size := int64(binary.BigEndian.Uint32(header[8:]))
	if p.Magic != Request && p.Magic != Response {
		return Packet{}, ErrMagic
	}
	if size > r.limit {
		return Packet{}, &SizeError{p.Type, size, r.limit}
	}
	if HeaderSize+size > int64(r.in.Size()) {
		return r.gather(p, int(size))
	}
	whole, err := r.in.Peek(HeaderSize + int(size))
	if err != nil {
		return Packet{}, within(err, len(whole))
	}
	p.Data = whole[HeaderSize:]
	r.taken = len(whole)
	return p, nil
}

// gather reads the data of a packet that does not fit the buffer.
func (r *Reader) gather(p Packet, size int) (Packet, error) {
	if _, err := r.in.Discard(HeaderSize); err != nil {
		return Packet{}, err
	}
	r.large = r.large[:0]
	for len(r.large) < size {
		step := min(size-len(r.large), max(len(r.large), 4*readBuffer))
		from := len(r.large)
		r.large = append(r.large, make([]byte, step)...)
		if _, err := io.ReadFull(r.in, r.large[from:]); err != nil {
			return Packet{}, within(err, HeaderSize)
		}
	}
	p.Data = r.large
	return p, nil
}

// ReadLine returns the next line without its end, valid until the next call. It returns
// bufio.ErrBufferFull for a line longer than the buffer.
func (r *Reader) ReadLine() ([]byte, error) {
	r.release()
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		return nil, within(err, len(line))
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// release gives up the memory of the packet before.
func (r *Reader) release() {
	if r.taken > 0 {
		_, _ = r.in.Discard(r.taken) // what was peeked is there
		r.taken = 0
	}
	if cap(r.large) > 64*readBuffer {
		r.large = nil
	}
}

// within makes an end of the stream after seen bytes of a message the error that it is.
func within(err error, seen int) error {
	if err == io.EOF && seen > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}
