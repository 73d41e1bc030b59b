package data

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/linear"
	"simrun/checkers/logs"
	"simrun/checkers/objects"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// SoundLog asks that what is sent to a partitioned log is there for those who poll it, once and in order:
//
//	send partition key value -> partition offset    partition or key may be left out
//	poll -> records                                 as history.Records has them
//	txn value -> value                              history.Steps of "send" and "poll"
//	subscribe, assign, seek                         what the client polls from then on begins anew; so it
//	                                                does where a poll has a note "rebalance"
//
// A send or a poll may also have its steps under "value", as Jepsen writes them. Values are unique in the history, or in each
// partition if every send says to which it goes.
type SoundLog struct {
	Allow     []LogAnomaly      `yaml:"allow" doc:"kinds of anomalies that are no violation"`
	CaughtUp  bool              `yaml:"caught-up" doc:"at the end consumers polled until there was nothing more, so that all that was acknowledged must have been seen"`
	Latest    bool              `yaml:"latest" doc:"consumers may begin at the end of a partition"`
	Compacted bool              `yaml:"compacted" doc:"a record may go once a later one of its key stands in the partition"`
	Retained  time.Duration     `yaml:"retained" doc:"how long a record stays at least once it was sent; 0 is for ever. What nobody polled is lost if somebody polled beyond it before that"`
	PolledBy  evidence.Selector `yaml:"polled-by" doc:"whose polls count, such as those of one group; all if it is not said"`
}

// LogAnomaly is a kind of package logs.
type LogAnomaly string

// Values are all kinds, the gravest first.
func (LogAnomaly) Values() []string { return logs.Kinds() }

// Judge follows every message.
func (c *SoundLog) Judge(e *evidence.Evidence) checkers.Judgement {
	r := &logReader{Reader: objects.NewReader(), placed: true}
	sessions := sessionsOf(e)
	for _, o := range e.Operations {
		r.placed = r.placed && (o.Kind != "send" || !objects.IsNil(o.Input("partition")) || isSteps(o.Input("value")))
	}
	var ops []logs.Op
	sent, polled := 0, 0
	for _, o := range e.Operations {
		op := logs.Op{Span: r.Span(o)}
		op.Client = r.Session(sessions(o))
		known := r.take(o, &op)
		if r.Problem != "" {
			return unreadable(&checkers.BadOperation{Operation: o, Problem: r.Problem})
		}
		if h := e.Host(o.Host); h != nil && !c.PolledBy.Selects(h) {
			op.Polls, op.Polled = false, nil
		}
		if known {
			ops = append(ops, op)
			sent, polled = sent+len(op.Sent), polled+len(op.Polled)
		}
	}
	if sent == 0 && polled == 0 {
		return checkers.Vacuous.Because("nobody sent or polled a message")
	}
	found, err := logs.Find(ops, logs.Options{Latest: c.Latest, Compacted: c.Compacted, Retained: c.Retained, CaughtUp: c.CaughtUp, Name: r.Spell})
	if err != nil {
		return unreadable(err)
	}
	for _, a := range found {
		if !slices.Contains(c.Allow, LogAnomaly(a.Anomaly)) {
			return violation(e, a.Result, "%s, %s", a.Anomaly, wording.Count(a.Count, "time"))
		}
	}
	if polled == 0 {
		return checkers.Vacuous.Because("nobody polled a message")
	}
	return checkers.Holds.With("%s, polled as %s", wording.Count(sent, "message"), wording.Count(polled, "record"))
}

// logReader makes operations on logs of a history's.
type logReader struct {
	*objects.Reader
	placed bool // every send says to which partition it goes
}

// isSteps says whether a value is a list of steps that send or poll.
func isSteps(v slog.Value) bool {
	steps, err := history.StepsOf(v)
	return err == nil && !slices.ContainsFunc(steps, func(s history.Step) bool { return s.F != "send" && s.F != "poll" })
}

// take reads an operation, and says whether it is one on a log.
func (r *logReader) take(o *history.Operation, op *logs.Op) bool {
	op.Moved = o.NoteNamed("rebalance") != nil
	in, out := o.Input("value"), o.Output("value")
	switch {
	case o.Kind == "subscribe" || o.Kind == "assign" || o.Kind == "seek":
		op.Moved = true
	case o.Kind == "txn" || (o.Kind == "send" || o.Kind == "poll") && isSteps(in):
		v := in
		if o.Outcome == history.Ok && isSteps(out) {
			v = out
		}
		return r.steps(v, o.Outcome == history.Ok, op)
	case o.Kind == "send":
		m := logs.Message{Partition: r.partition(o.Input("partition")), Key: r.Value(o.Input("key"))}
		m.Value = r.identity(o.Input("partition"), in)
		if offset := o.Output("offset"); o.Outcome == history.Ok && !objects.IsNil(offset) {
			m.Offset, m.Told = r.Whole(offset, "offset"), true
			if p := o.Output("partition"); !objects.IsNil(p) {
				m.Partition = r.partition(p)
			}
		}
		op.Sent = []logs.Message{m}
	case o.Kind == "poll":
		op.Polls = true
		r.records(o.Output("records").Any(), o.Outcome == history.Ok, op)
	default:
		return false
	}
	return true
}

// partition is the number of a partition by its name as a text, for that is what it is as the key of a map.
func (r *logReader) partition(name slog.Value) linear.Value {
	if objects.IsNil(name) {
		return linear.Nil
	}
	return r.Value(slog.StringValue(name.String()))
}

// identity is a message's value; one that is unique in its partition alone goes with it.
func (r *logReader) identity(partition, v slog.Value) linear.Value {
	if objects.IsNil(v) {
		r.Fail("it sends nothing: no value")
	}
	if !r.placed {
		return r.Value(v)
	}
	return r.Value(slog.StringValue(fmt.Sprintf("%v in %v", v, partition)))
}

func (r *logReader) records(value any, known bool, op *logs.Op) {
	records, err := history.RecordsOf(value)
	if err != nil {
		r.Fail("%v", err)
	}
	for _, rec := range records {
		p := slog.AnyValue(rec.Partition)
		if known {
			op.Polled = append(op.Polled, logs.Record{Partition: r.partition(p), Offset: rec.Offset,
				Value: r.identity(p, slog.AnyValue(rec.Value))})
		}
	}
}

// steps reads what was sent and polled as one. A send that was answered has its offset in front of its value.
func (r *logReader) steps(v slog.Value, ok bool, op *logs.Op) (found bool) {
	steps, err := history.StepsOf(v)
	if err != nil {
		return false // a transaction on something else
	}
	for _, s := range steps {
		switch s.F {
		case "send":
			found = true
			p, value := slog.AnyValue(s.Key), slog.AnyValue(s.Value)
			m := logs.Message{Partition: r.partition(p), Key: linear.Nil}
			if pair, answered := s.Value.([]any); answered && len(pair) == 2 {
				value = slog.AnyValue(pair[1])
				if offset := slog.AnyValue(pair[0]); ok && !objects.IsNil(offset) {
					m.Offset, m.Told = r.Whole(offset, "offset"), true
				}
			}
			m.Value = r.identity(p, value)
			op.Sent = append(op.Sent, m)
		case "poll":
			found, op.Polls = true, true
			r.records(s.Value, ok, op)
		}
	}
	return found
}
