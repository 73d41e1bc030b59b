package jepsen

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"simrun/nodes/history"
)

// setup takes in a line about what the world looks like.
func (r *reading) setup(e *entry) error {
	v := values{e.attrs}
	switch e.f {
	case "run":
		r.h.Scenario, r.h.Seed = v.text("scenario"), v.text("seed")
		if end, said := v.find("end"); said {
			r.ended, r.h.End = true, duration(end)
		}
		r.options.Epsilon = max(r.options.Epsilon, v.time("epsilon"))
	case "host":
		r.h.Hosts = append(r.h.Hosts, history.Host{Name: e.node, Node: v.text("node"), Kind: v.text("kind"), Role: v.text("role"),
			Site: v.text("site"), Supplier: v.text("supplier"), Servers: v.words("servers")})
	case "phase":
		r.h.Phases = append(r.h.Phases, history.Phase{Name: v.text("phase"), From: v.time("from"), To: v.time("to"),
			Heal: v.truth("heal"), Load: v.truth("load")})
	case "fault":
		r.h.Faults = append(r.h.Faults, history.Fault{Verb: v.text("verb"), Target: v.text("target"), At: v.time("at"), For: v.time("for"),
			DrawnBy: v.text("drawn-by"), Armed: int(v.number("armed")), Fired: int(v.number("fired")), Effects: v.number("effects"),
			Windows: v.windows("windows")})
	default:
		return fmt.Errorf("the setup says %q; it is about the run, a host, a phase or a fault", e.f)
	}
	return nil
}

// weatherLine takes in a line about when something became worse, or well again.
func (r *reading) weatherLine(e *entry) error {
	v := values{e.attrs}
	at, known := r.weather[e.id]
	if verb, is := restored(e.f); is {
		switch {
		case !known:
			return fmt.Errorf("%s %d ends, but never began", verb, e.id)
		case at.down:
			r.h.Downs[at.of].To = e.time
		default:
			r.h.Impairments[at.of].End = e.time
		}
		return nil
	}
	if known {
		return fmt.Errorf("%s %d begins twice", e.f, e.id)
	}
	if e.f == "down" {
		r.weather[e.id] = weather{down: true, of: len(r.h.Downs)}
		r.h.Downs = append(r.h.Downs, history.Down{Host: e.node, Why: v.text("why"), From: e.time, To: history.Never, Unsynced: v.number("unsynced")})
		return nil
	}
	r.weather[e.id] = weather{of: len(r.h.Impairments)}
	loss, _ := v.find("loss")
	m := history.Impairment{Verb: e.f, From: v.words("from"), To: v.words("to"), Start: e.time, End: history.Never,
		Cut: v.truth("cut"), Delay: v.time("delay"), Clock: v.truth("clock")}
	switch loss.Kind() {
	case slog.KindFloat64:
		m.Loss = loss.Float64()
	case slog.KindInt64:
		m.Loss = float64(loss.Int64())
	}
	r.h.Impairments = append(r.h.Impairments, m)
	return nil
}

// sortWeather puts the weather in the order of its ids, as it was written.
func (r *reading) sortWeather() {
	var downs []history.Down
	var impairments []history.Impairment
	for _, id := range slices.Sorted(maps.Keys(r.weather)) {
		if at := r.weather[id]; at.down {
			downs = append(downs, r.h.Downs[at.of])
		} else {
			impairments = append(impairments, r.h.Impairments[at.of])
		}
	}
	r.h.Downs, r.h.Impairments = downs, impairments
}

// values are attributes that were read, by name.
type values struct{ attrs []slog.Attr }

func (v values) find(key string) (slog.Value, bool) {
	for _, attr := range v.attrs {
		if attr.Key == key {
			return attr.Value, true
		}
	}
	return slog.Value{}, false
}

func (v values) text(key string) string {
	if value, said := v.find(key); said && !isNil(value) {
		return told(value)
	}
	return ""
}

func (v values) number(key string) int64 {
	value, _ := v.find(key)
	n, _ := whole(value)
	return n
}

func (v values) time(key string) time.Duration { return time.Duration(v.number(key)) }

func duration(v slog.Value) time.Duration {
	n, _ := whole(v)
	return time.Duration(n)
}

func (v values) truth(key string) bool {
	value, _ := v.find(key)
	return value.Kind() == slog.KindBool && value.Bool()
}

// words is a list of text, nil if it is empty.
func (v values) words(key string) (words []string) {
	value, _ := v.find(key)
	all, _ := value.Any().([]any)
	for _, element := range all {
		words = append(words, told(slog.AnyValue(element)))
	}
	return words
}

// windows is a list of pairs of times.
func (v values) windows(key string) (windows []history.Window) {
	value, _ := v.find(key)
	all, _ := value.Any().([]any)
	for _, element := range all {
		pair, _ := element.([]any)
		if len(pair) == 2 {
			windows = append(windows, history.Window{From: duration(slog.AnyValue(pair[0])), To: duration(slog.AnyValue(pair[1]))})
		}
	}
	return windows
}
