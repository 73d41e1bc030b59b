// Package kinds answers which kinds of nodes there are: all that the command knows, and the tests of what is built in.
package kinds

import (
	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/nodes/kv/admin"
	kv "simrun/nodes/kv/client"
	"simrun/nodes/kv/primary"
	"simrun/nodes/kv/raftkv"
	"simrun/nodes/kv/ringkv"
	"simrun/nodes/kv/single"
	"simrun/nodes/log/broker"
	log "simrun/nodes/log/client"
)

// All are the kinds, in the order in which the reference tells of them.
func All() []nodes.Kind {
	return []nodes.Kind{
		gearman.Server, gearman.Worker, gearman.Client,
		single.Server, raftkv.Server, primary.Server, primary.Monitor, ringkv.Server, kv.Client, admin.Admin,
		broker.Server, log.Producer, log.Consumer,
	}
}
