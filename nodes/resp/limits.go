package resp

import "fmt"

// Limits bound what a peer can make a Reader hold. The zero is the defaults named here.
type Limits struct {
	Bulk    int // bytes of one string: 16 MiB
	Args    int // strings of one request, elements of one array: 1,048,576
	Inline  int // bytes of one line: 64 KiB
	Request int // bytes of all of one request or reply: 64 MiB
	Depth   int // arrays within arrays, in replies: 8
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.Bulk, 16 << 20}, {&l.Args, 1 << 20}, {&l.Inline, 64 << 10}, {&l.Request, 64 << 20}, {&l.Depth, 8}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return l
}

// ProtocolError tells what a peer sent that is not the protocol.
type ProtocolError struct{ Problem string }

// Error is what a server answers, after ERR.
func (e *ProtocolError) Error() string { return "Protocol error: " + e.Problem }

func broken(format string, args ...any) error {
	return &ProtocolError{fmt.Sprintf(format, args...)}
}
