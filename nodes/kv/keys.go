package kv

import (
	"math"

	"simrun/nodes/resp"
)

func (x *execution) del() {
	n := 0
	for _, key := range x.args[1:] {
		if it := x.find(key); it != nil {
			x.remove(it)
			n++
		}
	}
	x.int(int64(n))
}

func (x *execution) ttl()  { x.remains(1000) }
func (x *execution) pttl() { x.remains(1) }

// remains answers how long a key has, rounded to the unit as Redis does.
func (x *execution) remains(unit int64) {
	switch it := x.find(x.args[1]); {
	case it == nil:
		x.int(-2)
	case it.expiry == 0:
		x.int(-1)
	default:
		x.int((it.expiry - x.now + unit/2) / unit)
	}
}

func (x *execution) expire()    { x.expireIn(1000, false) }
func (x *execution) pexpire()   { x.expireIn(1, false) }
func (x *execution) expireat()  { x.expireIn(1000, true) }
func (x *execution) pexpireat() { x.expireIn(1, true) }

// expireIn gives a key a time to expire at, under the conditions that were asked for. One that has come removes it.
func (x *execution) expireIn(unit int64, absolute bool) {
	expiry, ok := x.until(2, unit, absolute)
	if !ok {
		return
	}
	var nx, xx, gt, lt bool
	for _, option := range x.args[3:] {
		switch {
		case isWord(option, "NX"):
			nx = true
		case isWord(option, "XX"):
			xx = true
		case isWord(option, "GT"):
			gt = true
		case isWord(option, "LT"):
			lt = true
		default:
			x.fail("ERR Unsupported option " + cut(option))
			return
		}
	}
	if nx && (xx || gt || lt) {
		x.fail("ERR NX and XX, GT or LT options at the same time are not compatible")
		return
	}
	if gt && lt {
		x.fail("ERR GT and LT options at the same time are not compatible")
		return
	}
	it := x.find(x.args[1])
	if it == nil || nx && it.expiry != 0 || xx && it.expiry == 0 ||
		gt && (it.expiry == 0 || expiry <= it.expiry) || lt && it.expiry != 0 && expiry >= it.expiry {
		x.int(0)
		return
	}
	if expiry <= x.now {
		x.remove(it)
	} else {
		x.own(x.args[1], it.value, expiry)
	}
	x.int(1)
}

// until is the time that a string of the command says, in milliseconds since 1970. It is an error where that is none.
func (x *execution) until(at int, unit int64, absolute bool) (expiry int64, ok bool) {
	n, ok := x.integer(at)
	if !ok {
		return 0, false
	}
	base := x.now
	if absolute {
		base = 0
	}
	if n > (math.MaxInt64-base)/unit || n < math.MinInt64/2/unit {
		x.fail(badTime(x.args[0]))
		return 0, false
	}
	return base + n*unit, true
}

func badTime(command []byte) string {
	return "ERR invalid expire time in '" + lower(command) + "' command"
}

func (x *execution) persist() {
	it := x.find(x.args[1])
	if it == nil || it.expiry == 0 {
		x.int(0)
		return
	}
	x.own(x.args[1], it.value, 0)
	x.int(1)
}

func (x *execution) dbsize() { x.int(int64(x.s.Len())) }

func (x *execution) flushall() {
	for _, option := range x.args[1:] {
		if !isWord(option, "SYNC") && !isWord(option, "ASYNC") {
			x.fail(errSyntax)
			return
		}
	}
	x.s.flush()
	x.s.version++
	x.ok()
}

const (
	// usualCount is how many keys SCAN looks at where it is not told.
	usualCount = 10
	// mostCount is how many it looks at at most.
	mostCount = 10_000
)

// scan goes through the keys in the order of their hashes. The cursor is the hash to go on from, so a key that is there
// all the while is seen once, whatever comes and goes and whichever copy is asked.
func (x *execution) scan() {
	from, ok := parseCursor(x.args[1])
	if !ok {
		x.fail("ERR invalid cursor")
		return
	}
	count, pattern, wanted := int64(usualCount), []byte(nil), true
	for at := 2; at < len(x.args); at += 2 {
		option := x.args[at]
		switch {
		case at+1 == len(x.args):
			x.fail(errSyntax)
			return
		case isWord(option, "COUNT"):
			if count, ok = x.integer(at + 1); !ok {
				return
			}
			if count < 1 {
				x.fail(errSyntax)
				return
			}
		case isWord(option, "MATCH"):
			pattern = x.args[at+1]
		case isWord(option, "TYPE"):
			wanted = isWord(x.args[at+1], "string")
		default:
			x.fail(errSyntax)
			return
		}
	}
	x.page(from, int(min(count, mostCount)), pattern, wanted)
}

// page answers with the keys from a hash on.
func (x *execution) page(from uint64, count int, pattern []byte, wanted bool) {
	var found []*item
	var last, next uint64
	looked := 0
	x.s.table.walk(from, func(it *item) bool {
		if looked >= count && it.hash != last {
			next = it.hash
			return false
		}
		looked++
		last = it.hash
		if wanted && !it.expired(x.now) && (pattern == nil || Matches(string(pattern), it.key)) {
			found = append(found, it)
		}
		return true
	})
	x.out = resp.AppendArray(x.out, 2)
	x.out = resp.AppendBulk(x.out, formatCursor(next))
	x.out = resp.AppendArray(x.out, len(found))
	for _, it := range found {
		x.out = resp.AppendBulk(x.out, it.key)
	}
}
