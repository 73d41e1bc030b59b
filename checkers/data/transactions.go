package data

import (
	"fmt"
	"log/slog"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/linear"
	"simrun/checkers/objects"
	"simrun/checkers/txn"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Transactions asks which isolation transactions on lists had: operations of kind "txn" whose steps ("append", "r") stand as
// history.Steps has them.
type Transactions struct {
	Level Isolation `yaml:"transactions" doc:"the isolation that is promised"`
}

// Isolation is a level of package txn.
type Isolation string

// Values are all levels, the weakest first.
func (Isolation) Values() (names []string) {
	for _, l := range txn.Levels {
		names = append(names, string(l))
	}
	return names
}

func newTransactions() checkers.Check { return &Transactions{Level: Isolation(txn.Serializable)} }

// Judge looks for what the level forbids, and tells the gravest of it.
func (c *Transactions) Judge(e *evidence.Evidence) checkers.Judgement {
	r := objects.NewReader()
	sessions := sessionsOf(e)
	var txns []txn.Txn
	for _, o := range e.OfKind("txn", "all") {
		t := txn.Txn{Span: r.Span(o)}
		t.Client = r.Session(sessions(o))
		t.Steps = steps(r, o)
		if r.Problem != "" {
			return unreadable(&checkers.BadOperation{Operation: o, Problem: r.Problem})
		}
		if len(t.Steps) > 0 {
			txns = append(txns, t)
		}
	}
	if len(txns) == 0 {
		return checkers.Vacuous.Because("there was no transaction")
	}
	options := txn.Options{Level: txn.Level(c.Level), Name: r.Spell}
	found, err := txn.Find(txns, options)
	if err != nil {
		return unreadable(err)
	}
	if len(found) == 0 {
		return checkers.Holds.With("%s", wording.Count(len(txns), "transaction"))
	}
	a := txn.Gravest(found)
	j := violation(e, linear.Result{Anomaly: a.Kind, Reason: a.Reason, Witness: a.Witness, Object: object(r, a.Key)}, "%s of %s",
		a.Kind, wording.Count(len(a.Witness), "transaction"))
	for _, d := range a.Cycle {
		j.Story = append(j.Story, because(d, r.Spell))
	}
	return j
}

func object(r *objects.Reader, key linear.Value) string {
	if key == linear.Nil {
		return ""
	}
	return r.Spell(key)
}

// steps reads a transaction's: those of its answer, if it has one, else those that were asked for.
func steps(r *objects.Reader, o *history.Operation) (steps []txn.Step) {
	v := o.Input("value")
	out := o.Output("value")
	told := o.Outcome == history.Ok && !objects.IsNil(out)
	if told {
		v = out
	}
	all, err := history.StepsOf(v)
	if err != nil {
		r.Fail("%v", err)
	}
	for _, s := range all {
		key := r.Value(slog.AnyValue(s.Key))
		switch list, is := s.Value.([]any); {
		case s.F == "append":
			steps = append(steps, txn.Append(key, r.Value(slog.AnyValue(s.Value))))
		case s.F != "r" || !told:
		case s.Value != nil && !is:
			r.Fail("%v is no list", s.Value)
		default: // Jepsen reads nil where there is no list yet
			read := txn.Read(key)
			for _, v := range list {
				read.List = append(read.List, r.Value(slog.AnyValue(v)))
			}
			steps = append(steps, read)
		}
	}
	return steps
}

// because says in words why one transaction comes before another.
func because(d txn.Dependency, name func(linear.Value) string) string {
	why := ""
	switch d.Why {
	case "ww":
		why = fmt.Sprintf("it appended %s to %s, and %d appended %s after that", name(d.Before), name(d.Key), d.To, name(d.After))
	case "wr":
		why = fmt.Sprintf("it appended %s to %s, and %d read that", name(d.Before), name(d.Key), d.To)
	case "rw":
		why = fmt.Sprintf("it read %s of %s as the last, and %d appended %s after that", name(d.Before), name(d.Key), d.To,
			name(d.After))
	case "process":
		why = fmt.Sprintf("their client made %d once it was answered", d.To)
	case "realtime":
		why = fmt.Sprintf("it was answered before %d was called", d.To)
	}
	return fmt.Sprintf("%d before %d (%s): %s", d.From, d.To, d.Why, why)
}
