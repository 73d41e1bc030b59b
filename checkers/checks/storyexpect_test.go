package checks

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/history"
)

var expectation = regexp.MustCompile(`^([\w.-]+)(?:\(([^)]*)\))?: (holds|violated|vacuous|censored|unknown)(?: ([\w-]+))?(?: "(.*)")?$`)

// expect asks a check, and holds its judgement against what the story says of it.
func (s *story) expect(text string) {
	s.expected++
	m := expectation.FindStringSubmatch(text)
	if m == nil {
		s.fail("%q is no expectation", text)
	}
	j := s.check(m[1], m[2]).Judge(s.gather())
	verdict, state := checkers.Verdict(m[3]), checkers.Decided
	if verdict == "vacuous" || verdict == "censored" {
		verdict, state = checkers.Unknown, checkers.State(m[3])
	}
	told := fmt.Sprintf("%s:%d: %s: %s %s %s: %s (%s)\n%s", s.file, s.line, m[1], j.Verdict, j.State, j.Anomaly, j.Reason, j.Figure, strings.Join(j.Story, "\n"))
	require.Equal(s.t, verdict, j.Verdict, told)
	require.Equal(s.t, state, j.State, told)
	if m[4] != "" {
		require.Equal(s.t, m[4], j.Anomaly, told)
	}
	if m[5] != "" {
		require.Equal(s.t, m[5], j.Figure, told)
	}
	requireSound(s.t, j)
}

// requireSound holds the invariants of every judgement.
func requireSound(t require.TestingT, j checkers.Judgement) {
	require.Contains(t, []checkers.Verdict{checkers.Holds, checkers.Violated, checkers.Unknown}, j.Verdict)
	if j.State != checkers.Decided {
		require.Equal(t, checkers.Unknown, j.Verdict, j)
	}
	if j.Verdict != checkers.Holds {
		require.NotEmpty(t, j.Reason, "%+v", j)
	}
	if j.Verdict == checkers.Violated {
		require.NotEmpty(t, j.Anomaly, "%+v", j)
		require.NotEmpty(t, j.Figure, "%+v", j)
		require.LessOrEqual(t, j.Window.From, j.Window.To, "%+v", j)
		require.LessOrEqual(t, len(j.Story), 41)
	}
}

func (s *story) gather() *evidence.Evidence {
	h := *s.h
	h.Operations = slices.Clone(s.h.Operations)
	slices.SortStableFunc(h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortStableFunc(h.Samples, func(a, b history.Sample) int { return cmp.Compare(a.At, b.At) })
	return evidence.Gather(&h)
}

// check makes a check with the options that stand in brackets.
func (s *story) check(name, options string) checkers.Check {
	i := slices.IndexFunc(All(), func(d checkers.Definition) bool { return d.Name == name })
	if i < 0 {
		s.fail("no check %q", name)
	}
	check := All()[i].New()
	for _, o := range strings.Split(options, ", ") {
		if key, value, ok := strings.Cut(o, "="); ok {
			s.set(reflect.ValueOf(check).Elem(), key, value)
		}
	}
	return check
}

func (s *story) set(v reflect.Value, key, value string) {
	field, ok := tagged(v, key)
	if !ok {
		s.fail("%s has no option %q", v.Type(), key)
	}
	switch field.Interface().(type) {
	case time.Duration:
		field.SetInt(int64(s.time(value)))
	case nodes.Percent:
		field.SetUint(uint64(s.number(strings.TrimSuffix(value, "%"))) * 10_000)
	case int:
		field.SetInt(int64(s.number(value)))
	case float64:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.fail("%v", err)
		}
		field.SetFloat(n)
	case bool:
		field.SetBool(value == "true")
	default:
		if field.Kind() != reflect.Slice {
			field.SetString(value)
			return
		}
		for word := range strings.SplitSeq(value, "+") {
			field.Set(reflect.Append(field, reflect.ValueOf(word).Convert(field.Type().Elem())))
		}
	}
}

func tagged(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		if tag == key {
			return v.Field(i), true
		}
		if tag == ",inline" {
			if f, ok := tagged(v.Field(i), key); ok {
				return f, true
			}
		}
	}
	return reflect.Value{}, false
}
