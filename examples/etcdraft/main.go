// Command etcdraft is simrun with code in it that nobody here wrote: its kv.raft is kept by go.etcd.io/raft, which etcd runs
// on, in the place of this project's own package raft.
//
//	go run ./examples/etcdraft raft-storm --set nodes.kv.with.reads=index --seeds 100
//
// All around it is as it is elsewhere: the driver (nodes/raft/replica), the log on disk, the connections, the storms and who
// judges them. What stands between is in this folder, and each file holds one thing that foreign code does otherwise: time
// comes in ticks (core.go), randomness from crypto/rand (chance.go), what is to be done comes as messages (ready.go), and a
// snapshot is one message, however large (shipment.go).
package main

import (
	"os"
	"slices"

	"simrun/checkers/checks"
	"simrun/cmd/command"
	"simrun/nodes"
	"simrun/nodes/kinds"
	"simrun/nodes/kv/raftkv"
	"simrun/nodes/raft/replica"
	"simrun/scenarios"
)

// engine is go.etcd.io/raft as a replica has it.
var engine = replica.Engine{New: open, Append: appendMessage, Decode: decodeMessage}

var catalog = scenarios.Catalog{Kinds: withEngine(kinds.All()), Checks: checks.All()}

// withEngine has the kind kv.raft kept by the engine.
func withEngine(all []nodes.Kind) []nodes.Kind {
	at := slices.IndexFunc(all, func(k nodes.Kind) bool { return k.Name == raftkv.Server.Name })
	all[at] = raftkv.With(engine)
	return all
}

func main() { os.Exit(command.Main(catalog)) }
