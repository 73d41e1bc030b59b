package jepsen

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"simrun/nodes/history"
)

// entry is one line as it was read.
type entry struct {
	line, index int
	has         has
	kind        string // its type
	process     int64
	who         string // a process that has a name
	f           string
	value       slog.Value
	attrs       []slog.Attr // what it says: the value, and what stands beside it and belongs to it
	time        history.Time
	node        string
	id          uint64
	parent      uint64
	request     uint64
	err         string
}

// latest is the last time that is read, 73 years into a run; so that times may be added.
const latest = 1 << 61

// has is what of an entry the line said.
type has uint8

const (
	hasIndex has = 1 << iota
	hasTime
	hasValue
	hasProcess
)

// errNothing is that of a form that is discarded.
var errNothing = errors.New("nothing")

// entry reads an operation.
func (p *parser) entry() (e entry, err error) {
	c, err := p.peek()
	for err == nil && c == '#' { // the tag of an operation, which says what it looks like anyway
		p.pos++
		if len(p.atom()) == 0 {
			return e, p.wrong("an operation is a map in braces")
		}
		c, err = p.peek()
	}
	switch {
	case err != nil:
		return e, err
	case c == 0:
		return e, errNothing
	case c != '{':
		return e, p.wrong("an operation is a map in braces")
	}
	begin := len(p.stack)
	defer func() { p.stack = p.stack[:begin] }()
	if err := p.fields(func(key []byte) error { return p.field(&e, key) }); err != nil {
		return e, err
	}
	beside := len(p.stack)
	if e.value.Kind() == slog.KindGroup {
		p.stack = append(p.stack, e.value.Group()...)
	} else if e.has&hasValue != 0 {
		p.stack = append(p.stack, slog.Attr{Key: "value", Value: e.value})
	}
	p.stack = append(p.stack, p.stack[begin:beside]...)
	e.attrs = p.keep(p.stack[beside:]...)
	return e, nil
}

// field reads what the operation says under a key. What Jepsen's workloads put there beside is passed over, unless it is a
// position or a key.
func (p *parser) field(e *entry, key []byte) (err error) {
	switch string(key) {
	case "type":
		e.kind, err = p.name("type")
	case "f":
		e.f, err = p.name("f")
	case "node":
		e.node, err = p.name("node")
	case "value":
		e.value, err = p.value()
		e.has |= hasValue
	case "process":
		err = p.processOf(e)
	case "time":
		var n int64
		if n, err = p.integer("time", hasTime, e); err == nil && (n < -latest || n > latest) {
			err = p.wrong("time %d is beyond all ages", n)
		}
		e.time = history.Time(n)
	case "index":
		var n int64
		n, err = p.integer("index", hasIndex, e)
		e.index = int(n)
	case "id":
		e.id, err = p.number("id")
	case "parent":
		e.parent, err = p.number("parent")
	case "request":
		e.request, err = p.number("request")
	case "error":
		var v slog.Value
		if v, err = p.value(); err == nil && !isNil(v) {
			e.err = told(v)
		}
	case "key", "offset", "version", "revision":
		name := p.word(key)
		var v slog.Value
		v, err = p.value()
		p.stack = append(p.stack, slog.Attr{Key: name, Value: v})
	default:
		_, err = p.value()
	}
	return err
}

func isNil(v slog.Value) bool { return v.Kind() == slog.KindAny && v.Any() == nil }

// name reads a word, or nothing.
func (p *parser) name(key string) (string, error) {
	v, err := p.value()
	switch {
	case err != nil || isNil(v):
		return "", err
	case v.Kind() != slog.KindString:
		return "", p.wrong("%s %s is no word", key, told(v))
	}
	return p.word([]byte(v.String())), nil
}

// integer reads a whole number, or nothing.
func (p *parser) integer(key string, flag has, e *entry) (int64, error) {
	v, err := p.value()
	if err != nil || isNil(v) {
		return 0, err
	}
	n, ok := whole(v)
	if !ok {
		return 0, p.wrong("%s %s is no whole number", key, told(v))
	}
	e.has |= flag
	return n, nil
}

// number reads a whole number from 0 up, or nothing.
func (p *parser) number(key string) (uint64, error) {
	v, err := p.value()
	if err != nil || isNil(v) {
		return 0, err
	}
	if v.Kind() == slog.KindUint64 {
		return v.Uint64(), nil
	}
	if n, ok := whole(v); ok && n >= 0 {
		return uint64(n), nil
	}
	return 0, p.wrong("%s %s is no number from 0 up", key, told(v))
}

// processOf reads the number or the name of a process.
func (p *parser) processOf(e *entry) error {
	v, err := p.value()
	if err != nil || isNil(v) {
		return err
	}
	e.has |= hasProcess
	if v.Kind() == slog.KindString {
		e.who = p.word([]byte(v.String()))
		return nil
	}
	n, ok := whole(v)
	if !ok {
		return p.wrong("process %s is neither a number nor a name", told(v))
	}
	e.process = n
	return nil
}

// spread takes apart what Jepsen puts into one value: the key and the value of an operation that is about one of many
// objects, and the old and the new value of a compare-and-set.
func (e *entry) spread(keyed bool) error {
	at := slices.IndexFunc(e.attrs, func(a slog.Attr) bool { return a.Key == "value" })
	if at < 0 || isNil(e.attrs[at].Value) || !keyed && e.f != "cas" {
		return nil
	}
	value := e.attrs[at].Value.Any()
	attrs := slices.Delete(slices.Clone(e.attrs), at, at+1)
	if keyed {
		pair, ok := value.([]any)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("the value %s is no pair of a key and a value", told(e.attrs[at].Value))
		}
		attrs, value = append(attrs, slog.Any("key", pair[0])), pair[1]
	}
	if pair, ok := value.([]any); e.f == "cas" && ok && len(pair) == 2 {
		e.attrs = append(attrs, slog.Any("old", pair[0]), slog.Any("new", pair[1]))
	} else {
		e.attrs = append(attrs, slog.Any("value", value))
	}
	return nil
}

func attrOf(attrs []slog.Attr, key string) slog.Value {
	for _, attr := range attrs {
		if attr.Key == key {
			return attr.Value
		}
	}
	return slog.Value{}
}

// String is what the line is about, for errors.
func (e *entry) String() string {
	if e.who != "" {
		return fmt.Sprintf("%s of %s", e.f, e.who)
	}
	return fmt.Sprintf("%s of process %d", e.f, e.process)
}
