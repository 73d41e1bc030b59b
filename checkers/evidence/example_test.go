package evidence_test

import (
	"fmt"
	"time"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// Of two calls that nobody answered, a partition excuses the one that could not have reached the server. A call needs its way for
// a while before it counts.
func ExampleEvidence_Class() {
	at := func(s int) history.Time { return time.Duration(s) * time.Second }
	call := func(from int) *history.Operation {
		return &history.Operation{ID: uint64(from), Kind: "read", Host: "client", Call: at(from), Return: at(from + 1), Outcome: history.Unknown, Reason: "timeout"}
	}
	h := &history.History{End: at(60), Hosts: []history.Host{{Name: "server", Role: "server"}, {Name: "client", Role: "client"}},
		Impairments: []history.Impairment{{Verb: "partition", From: []string{"client"}, To: []string{"server"}, Start: at(20), End: at(30), Cut: true}},
		Operations:  []*history.Operation{call(10), call(25), call(32), call(50)}}
	e := evidence.Gather(h)
	claim := evidence.Indicator{Kind: "read", Limit: at(2), Grace: at(3)}
	for _, o := range e.OfKind("read", "all") {
		fmt.Println(o.Call, e.Class(claim, o) == evidence.Bad)
	}
	for _, line := range e.Tell().With("server").Operation(h.Operations[1]).Lines() {
		fmt.Println(line)
	}
	// Output:
	// 10s true
	// 25s false
	// 32s false
	// 50s true
	// 20.000s  partition client → server until 30.000s
	// 25.000s  client asks: read
	// 26.000s  client: its read ended without an answer: timeout
}
