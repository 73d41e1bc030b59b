package linear

import "encoding/binary"

// entry is a value with its priority, as states spell them.
const entry = 16

// queueModel is a queue as a sequential program. Its state is what it holds in the order in which it is taken, each value in
// sixteen bytes.
func queueModel(priority func(*QueueOp) int64) Model[string, QueueOp] {
	return Model[string, QueueOp]{
		Step: func(held string, op *QueueOp) (string, bool) {
			switch {
			case op.Do == Enqueue:
				level := uint64(priority(op))
				at := len(held)
				for at > 0 && int64(binary.BigEndian.Uint64([]byte(held[at-entry:]))) < int64(level) {
					at -= entry
				}
				e := binary.BigEndian.AppendUint64(nil, level)
				e = binary.BigEndian.AppendUint64(e, uint64(op.Value))
				return held[:at] + string(e) + held[at:], true
			case held == "":
				return held, op.Value == Nil || !op.Certain()
			default:
				first := Value(binary.BigEndian.Uint64([]byte(held[8:])))
				return held[entry:], op.Value == first || !op.Certain()
			}
		},
	}
}
