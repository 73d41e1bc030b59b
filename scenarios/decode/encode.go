package decode

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
)

// Pair is a key and its value as a file writes it.
type Pair struct{ Key, Value string }

// Encode writes what a struct says as the pairs of a mapping: fields that are as in usual, a struct of the
// same type, are left out; with usual nil, those that are zero. The values read back by Struct.
func Encode(p, usual any) []Pair {
	v := reflect.ValueOf(p).Elem()
	base := reflect.Zero(v.Type())
	if usual != nil {
		base = reflect.ValueOf(usual).Elem()
	}
	return encodeFields(nil, v, base)
}

func encodeFields(pairs []Pair, v, base reflect.Value) []Pair {
	for i, tag := range tagsOf(v.Type()) {
		f, b := v.Field(i), base.Field(i)
		switch {
		case tag.inline:
			pairs = encodeFields(pairs, f, b)
		case !tag.told() || reflect.DeepEqual(f.Interface(), b.Interface()):
		case f.Kind() == reflect.Slice && f.Len() == 0 || f.Kind() == reflect.Pointer && f.IsNil():
		default:
			pairs = append(pairs, Pair{tag.key, encodeValue(f)})
		}
	}
	return pairs
}

// encodeValue writes a value in YAML's one-line form.
func encodeValue(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return nodes.Short(x)
	case fmt.Stringer: // quantities, ranges and choices, whose words need no quotes
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return encodeValue(v.Elem())
	case reflect.Slice:
		words := make([]string, v.Len())
		for i := range words {
			words[i] = encodeValue(v.Index(i))
		}
		return "[" + strings.Join(words, ", ") + "]"
	case reflect.Struct:
		return Flow(encodeFields(nil, v, reflect.Zero(v.Type())))
	case reflect.String:
		return Quote(v.String())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	default:
		return fmt.Sprint(v.Interface())
	}
}

// Flow writes pairs as a mapping in one line.
func Flow(pairs []Pair) string {
	words := make([]string, len(pairs))
	for i, p := range pairs {
		words[i] = Quote(p.Key) + ": " + p.Value
	}
	return "{" + strings.Join(words, ", ") + "}"
}
