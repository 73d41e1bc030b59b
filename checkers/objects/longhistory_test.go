package objects_test

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"simrun/checkers/objects"
	"simrun/nodes/history"
)

// long says what a long history is like: so many operations by so many clients, each of which makes one after the
// other; some end unknown; and perhaps there is one violation, in the middle.
type long struct {
	operations, clients int
	unknown             float64
	stale               bool
}

func (l long) String() string {
	verdict := "right"
	if l.stale {
		verdict = "stale"
	}
	return fmt.Sprintf("%d operations, %d clients, %g%% unknown, %s", l.operations, l.clients, 100*l.unknown, verdict)
}

// kind is a kind of object with long histories.
type kind struct {
	model objects.Model
	// ask draws what the n-th operation asks.
	ask func(l *rand.Rand, n int) (kind string, in []slog.Attr)
	// object makes a right object: what it answers to an operation that takes effect.
	object func() func(o *history.Operation) []slog.Attr
	// stale has one operation, of those from the middle on, be answered as if another had not happened.
	stale func(operations []*history.Operation)
	// porcupine is the same object and history for porcupine.
	porcupine func(operations []*history.Operation) (porcupine.Model, []porcupine.Operation)
}

// history makes a long one. Calls take from 0.1 to 10 ms; what is unknown took effect within a second or, every other
// time, never.
func (k kind) history(l long) *history.History {
	luck := rand.New(rand.NewPCG(1, uint64(l.operations)))
	h := &history.History{Operations: make([]*history.Operation, l.operations)}
	points := make([]time.Duration, l.operations)
	free := make([]history.Time, l.clients)
	var happened []int
	for i := range h.Operations {
		client := 0
		for c := range free {
			if free[c] < free[client] {
				client = c
			}
		}
		call := free[client] + time.Duration(luck.IntN(200_000))
		takes := time.Duration(100_000 + luck.IntN(9_900_000))
		o := &history.Operation{ID: uint64(i + 1), Host: hostNames[client], Call: call, Return: call + takes, Outcome: history.Ok}
		points[i] = call + time.Duration(luck.Int64N(int64(takes)))
		if luck.Float64() < l.unknown {
			o.Outcome, points[i] = history.Unknown, call+time.Duration(luck.IntN(1_000_000_000))
		}
		free[client] = o.Return
		o.Kind, o.In = k.ask(luck, i)
		h.Operations[i] = o
		if o.Outcome == history.Ok || luck.IntN(2) == 0 {
			happened = append(happened, i)
		}
	}
	slices.SortFunc(happened, func(a, b int) int { return int(points[a] - points[b]) })
	answer := k.object()
	for _, i := range happened {
		out := answer(h.Operations[i])
		if h.Operations[i].Outcome == history.Ok {
			h.Operations[i].Out = out
		}
	}
	slices.SortFunc(h.Operations, func(a, b *history.Operation) int { return int(a.Call - b.Call) })
	if l.stale {
		k.stale(h.Operations)
	}
	return h
}

var hostNames = func() (names [50]string) {
	for i := range names {
		names[i] = fmt.Sprintf("client/%d", i)
	}
	return names
}()

// kinds are those that the table has.
var kinds = map[string]kind{
	"register": {
		model: objects.Register,
		ask: func(l *rand.Rand, n int) (string, []slog.Attr) {
			if l.IntN(2) == 0 {
				return "read", nil
			}
			return "write", []slog.Attr{slog.Int("value", n)}
		},
		object: rightRegisters, stale: staleRead, porcupine: porcupineRegisters,
	},
	"kv": {
		model: objects.KV,
		ask: func(l *rand.Rand, n int) (string, []slog.Attr) {
			key := slog.String("key", keyNames[l.IntN(len(keyNames))])
			if l.IntN(2) == 0 {
				return "read", []slog.Attr{key}
			}
			return "write", []slog.Attr{key, slog.Int("value", n)}
		},
		object: rightRegisters, stale: staleRead, porcupine: porcupineRegisters,
	},
	"log": {
		model: objects.Log,
		ask: func(l *rand.Rand, n int) (string, []slog.Attr) {
			if l.IntN(2) == 0 {
				return "read", []slog.Attr{slog.Int("offset", max(0, n/2-l.IntN(200)))}
			}
			return "append", []slog.Attr{slog.Int("value", n)}
		},
		object: rightLog, stale: staleEnd, porcupine: porcupineLog,
	},
	"queue": {
		model: objects.Queue,
		ask: func(l *rand.Rand, n int) (string, []slog.Attr) {
			if l.IntN(2) == 0 {
				return "dequeue", nil
			}
			return "enqueue", []slog.Attr{slog.Int("value", n)}
		},
		object: rightQueue, stale: swappedTurns, porcupine: porcupineQueue,
	},
}

var keyNames = func() (names [100]string) {
	for i := range names {
		names[i] = fmt.Sprintf("key-%d", i)
	}
	return names
}()

