// Command ticket is simrun with a server of one's own: an office that hands out numbers, and the promise
// that no two visitors get the same. It shows all that it takes: two kinds of node, a check, a scenario.
package main

import (
	"os"

	"simrun/checkers/checks"
	"simrun/cmd/command"
	"simrun/nodes"
	"simrun/scenarios"
)

var catalog = scenarios.Catalog{
	Kinds:  []nodes.Kind{office, visitor},
	Checks: append(checks.All(), unique),
}

func main() { os.Exit(command.Main(catalog)) }
