package kv

import (
	"bytes"
	"math"
	"strconv"

	"simrun/nodes/resp"
)

func (x *execution) get() { x.value(x.find(x.args[1])) }

// mget answers with many values. How much they are is known only now, so it is bounded here.
func (x *execution) mget() {
	before := len(x.out)
	x.out = resp.AppendArray(x.out, len(x.args)-1)
	for _, key := range x.args[1:] {
		it := x.find(key)
		if it != nil && len(x.out)-before+len(it.value) > maxReply {
			x.out = x.out[:before]
			x.fail(errReplyLong)
			return
		}
		x.value(it)
	}
}

// Expected is about how many bytes of values the answer to a command has that reads, if it is done now.
func (s *Store) Expected(r *Request) (n int) {
	if r.Name != "GET" && r.Name != "MGET" {
		return 0
	}
	r.Keys(r.Args, func(key []byte) bool {
		if it := s.table.get(hash(key, 0), key); it != nil {
			n += len(it.value)
		}
		return n < maxReply
	})
	return n
}

func (x *execution) strlen() {
	if it := x.find(x.args[1]); it != nil {
		x.int(int64(len(it.value)))
		return
	}
	x.int(0)
}

func (x *execution) exists() {
	n := 0
	for _, key := range x.args[1:] {
		if x.find(key) != nil {
			n++
		}
	}
	x.int(int64(n))
}

func (x *execution) typeOf() {
	word := "none"
	if x.find(x.args[1]) != nil {
		word = "string"
	}
	x.out = resp.AppendSimple(x.out, word)
}

// setting is what SET was told.
type setting struct {
	expiry  int64
	keep    bool // KEEPTTL
	absent  bool // NX
	present bool // XX
	get     bool
	equal   []byte // IFEQ
	cas     bool
}

func (x *execution) set() {
	set, ok := x.setting()
	if !ok {
		return
	}
	key, value := x.args[1], x.args[2]
	if len(value) > MaxValue {
		x.fail(errTooLong)
		return
	}
	old := x.find(key)
	does := !(set.absent && old != nil || set.present && old == nil ||
		set.cas && (old == nil || !bytes.Equal(old.value, set.equal)))
	switch {
	case set.get:
		x.value(old)
	case does:
		x.ok()
	default:
		x.null()
	}
	if !does {
		return
	}
	if set.keep && old != nil {
		set.expiry = old.expiry
	}
	x.put(key, value, set.expiry)
}

// setting reads the options of SET.
func (x *execution) setting() (set setting, ok bool) {
	timed := false
	for at := 3; at < len(x.args); at++ {
		option, further := x.args[at], at+1 < len(x.args)
		unit, absolute, isTime := unitOf(option)
		switch {
		case isWord(option, "NX") && !set.present && !set.cas:
			set.absent = true
		case isWord(option, "XX") && !set.absent && !set.cas:
			set.present = true
		case isWord(option, "GET"):
			set.get = true
		case isWord(option, "KEEPTTL") && !timed:
			set.keep = true
		case isWord(option, "IFEQ") && further && !set.absent && !set.present && !set.cas:
			at++
			set.equal, set.cas = x.args[at], true
		case isTime && further && !timed && !set.keep:
			at++
			timed = true
			if n, isNumber := resp.ParseInt(x.args[at]); isNumber && n <= 0 {
				x.fail(badTime(x.args[0]))
				return set, false
			}
			if set.expiry, ok = x.until(at, unit, absolute); !ok {
				return set, false
			}
		default:
			x.fail(errSyntax)
			return set, false
		}
	}
	return set, true
}

func unitOf(option []byte) (unit int64, absolute, known bool) {
	switch {
	case isWord(option, "EX"):
		return 1000, false, true
	case isWord(option, "PX"):
		return 1, false, true
	case isWord(option, "EXAT"):
		return 1000, true, true
	case isWord(option, "PXAT"):
		return 1, true, true
	}
	return 0, false, false
}

func (x *execution) setnx() {
	if len(x.args[2]) > MaxValue {
		x.fail(errTooLong)
		return
	}
	absent := x.find(x.args[1]) == nil
	if absent {
		x.put(x.args[1], x.args[2], 0)
	}
	x.bool(absent)
}

func (x *execution) mset() {
	if len(x.args)%2 == 0 {
		x.fail(wrongNumber("mset"))
		return
	}
	for i := 2; i < len(x.args); i += 2 {
		if len(x.args[i]) > MaxValue {
			x.fail(errTooLong)
			return
		}
	}
	for i := 1; i < len(x.args); i += 2 {
		x.put(x.args[i], x.args[i+1], 0)
	}
	x.ok()
}

func (x *execution) getdel() {
	it := x.find(x.args[1])
	x.value(it)
	if it != nil {
		x.remove(it)
	}
}

func (x *execution) append() {
	key, more := x.args[1], x.args[2]
	var value []byte
	var expiry int64
	if it := x.find(key); it != nil {
		value, expiry = it.value, it.expiry
	}
	if len(value)+len(more) > MaxValue {
		x.fail(errTooLong)
		return
	}
	longer := make([]byte, 0, len(value)+len(more))
	longer = append(append(longer, value...), more...)
	x.own(key, longer, expiry)
	x.int(int64(len(longer)))
}

func (x *execution) incr() { x.add(1) }
func (x *execution) decr() { x.add(-1) }

func (x *execution) incrby() {
	if n, ok := x.integer(2); ok {
		x.add(n)
	}
}

func (x *execution) decrby() {
	n, ok := x.integer(2)
	switch {
	case !ok:
	case n == math.MinInt64:
		x.fail("ERR decrement would overflow")
	default:
		x.add(-n)
	}
}

// add adds to a number, which is 0 where there is none.
func (x *execution) add(delta int64) {
	var n, expiry int64
	if it := x.find(x.args[1]); it != nil {
		var ok bool
		if n, ok = resp.ParseInt(it.value); !ok {
			x.fail(errInteger)
			return
		}
		expiry = it.expiry
	}
	if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
		x.fail(errOverflow)
		return
	}
	n += delta
	x.own(x.args[1], strconv.AppendInt(nil, n, 10), expiry)
	x.int(n)
}
