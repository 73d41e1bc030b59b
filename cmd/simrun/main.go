// Command simrun runs real servers on simulated machines and judges what they promised.
package main

import (
	"os"

	"simrun/cmd/command"
	"simrun/nodes/kinds"
	"simrun/scenarios"
)

func main() {
	os.Exit(command.Main(scenarios.Catalog{Kinds: kinds.All()}))
}
