// Command simrun runs real servers on simulated machines and judges what they promised.
package main

import (
	"os"

	"simrun/cmd/command"
	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/nodes/kv/single"
	"simrun/scenarios"
)

func main() {
	os.Exit(command.Main(scenarios.Catalog{Kinds: []nodes.Kind{gearman.Server, gearman.Worker, gearman.Client, single.Server}}))
}
