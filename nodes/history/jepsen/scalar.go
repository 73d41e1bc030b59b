package jepsen

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

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
