package data

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/linear"
	"simrun/checkers/objects"
	"simrun/checkers/replicas"
	"simrun/checkers/weather"
	"simrun/nodes/history"
)

// accesses is what clients did to keys, as checks of replicated data read it:
//
//	read key -> value version        nothing where there is no value
//	write key value -> version
//	cas key old new -> version       a write of new; if it says swapped=false, a read -> value version
//	delete key -> version
//	add key value, remove key value  of a set; read key -> a list of its values
//
// A key may be left out where there is but one, and a version where the store tells none.
type accesses struct {
	*objects.Reader
	values   []replicas.Access
	elements []replicas.Access // of sets: each a key of its own
	err      error
}

// accessed is the accesses of the run, read once.
func accessed(e *evidence.Evidence) *accesses { return evidence.Shared(e, readAccesses) }

func readAccesses(e *evidence.Evidence) *accesses {
	a := &accesses{Reader: objects.NewReader()}
	sessions := sessionsOf(e)
	for _, o := range e.Operations {
		span := a.Span(o)
		span.Client = a.Session(sessions(o))
		if a.take(o, span); a.Problem != "" {
			a.err = &checkers.BadOperation{Operation: o, Problem: a.Problem}
			break
		}
	}
	return a
}

// sessionsOf names the session of an operation: its host, in one of its lives, for a client that dies forgets what it knew.
func sessionsOf(e *evidence.Evidence) func(o *history.Operation) string {
	deaths := weather.Deaths(e.History)
	return func(o *history.Operation) string {
		life, _ := slices.BinarySearch(deaths[o.Host], o.Call+1)
		return fmt.Sprint(o.Host, " ", life)
	}
}

// take reads an operation; one of another kind is none.
func (a *accesses) take(o *history.Operation, span linear.Span) {
	key := o.Input("key")
	if objects.IsNil(key) {
		key = slog.StringValue("the only key")
	}
	access := replicas.Access{Span: span, Key: a.Value(key), Value: linear.Nil}
	switch o.Kind {
	case "read":
		if list, is := elements(o.Output("value")); is {
			for _, v := range list {
				access.Key, access.Value = a.element(key, slog.AnyValue(v))
				a.elements = append(a.elements, access)
			}
			return
		}
		access.Value = a.Value(o.Output("value"))
	case "write":
		access.Kind, access.Value = replicas.Write, a.Value(o.Input("value"))
	case "cas":
		if objects.Unswapped(o) {
			access.Value = a.Value(o.Output("value"))
			break
		}
		access.Kind, access.Value = replicas.Write, a.Value(o.Input("new"))
	case "delete":
		access.Kind = replicas.Delete
	case "add", "remove":
		access.Kind = replicas.Write
		access.Key, access.Value = a.element(key, o.Input("value"))
		if o.Kind == "remove" {
			access.Kind, access.Value = replicas.Delete, linear.Nil
		}
		a.elements = append(a.elements, access)
		return
	default:
		return
	}
	if o.Outcome == history.Ok {
		access.Version, access.Told = versionOf(o)
	}
	a.values = append(a.values, access)
}

// elements is a value's own, if it is a list.
func elements(v slog.Value) (list []any, is bool) {
	switch all := v.Any().(type) {
	case []any:
		return all, true
	case []string:
		for _, one := range all {
			list = append(list, one)
		}
		return list, true
	}
	return nil, false
}

// element is a value of a set as a key of its own, and as a value.
func (a *accesses) element(set, v slog.Value) (key, value linear.Value) {
	return a.Value(slog.StringValue(fmt.Sprintf("%v in %v", v, set))), a.Value(v)
}

// violation makes a judgement of what an algorithm found wrong.
func violation(e *evidence.Evidence, r linear.Result, figure string, args ...any) checkers.Judgement {
	j := checkers.Judgement{Verdict: checkers.Violated, Anomaly: r.Anomaly, Reason: r.Reason, Witness: r.Witness,
		Object: r.Object, Figure: fmt.Sprintf(figure, args...)}
	j.TellWitness(e.History)
	return j
}

// unreadable is the judgement of a history that has an operation which the check cannot read.
func unreadable(err error) checkers.Judgement {
	j := checkers.Judgement{Verdict: checkers.Unknown, Reason: err.Error()}
	errors.As(err, &j.Bad)
	return j
}
