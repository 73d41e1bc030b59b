package resp

import (
	"bytes"
	"io"
	"strconv"
)

// Reader reads requests or replies from a stream. It has a buffer of its own, which grows with the bytes that have
// come and shrinks again after a large request.
//
// Invariant: 0 <= start <= at <= end <= len(buf); the request that is being read begins at start.
type Reader struct {
	from   io.Reader
	limits Limits
	buf    []byte
	start  int // of the request that is not complete yet
	at     int // up to where it is understood
	end    int // of what has come

	left    int    // strings of it that are to come
	strings []span // those that are there, relative to start
	bulk    int    // the length of the string that is coming; negative where that is not known yet
	size    int    // bytes of its strings
	args    [][]byte
}

// span is where a string lies.
type span struct{ from, to int }

const (
	// smallBuffer is what a connection at rest costs.
	smallBuffer = 4 << 10
	// keptBuffer is the largest buffer that is kept for further requests.
	keptBuffer = 64 << 10
	// keptArgs is the most room for strings that is kept.
	keptArgs = 1 << 10
)

// NewReader reads from a stream.
func NewReader(from io.Reader, limits Limits) *Reader {
	return &Reader{from: from, limits: limits.withDefaults(), bulk: -1}
}

// ReadCommand waits for a request. Its strings are valid until the next call of the reader; there is at least one. An
// error other than *ProtocolError is the stream's; io.ErrUnexpectedEOF is an end in the middle of a request.
func (r *Reader) ReadCommand() ([][]byte, error) {
	for {
		args, err := r.Next()
		if args != nil || err != nil {
			return args, err
		}
		if err := r.Fill(); err != nil {
			return nil, err
		}
	}
}

// Next is the next request if all of it has come, else nil. It never waits.
func (r *Reader) Next() ([][]byte, error) {
	for {
		whole, err := r.parse()
		if err != nil || !whole {
			return nil, err
		}
		args := r.take()
		if len(args) > 0 {
			return args, nil
		}
	}
}

// Buffered says whether a part of a request has come that is not complete.
func (r *Reader) Buffered() bool { return r.start < r.end }

// Fill waits for further bytes.
func (r *Reader) Fill() error {
	r.makeRoom()
	n, err := r.from.Read(r.buf[r.end:])
	r.end += n
	switch {
	case n > 0:
		return nil
	case err == io.EOF && r.Buffered():
		return io.ErrUnexpectedEOF
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// makeRoom makes sure that the buffer has room at its end.
func (r *Reader) makeRoom() {
	pending := r.end - r.start
	switch {
	case pending == 0 && (r.buf == nil || len(r.buf) > keptBuffer):
		r.buf = make([]byte, smallBuffer)
	case pending == 0 || r.end == len(r.buf) && pending <= len(r.buf)/2:
		copy(r.buf, r.buf[r.start:r.end])
	case r.end == len(r.buf):
		larger := make([]byte, 2*len(r.buf))
		copy(larger, r.buf[r.start:r.end])
		r.buf = larger
	default:
		return
	}
	r.at -= r.start
	r.start, r.end = 0, pending
}

// parse goes on with the request at start, and says whether all of it is there.
func (r *Reader) parse() (whole bool, err error) {
	if r.left == 0 {
		if r.start == r.end {
			return false, nil
		}
		if r.buf[r.start] != byte(Array) {
			return r.parseInline()
		}
		line, err := r.line("too big mbulk count string")
		if line == nil || err != nil {
			return false, err
		}
		n, ok := number(line[1:])
		if !ok || n > int64(r.limits.Args) {
			return false, broken("invalid multibulk length")
		}
		r.left = max(int(n), 0)
	}
	for r.left > 0 {
		if whole, err := r.parseBulk(); err != nil || !whole {
			return false, err
		}
	}
	return true, nil
}

// parseBulk goes on with the next string of the request.
func (r *Reader) parseBulk() (whole bool, err error) {
	if r.bulk < 0 {
		if r.at == r.end {
			return false, nil
		}
		if c := r.buf[r.at]; c != byte(Bulk) {
			return false, broken("expected '$', got '%c'", printable(c))
		}
		line, err := r.line("too big bulk count string")
		if line == nil || err != nil {
			return false, err
		}
		n, ok := number(line[1:])
		if !ok || n < 0 || n > int64(r.limits.Bulk) {
			return false, broken("invalid bulk length")
		}
		if r.size += int(n); r.size > r.limits.Request {
			return false, broken("too big request")
		}
		r.bulk = int(n)
	}
	if r.end-r.at < r.bulk+2 {
		return false, nil
	}
	to := r.at + r.bulk
	if r.buf[to] != '\r' || r.buf[to+1] != '\n' {
		return false, broken("a string is not as long as it says")
	}
	r.strings = append(r.strings, span{r.at - r.start, to - r.start})
	r.at, r.bulk = to+2, -1
	r.left--
	return true, nil
}

// line is the line at at, without its end, or nil if it is not complete.
func (r *Reader) line(tooLong string) ([]byte, error) {
	rest := r.buf[r.at:r.end]
	n := bytes.IndexByte(rest, '\n')
	switch {
	case n > r.limits.Inline || n < 0 && len(rest) > r.limits.Inline:
		return nil, broken("%s", tooLong)
	case n < 0:
		return nil, nil
	}
	r.at += n + 1
	return trimReturn(rest[:n]), nil
}

func trimReturn(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// take hands out the request that is complete, and goes on to the next.
func (r *Reader) take() [][]byte {
	if cap(r.args) > keptArgs {
		r.args = nil
	}
	r.args = r.args[:0]
	for _, s := range r.strings {
		r.args = append(r.args, r.buf[r.start+s.from:r.start+s.to:r.start+s.to])
	}
	if cap(r.strings) > keptArgs {
		r.strings = nil
	}
	r.strings, r.size = r.strings[:0], 0
	r.start = r.at
	return r.args
}

// number reads a whole number of at most 18 digits as Redis does: no plus, no spaces, no zeros in front.
func number(text []byte) (n int64, ok bool) {
	digits := text
	if len(text) > 0 && text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}

// ParseInt reads a number of 64 bits, as the commands that count do: no plus, no spaces, no zeros in front.
func ParseInt(text []byte) (n int64, ok bool) {
	if n, ok = number(text); ok || len(text) < 19 || len(text) > 20 {
		return n, ok
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	first := text[0]
	if first == '-' {
		first = text[1]
	}
	return n, err == nil && '1' <= first && first <= '9'
}

func printable(c byte) byte {
	if c < ' ' || c > '~' {
		return '?'
	}
	return c
}
