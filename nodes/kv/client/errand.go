package client

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/resp"
)

// verbs are what a client can be asked to do, as the checkers' models call it.
var verbs = []string{"read", "write", "cas", "delete", "fetch-add", "add", "list"}

// operations are these, each by itself or mixed.
var operations = func() (all []nodes.Operation) {
	options := func() any { return &AccessOptions{Keys: 10} }
	for _, verb := range verbs {
		all = append(all, nodes.Operation{Name: verb, Options: options})
	}
	return append(all, nodes.Operation{Name: "access", Mix: verbs[:4], Options: options})
}()

// AccessOptions are the further keys of a workload line.
type AccessOptions struct {
	Keys   int           `yaml:"keys" doc:"how many keys there are: key-1, key-2 …"`
	Hot    nodes.Percent `yaml:"hot" doc:"share of operations that are on the first key, beside its fair share"`
	Prefix string        `yaml:"prefix" doc:"what keys begin with, so that lines may have keys of their own; key- if empty. A tag in braces puts them in one slot"`
	Value  nodes.Bytes   `yaml:"value" doc:"least size of a value"`
}

// Validate says what cannot be meant.
func (o *AccessOptions) Validate() error {
	switch {
	case o.Keys < 1 || o.Keys > 10_000_000:
		return fmt.Errorf("keys: is not between 1 and 10000000")
	case o.Value < 0 || o.Value > 1<<20:
		return fmt.Errorf("value: %s is not between 0 and 1MiB", o.Value)
	case len(o.Prefix) > 256:
		return fmt.Errorf("prefix: longer than 256 bytes")
	}
	return nil
}

// errand is one operation on one key.
type errand struct {
	verb, key, value string
	old              []byte // of a cas: what is to be replaced; nil for nothing
	args             [][]byte
}

// writes says whether it may change anything.
func (e *errand) writes() bool { return e.verb != "read" && e.verb != "list" }

// errands makes operations out of requests. A value is unique in a run, for it names the client and the request.
type errands struct {
	client string
	known  map[string][]byte // what this client saw last of a key, for its next cas; nil for nothing
}

// mostKnown bounds what is known.
const mostKnown = 10_000

// make draws the operation of a request: always the same number of variates, so that one's luck is not another's.
func (s *errands) make(env nodes.Env, request nodes.Request) (errand, error) {
	e := errand{verb: request.Do}
	if e.verb == "access" {
		e.verb = request.Variant
	}
	options, _ := request.Options.(*AccessOptions)
	if options == nil {
		options = &AccessOptions{Keys: 1}
	}
	hot, which, noise := env.Rand().Uint64(), env.Rand().Uint64(), env.Rand().Uint64()
	n := which%uint64(options.Keys) + 1
	if options.Hot.Hit(hot) {
		n = 1
	}
	prefix := options.Prefix
	if prefix == "" {
		prefix = "key-"
	}
	e.key = prefix + strconv.FormatUint(n, 10)
	e.value = ask.Pad(s.client+"-"+strconv.FormatUint(request.ID, 10), noise, int(options.Value), '-')
	switch e.verb {
	case "read", "add", "list":
		e.args = words("GET", e.key)
	case "write":
		e.args = words("SET", e.key, e.value)
	case "delete":
		e.args = words("DEL", e.key)
	case "cas":
		if e.old = s.known[e.key]; e.old != nil {
			e.args = append(words("SET", e.key, e.value, "IFEQ"), e.old, []byte("GET"))
		} else {
			e.args = words("SET", e.key, e.value, "NX", "GET")
		}
	case "fetch-add":
		e.key, e.args = prefix+"counter", words("INCR", prefix+"counter")
	default:
		return e, fmt.Errorf("kv: a client cannot %q", e.verb)
	}
	return e, nil
}

// learn notes what a key holds.
func (s *errands) learn(key string, value []byte) {
	if _, known := s.known[key]; known || len(s.known) < mostKnown {
		s.known[key] = value
	}
}

// in is what the history keeps of the operation as it was asked for.
func (e *errand) in() []slog.Attr {
	key := slog.String("key", e.key)
	switch e.verb {
	case "write", "add":
		return []slog.Attr{key, slog.String("value", e.value)}
	case "cas":
		return []slog.Attr{key, slog.Any("old", textOf(e.old)), slog.String("new", e.value)}
	case "fetch-add":
		return []slog.Attr{slog.Int64("value", 1)}
	}
	return []slog.Attr{key}
}

// out is what it keeps of the answer; an error if that is none to such a request.
func (s *errands) out(e *errand, v *resp.Value) ([]slog.Attr, error) {
	switch {
	case e.verb == "read" && (v.Kind == resp.Bulk || v.IsNull()):
		s.learn(e.key, v.Text)
		return []slog.Attr{slog.Any("value", textOf(v.Text))}, nil
	case e.verb == "write" && v.Kind == resp.Simple:
		s.learn(e.key, []byte(e.value))
		return nil, nil
	case e.verb == "delete" && v.Kind == resp.Integer:
		s.learn(e.key, nil)
		return nil, nil
	case e.verb == "fetch-add" && v.Kind == resp.Integer:
		return []slog.Attr{slog.Int64("value", v.Int-1)}, nil
	case e.verb == "cas" && (v.Kind == resp.Bulk || v.IsNull()):
		if bytes.Equal(v.Text, e.old) && v.IsNull() == (e.old == nil) {
			s.learn(e.key, []byte(e.value))
			return []slog.Attr{slog.Bool("swapped", true)}, nil
		}
		s.learn(e.key, v.Text)
		return []slog.Attr{slog.Bool("swapped", false), slog.Any("value", textOf(v.Text))}, nil
	}
	return nil, fmt.Errorf("%w: %s to %s", errProtocol, v, e.verb)
}

// textOf is a value for the history; nil for nothing.
func textOf(value []byte) any {
	if value == nil {
		return nil
	}
	return string(value)
}

func words(all ...string) (args [][]byte) {
	for _, w := range all {
		args = append(args, []byte(w))
	}
	return args
}
