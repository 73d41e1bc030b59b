package kv

import (
	"bytes"

	"simrun/nodes/resp"
)

// execution is one command while it is done. It never gives way, so the store has one, and it is used again.
type execution struct {
	s    *Store
	now  int64
	o    Order
	args [][]byte
	out  []byte

	version uint64 // of the value that the command read or wrote last; 0 if there is none
}

// Errors as Redis words them.
const (
	errSyntax    = "ERR syntax error"
	errInteger   = "ERR value is not an integer or out of range"
	errOverflow  = "ERR increment or decrement would overflow"
	errTooLong   = "ERR string exceeds maximum allowed size (16MiB)"
	errKeyLong   = "ERR key exceeds maximum allowed size (64KiB)"
	errReplyLong = "ERR the answer would be too long (64MiB); ask for less at a time"
)

// Apply does a command that writes, and appends its answer to dst. It does the same wherever it is called with the
// same on the same store. What cannot be done is answered with an error, and changes nothing but the time. Nothing of
// args is kept.
func (s *Store) Apply(o Order, args [][]byte, dst []byte) []byte {
	r, problem := commands.Parse(args)
	s.now = max(s.now, o.Now)
	s.expire()
	switch {
	case problem != "":
		return resp.AppendError(dst, problem)
	case !r.Is(Write):
		return s.read(&r, s.now, dst)
	case r.Session != 0:
		return s.once(&r, o, dst)
	}
	return s.execute(&r, o, s.now, dst)
}

// Read does a command that reads, as of a time in milliseconds since 1970, or of the last order if that is later. What
// has expired by then is not there.
func (s *Store) Read(args [][]byte, now int64, dst []byte) []byte {
	r, problem := commands.Parse(args)
	switch {
	case problem != "":
		return resp.AppendError(dst, problem)
	case !r.Is(Read):
		return resp.AppendError(dst, "READONLY a command that writes has to be ordered")
	}
	return s.read(&r, max(now, s.now), dst)
}

func (s *Store) read(r *Request, now int64, dst []byte) []byte {
	return s.execute(r, Order{}, now, dst)
}

// execute does the command itself.
func (s *Store) execute(r *Request, o Order, now int64, dst []byte) []byte {
	if r.Versioned {
		dst = resp.AppendArray(dst, 2)
	}
	x := &s.x
	*x = execution{s: s, now: now, o: o, args: r.Args, out: dst}
	if !x.keysFit(r) {
		x.fail(errKeyLong)
	} else {
		r.do(x)
	}
	if r.Versioned {
		if x.version == 0 {
			x.out = resp.AppendNull(x.out)
		} else {
			x.out = resp.AppendInt(x.out, int64(x.version))
		}
	}
	dst = x.out
	*x = execution{}
	return dst
}

// keysFit says whether no key is too long.
func (x *execution) keysFit(r *Request) (fit bool) {
	fit = true
	r.Keys(r.Args, func(key []byte) bool {
		fit = len(key) <= MaxKey
		return fit
	})
	return fit
}

func (x *execution) fail(text string) { x.out = resp.AppendError(x.out, text) }
func (x *execution) int(n int64)      { x.out = resp.AppendInt(x.out, n) }
func (x *execution) ok()              { x.out = resp.AppendSimple(x.out, "OK") }
func (x *execution) null()            { x.out = resp.AppendNull(x.out) }

func (x *execution) bool(b bool) {
	if b {
		x.int(1)
	} else {
		x.int(0)
	}
}

// value answers with the item's value, if there is one.
func (x *execution) value(it *item) {
	if it == nil {
		x.null()
		return
	}
	x.out = resp.AppendBulk(x.out, it.value)
}

// find is the item of a key, or nil, and notes its version.
func (x *execution) find(key []byte) *item {
	it := x.s.find(key, x.now)
	if it != nil {
		x.version = it.version
	}
	return it
}

// put writes a value, which is copied.
func (x *execution) put(key, value []byte, expiry int64) {
	x.own(key, bytes.Clone(value), expiry)
}

// own writes a value that nobody else has. A time that has come already leaves nothing.
func (x *execution) own(key, value []byte, expiry int64) {
	it := x.s.put(key, value, expiry)
	x.version = it.version
	if it.expired(x.now) {
		x.s.remove(it)
	}
}

// remove takes an item out: a write of its own, with a version.
func (x *execution) remove(it *item) {
	x.s.remove(it)
	x.s.version++
	x.version = x.s.version
}

// integer is a string of the command as a number.
func (x *execution) integer(at int) (n int64, ok bool) {
	if n, ok = resp.ParseInt(x.args[at]); !ok {
		x.fail(errInteger)
	}
	return n, ok
}
