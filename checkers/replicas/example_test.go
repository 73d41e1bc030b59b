package replicas_test

import (
	"fmt"
	"time"

	"simrun/checkers/linear"
	"simrun/checkers/replicas"
	"simrun/nodes/history"
)

// at is an access that took 5 ms and was told a version.
func at(ms int, client int32, kind replicas.Kind, value linear.Value, version int64) replicas.Access {
	call := time.Duration(ms) * time.Millisecond
	return replicas.Access{Span: linear.Span{ID: uint64(ms), Client: client, Outcome: history.Ok, Call: call, Return: call + 5*time.Millisecond},
		Kind: kind, Value: value, Version: version, Told: true}
}

// A client reads another replica than the one that it had written to.
func ExampleSessions() {
	name := func(linear.Value) string { return "x" }
	for _, r := range replicas.Sessions([]replicas.Access{at(10, 1, replicas.Write, 100, 7), at(20, 1, replicas.Read, 90, 6)}, replicas.All, name) {
		fmt.Println(r.Anomaly, r.Witness)
		fmt.Println(r.Reason)
	}
	// Output:
	// read-your-writes [10 20]
	// operation 10 wrote x at version 7, and operation 20 of the same client then read it at version 6
}

// A replica answers with a value that had been overwritten twice, the first time 40 ms before.
func ExampleStaleness() {
	lags, _ := replicas.Staleness([]replicas.Access{at(10, 1, replicas.Write, 100, 1), at(20, 1, replicas.Write, 200, 2), at(30, 1, replicas.Write, 300, 3),
		at(65, 2, replicas.Read, 100, 1)})
	for _, l := range lags {
		fmt.Println(l.Read, l.Versions, l.Age, l.Missed)
	}
	// Output: 65 2 40ms 20
}

// A replica that was away brings back what was deleted meanwhile.
func ExampleResurrected() {
	for _, r := range replicas.Resurrected([]replicas.Access{at(10, 1, replicas.Write, 100, 1), at(20, 1, replicas.Delete, linear.Nil, 2), at(30, 2, replicas.Read, 100, 1)}, 0, nil) {
		fmt.Println(r.Anomaly, r.Witness)
	}
	// Output: deleted-value-read [10 20 30]
}
