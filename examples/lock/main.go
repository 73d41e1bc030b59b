// Command lock is simrun with a lock service of one's own, on three servers that agree by Raft, and the question that every
// such service is asked: what does a lock protect if its holder stops for a while and does not know?
//
// A lease alone does not. Its holder is paused, the lease runs out, another takes the lock, and the first wakes up in the
// middle of what it was doing. So each grant has a token, greater than all before, and what the lock protects
// refuses tokens older than the newest it has seen (Kleppmann, "How to do distributed locking", 2016; Burrows, "The Chubby
// lock service", 2006, calls them sequencers). The scenario has it with tokens; the test shows that without it fails.
package main

import (
	"os"

	"simrun/checkers/checks"
	"simrun/cmd/command"
	"simrun/nodes"
	"simrun/scenarios"
)

var catalog = scenarios.Catalog{
	Kinds:  []nodes.Kind{lockServer, counterServer, user},
	Checks: append(checks.All(), noIncrementLost),
}

func main() { os.Exit(command.Main(catalog)) }
