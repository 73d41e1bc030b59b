package main

import (
	"fmt"
	"strconv"
	"strings"
)

// page tells of all trials in Markdown.
func page(trials []*trial) string {
	var b strings.Builder
	b.WriteString(`# Track record

Bugs that real systems had, or that a simulation found here, planted in this project's own source one at a time. Each is a
patch under ` + "`testdata/mutants`" + ` of the package that it spoils. It must be caught by the claim that stands beside it, must not be seen without the
faults that expose it (where it needs any), and the code as it is must hold on the same seed. ` + "`go run ./cmd/mutants -record -table docs/track-record.md`" + `
looks for each bug from fresh seeds, counts how many it takes, and writes this page; without ` + "`-record`" + ` it replays the seeds that were found.

| mutant | what is wrong | where it happened | scenario | claim | faults that expose it | seeds | one of them |
|---|---|---|---|---|---|---|---|
`)
	for _, t := range trials {
		without := t.without
		if t.needsNone() {
			without = "none"
		}
		seeds := strconv.Itoa(t.caught.seeds)
		if !t.ok() {
			seeds = "**" + t.verdict() + "**"
		} else if t.caught.batch {
			seeds += " at once"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | `%s` |\n", t.name, t.bug, t.source, t.scenario, t.claim, without, seeds, t.caught.seed)
	}
	b.WriteString(`
## The least that shows it

What is left of each plan once all faults, nodes and work that the violation does not need are taken away; each was run again, and shows it.

`)
	for _, t := range trials {
		if t.least != nil {
			fmt.Fprintf(&b, "- %s violates %s; of %d faults:\n", t.name, t.claim, t.least.from)
			for _, fault := range t.least.faults {
				fmt.Fprintf(&b, "  - `%s`\n", fault)
			}
		}
	}
	return b.String()
}
