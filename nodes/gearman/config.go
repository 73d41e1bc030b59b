package gearman

import (
	"fmt"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
)

// Queue says where a server keeps its background jobs.
type Queue string

// The queues.
const (
	// JournalQueue keeps background jobs on disk: what was acknowledged outlives the server.
	JournalQueue Queue = "journal"
	// MemoryQueue keeps them in memory, as gearmand does by default: they die with the server.
	MemoryQueue Queue = "memory"
)

// Values are the queues.
func (Queue) Values() []string { return []string{string(JournalQueue), string(MemoryQueue)} }

// ServerConfig is what can be configured of a job server. A limit of zero is no limit, unless said otherwise.
type ServerConfig struct {
	Listen       string        `yaml:"listen" doc:"address to accept on"`
	Queue        Queue         `yaml:"queue" doc:"where background jobs are kept: journal (on disk) or memory"`
	Sync         journal.Mode  `yaml:"sync" doc:"a background job is acknowledged once it is synced (always), or written and synced soon after (interval)"`
	SyncInterval time.Duration `yaml:"sync-interval" doc:"with sync interval, how long an acknowledged job may stay unsynced"`
	Segment      nodes.Bytes   `yaml:"segment" doc:"size of one file of the journal"`
	Compact      nodes.Bytes   `yaml:"compact" doc:"the journal is not rewritten while it is shorter than this"`
	Retries      int           `yaml:"retries" doc:"how often a job whose worker was lost is handed out again before it fails; 0 is without end"`
	WakeTimeout  time.Duration `yaml:"wake-timeout" doc:"how long a woken worker may take to ask for its job before another is woken"`
	MaxQueue     int           `yaml:"max-queue" doc:"most jobs of one function; further ones are refused"`
	MaxStored    nodes.Bytes   `yaml:"max-stored" doc:"most bytes that the jobs of all functions hold; further ones are refused"`
	MaxPacket    nodes.Bytes   `yaml:"max-packet" doc:"most bytes in one packet; a peer that claims more is closed"`
	MaxOutput    nodes.Bytes   `yaml:"max-output" doc:"most bytes that wait for a peer that does not read; beyond it is closed"`
	MaxClients   int           `yaml:"max-clients" doc:"most connections; further ones are closed at once"`
	MaxFunctions int           `yaml:"max-functions" doc:"most functions known at a time"`
	MaxAbilities int           `yaml:"max-abilities" doc:"most functions that one worker can do"`
	IdleTimeout  time.Duration `yaml:"idle-timeout" doc:"silence after which a connection that runs, awaits and sleeps for nothing is closed; 0 is never"`
	HandlePrefix string        `yaml:"handle-prefix" doc:"beginning of every job handle; H: and the host's name if empty"`
}

// DefaultServerConfig is what a server does where nothing is configured.
func DefaultServerConfig() *ServerConfig {
	return &ServerConfig{
		Listen: ":4730", Queue: JournalQueue, Sync: journal.Always, SyncInterval: time.Second,
		Segment: 64 << 20, Compact: 64 << 20, WakeTimeout: time.Second,
		MaxQueue: 1_000_000, MaxStored: 1 << 30, MaxPacket: DefaultMaxPacket, MaxOutput: 16 << 20,
		MaxClients: 10_000, MaxFunctions: 10_000, MaxAbilities: 1_000,
	}
}

// longestPrefix leaves room in a handle for a generation and a number.
const longestPrefix = MaxHandle - len(":4294967295.18446744073709551615")

// Validate says what cannot be meant.
func (c *ServerConfig) Validate() error {
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"retries", int64(c.Retries)}, {"max-queue", int64(c.MaxQueue)}, {"max-stored", int64(c.MaxStored)},
		{"max-output", int64(c.MaxOutput)}, {"max-clients", int64(c.MaxClients)}, {"max-functions", int64(c.MaxFunctions)},
		{"max-abilities", int64(c.MaxAbilities)}, {"idle-timeout", int64(c.IdleTimeout)},
	} {
		if limit.value < 0 {
			return fmt.Errorf("%s: must not be negative", limit.name)
		}
	}
	switch {
	case c.MaxPacket < 1<<10 || c.MaxPacket > 1<<30:
		return fmt.Errorf("max-packet: %s is not between 1KiB and 1GiB", c.MaxPacket)
	case c.WakeTimeout <= 0:
		return fmt.Errorf("wake-timeout: must be positive")
	case c.Sync == journal.Interval && c.SyncInterval <= 0:
		return fmt.Errorf("sync-interval: must be positive")
	case c.Segment < 1<<10:
		return fmt.Errorf("segment: %s is less than 1KiB", c.Segment)
	case c.Compact < 1<<10:
		return fmt.Errorf("compact: %s is less than 1KiB", c.Compact)
	case len(c.HandlePrefix) > longestPrefix:
		return fmt.Errorf("handle-prefix: longer than %d bytes", longestPrefix)
	case hasControl([]byte(c.HandlePrefix)) || strings.Contains(c.HandlePrefix, " "):
		return fmt.Errorf("handle-prefix: has white space or control characters")
	}
	return nil
}

// hasControl says whether a name would break a line of the text protocol.
func hasControl(name []byte) bool {
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return true
		}
	}
	return false
}
