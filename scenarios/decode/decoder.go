package decode

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"simrun/nodes"
)

// Decoder reads nodes into Go values and collects what is wrong with them.
type Decoder struct {
	Problems *Problems
	// References are the names that were read and that only somebody else can look up: those of nodes
	// (type nodes.NodeName) and those of fields tagged `refers:"what"`.
	References []Reference
	// Names says what strings of a type name, as the tag does.
	Names map[reflect.Type]string
	// Luck settles what is left open, a range or a list where a single value is wanted. Only fields tagged open
	// may be, or with Open all. Opened is what was.
	Luck   Luck
	Open   bool
	Opened []Opened
}

// Reference is a name that was read and not looked up.
type Reference struct {
	To   string // "node", or what the tag says
	Name string
	At   *Node
	Path string
}

// Decodable is a type that reads itself from a node.
type Decodable interface {
	DecodeNode(d *Decoder, n *Node, path string, rules Rules)
}

// Rules is what a struct's tags demand of a field.
//
// The tag `yaml:"key,required,signed,open"` names the key; a required one must be there, a signed duration may be
// negative, an open value may be a range or a list, of which one is drawn. Tags min and max bound numbers, and are written as the file would write them: `min:"1"`,
// `max:"5m"`. The tag refers says what a string names.
type Rules struct {
	Required bool
	Signed   bool
	Open     bool
	Min, Max string
	Refers   string
}

// tag is what the tag of a struct's field says.
type tag struct {
	key    string
	rules  Rules
	inline bool // its fields are told as the struct's own
}

func (t tag) told() bool { return t.key != "" && t.key != "-" }

// tags of structs are read once, for a shrink reads thousands of plans.
var tags sync.Map // []tag by reflect.Type

// tagsOf are the tags of a struct's fields, in order.
func tagsOf(t reflect.Type) []tag {
	if known, ok := tags.Load(t); ok {
		return known.([]tag)
	}
	all := make([]tag, t.NumField())
	for i := range all {
		all[i] = readTag(t.Field(i))
	}
	tags.Store(t, all)
	return all
}

func readTag(f reflect.StructField) (t tag) {
	words := strings.Split(f.Tag.Get("yaml"), ",")
	for _, w := range words[1:] {
		switch w {
		case "required":
			t.rules.Required = true
		case "signed":
			t.rules.Signed = true
		case "open":
			t.rules.Open = true
		case "inline":
			t.inline = true
		}
	}
	t.rules.Min, t.rules.Max, t.rules.Refers = f.Tag.Get("min"), f.Tag.Get("max"), f.Tag.Get("refers")
	t.key = words[0]
	return t
}

// hold says what is wrong with the quantity that p points to.
func (r Rules) hold(p any, text string) error {
	v := reflect.ValueOf(p).Elem()
	if v.Type() == reflect.TypeFor[time.Duration]() && v.Int() < 0 && !r.Signed {
		return fmt.Errorf("%s is less than nothing", Brief(text))
	}
	for _, bound := range []struct {
		text, what string
		wrong      int
	}{{r.Min, "at least", -1}, {r.Max, "at most", +1}} {
		if bound.text == "" {
			continue
		}
		limit := reflect.New(v.Type())
		if err := parseInto(limit.Interface(), bound.text); err != nil {
			panic(fmt.Sprintf("decode: the bound %q of a %s: %v", bound.text, v.Type(), err))
		}
		if compare(v, limit.Elem()) == bound.wrong {
			return fmt.Errorf("%s is out of bounds; it must be %s %s", Brief(text), bound.what, bound.text)
		}
	}
	return nil
}

func compare(a, b reflect.Value) int {
	if a.CanUint() {
		return cmp.Compare(a.Uint(), b.Uint())
	}
	return cmp.Compare(a.Int(), b.Int())
}

// Fail collects a problem at a node.
func (d *Decoder) Fail(n *Node, path, format string, args ...any) {
	d.Problems.Add(n.Problem(path, fmt.Sprintf(format, args...), ""))
}

