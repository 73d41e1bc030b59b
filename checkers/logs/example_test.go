package logs_test

import (
	"fmt"
	"time"

	"simrun/checkers/linear"
	"simrun/checkers/logs"
	"simrun/nodes/history"
)

// A broker acknowledges three messages, and the second is gone when somebody reads on past it.
func ExampleFind() {
	span := func(id uint64, client int32) linear.Span {
		call := time.Duration(id) * time.Millisecond
		return linear.Span{ID: id, Client: client, Outcome: history.Ok, Call: call, Return: call + 500*time.Microsecond}
	}
	var ops []logs.Op
	for i := range 3 {
		ops = append(ops, logs.Op{Span: span(uint64(i+1), 1),
			Sent: []logs.Message{{Partition: 0, Key: linear.Nil, Value: linear.Value(100 + i), Offset: int64(i), Told: true}}})
	}
	ops = append(ops, logs.Op{Span: span(4, 2), Polls: true, Polled: []logs.Record{{Partition: 0, Offset: 0, Value: 100}, {Partition: 0, Offset: 2, Value: 102}}})
	found, err := logs.Find(ops, logs.Options{})
	fmt.Println(err)
	for _, a := range found {
		fmt.Println(a.Anomaly, a.Witness, a.Count)
		fmt.Println(a.Reason)
	}
	// Output:
	// <nil>
	// lost-write [2 4] 1
	// nobody polled 101, sent to offset 1 of partition 0, although operation 4 polled offset 2
	// int-poll-skip [2 4] 1
	// operation 4 polled offset 0 of partition 0 and then 2, although operation 2 shows 101 at 1
}
