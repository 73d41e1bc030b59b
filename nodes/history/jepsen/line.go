// Package jepsen answers how a history stands in a file: in the form of Jepsen's operations, a line for each
// invocation and a line for each completion, as JSON for the histories of this project and as Jepsen's own EDN
// (https://github.com/jepsen-io/history) for those of others.
//
// A file of this project is a JSON object a line. An operation is two of them, of one id: one of type "invoke", and one
// of type "ok", "fail" or, where it may have happened, "info". One that never ended has the first alone. Between
// them stand, each under a type of its own, the "note" of an operation (with its id) or of a host, the "gauge" of a
// host with its new value, and "sometimes", a rare event. What the world looks like (the run, its hosts, its phases,
// the ledger of its faults) is said first, by the process "setup", and the weather by the process "nemesis": a line
// when it begins and one, of the same id, when it ends. Times are nanoseconds.
package jepsen

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"simrun/nodes/history"
)

// The types of lines.
const (
	Invoke    = "invoke"
	Ok        = "ok"
	Fail      = "fail"
	Info      = "info"
	Gauge     = "gauge"
	Sometimes = "sometimes"
	Note      = "note"
)

// Processes that undertake no operation, beside those of clients, which count from 0.
const (
	Nobody  = -1 // gauges, notes and events belong to a host
	Setup   = -2
	Nemesis = -3
)

// Line is one line of a file as this project writes it.
type Line struct {
	Index   int
	Time    history.Time
	Type    string
	Process int
	F       string      // the kind of an operation, the name of anything else
	Value   []slog.Attr // a name given twice counts once, the first
	Node    string
	ID      uint64
	Parent  uint64
	Request uint64
	Error   string
}

// Append writes the line, with its end, to b.
func (l *Line) Append(b []byte) []byte {
	b = append(b, `{"index":`...)
	b = strconv.AppendInt(b, int64(l.Index), 10)
	b = append(b, `,"time":`...)
	b = strconv.AppendInt(b, int64(l.Time), 10)
	b = append(b, `,"type":`...)
	b = appendText(b, l.Type)
	switch l.Process {
	case Nobody:
	case Setup:
		b = append(b, `,"process":"setup"`...)
	case Nemesis:
		b = append(b, `,"process":"nemesis"`...)
	default:
		b = append(b, `,"process":`...)
		b = strconv.AppendInt(b, int64(l.Process), 10)
	}
	b = append(b, `,"f":`...)
	b = appendText(b, l.F)
	if len(l.Value) > 0 {
		b = append(b, `,"value":`...)
		b = appendAttrs(b, l.Value)
	}
	b = appendWord(b, `,"node":`, l.Node)
	b = appendNumber(b, `,"id":`, l.ID)
	b = appendNumber(b, `,"parent":`, l.Parent)
	b = appendNumber(b, `,"request":`, l.Request)
	b = appendWord(b, `,"error":`, l.Error)
	return append(b, "}\n"...)
}

func appendWord(b []byte, key, word string) []byte {
	if word == "" {
		return b
	}
	return appendText(append(b, key...), word)
}

func appendNumber(b []byte, key string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, key...), n, 10)
}

// bytesKey is the key of an object that stands for bytes which are no text, in base64.
const bytesKey = "#bytes"

// appendAttrs writes attributes as an object in their own order. A value alone, which is how Jepsen's own operations
// have it, stands bare.
func appendAttrs(b []byte, attrs []slog.Attr) []byte {
	if len(attrs) == 1 && attrs[0].Key == "value" {
		bare := len(b)
		if b = appendValue(b, attrs[0].Value.Resolve()); b[bare] != '{' {
			return b
		}
		b = b[:bare]
	}
	return appendObject(b, attrs)
}

func appendObject(b []byte, attrs []slog.Attr) []byte {
	b = append(b, '{')
	for i, attr := range attrs {
		if slices.ContainsFunc(attrs[:i], func(before slog.Attr) bool { return before.Key == attr.Key }) {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, attr.Key), ':')
		b = appendValue(b, attr.Value.Resolve())
	}
	return append(b, '}')
}

// appendValue writes a value as JSON knows values: a duration is its nanoseconds, a group an object, an error its text.
func appendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendBytes(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		return appendFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(b, int64(v.Duration()), 10)
	case slog.KindTime:
		return appendText(b, v.Time().Format(time.RFC3339Nano))
	case slog.KindGroup:
		return appendObject(b, v.Group())
	default:
		return appendAny(b, v.Any())
	}
}

func appendAny(b []byte, a any) []byte {
	switch x := a.(type) {
	case nil:
		return append(b, "null"...)
	case []byte:
		return appendBytes(b, string(x))
	case []any:
		b = append(b, '[')
		for i, element := range x {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, slog.AnyValue(element).Resolve())
		}
		return append(b, ']')
	case json.Marshaler, encoding.TextMarshaler:
	case error:
		return appendBytes(b, x.Error())
	case fmt.Stringer:
		return appendBytes(b, x.String())
	}
	text, err := json.Marshal(a)
	if err != nil {
		return appendBytes(b, fmt.Sprintf("%+v", a)) // a channel, a cycle, a function
	}
	return append(b, text...)
}

// appendFloat writes a number so that it is read as a float again; what JSON has no number for is text.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendText(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !slices.ContainsFunc(b[start:], func(c byte) bool { return c == '.' || c == 'e' }) {
		b = append(b, ".0"...)
	}
	return b
}

// appendBytes writes a string, also one that is no text.
func appendBytes(b []byte, s string) []byte {
	if utf8.ValidString(s) {
		return appendText(b, s)
	}
	b = append(b, `{"`+bytesKey+`":"`...)
	b = base64.StdEncoding.AppendEncode(b, []byte(s))
	return append(b, `"}`...)
}

// appendText writes a string; what is no text in it is replaced.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
