package linear

// RegisterOp is an operation of a register: a Read, a Write, or a CAS that found what it expected. (A CAS that did not is
// a Read where it was told the value, and else says nothing.)
type RegisterOp struct {
	Span
	Do    Verb
	Value Value // what a read saw, or what was written
	Old   Value // what a CAS expected
}

// KVOp is an operation of one of many registers.
type KVOp struct {
	RegisterOp
	Key Value
}

// Register judges one register. Where each value is written once it takes n log n time: see zones. Otherwise the answer is
// Search's.
func Register(ops []RegisterOp, o Options) Result {
	return judgeRegisters(len(ops), func(i int32) (*RegisterOp, Value) { return &ops[i], Nil }, o)
}

// KV judges many registers, each by itself; Object is the key of the one that is violated.
func KV(ops []KVOp, o Options) Result {
	return judgeRegisters(len(ops), func(i int32) (*RegisterOp, Value) { return &ops[i].RegisterOp, ops[i].Key }, o)
}

// RegisterModel is a register as a sequential program.
func RegisterModel(initial Value) Model[Value, RegisterOp] {
	return Model[Value, RegisterOp]{
		Init: initial,
		Step: func(held Value, op *RegisterOp) (Value, bool) {
			switch op.Do {
			case Write:
				return op.Value, true
			case CAS:
				if held != op.Old {
					return held, !op.Certain()
				}
				return op.Value, true
			default:
				return held, held == op.Value || !op.Certain()
			}
		},
		Reads: func(op *RegisterOp) bool { return op.Do == Read },
	}
}