// Hint collects a problem at a node, with a hint.
func (d *Decoder) Hint(n *Node, path, hint, format string, args ...any) {
	d.Problems.Add(n.Problem(path, fmt.Sprintf(format, args...), hint))
}

// field is a place of a struct that a key fills.
type field struct {
	key   string
	rules Rules
	into  reflect.Value
}

// fieldsOf lists what the struct that p points to can be told, embedded structs included.
func fieldsOf(p any) []field { return structFields(reflect.ValueOf(p).Elem(), nil) }

func structFields(v reflect.Value, fields []field) []field {
	for i, tag := range tagsOf(v.Type()) {
		switch {
		case tag.inline:
			fields = structFields(v.Field(i), fields)
		case tag.told():
			fields = append(fields, field{tag.key, tag.rules, v.Field(i)})
		}
	}
	return fields
}

// Keys are the keys that the structs pointed to can be told.
func Keys(into ...any) []string {
	var keys []string
	for _, p := range into {
		for _, f := range fieldsOf(p) {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// Struct reads a map into one or more structs, each of which takes the keys that it knows. Keys that none
// knows go to other, if it is not nil and says that it took them; else they are problems. A struct that has a
// method Validate() error is asked once it is filled without a problem; an error that begins with a key and a
// colon is told at that key.
func (d *Decoder) Struct(n *Node, path string, other func(Field) bool, into ...any) bool {
	before := len(*d.Problems)
	if n.Kind != Map {
		d.Fail(n, path, "this must be a mapping such as {key: value}")
		return false
	}
	var fields []field
	for _, p := range into {
		fields = append(fields, fieldsOf(p)...)
	}
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	said := map[string]bool{} // or meant
	for _, f := range n.Fields {
		i := slices.Index(keys, f.Key)
		if i >= 0 {
			said[f.Key] = true
			d.value(f.Value, join(path, f.Key), fields[i].into, fields[i].rules)
			continue
		}
		if other != nil && other(f) {
			continue
		}
		said[Nearest(f.Key, keys)] = true
		d.NoSuchKey(f, path, keys)
	}
	for _, f := range fields {
		if f.rules.Required && !said[f.key] {
			d.Fail(n, path, "%q is missing", f.key)
		}
	}
	if len(*d.Problems) > before {
		return false
	}
	for _, p := range into {
		if v, ok := p.(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				d.invalid(n, path, err, p)
			}
		}
	}
	return len(*d.Problems) == before
}

// invalid collects what a struct has against itself. If the error begins with one of its keys and a colon, it is
// about that key's value.
func (d *Decoder) invalid(n *Node, path string, err error, p any) {
	what := err.Error()
	if key, about, ok := strings.Cut(what, ": "); ok && slices.Contains(Keys(p), key) {
		if value := n.Field(key); value != nil {
			n = value
		}
		path, what = join(path, key), about
	}
	d.Fail(n, path, "%s", what)
}

// NoSuchKey collects a key that is not known.
func (d *Decoder) NoSuchKey(f Field, path string, known []string) {
	d.Hint(f.At, path, Suggest(f.Key, known), "no such key %q", Brief(f.Key))
}

// Value reads a node into what p points to.
func (d *Decoder) Value(n *Node, path string, p any, rules Rules) bool {
	before := len(*d.Problems)
	d.value(n, path, reflect.ValueOf(p).Elem(), rules)
	return len(*d.Problems) == before
}

func (d *Decoder) value(n *Node, path string, v reflect.Value, rules Rules) {
	if n.Null() {
		d.Fail(n, path, "a value is missing here")
		return
	}
	if !d.settled(n, path, v, rules) {
		d.single(n, path, v, rules)
	}
}

// single reads a value that is not left open.
func (d *Decoder) single(n *Node, path string, v reflect.Value, rules Rules) {
	switch p := v.Addr().Interface().(type) {
	case Decodable:
		p.DecodeNode(d, n, path, rules)
	case *nodes.Spread:
		d.decodeSpread(n, path, p, rules)
	case *time.Duration, *nodes.Percent, *nodes.Bytes, *int, TextParser:
		d.quantity(n, path, p, rules)
	case *nodes.NodeName:
		if d.scalar(n, path) {
			*p = nodes.NodeName(n.Text)
			d.References = append(d.References, Reference{"node", n.Text, n, path})
		}
	case nodes.Enum:
		if d.scalar(n, path) && d.enum(n, path, p.Values()) {
			v.SetString(n.Text)
		}
	case encoding.TextUnmarshaler:
		if d.scalar(n, path) {
			if err := p.UnmarshalText([]byte(n.Text)); err != nil {
				d.Fail(n, path, "%s", err)
			}
		}
	default:
		d.byKind(n, path, v, rules)
	}
}

func (d *Decoder) byKind(n *Node, path string, v reflect.Value, rules Rules) {
	switch v.Kind() {
	case reflect.Struct:
		d.Struct(n, path, nil, v.Addr().Interface())
	case reflect.Slice:
		items := []*Node{n}
		if n.Kind == List {
			items = d.items(n, path)
		}
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			at := path
			if n.Kind == List {
				at = index(path, i)
			}
			d.value(item, at, v.Index(i), rules)
		}
		dropNil(v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem(), rules)
	case reflect.String:
		if d.scalar(n, path) {
			v.SetString(n.Text)
			if to := cmp.Or(rules.Refers, d.Names[v.Type()]); to != "" {
				d.References = append(d.References, Reference{to, n.Text, n, path})
			}
		}
	default:
		d.basic(n, path, v, rules)
	}
}

// dropNil takes out of a slice of pointers what could not be read at all.
func dropNil(v reflect.Value) {
	if v.Type().Elem().Kind() != reflect.Pointer {
		return
	}
	n := 0
	for i := range v.Len() {
		if !v.Index(i).IsNil() {
			v.Index(n).Set(v.Index(i))
			n++
		}
	}
	v.SetLen(n)
}

func (d *Decoder) basic(n *Node, path string, v reflect.Value, rules Rules) {
	if !d.scalar(n, path) {
		return
	}
	var err error
	switch v.Kind() {
	case reflect.Bool:
		var b bool
		b, err = parseBool(n.Text)
		v.SetBool(b)
	case reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		var i int64
		if i, err = parseInt(n.Text); err == nil && v.OverflowInt(i) {
			err = fmt.Errorf("%s is too large", Brief(n.Text))
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		var u uint64
		if u, err = strconv.ParseUint(n.Text, 10, 64); err != nil {
			err = NotA(n.Text, "a whole number")
		} else if v.OverflowUint(u) {
			err = fmt.Errorf("%s is too large", Brief(n.Text))
		}
		v.SetUint(u)
	case reflect.Float64:
		var x float64
		x, err = parseFloat(n.Text)
		v.SetFloat(x)
	default:
		panic(fmt.Sprintf("decode: a configuration holds a %s (%s), which no file can say", v.Type(), path))
	}
	if err != nil {
		d.Fail(n, path, "%s", err)
	}
}

// scalar says whether the node is a single value, and complains if it is not.
func (d *Decoder) scalar(n *Node, path string) bool {
	switch {
	case n.Kind == Map:
		d.Fail(n, path, "a single value is wanted here, not a mapping")
	case n.Kind == List:
		d.Fail(n, path, "a single value is wanted here, not a list")
	case n.Null():
		d.Fail(n, path, "a value is missing here")
	default:
		return true
	}
	return false
}

// items are the items of a list, which must not be empty.
func (d *Decoder) items(n *Node, path string) []*Node {
	if len(n.Items) == 0 {
		d.Fail(n, path, "this list is empty")
	}
	return n.Items
}

func (d *Decoder) enum(n *Node, path string, values []string) bool {
	if slices.Contains(values, n.Text) {
		return true
	}
	d.Hint(n, path, Suggest(n.Text, values), "no such word %q", Brief(n.Text))
	return false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
