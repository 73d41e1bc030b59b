package linear

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
)

// logTrial is a trial of one log or a few. Its values are often appended twice.
func logTrial(keys int) trial[string, LogOp, *LogOp] {
	return trial[string, LogOp, *LogOp]{
		ask: func(l luck, n int) LogOp {
			op := LogOp{Key: Nil}
			if keys > 1 {
				op.Key = Value(l.IntN(keys))
			}
			if op.Do = Append; l.IntN(2) == 0 {
				op.Do, op.From = Read, int64(l.IntN(6))
				return op
			}
			if op.Value = Value(n); l.IntN(8) == 0 {
				op.Value = Value(l.IntN(n + 1))
			}
			op.Offset = int64(l.IntN(4) / 3) // how much is left out before it
			return op
		},
		object: func() func(*LogOp) {
			logs := map[Value][]record{}
			return func(op *LogOp) {
				records := logs[op.Key]
				if op.Do == Append {
					if len(records) > 0 {
						op.Offset += records[len(records)-1].offset + 1
					}
					logs[op.Key] = append(records, record{op.Offset, op.Value})
					return
				}
				op.Value, op.Offset = Nil, op.From
				if i := slices.IndexFunc(records, func(r record) bool { return r.offset >= op.From }); i >= 0 {
					op.Value, op.Offset = records[i].value, records[i].offset
				}
			}
		},
		spoil: func(l luck, op *LogOp, n int) {
			switch l.IntN(3) {
			case 0:
				op.Offset = int64(l.IntN(n))
			case 1:
				op.Value = Value(l.IntN(n))
			default:
				if op.Do == Read && l.IntN(2) == 0 {
					op.Value = Nil
				} else {
					op.From = int64(l.IntN(n))
				}
			}
		},
		part:     func(op *LogOp) Value { return op.Key },
		compared: logModel,
		judge:    func(ops []LogOp) Result { return Log(ops, Options{}) },
	}
}

type record struct {
	offset int64
	value  Value
}

// logModel is a log as porcupine has it. Its state is the records, as text. An uncertain append may have gone to any
// offset at which something was seen, or nowhere.
func logModel(ops []LogOp) porcupine.Model {
	var seen []int64
	for _, op := range ops {
		if op.Certain() {
			seen = append(seen, op.Offset)
		}
	}
	slices.Sort(seen)
	seen = slices.Compact(seen)
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{""} },
		Step: func(state, input, _ any) (after []any) {
			records, op := state.(string), input.(*LogOp)
			if op.Do == Read {
				if !op.Certain() || readsFrom(records, op) {
					return []any{records}
				}
				return nil
			}
			if op.Certain() {
				if op.Offset > lastOffset(records) {
					return []any{records + recordText(op.Offset, op.Value)}
				}
				return nil
			}
			after = []any{records}
			for _, offset := range seen {
				if offset > lastOffset(records) {
					after = append(after, records+recordText(offset, op.Value))
				}
			}
			return after
		},
	}
	return model.ToModel()
}

func recordText(offset int64, v Value) string {
	return string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(offset)), uint64(v)))
}

func recordAt(text string) record {
	return record{int64(binary.BigEndian.Uint64([]byte(text))), Value(binary.BigEndian.Uint64([]byte(text[8:])))}
}

func lastOffset(records string) int64 {
	if records == "" {
		return -1 << 63
	}
	return recordAt(records[len(records)-16:]).offset
}

func readsFrom(records string, op *LogOp) bool {
	for ; records != ""; records = records[16:] {
		if r := recordAt(records); r.offset >= op.From {
			return r.offset == op.Offset && r.value == op.Value
		}
	}
	return op.Value == Nil
}

// If this failed, a record could be lost or move unseen, or a right log be blamed.
func TestLogsAreJudgedAsPorcupineDoes(t *testing.T) {
	t.Run("one", logTrial(1).agree)
	t.Run("partitions", logTrial(2).agree)
}

// If this failed, the trials of logs could not tell a wrong algorithm from a right one.
func TestWrongJudgesOfLogsAreFound(t *testing.T) {
	right := func(ops []LogOp) Result { return Log(ops, Options{}) }
	found := func(op *LogOp) bool { return op.Do == Read && op.Value != Nil }
	one, partitions := logTrial(1), logTrial(2)
	one.misjudged(t, map[string]func([]LogOp) Result{
		"takes an uncertain append for failed": func(ops []LogOp) Result {
			return right(without(ops, func(op *LogOp) bool { return op.Do == Append && !op.Certain() }))
		},
		"takes an uncertain append for done where it would be": func(ops []LogOp) Result {
			return right(changed(ops, func(op *LogOp) {
				if op.Do == Append {
					done(&op.Span)
				}
			}))
		},
		"does not look at reads that came to the end": func(ops []LogOp) Result {
			return right(without(ops, func(op *LogOp) bool { return op.Do == Read && op.Value == Nil }))
		},
		"does not look at reads that found something": func(ops []LogOp) Result { return right(without(ops, found)) },
		"does not look at the order of appends": func(ops []LogOp) Result {
			return right(changed(ops, func(op *LogOp) {
				if op.Do == Append && op.Certain() {
					op.Call = 0
				}
			}))
		},
		"does not look for what a read passed over": func(ops []LogOp) Result {
			return right(changed(ops, func(op *LogOp) {
				if found(op) {
					op.From = op.Offset
				}
			}))
		},
		"holds against each other only what is next to each other": func(ops []LogOp) Result {
			var pairs [][]LogOp
			for o := range int64(20) {
				pairs = append(pairs, without(ops, func(op *LogOp) bool { return op.Certain() && op.Offset != o && op.Offset != o+1 }))
			}
			return each(pairs, right)
		},
		"takes the uncertain append that was called last": func(ops []LogOp) Result {
			l := &log{ops: ops}
			l.gather()
			var vague []item
			for i := range ops {
				if op := &ops[i]; op.Do == Append && !op.Certain() && op.Possible() {
					vague = append(vague, item{inOrder(-int64(op.Call)), int32(i)})
				}
			}
			l.vague, l.queues = pairs{}, nil
			l.list(sortItems(vague))
			for _, e := range l.events {
				if bad := l.next(e.i); bad != nil {
					return *bad
				}
			}
			return holds()
		},
		"takes what touches for one after the other": func(ops []LogOp) Result {
			return right(changed(ops, func(op *LogOp) { openEnds(&op.Span) }))
		},
	})
	partitions.misjudged(t, map[string]func([]LogOp) Result{
		"takes all partitions for one": func(ops []LogOp) Result { return right(changed(ops, func(op *LogOp) { op.Key = Nil })) },
	})
}
