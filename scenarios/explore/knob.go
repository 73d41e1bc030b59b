package explore

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
)

// knob is one thing that a node or an operation can be told: a field of its configuration.
type knob struct {
	key  string // as a scenario writes it
	path []int
}

// knobs are those that are turned away from what is usual.
func knobs(config, usual any) (turned []knob) {
	var walk func(v, base reflect.Value, path []int)
	walk = func(v, base reflect.Value, path []int) {
		if v.Kind() != reflect.Struct {
			return
		}
		for i := range v.NumField() {
			key, rest, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			at := append(slices.Clone(path), i)
			switch {
			case strings.Contains(rest, "inline"):
				walk(v.Field(i), base.Field(i), at)
			case key != "" && key != "-" && !reflect.DeepEqual(v.Field(i).Interface(), base.Field(i).Interface()):
				turned = append(turned, knob{key, at})
			}
		}
	}
	walk(reflect.ValueOf(config).Elem(), reflect.ValueOf(usual).Elem(), nil)
	return turned
}

// of is what the knob is turned to.
func (k knob) of(config any) reflect.Value {
	return reflect.ValueOf(config).Elem().FieldByIndex(k.path)
}

// set is the configuration with the knob turned to that.
func (k knob) set(config, value any) any {
	to := reflect.New(reflect.TypeOf(config).Elem())
	to.Elem().Set(reflect.ValueOf(config).Elem())
	to.Elem().FieldByIndex(k.path).Set(reflect.ValueOf(value))
	return to.Interface()
}

// plainer are configurations that say less than that one: everything as usual that may be, then each thing by
// itself. What the claim speaks of may not, nor whom a node talks to; nor may a time get longer, or end
// altogether: somebody may have to recover in it.
func plainer(config, usual any, claimed map[string]bool) (all []any) {
	plain, turns := config, 0
	for _, k := range knobs(config, usual) {
		if claimed[k.key] {
			continue
		}
		to := k.of(usual).Interface()
		switch was := k.of(config).Interface().(type) {
		case []nodes.NodeName, nodes.NodeName:
			continue
		case time.Duration:
			if u := to.(time.Duration); u <= 0 || u > was {
				continue
			}
		case nodes.Spread:
			if u := to.(nodes.Spread); u.Max() > was.Max() {
				to = steady(was)
			} else if even := steady(was); even.String() != was.String() {
				all = append(all, k.set(config, even))
			}
			if to.(nodes.Spread).String() == was.String() {
				continue
			}
		}
		all = append(all, k.set(config, to))
		plain = k.set(plain, to)
		turns++
	}
	if turns > 1 {
		all = slices.Insert(all, 0, plain)
	}
	return all
}

// steady is always the same time: the least of a spread, in a digit that people read, or the mean where it has no least.
func steady(s nodes.Spread) nodes.Spread {
	switch {
	case len(s.Choices) > 0:
		return nodes.Exactly(readableTime(slices.Min(s.Choices), 2))
	case s.Mean > 0:
		return nodes.Exactly(readableTime(s.Mean, 1))
	default:
		return nodes.Exactly(readableTime(s.Lo, 2))
	}
}
