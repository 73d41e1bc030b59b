package jepsen

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
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

func separates(c byte) bool { return strings.IndexByte(" \t\r\n,{}[]()\";", c) >= 0 }

// atom takes what stands up to the next space or bracket.
func (p *parser) atom() []byte {
	start := p.pos
	for p.pos < len(p.text) && !separates(p.text[p.pos]) && (p.edn || p.text[p.pos] != ':') {
		p.pos++
	}
	return p.text[start:p.pos]
}

// scalar reads nil, a truth, a number or, in EDN, a symbol.
func (p *parser) scalar() (slog.Value, error) {
	start := p.pos
	b := p.atom()
	if len(b) == 0 {
		return slog.Value{}, p.wrong("%s stands where a value should", sample(p.text[p.pos:]))
	}
	if b[0] == '-' || b[0] == '+' && p.edn || '0' <= b[0] && b[0] <= '9' {
		if v, ok := number(b, p.edn); ok {
			return v, nil
		}
		if c := b[len(b)-1]; !p.edn || '0' <= c && c <= '9' {
			p.pos = start
			return slog.Value{}, p.wrong("%s is no number", sample(b))
		}
	}
	switch string(b) {
	case "true":
		return slog.BoolValue(true), nil
	case "false":
		return slog.BoolValue(false), nil
	}
	switch {
	case p.edn && string(b) == "nil" || !p.edn && string(b) == "null":
		return slog.AnyValue(nil), nil
	case p.edn:
		return slog.StringValue(p.word(b)), nil
	}
	p.pos = start
	return slog.Value{}, p.wrong("%s is no value of JSON", sample(b))
}

// number reads an integer or a float. Integers that do not fit, and ratios, are their text, since values have to
// stay apart.
func number(b []byte, edn bool) (slog.Value, bool) {
	digits := b
	if b[0] == '-' || b[0] == '+' {
		digits = b[1:]
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' {
		return slog.Value{}, false
	}
	if n := len(b); edn && (b[n-1] == 'N' || b[n-1] == 'M') {
		b, digits = b[:n-1], digits[:len(digits)-1]
	}
	whole := true
	for _, c := range digits {
		whole = whole && '0' <= c && c <= '9'
	}
	if !whole {
		text := string(b)
		if over, under, ratio := strings.Cut(text, "/"); edn && ratio {
			_, bad := strconv.ParseInt(over, 10, 64)
			_, worse := strconv.ParseUint(under, 10, 64)
			return slog.StringValue(text), bad == nil && worse == nil
		}
		if strings.Trim(text, "+-0123456789.eE") != "" {
			return slog.Value{}, false
		}
		f, err := strconv.ParseFloat(text, 64)
		return slog.Float64Value(f), err == nil
	}
	if len(digits) > 1 && digits[0] == '0' {
		return slog.Value{}, false
	}
	if len(digits) < 19 {
		var n int64
		for _, c := range digits {
			n = 10*n + int64(c-'0')
		}
		if b[0] == '-' {
			n = -n
		}
		return slog.Int64Value(n), true
	}
	return wide(string(b)), true
}

// wide is a whole number of nineteen digits or more.
func wide(text string) slog.Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return slog.Int64Value(n)
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(text, "+"), 10, 64); err == nil {
		return slog.Uint64Value(n)
	}
	return slog.StringValue(text)
}

// quoted reads a string. What it gives is good until the text of the form is gone.
func (p *parser) quoted() ([]byte, error) {
	start := p.pos + 1
	for at := start; at < len(p.text); at++ {
		switch c := p.text[at]; {
		case c == '"':
			p.pos = at + 1
			return p.text[start:at], nil
		case c == '\\':
			return p.escaped(start, at)
		case c < ' ' && !p.edn:
			p.pos = at
			return nil, p.wrong("a string has a bare control character")
		}
	}
	return nil, p.wrong("a string has no end")
}

