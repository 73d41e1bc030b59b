package decode

import (
	"cmp"
	"reflect"
	"strings"
	"time"

	"simrun/nodes"
)

// Description is what a person needs to know of a key.
type Description struct {
	Key      string
	Wants    string // "duration, range", or the words it may be
	Usual    string // what it is where nothing is said; "" where that is nothing
	Doc      string
	Required bool
}

// Describe lists the keys of the struct that p points to, which is filled with what is usual.
func Describe(p any) []Description { return describe(nil, "", reflect.ValueOf(p).Elem()) }

func describe(all []Description, prefix string, v reflect.Value) []Description {
	for i, tag := range tagsOf(v.Type()) {
		t, f := v.Type().Field(i), v.Field(i)
		switch {
		case tag.inline:
			all = describe(all, prefix, f)
		case !tag.told():
		default:
			wants := cmp.Or(t.Tag.Get("wants"), wants(f))
			d := Description{Key: prefix + tag.key, Wants: wants, Doc: t.Tag.Get("doc"), Required: tag.rules.Required}
			if !f.IsZero() && wants != "" && wants != "mapping" {
				d.Usual = encodeValue(f)
			}
			all = append(all, d)
			if wants == "mapping" && t.Tag.Get("wants") == "" {
				if f.Kind() == reflect.Pointer {
					f = reflect.New(f.Type().Elem()).Elem()
				}
				all = describe(all, prefix+tag.key+".", f)
			}
		}
	}
	return all
}

// Wanting is implemented by types that say themselves what they want.
type Wanting interface{ Wants() string }

// wants says what a field may be told.
func wants(v reflect.Value) string {
	switch x := reflect.New(v.Type()).Interface().(type) {
	case Wanting:
		return x.Wants()
	case *nodes.Spread:
		return "duration, range"
	case *time.Duration:
		return "duration"
	case *nodes.Percent:
		return "share"
	case *nodes.Bytes:
		return "size"
	case *nodes.NodeName:
		return "node"
	case nodes.Enum:
		return strings.Join(x.Values(), ", ")
	}
	switch v.Kind() {
	case reflect.Bool:
		return "yes or no"
	case reflect.Slice:
		of := wants(reflect.New(v.Type().Elem()).Elem())
		if of == "mapping" || of == "" {
			return "list"
		}
		return "list: " + of
	case reflect.Pointer:
		return wants(reflect.New(v.Type().Elem()).Elem())
	case reflect.Struct:
		return "mapping"
	case reflect.String:
		return "text"
	case reflect.Float64:
		return "number"
	default:
		return "whole number"
	}
}

// Wants says so for the reference.
func (r Range[T]) Wants() string { return wants(reflect.ValueOf(r.Lo)) + ", range" }

// Wants says so for the reference.
func (c Choice[E]) Wants() string {
	var e E
	return strings.Join(e.Values(), ", ") + "; or a list of these"
}