func rightRegisters() func(*history.Operation) []slog.Attr {
	held := map[string]slog.Value{}
	return func(o *history.Operation) []slog.Attr {
		key := o.Input("key").String()
		if o.Kind == "read" {
			return []slog.Attr{{Key: "value", Value: held[key]}}
		}
		held[key] = o.Input("value")
		return nil
	}
}

// staleRead has a read in the middle see what had been overwritten.
func staleRead(operations []*history.Operation) {
	for i := len(operations) / 2; i < len(operations); i++ {
		read := operations[i]
		if read.Kind != "read" || read.Outcome != history.Ok {
			continue
		}
		var newer *history.Operation // a write that had ended before the read
		for _, o := range slices.Backward(operations[:i]) {
			if o.Kind != "write" || o.Outcome != history.Ok || !o.Input("key").Equal(read.Input("key")) {
				continue
			}
			if newer == nil && o.Return < read.Call {
				newer = o
			} else if newer != nil && o.Return < newer.Call {
				read.Out = []slog.Attr{{Key: "value", Value: o.Input("value")}}
				return
			}
		}
	}
}

func rightLog() func(*history.Operation) []slog.Attr {
	var records []slog.Value
	return func(o *history.Operation) []slog.Attr {
		if o.Kind == "append" {
			records = append(records, o.Input("value"))
			return []slog.Attr{slog.Int("offset", len(records)-1)}
		}
		if offset := int(o.Input("offset").Int64()); offset < len(records) {
			return []slog.Attr{{Key: "value", Value: records[offset]}}
		}
		return []slog.Attr{slog.Any("value", nil)}
	}
}

// staleEnd has a read in the middle find nothing where there was a record.
func staleEnd(operations []*history.Operation) {
	for _, o := range operations[len(operations)/2:] {
		if o.Kind != "read" || o.Outcome != history.Ok {
			continue
		}
		for _, a := range slices.Backward(operations) {
			if a.Kind == "append" && a.Outcome == history.Ok && a.Return < o.Call {
				o.In, o.Out = []slog.Attr{{Key: "offset", Value: a.Output("offset")}}, []slog.Attr{slog.Any("value", nil)}
				return
			}
		}
	}
}

// forPorcupine is the history as porcupine has it, without reads that nobody heard of.
func forPorcupine(operations []*history.Operation, input func(o *history.Operation) any) (to []porcupine.Operation) {
	for _, o := range operations {
		op := porcupine.Operation{Input: input(o), Call: int64(o.Call), Return: int64(o.Return)}
		if o.Outcome != history.Ok {
			op.Return = int64(history.Never)
		}
		if op.Input != nil && o.Outcome != history.Fail {
			to = append(to, op)
		}
	}
	return to
}

type registerInput struct {
	key   string
	write bool
	value int64
}

// porcupineRegisters is one register for each key. Uncertain writes that nobody read are left out, as we do.
func porcupineRegisters(operations []*history.Operation) (porcupine.Model, []porcupine.Operation) {
	seen := map[int64]bool{}
	for _, o := range operations {
		if o.Kind == "read" && o.Outcome == history.Ok {
			seen[number(o.Output("value"))] = true
		}
	}
	model := porcupine.Model{
		Partition: func(operations []porcupine.Operation) (parts [][]porcupine.Operation) {
			place := map[string]int{}
			for _, o := range operations {
				key := o.Input.(registerInput).key
				if _, known := place[key]; !known {
					place[key] = len(parts)
					parts = append(parts, nil)
				}
				parts[place[key]] = append(parts[place[key]], o)
			}
			return parts
		},
		Init: func() any { return int64(-1) },
		Step: func(state, input, _ any) (bool, any) {
			if in := input.(registerInput); in.write {
				return true, in.value
			} else {
				return state.(int64) == in.value, state
			}
		},
	}
	return model, forPorcupine(operations, func(o *history.Operation) any {
		in := registerInput{key: o.Input("key").String(), write: o.Kind == "write", value: number(o.Input("value"))}
		switch {
		case !in.write && o.Outcome != history.Ok, in.write && o.Outcome != history.Ok && !seen[in.value]:
			return nil
		case !in.write:
			in.value = number(o.Output("value"))
		}
		return in
	})
}

func number(v slog.Value) int64 {
	if v.Kind() != slog.KindInt64 {
		return -1
	}
	return v.Int64()
}

type logInput struct {
	append        bool
	offset, value int64
}

