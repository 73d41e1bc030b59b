package objects_test

import (
	"fmt"
	"log/slog"

	"simrun/checkers/linear"
	"simrun/checkers/objects"
	"simrun/nodes/history"
)

// lockOp takes a lock or gives it back.
type lockOp struct {
	linear.Span
	takes bool
}

var lock = objects.Custom("lock",
	linear.Model[bool, lockOp]{Step: func(taken bool, op *lockOp) (bool, bool) { return op.takes, taken != op.takes }},
	func(o *history.Operation, op *lockOp) (object string, err error) {
		if o.Kind != "lock" && o.Kind != "unlock" {
			return "", objects.ErrOther
		}
		op.takes = o.Kind == "lock"
		return o.Input("name").String(), nil
	})

func ExampleCustom() {
	name := []slog.Attr{slog.String("name", "printer")}
	h := &history.History{Operations: []*history.Operation{
		{ID: 1, Host: "a", Kind: "lock", In: name, Call: at(0), Return: at(10), Outcome: history.Ok},
		{ID: 2, Host: "b", Kind: "lock", In: name, Call: at(5), Return: at(30), Outcome: history.Ok},
		{ID: 3, Host: "a", Kind: "unlock", In: name, Call: at(40), Return: at(50), Outcome: history.Ok},
	}}
	j, err := objects.Linearizable(lock, h, objects.Options{})
	fmt.Println(j.Verdict, j.Anomaly, j.Object, j.Witness, err)
	fmt.Println(j.Reason)
	// Output:
	// violated no-order printer [1 2] <nil>
	// printer: no order goes past 30ms, when operation 2 had ended, whatever the others did
}
