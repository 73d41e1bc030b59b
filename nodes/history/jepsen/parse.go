package jepsen

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strconv"
)

// deepest bounds how many brackets stand in one another.
const deepest = 64

// parser reads one operation. Both notations mean the same to it: keywords, symbols and strings are text, lists,
// vectors and sets are lists, and the keys of maps are text. A tag means nothing, unless it is that of a tuple.
type parser struct {
	text  []byte
	pos   int
	edn   bool
	words map[string]string // each word once, however often it stands in the file
	attrs []slog.Attr       // room for attributes to come
	stack []slog.Attr       // attributes of maps under way
	depth int               // of the value under way
}

// mostWords bounds the memory for words.
const mostWords = 1 << 16

func (p *parser) word(b []byte) string {
	if w, known := p.words[string(b)]; known {
		return w
	}
	w := string(b)
	if len(p.words) < mostWords && len(w) < 64 {
		p.words[w] = w
	}
	return w
}

func (p *parser) wrong(format string, args ...any) error {
	return &syntaxError{p.pos, fmt.Sprintf(format, args...)}
}

// syntaxError is what is wrong at a place of a form.
type syntaxError struct {
	pos  int
	text string
}

func (e *syntaxError) Error() string { return e.text }

// skip passes over what means nothing.
func (p *parser) skip() error {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ',' && p.edn:
			p.pos++
		case c == ';' && p.edn:
			end := bytes.IndexByte(p.text[p.pos:], '\n')
			if end < 0 {
				end = len(p.text) - p.pos
			}
			p.pos += end
		case c == '#' && p.edn && bytes.HasPrefix(p.text[p.pos:], []byte("#_")):
			p.pos += 2
			if _, err := p.value(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// peek is the next byte that means something, or 0 at the end.
func (p *parser) peek() (byte, error) {
	if err := p.skip(); err != nil || p.pos == len(p.text) {
		return 0, err
	}
	return p.text[p.pos], nil
}

// value reads one value: what slog has a kind for is of that kind, a list is an []any, a map is a group.
func (p *parser) value() (slog.Value, error) {
	if p.depth++; p.depth > deepest {
		return slog.Value{}, p.wrong("more than %d brackets stand in one another", deepest)
	}
	defer func() { p.depth-- }()
	c, err := p.peek()
	if err != nil {
		return slog.Value{}, err
	}
	switch c {
	case 0:
		return slog.Value{}, p.wrong("a value is missing at the end")
	case '{':
		return p.group()
	case '[':
		return p.list(']')
	case '"':
		b, err := p.quoted()
		return slog.StringValue(string(b)), err
	}
	if p.edn {
		switch c {
		case '(':
			return p.list(')')
		case '#':
			return p.tagged()
		case '\\':
			return p.character()
		case ':':
			p.pos++
			b := p.atom()
			if len(b) == 0 {
				return slog.Value{}, p.wrong("a keyword without a name")
			}
			return slog.StringValue(p.word(b)), nil
		}
	}
	return p.scalar()
}

// tagged reads #tag value, #{set} and ##NaN.
func (p *parser) tagged() (slog.Value, error) {
	p.pos++
	if p.pos == len(p.text) {
		return slog.Value{}, p.wrong("a tag without a name")
	}
	switch c := p.text[p.pos]; c {
	case '{':
		return p.list('}')
	case '#':
		p.pos++
		switch name := string(p.atom()); name {
		case "Inf", "-Inf", "NaN":
			f, err := strconv.ParseFloat(name, 64)
			return slog.Float64Value(f), err
		default:
			return slog.Value{}, p.wrong("##%s means nothing", name)
		}
	}
	tag := p.atom()
	if len(tag) == 0 {
		return slog.Value{}, p.wrong("a tag without a name")
	}
	tuple := bytes.HasSuffix(tag, []byte("independent/tuple")) || bytes.HasSuffix(tag, []byte("independent.Tuple"))
	v, err := p.value()
	if pair, ok := v.Any().([]any); err == nil && tuple {
		if !ok || len(pair) != 2 {
			return v, p.wrong("a tuple is a vector of a key and a value")
		}
		return slog.GroupValue(slog.Any("key", pair[0]), slog.Any("value", pair[1])), nil
	}
	return v, err
}

// list reads values up to a bracket.
func (p *parser) list(closer byte) (slog.Value, error) {
	p.pos++
	all := []any{}
	for {
		c, err := p.peek()
		switch {
		case err != nil:
			return slog.Value{}, err
		case c == closer:
			p.pos++
			return slog.AnyValue(all), nil
		case !p.edn && len(all) > 0:
			if c != ',' {
				return slog.Value{}, p.wrong("the values of a list are separated by commas")
			}
			p.pos++
		}
		v, err := p.value()
		if err != nil {
			return slog.Value{}, err
		}
		all = append(all, plain(v))
	}
}

// plain is a value as it stands in a list: a map has no order there.
func plain(v slog.Value) any {
	if v.Kind() != slog.KindGroup {
		return v.Any()
	}
	m := make(map[string]any, len(v.Group()))
	for _, attr := range v.Group() {
		m[attr.Key] = plain(attr.Value)
	}
	return m
}

// group reads a map, in its order. One with nothing but bytesKey is a string.
func (p *parser) group() (slog.Value, error) {
	begin := len(p.stack)
	defer func() { p.stack = p.stack[:begin] }()
	err := p.fields(func(key []byte) error {
		name := p.word(key)
		v, err := p.value()
		p.stack = append(p.stack, slog.Attr{Key: name, Value: v})
		return err
	})
	if err != nil {
		return slog.Value{}, err
	}
	if all := p.stack[begin:]; len(all) == 1 && all[0].Key == bytesKey && all[0].Value.Kind() == slog.KindString {
		b, err := base64.StdEncoding.DecodeString(all[0].Value.String())
		if err != nil {
			return slog.Value{}, p.wrong("%s: %v", bytesKey, err)
		}
		return slog.StringValue(string(b)), nil
	}
	return slog.GroupValue(p.keep(p.stack[begin:]...)...), nil
}

// keep is attributes in a place of their own.
func (p *parser) keep(attrs ...slog.Attr) []slog.Attr {
	if len(attrs) == 0 {
		return nil
	}
	if cap(p.attrs)-len(p.attrs) < len(attrs) {
		p.attrs = make([]slog.Attr, 0, max(1024, len(attrs)))
	}
	start := len(p.attrs)
	p.attrs = append(p.attrs, attrs...)
	return p.attrs[start:len(p.attrs):len(p.attrs)]
}

// fields reads a map, and calls take at each value with its key.
func (p *parser) fields(take func(key []byte) error) error {
	p.pos++
	for n := 0; ; n++ {
		c, err := p.peek()
		switch {
		case err != nil:
			return err
		case c == '}':
			p.pos++
			return nil
		case !p.edn && n > 0:
			if c != ',' {
				return p.wrong("the fields of an object are separated by commas")
			}
			p.pos++
		}
		key, err := p.key()
		if err != nil {
			return err
		}
		if err := take(key); err != nil {
			return err
		}
	}
}

// key reads a key, as text.
func (p *parser) key() ([]byte, error) {
	c, err := p.peek()
	if err != nil {
		return nil, err
	}
	if !p.edn {
		if c != '"' {
			return nil, p.wrong("the key of an object is a string")
		}
		key, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if c, err = p.peek(); err != nil || c != ':' {
			return nil, p.wrong("a colon is missing after %q", key)
		}
		p.pos++
		return key, nil
	}
	if c == ':' {
		p.pos++
		if key := p.atom(); len(key) > 0 {
			return key, nil
		}
		return nil, p.wrong("a keyword without a name")
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	return []byte(told(v)), nil
}
