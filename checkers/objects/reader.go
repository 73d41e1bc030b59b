package objects

import (
	"fmt"
	"log/slog"

	"simrun/checkers/linear"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Reader makes numbers of what a history has: hosts and values. A whole number is a value as it is.
type Reader struct {
	hosts   map[string]int32
	numbers map[word]linear.Value
	texts   []word
	Problem string // what it could not read, first
	mute    bool   // the operation says nothing
}

// word is a value that is no whole number, as a text.
type word struct {
	kind slog.Kind
	text string
}

// firstText is the first number that stands for a text. Whole numbers from there on count as texts.
const firstText = 1 << 62

func NewReader() *Reader { return &Reader{hosts: map[string]int32{}, numbers: map[word]linear.Value{}} }

func (r *Reader) Span(o *history.Operation) linear.Span {
	if o.Outcome == history.Ok && (o.Return < o.Call || o.Return == history.Never) {
		r.Fail("it was called at %s and answered at %s", o.Call, o.Return)
	}
	client, known := r.hosts[o.Host]
	if !known {
		client = int32(len(r.hosts))
		r.hosts[o.Host] = client
	}
	return linear.Span{ID: o.ID, Client: client, Outcome: o.Outcome, Call: o.Call, Return: o.Return}
}

// Fail notes that the operation cannot be read.
func (r *Reader) Fail(problem string, args ...any) {
	if r.Problem == "" {
		r.Problem = fmt.Sprintf(problem, args...)
	}
}

// Whole is a whole number that the operation must have.
func (r *Reader) Whole(v slog.Value, name string) int64 {
	if v.Kind() != slog.KindInt64 {
		r.Fail("its %s is no whole number: %v", name, v)
		return 0
	}
	return v.Int64()
}

func IsNil(v slog.Value) bool { return v.Kind() == slog.KindAny && v.Any() == nil }

// Value is the number that stands for a value.
func (r *Reader) Value(v slog.Value) linear.Value {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindInt64:
		if n := v.Int64(); -firstText < n && n < firstText {
			return linear.Value(n)
		}
	case slog.KindAny:
		if IsNil(v) {
			return linear.Nil
		}
	}
	t := word{v.Kind(), v.String()}
	n, known := r.numbers[t]
	if !known {
		n = firstText + linear.Value(len(r.texts))
		r.numbers[t], r.texts = n, append(r.texts, t)
	}
	return n
}

// name is the value that a number stands for.
func (r *Reader) name(v linear.Value) string {
	if v < firstText {
		return fmt.Sprint(int64(v))
	}
	return wording.Short(r.texts[v-firstText].text)
}

func (r *Reader) options(o Options) linear.Options {
	to := linear.Options{States: o.States, Bytes: o.Bytes, Name: r.name}
	if o.Initial != nil {
		v := r.Value(slog.AnyValue(o.Initial))
		to.Initial = &v
	}
	return to
}

// Spell is what a number stands for.
func (r *Reader) Spell(v linear.Value) string {
	if v == linear.Nil {
		return "nothing"
	}
	return r.name(v)
}

// Session is the number of a session.
func (r *Reader) Session(name string) int32 {
	n, known := r.hosts[name]
	if !known {
		n = int32(len(r.hosts))
		r.hosts[name] = n
	}
	return n
}

// Unswapped says whether the operation is a compare-and-set that found another value, and so wrote nothing.
func Unswapped(o *history.Operation) bool {
	swapped := o.Output("swapped")
	return o.Kind == "cas" && o.Outcome == history.Ok && swapped.Kind() == slog.KindBool && !swapped.Bool()
}
