package single

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/probe"
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

	front.Limits `yaml:",inline"`
}

// DefaultConfig is what a server does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{
		Listen: ":6379", Sync: journal.Always, SyncInterval: time.Second, Segment: 64 << 20, Compact: 64 << 20,
		MaxSessions: kv.DefaultSessions, Limits: front.DefaultLimits(),
	}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	if c.Sync == journal.Interval && c.SyncInterval <= 0 {
		return errors.New("sync-interval: must be positive")
	}
	return cmp.Or(
		nodes.AtLeast("segment", c.Segment, 1<<10),
		nodes.AtLeast("compact", c.Compact, 1<<10),
		nodes.AtLeast("max-memory", c.MaxMemory, 0),
		nodes.Between("max-sessions", c.MaxSessions, 1, kv.MaxSessions),
		c.Limits.Validate(),
	)
}

// commands are what the server knows.
var commands = front.With(
	kv.Command{Name: "WAIT", Arity: 3, Flags: kv.Served},
	kv.Command{Name: "CLUSTER", Arity: -2, Flags: kv.Served},
)

// front is the configuration as a front has it.
func (c *Config) front() front.Options {
	o := c.Limits.Options(c.Listen, commands, kv.MaxValue)
	o.Settings = c.Settings(c.Sync, c.MaxMemory)
	return o
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
