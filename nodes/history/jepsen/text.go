package jepsen

import (
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

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
