package front

import (
	"cmp"
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Limits are what a server's configuration says of its clients.
type Limits struct {
	MaxRequest  nodes.Bytes   `yaml:"max-request" doc:"most bytes of all strings of one request; a peer that sends more is closed"`
	MaxOutput   nodes.Bytes   `yaml:"max-output" doc:"most bytes that wait for a peer that does not read; beyond it is closed"`
	MaxClients  int           `yaml:"max-clients" doc:"most connections; further ones are closed at once"`
	IdleTimeout time.Duration `yaml:"idle-timeout" doc:"silence after which a connection on which nothing is under way is closed; 0 is never"`
}

// DefaultLimits are those of a server where nothing is configured.
func DefaultLimits() Limits {
	return Limits{MaxRequest: 64 << 20, MaxOutput: 64 << 20, MaxClients: 10_000}
}

// Validate says what cannot be meant.
func (l *Limits) Validate() error {
	return cmp.Or(
		nodes.Between("max-request", l.MaxRequest, 1<<10, 1<<30),
		nodes.AtLeast("max-output", l.MaxOutput, 1<<16),
		nodes.AtLeast("max-clients", l.MaxClients, 1),
		nodes.AtLeast("idle-timeout", l.IdleTimeout, 0),
	)
}

// Options are those of a front that listens there, knows the commands, and takes no longer string than this.
func (l *Limits) Options(listen string, commands kv.Commands, longest nodes.Bytes) Options {
	return Options{
		Listen: listen, Limits: resp.Limits{Bulk: int(min(l.MaxRequest, longest)), Request: int(l.MaxRequest)},
		MaxClients: l.MaxClients, MaxOutput: l.MaxOutput, IdleTimeout: l.IdleTimeout, Commands: commands,
	}
}

// Settings are what CONFIG GET tells of a server that keeps its journal so, and takes so much memory at most.
func (l *Limits) Settings(sync journal.Mode, most nodes.Bytes, more ...[2]string) [][2]string {
	all := [][2]string{{"appendfsync", map[journal.Mode]string{journal.Always: "always", journal.Interval: "everysec"}[sync]},
		{"appendonly", "yes"}, {"databases", "1"}, {"maxclients", fmt.Sprint(l.MaxClients)}, {"maxmemory", fmt.Sprint(int64(most))}}
	return append(append(all, more...), [2]string{"save", ""})
}
