package evidence

import "log/slog"

// Text is a value as text, whatever its kind; histories that were read from files have other kinds than
// those that were recorded.
func Text(v slog.Value) string {
	if v.Kind() == slog.KindAny {
		switch a := v.Any().(type) {
		case nil:
			return ""
		case []byte:
			return string(a)
		}
	}
	return v.String()
}

// Truth says whether a value is a yes, in a history that was recorded or in one that was read from a file.
func Truth(v slog.Value) bool { return v.Kind() == slog.KindBool && v.Bool() || v.String() == "true" }

func read(attrs []slog.Attr, f func(key string, value slog.Value)) {
	for i := range attrs {
		f(attrs[i].Key, attrs[i].Value)
	}
}
