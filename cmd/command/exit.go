package command

import "simrun/scenarios"

// The exit codes. Of several runs the worst counts, in the order diverged, violated, unknown, good.
const (
	Good     = 0 // every claim is as expected
	Violated = 1 // a claim is violated, or a node panicked
	NoStart  = 2 // usage, or an error in a scenario
	Unknown  = 3 // a checker ran out of budget or, in a batch, nothing decided a claim
	Diverged = 4 // a replay's hash differs
)

// code is what the process says by its exit of what it found.
func code(v scenarios.Verdict) int {
	switch v {
	case scenarios.Holds:
		return Good
	case scenarios.Violated:
		return Violated
	case scenarios.Diverged:
		return Diverged
	default:
		return Unknown
	}
}
