package linear_test

import (
	"fmt"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// span is an operation of that name that was answered.
func span(id uint64, call, ret history.Time) linear.Span {
	return linear.Span{ID: id, Outcome: history.Ok, Call: call, Return: ret}
}

func ExampleRegister() {
	r := linear.Register([]linear.RegisterOp{
		{Span: span(1, 0, 10), Do: linear.Write, Value: 7},
		{Span: span(2, 20, 30), Do: linear.CAS, Old: 7, Value: 8},
		{Span: span(3, 25, 40), Do: linear.CAS, Old: 7, Value: 9},
	}, linear.Options{})
	fmt.Println(r.Verdict, r.Anomaly, r.Witness)
	fmt.Println(r.Reason)
	// Output:
	// violated lost-update [2 3]
	// operation 2 swapped 7 for 8 and operation 3 swapped 7 for 9, but only one can have found 7
}

func ExampleKV() {
	name := func(v linear.Value) string { return [...]string{"apple", "pear"}[v] }
	r := linear.KV([]linear.KVOp{
		{Key: 0, RegisterOp: linear.RegisterOp{Span: span(1, 0, 10), Do: linear.Write, Value: 1}},
		{Key: 1, RegisterOp: linear.RegisterOp{Span: span(2, 20, 30), Do: linear.Read, Value: 1}},
	}, linear.Options{Name: name})
	fmt.Println(r.Verdict, r.Anomaly, r.Object, r.Witness)
	fmt.Println(r.Reason)
	// Output:
	// violated unwritten-read pear [2]
	// operation 2 read pear by 30ns, but nobody ever wrote pear
}

func ExampleLog() {
	r := linear.Log([]linear.LogOp{
		{Span: span(1, 0, 10), Do: linear.Append, Key: linear.Nil, Value: 5, Offset: 0},
		{Span: span(2, 20, 30), Do: linear.Read, Key: linear.Nil, Value: linear.Nil, From: 0},
	}, linear.Options{})
	fmt.Println(r.Verdict, r.Anomaly, r.Witness)
	fmt.Println(r.Reason)
	// Output:
	// violated stale-read [1 2]
	// operation 1 appended 5 at 0 by 10ns, but operation 2 read nothing from 0 on only after 20ns
}

// turnOp goes through a turnstile that lets through one after each coin.
type turnOp struct {
	linear.Span
	coin bool
}

func ExampleSearch() {
	turnstile := linear.Model[bool, turnOp]{
		Step: func(open bool, op *turnOp) (bool, bool) { return op.coin, op.coin || open },
	}
	lost := linear.Span{ID: 3, Outcome: history.Unknown, Call: 15}
	ops := []turnOp{
		{Span: span(1, 0, 10), coin: true},
		{Span: span(2, 20, 30)},
		{Span: lost, coin: true}, // nobody saw whether the coin was taken, until
		{Span: span(4, 40, 50)},
	}
	fmt.Println(linear.Search(turnstile, ops, linear.Options{}).Verdict)
	r := linear.Search(turnstile, append(ops, turnOp{Span: span(5, 60, 70)}), linear.Options{})
	fmt.Println(r.Verdict, r.Anomaly, r.Witness)
	// Output:
	// holds
	// violated no-order [2 4 5]
}
