package single

import (
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/probe"
	"simrun/nodes/resp"
)

// Config is what can be configured of a server. A limit of zero is no limit, unless said otherwise.
type Config struct {
	Listen       string        `yaml:"listen" doc:"address to accept on"`
	Sync         journal.Mode  `yaml:"sync" doc:"a write is acknowledged once it is synced (always), or written and synced soon after (interval)"`
	SyncInterval time.Duration `yaml:"sync-interval" doc:"with sync interval, how long an acknowledged write may stay unsynced"`
	Segment      nodes.Bytes   `yaml:"segment" doc:"size of one file of the journal"`
	Compact      nodes.Bytes   `yaml:"compact" doc:"the journal is not rewritten while it is shorter than this"`
	MaxMemory    nodes.Bytes   `yaml:"max-memory" doc:"most bytes that keys, values and sessions take; what would add to them is refused beyond"`
	MaxSessions  int           `yaml:"max-sessions" doc:"most client sessions (ONCE); beyond it the one that was used longest ago ends"`
	MaxRequest   nodes.Bytes   `yaml:"max-request" doc:"most bytes of all strings of one request; a peer that sends more is closed"`
	MaxOutput    nodes.Bytes   `yaml:"max-output" doc:"most bytes that wait for a peer that does not read; beyond it is closed"`
	MaxClients   int           `yaml:"max-clients" doc:"most connections; further ones are closed at once"`
	IdleTimeout  time.Duration `yaml:"idle-timeout" doc:"silence after which a connection on which nothing is under way is closed; 0 is never"`
}

// DefaultConfig is what a server does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{
		Listen: ":6379", Sync: journal.Always, SyncInterval: time.Second, Segment: 64 << 20, Compact: 64 << 20,
		MaxSessions: kv.DefaultSessions, MaxRequest: 64 << 20, MaxOutput: 64 << 20, MaxClients: 10_000,
	}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	switch {
	case c.Sync == journal.Interval && c.SyncInterval <= 0:
		return fmt.Errorf("sync-interval: must be positive")
	case c.Segment < 1<<10:
		return fmt.Errorf("segment: %s is less than 1KiB", c.Segment)
	case c.Compact < 1<<10:
		return fmt.Errorf("compact: %s is less than 1KiB", c.Compact)
	case c.MaxMemory < 0:
		return fmt.Errorf("max-memory: must not be negative")
	case c.MaxSessions < 1 || c.MaxSessions > 10_000_000:
		return fmt.Errorf("max-sessions: is not between 1 and 10000000")
	case c.MaxRequest < 1<<10 || c.MaxRequest > 1<<30:
		return fmt.Errorf("max-request: %s is not between 1KiB and 1GiB", c.MaxRequest)
	case c.MaxOutput < 1<<16:
		return fmt.Errorf("max-output: %s is less than 64KiB", c.MaxOutput)
	case c.MaxClients < 1:
		return fmt.Errorf("max-clients: must be positive")
	case c.IdleTimeout < 0:
		return fmt.Errorf("idle-timeout: must not be negative")
	}
	return nil
}

// commands are what the server knows.
var commands = front.With(
	kv.Command{Name: "WAIT", Arity: 3, Flags: kv.Served},
	kv.Command{Name: "CLUSTER", Arity: -2, Flags: kv.Served},
)

// front is the configuration as a front has it.
func (c *Config) front() front.Options {
	return front.Options{
		Listen: c.Listen, Limits: resp.Limits{Bulk: int(min(c.MaxRequest, kv.MaxValue)), Request: int(c.MaxRequest)},
		MaxClients: c.MaxClients, MaxOutput: c.MaxOutput, IdleTimeout: c.IdleTimeout, Commands: commands,
		Settings: [][2]string{{"appendfsync", map[journal.Mode]string{journal.Always: "always", journal.Interval: "everysec"}[c.Sync]},
			{"appendonly", "yes"}, {"databases", "1"}, {"maxclients", fmt.Sprint(c.MaxClients)},
			{"maxmemory", fmt.Sprint(int64(c.MaxMemory))}, {"save", ""}},
	}
}

// Server is the kind.
var Server = nodes.Kind{
	Name:   "kv.single",
	Role:   nodes.Server,
	Doc:    "A key-value server of one machine that speaks the Redis protocol and keeps everything in a journal.",
	Port:   6379,
	Config: func() any { return DefaultConfig() },
	Main:   func(env nodes.Env, config any) error { return run(env, config.(*Config)) },
	Notes:  append(front.Moments(commands), "replayed", "compacted"),
	Probes: []*probe.Set{&probes, &front.Probes, &journal.Probes},
	Words: nodes.Words{Protocols: []nodes.Protocol{front.Protocol}, Gauges: []nodes.Gauge{front.KeysGauge},
		Moments: map[string]string{"replayed": "has read its journal", "compacted": "has written its journal anew"}},
	Points: slices.Concat(front.Points, journal.Points),
}
