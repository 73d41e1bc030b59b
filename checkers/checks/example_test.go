package checks_test

import (
	"fmt"
	"log/slog"
	"time"

	"simrun/checkers/checks"
	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// A check by its name has the limits of a scenario that says none.
func ExampleNamed() {
	seen := func(id uint64, version int) *history.Operation {
		at := time.Duration(id) * time.Second
		return &history.Operation{ID: id, Host: "client", Kind: "read", Out: []slog.Attr{slog.Int("value", version), slog.Int("version", version)},
			Call: at, Return: at + 5*time.Millisecond, Outcome: history.Ok}
	}
	check, _ := checks.Named("sessions")
	j := check.Judge(evidence.Gather(&history.History{End: time.Minute, Operations: []*history.Operation{seen(1, 2), seen(2, 1)}}))
	fmt.Println(j.Verdict, j.Anomaly, j.Witness)
	// Output: violated monotonic-reads [1 2]
}
