package checks

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"simrun/nodes/history"
)

// data is the lines of stories about data, besides reads and writes.
//
//	1s cas c x=4 old=3 -> ok +5ms version=2
//	1s remove c x=4 -> ok +5ms               of a set
//	1s digest c server=a key=x -> ok +5ms value=v
//	1s send c p0=v key=k -> ok +5ms offset=7
//	1s poll c -> ok +5ms p0/7=v p1/0=w       with rebalance, after one
//	1s subscribe c -> ok +5ms
//	1s txn c append x 1, r x [1 2], r y -> ok +5ms      what was read is known where it was answered
//	1s txn c send p0 v, poll -> ok +5ms send p0 7 v, poll p0/3=u
func (s *story) data(in, out []string) bool {
	switch in[0] {
	case "cas":
		key, value, _ := strings.Cut(in[2], "=")
		s.answer(in, out, nil, slog.String("key", key), slog.String("new", value), slog.String("old", option(in, "old")))
	case "remove":
		key, value, _ := strings.Cut(in[2], "=")
		s.answer(in, out, nil, slog.String("key", key), slog.String("value", value))
	case "digest":
		var attrs []slog.Attr
		for _, w := range in[2:] {
			name, value, _ := strings.Cut(w, "=")
			attrs = append(attrs, slog.String(name, value))
		}
		s.answer(in, out, nil, attrs...)
	case "send":
		partition, value, _ := strings.Cut(in[2], "=")
		attrs := []slog.Attr{slog.String("partition", partition), slog.Any("value", scalar(value))}
		if key := option(in, "key"); key != "" {
			attrs = append(attrs, slog.String("key", key))
		}
		s.answer(in, out, nil, attrs...)
	case "subscribe":
		s.answer(in, out, nil)
	case "poll":
		o := s.answer(in, out, []slog.Attr{history.Records(records(out)...)})
		if slices.Contains(out, "rebalance") {
			o.Notes = []history.Note{{At: o.Call, Name: "rebalance"}}
		}
	case "txn":
		asked, told := steps(in[2:]), steps(in[2:])
		if len(out) > 2 {
			told = steps(out[2:])
		}
		for i := range asked {
			if asked[i].F != "append" && asked[i].F != "send" {
				asked[i].Value = nil
			}
		}
		s.answer(in, out[:min(2, len(out))], []slog.Attr{history.Steps(told...)}, history.Steps(asked...))
	default:
		return false
	}
	return true
}

// answer adds an operation, with what its outcome tells if it is ok.
func (s *story) answer(in, out []string, told []slog.Attr, attrs ...slog.Attr) *history.Operation {
	o := s.open(in[1], in[0], nil, attrs...)
	s.close(o, out)
	if o.Outcome == history.Ok {
		o.Out = append(o.Out, told...)
		for _, name := range []string{"value", "version", "offset"} {
			if v := option(out, name); v != "" {
				o.Out = append(o.Out, slog.Any(name, scalar(v)))
			}
		}
	}
	return o
}

func scalar(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}

// records reads p0/7=v.
func records(words []string) (found []history.Record) {
	for _, w := range words {
		at, value, _ := strings.Cut(w, "=")
		partition, offset, is := strings.Cut(at, "/")
		if n, err := strconv.ParseInt(offset, 10, 64); is && err == nil {
			found = append(found, history.Record{Partition: partition, Offset: n, Value: scalar(value)})
		}
	}
	return found
}

// steps reads "append x 1, r x [1 2], send p0 7 v, poll p0/3=u".
func steps(words []string) (found []history.Step) {
	for one := range strings.SplitSeq(strings.Join(words, " "), ",") {
		w := strings.Fields(one)
		step := history.Step{F: w[0]}
		switch w[0] {
		case "append":
			step.Key, step.Value = w[1], scalar(w[2])
		case "r":
			list := []any{}
			for _, element := range w[2:] {
				if element = strings.Trim(element, "[]"); element != "" {
					list = append(list, scalar(element))
				}
			}
			step.Key, step.Value = w[1], list
		case "send":
			step.Key, step.Value = w[1], scalar(w[len(w)-1])
			if len(w) == 4 {
				step.Value = []any{scalar(w[2]), scalar(w[3])}
			}
		case "poll":
			step = history.Poll(records(w[1:])...)
		}
		found = append(found, step)
	}
	return found
}
