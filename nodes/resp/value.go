package resp

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Value is a reply. The zero is the string that is not there.
type Value struct {
	Kind  Kind // zero for what is not there
	Int   int64
	Text  []byte // of Simple, Failure and Bulk; memory of its own
	Array []Value
}

// IsNull says that there is nothing.
func (v *Value) IsNull() bool { return v.Kind == 0 }

// Err is the error that the reply is, or nil.
func (v *Value) Err() error {
	if v.Kind != Failure {
		return nil
	}
	return Error(v.Text)
}

// String is the value on one line, for people.
func (v Value) String() string {
	switch v.Kind {
	case 0:
		return "(nil)"
	case Integer:
		return fmt.Sprint(v.Int)
	case Array:
		parts := make([]string, len(v.Array))
		for i := range v.Array {
			parts[i] = v.Array[i].String()
		}
		return "[" + strings.Join(parts, " ") + "]"
	case Bulk:
		return fmt.Sprintf("%q", v.Text)
	default:
		return string(v.Kind) + string(v.Text)
	}
}

// Append adds the reply as it is written.
func (v *Value) Append(dst []byte) []byte {
	switch v.Kind {
	case Integer:
		return AppendInt(dst, v.Int)
	case Bulk:
		return AppendBulk(dst, v.Text)
	case Array:
		dst = AppendArray(dst, len(v.Array))
		for i := range v.Array {
			dst = v.Array[i].Append(dst)
		}
		return dst
	case Simple, Failure:
		return appendLine(dst, v.Kind, string(v.Text))
	default:
		return AppendNull(dst)
	}
}

// Error is an error reply: "MOVED 866 b:6379".
type Error string

func (e Error) Error() string { return string(e) }

// Code is its first word.
func (e Error) Code() string {
	code, _, _ := strings.Cut(string(e), " ")
	return code
}

// Rest is what follows the first word.
func (e Error) Rest() string {
	_, rest, _ := strings.Cut(string(e), " ")
	return rest
}

// ReadReply waits for a reply. Errors are as of ReadCommand. A Reader reads requests or replies, not both.
func (r *Reader) ReadReply() (Value, error) {
	v, err := r.readValue(r.limits.Depth)
	r.size = 0
	return v, err
}

// valueSize is what an element costs beside its text.
const valueSize = 64

func (r *Reader) readValue(depth int) (v Value, err error) {
	if r.size += valueSize; r.size > r.limits.Request {
		return v, broken("too big reply")
	}
	line, err := r.readLine()
	if err != nil {
		return v, err
	}
	if len(line) == 0 {
		return v, broken("an empty line for a reply")
	}
	v.Kind, line = Kind(line[0]), line[1:]
	var n int64
	if v.Kind == Integer || v.Kind == Bulk || v.Kind == Array {
		var ok bool
		if n, ok = ParseInt(line); !ok {
			return v, broken("%q is no number", line)
		}
	}
	switch v.Kind {
	case Simple, Failure:
		v.Text = bytes.Clone(line)
		if v.Text == nil {
			v.Text = []byte{}
		}
	case Integer:
		v.Int = n
	case Bulk:
		return r.readBulk(n)
	case Array:
		return r.readArray(n, depth)
	default:
		return v, broken("a reply begins with '%c'", printable(byte(v.Kind)))
	}
	return v, nil
}

func (r *Reader) readBulk(n int64) (v Value, err error) {
	if r.size += int(max(0, min(n, int64(r.limits.Request)))); n < -1 || n > int64(r.limits.Bulk) || r.size > r.limits.Request {
		return v, broken("invalid bulk length")
	}
	if n < 0 {
		return Value{}, nil
	}
	for r.end-r.start < int(n)+2 {
		if err := r.Fill(); err != nil {
			return v, unexpected(err)
		}
	}
	text := r.buf[r.start : r.start+int(n)]
	if end := r.buf[r.start+int(n):]; end[0] != '\r' || end[1] != '\n' {
		return v, broken("a string is not as long as it says")
	}
	v = Value{Kind: Bulk, Text: append(make([]byte, 0, n), text...)}
	r.start += int(n) + 2
	r.at = r.start
	return v, nil
}

func (r *Reader) readArray(n int64, depth int) (v Value, err error) {
	switch {
	case n < -1 || n > int64(r.limits.Args):
		return v, broken("invalid multibulk length")
	case n < 0:
		return Value{}, nil
	case depth == 0:
		return v, broken("arrays within arrays without end")
	}
	v = Value{Kind: Array, Array: make([]Value, 0, min(n, 16))}
	for range n {
		element, err := r.readValue(depth - 1)
		if err != nil {
			return v, unexpected(err)
		}
		v.Array = append(v.Array, element)
	}
	return v, nil
}

// readLine is a line without its end, valid until the next read.
func (r *Reader) readLine() ([]byte, error) {
	for {
		r.at = r.start
		line, err := r.line("too long a line")
		if err != nil {
			return nil, err
		}
		if line != nil {
			r.start = r.at
			return line, nil
		}
		if err := r.Fill(); err != nil {
			return nil, err
		}
	}
}

// unexpected is an end of the stream in the middle of a reply.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