// porcupineLog is a log whose state is its last offset: what is where is read off the history beforehand.
func porcupineLog(operations []*history.Operation) (porcupine.Model, []porcupine.Operation) {
	at, where := map[int64]int64{}, map[int64]int64{}
	note := func(offset, value int64) { at[offset], where[value] = value, offset }
	for _, o := range operations {
		switch {
		case o.Outcome != history.Ok:
		case o.Kind == "append":
			note(o.Output("offset").Int64(), o.Input("value").Int64())
		case number(o.Output("value")) >= 0:
			note(o.Input("offset").Int64(), o.Output("value").Int64())
		}
	}
	model := porcupine.Model{
		Init: func() any { return int64(-1) },
		Step: func(state, input, _ any) (bool, any) {
			last, in := state.(int64), input.(logInput)
			switch {
			case in.append:
				return in.offset > last, in.offset
			case in.value < 0:
				return in.offset > last, last
			default:
				return in.offset <= last && at[in.offset] == in.value, last
			}
		},
	}
	return model, forPorcupine(operations, func(o *history.Operation) any {
		in := logInput{append: o.Kind == "append", offset: number(o.Input("offset")), value: number(o.Output("value"))}
		if in.append {
			in.value = o.Input("value").Int64()
			offset, found := where[in.value]
			if in.offset = offset; !found {
				return nil
			}
		}
		if !in.append && o.Outcome != history.Ok {
			return nil
		}
		return in
	})
}

func rightQueue() func(*history.Operation) []slog.Attr {
	var line []slog.Value
	return func(o *history.Operation) []slog.Attr {
		if o.Kind == "enqueue" {
			line = append(line, o.Input("value"))
			return nil
		}
		if len(line) == 0 {
			return []slog.Attr{slog.Any("value", nil)}
		}
		first := line[0]
		line = line[1:]
		return []slog.Attr{{Key: "value", Value: first}}
	}
}

// swappedTurns has two dequeues in the middle, one after the other, take what was put in one after the other, each in the
// other's place.
func swappedTurns(operations []*history.Operation) {
	put := map[int64]*history.Operation{}
	for _, o := range operations {
		if o.Kind == "enqueue" && o.Outcome == history.Ok {
			put[number(o.Input("value"))] = o
		}
	}
	var first *history.Operation
	for _, o := range operations[len(operations)/2:] {
		e := put[number(o.Output("value"))]
		switch {
		case o.Kind != "dequeue" || e == nil:
		case first == nil:
			first = o
		case first.Return < o.Call && put[number(first.Output("value"))].Return < e.Call:
			first.Out, o.Out = o.Out, first.Out
			return
		}
	}
}

type queueInput struct {
	enqueue, certain bool
	value            int64
}

// porcupineQueue is a queue whose state is the line, as text.
func porcupineQueue(operations []*history.Operation) (porcupine.Model, []porcupine.Operation) {
	model := porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			line, in := state.(string), input.(queueInput)
			switch {
			case in.enqueue:
				return true, string(binary.BigEndian.AppendUint64([]byte(line), uint64(in.value)))
			case line == "":
				return in.value < 0 || !in.certain, line
			default:
				return !in.certain || int64(binary.BigEndian.Uint64([]byte(line[:8]))) == in.value, line[8:]
			}
		},
	}
	return model, forPorcupine(operations, func(o *history.Operation) any {
		if o.Kind == "enqueue" {
			return queueInput{enqueue: true, value: number(o.Input("value"))}
		}
		return queueInput{certain: o.Outcome == history.Ok, value: number(o.Output("value"))}
	})
}

// fewValues is a register of five values.
var fewValues = kind{
	model: objects.CASRegister,
	ask: func(l *rand.Rand, _ int) (string, []slog.Attr) {
		switch l.IntN(3) {
		case 0:
			return "read", nil
		case 1:
			return "write", []slog.Attr{slog.Int("value", l.IntN(5))}
		default:
			return "cas", []slog.Attr{slog.Int("old", l.IntN(5)), slog.Int("new", l.IntN(5))}
		}
	},
	object: func() func(*history.Operation) []slog.Attr {
		var held slog.Value
		return func(o *history.Operation) []slog.Attr {
			switch {
			case o.Kind == "read":
				return []slog.Attr{{Key: "value", Value: held}}
			case o.Kind == "write":
				held = o.Input("value")
			case held.Equal(o.Input("old")):
				held = o.Input("new")
			case o.Outcome == history.Ok:
				o.Outcome = history.Fail
			}
			return nil
		}
	},
	porcupine: func(operations []*history.Operation) (porcupine.Model, []porcupine.Operation) {
		model := porcupine.Model{
			Init: func() any { return int64(-1) },
			Step: func(state, input, _ any) (bool, any) {
				in := input.(swapInput)
				switch {
				case in.kind == "read":
					return state.(int64) == in.value, state
				case in.kind == "cas" && state.(int64) != in.old:
					return !in.certain, state
				default:
					return true, in.value
				}
			},
		}
		return model, forPorcupine(operations, func(o *history.Operation) any {
			in := swapInput{kind: o.Kind, certain: o.Outcome == history.Ok}
			switch o.Kind {
			case "read":
				if in.value = number(o.Output("value")); !in.certain {
					return nil
				}
			case "write":
				in.value = number(o.Input("value"))
			default:
				in.old, in.value = number(o.Input("old")), number(o.Input("new"))
			}
			return in
		})
	},
}

type swapInput struct {
	kind       string
	certain    bool
	old, value int64
}