// escaped reads on from the first backslash of a string.
func (p *parser) escaped(start, at int) ([]byte, error) {
	b := bytes.Clone(p.text[start:at])
	for p.pos = at; p.pos < len(p.text); {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == '"':
			return b, nil
		case c != '\\':
			b = append(b, c)
			continue
		case p.pos == len(p.text):
			return nil, p.wrong("a string has no end")
		}
		c = p.text[p.pos]
		p.pos++
		if c == 'u' {
			r, err := p.unicode()
			if err != nil {
				return nil, err
			}
			b = utf8.AppendRune(b, r)
			continue
		}
		at := strings.IndexByte(`"\/bfnrt`, c)
		if at < 0 {
			return nil, p.wrong(`\%c means nothing in a string`, c)
		}
		b = append(b, "\"\\/\b\f\n\r\t"[at])
	}
	return nil, p.wrong("a string has no end")
}

// unicode reads the four digits of a \u, and those of its other half if it has one.
func (p *parser) unicode() (rune, error) {
	half := func() (rune, bool) {
		if p.pos+4 > len(p.text) {
			return 0, false
		}
		n, err := strconv.ParseUint(string(p.text[p.pos:p.pos+4]), 16, 16)
		p.pos += 4
		return rune(n), err == nil
	}
	r, ok := half()
	if !ok {
		return 0, p.wrong(`\u has four digits`)
	}
	if utf16.IsSurrogate(r) && bytes.HasPrefix(p.text[p.pos:], []byte(`\u`)) {
		before := p.pos
		p.pos += 2
		if low, ok := half(); ok {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				return whole, nil
			}
		}
		p.pos = before
	}
	return r, nil
}

// characters are those with names.
var characters = map[string]string{"newline": "\n", "space": " ", "tab": "\t", "return": "\r", "backspace": "\b", "formfeed": "\f"}

// character reads \a, \newline or \u0041.
func (p *parser) character() (slog.Value, error) {
	p.pos++
	_, size := utf8.DecodeRune(p.text[p.pos:])
	start := p.pos
	p.pos += size
	if size == 1 && !separates(p.text[start]) {
		p.atom()
	}
	name := string(p.text[start:p.pos])
	if is, known := characters[name]; known {
		return slog.StringValue(is), nil
	}
	if len(name) == 5 && name[0] == 'u' {
		if n, err := strconv.ParseUint(name[1:], 16, 16); err == nil {
			return slog.StringValue(string(rune(n))), nil
		}
	}
	if utf8.RuneCountInString(name) != 1 {
		return slog.Value{}, p.wrong(`\%s is no character`, name)
	}
	return slog.StringValue(name), nil
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

// Text is a value as a person reads it: as Jepsen writes it, but for the quotes and colons of words.
func Text(v slog.Value) string { return told(v.Resolve()) }

// told is a value as text.
func told(v slog.Value) string {
	switch v.Kind() {
	case slog.KindFloat64:
		return strconv.FormatFloat(v.Float64(), 'g', -1, 64)
	case slog.KindAny:
		switch a := v.Any().(type) {
		case nil:
			return "nil"
		case []any:
			words := make([]string, len(a))
			for i, element := range a {
				words[i] = told(slog.AnyValue(element))
			}
			return "[" + strings.Join(words, " ") + "]"
		case map[string]any:
			words := make([]string, 0, len(a))
			for _, key := range slices.Sorted(maps.Keys(a)) {
				words = append(words, key+" "+told(slog.AnyValue(a[key])))
			}
			return "{" + strings.Join(words, ", ") + "}"
		}
	}
	return v.String()
}

// whole is a value as a whole number, if it is one.
func whole(v slog.Value) (int64, bool) {
	switch v.Kind() {
	case slog.KindInt64:
		return v.Int64(), true
	case slog.KindFloat64:
		f := v.Float64()
		return int64(f), f == math.Trunc(f) && math.Abs(f) < 1<<53
	default:
		return 0, false
	}
}
