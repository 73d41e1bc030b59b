package checkers

import (
	"fmt"
	"log/slog"

	"simrun/checkers/linear"
	"simrun/checkers/txn"
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

func newTransactions() Check { return &Transactions{Level: Isolation(txn.Serializable)} }

// Judge looks for what the level forbids, and tells the gravest of it.
func (c *Transactions) Judge(e *Evidence) Judgement {
	r := newReader()
	sessions := e.sessions()
	var txns []txn.Txn
	for _, o := range e.ofKind("txn", "all") {
		t := txn.Txn{Span: r.span(o)}
		t.Client = r.session(sessions(o))
		t.Steps = r.steps(o)
		if r.problem != "" {
			return unreadable(&BadOperation{o, r.problem})
		}
		if len(t.Steps) > 0 {
			txns = append(txns, t)
		}
	}
	if len(txns) == 0 {
		return vacuous("there was no transaction")
	}
	options := txn.Options{Level: txn.Level(c.Level), Name: r.spell}
	found, err := txn.Find(txns, options)
	if err != nil {
		return unreadable(err)
	}
	if len(found) == 0 {
		return holds("%s", count(len(txns), "transaction"))
	}
	a := txn.Gravest(found)
	j := e.found(linear.Result{Anomaly: a.Kind, Reason: a.Reason, Witness: a.Witness, Object: r.object(a.Key)}, "%s of %s", a.Kind, count(len(a.Witness), "transaction"))
	for _, d := range a.Cycle {
		j.Story = append(j.Story, because(d, r.spell))
	}
	return j
}

func (r *reader) object(key linear.Value) string {
	if key == linear.Nil {
		return ""
	}
	return r.spell(key)
}

// steps reads a transaction's: those of its answer, if it has one, else those that were asked for.
func (r *reader) steps(o *history.Operation) (steps []txn.Step) {
	v := o.Input("value")
	out := o.Output("value")
	told := o.Outcome == history.Ok && !isNil(out)
	if told {
		v = out
	}
	all, err := history.StepsOf(v)
	if err != nil {
		r.fail("%v", err)
	}
	for _, s := range all {
		key := r.value(slog.AnyValue(s.Key))
		switch list, is := s.Value.([]any); {
		case s.F == "append":
			steps = append(steps, txn.Append(key, r.value(slog.AnyValue(s.Value))))
		case s.F != "r" || !told:
		case s.Value != nil && !is:
			r.fail("%v is no list", s.Value)
		default: // Jepsen reads nil where there is no list yet
			read := txn.Read(key)
			for _, v := range list {
				read.List = append(read.List, r.value(slog.AnyValue(v)))
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
		why = fmt.Sprintf("it read %s of %s as the last, and %d appended %s after that", name(d.Before), name(d.Key), d.To, name(d.After))
	case "process":
		why = fmt.Sprintf("their client made %d once it was answered", d.To)
	case "realtime":
		why = fmt.Sprintf("it was answered before %d was called", d.To)
	}
	return fmt.Sprintf("%d before %d (%s): %s", d.From, d.To, d.Why, why)
}
