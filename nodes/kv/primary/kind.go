// Package primary is the key-value server of a primary and its replicas, and the monitors that decide which server the primary is.
// The primary orders commands and streams them; replicas keep them on disk and serve reads to who asks for it.
//
// # What a write waits for
//
// Its record on the primary's disk, and on those of as many replicas as Config.Acknowledge says. With none, replication is
// asynchronous, and what the primary acknowledged last is lost when another takes its place. With n of N servers, the monitors make
// nobody primary before N-n servers have promised, durably, to take nothing of earlier epochs, and then take whoever's log is
// furthest: one of these has every write that was acknowledged, so none is lost.
//
// # What a read sees
//
// A primary answers reads while it holds a lease: the monitors make nobody else primary before it has run out. A replica answers
// clients that said READONLY, from what is committed; its clock and the primary's answers tell it how old that may be (max-lag).
//
// # Histories
//
// Each epoch has one primary and an ID. A replica that comes back says the lineage of its log; as far as this agrees with the
// primary's it stays, what is behind is discarded, and the rest is sent: from the backlog, or, where that does not reach back far
// enough or the replica has done what is to be discarded, as a snapshot.
//
// The order of these things follows Viewstamped Replication (Liskov and Cowling, 2012) with the choice of the primary taken
// out of the group, and the commit rule Raft's (Ongaro and Ousterhout, 2014, §5.4.2).
package primary

import (
	"slices"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv/front"
	"simrun/nodes/kv/shards"
	"simrun/nodes/link"
	"simrun/nodes/probe"
	"simrun/nodes/raft/replica"
	"simrun/nodes/resp"
)

// Server is the kind of a server.
var Server = nodes.Kind{
	Name:   "kv.primary",
	Role:   nodes.Server,
	Doc:    "A key-value server that speaks the Redis protocol: a primary, or a replica of it, as monitors decide.",
	Port:   6379,
	Config: func() any { return DefaultConfig() },
	Main:   func(env nodes.Env, config any) error { return run(env, config.(*Config)) },
	Notes: slices.Concat(front.Moments(commands), shards.Notes,
		[]string{"replayed", "compacted", "new-epoch", "became-leader", "stepped-down", "discarded", "snapshot-installed", "put-aside"}),
	Probes: []*probe.Set{&probes, &front.Probes, &shards.Probes, &link.Probes, &journal.Probes},
	Points: slices.Concat(points, front.Points, shards.Points, link.Points, journal.Points),
	Words: nodes.Words{
		Protocols: []nodes.Protocol{resp.Protocol, link.Protocol("peer-listen", 16379, frameWords)},
		Gauges: []nodes.Gauge{
			{Name: "leads", Title: "Who is the primary, and the epoch", Band: "epoch"},
			{Name: "lag", Title: "Log that is not done yet", Unit: "entry"},
			{Name: "discarded", Title: "Entries that were discarded", Unit: "entry"},
			front.KeysGauge,
			{Name: "epoch", Title: "Epoch", Hidden: true},
			{Name: "digest", Title: "Digest", Hidden: true},
		},
		Moments: map[string]string{"replayed": "has read its journal", "put-aside": "puts a damaged journal aside", "compacted": "has compacted its journal", "new-epoch": "hears of a new epoch",
			"became-leader": "is the primary from now on", "stepped-down": "is not the primary any more", "discarded": "discards what the primary never had",
			"snapshot-installed": "has taken over a snapshot"},
	},
}

// Monitor is the kind of a monitor.
var Monitor = nodes.Kind{
	Name:   "kv.monitor",
	Role:   nodes.Server,
	Doc:    "One of a few monitors that agree on which server of kv.primary is the primary.",
	Port:   26379,
	Config: func() any { return DefaultMonitorConfig() },
	Main:   func(env nodes.Env, config any) error { return runMonitor(env, config.(*MonitorConfig)) },
	Notes:  slices.Concat(front.Moments(monitorCommands), replica.Notes, []string{"fencing", "decreed"}),
	Probes: append([]*probe.Set{&probes, &front.Probes}, replica.Sets...),
	Points: slices.Concat(front.Points, replica.Points),
	Words: nodes.Words{
		Protocols: []nodes.Protocol{resp.Protocol, link.Protocol("watch-listen", 26380, frameWords), replica.Protocol("peer-listen", 16379, decreeWords)},
		Gauges:    append(slices.Clone(replica.Gauges), nodes.Gauge{Name: "epoch", Title: "Epoch", Unit: "epoch"}),
		Moments:   monitorMoments,
	},
}

var monitorMoments = func() map[string]string {
	all := map[string]string{"fencing": "asks the servers to end the epoch", "decreed": "hears who the primary is"}
	for name, words := range replica.Moments {
		all[name] = words
	}
	return all
}()
