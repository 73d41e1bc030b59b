package primary

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/kv/shards"
	"simrun/nodes/link"
)

// Redirect says what a replica does that is asked for what only the primary can do.
type Redirect string

// The ways.
const (
	// Moved tells the client where the primary is.
	Moved Redirect = "moved"
	// Refuse says READONLY, as a replica of Redis does outside of a cluster.
	Refuse Redirect = "refuse"
)

// Values are the ways.
func (Redirect) Values() []string { return []string{string(Moved), string(Refuse)} }

// Config is what can be configured of a server. A limit of zero is no limit, unless said otherwise.
type Config struct {
	Servers    []nodes.NodeName `yaml:"servers" doc:"the servers of the group, this one among them; their port for each other is 16379 where none is said"`
	Monitors   []nodes.NodeName `yaml:"monitors" doc:"the monitors that decide who is the primary; their port for servers is 26380 where none is said"`
	Listen     string           `yaml:"listen" doc:"address to accept clients on"`
	PeerListen string           `yaml:"peer-listen" doc:"address to accept the other servers, and monitors, on"`
	Advertise  string           `yaml:"advertise" doc:"address that clients are told; listen if empty, with the host's name if it has none"`
	Cluster    string           `yaml:"cluster" doc:"a name in which all servers and monitors of a group agree; other groups know it by it"`

	shards.Part `yaml:",inline"`

	Acknowledge  int           `yaml:"acknowledge" doc:"how many replicas must have a write on disk before it is answered: 0 is asynchronous replication. The same on all servers"`
	MaxLag       time.Duration `yaml:"max-lag" doc:"a replica that cannot say that it knows all that was written this long ago answers no reads; 0 is however long ago"`
	Redirect     Redirect      `yaml:"redirect" doc:"what a replica does with a request that is the primary's: moved (tells where it is) or refuse"`
	Heartbeat    time.Duration `yaml:"heartbeat" doc:"how often a server is heard at least, by its monitors and its primary"`
	Timeout      time.Duration `yaml:"timeout" doc:"silence after which a replica does not count, and one looks for its primary anew; ten heartbeats if 0"`
	Patience     time.Duration `yaml:"patience" doc:"how long a write waits for its replicas before it is answered that nobody knows; ten times timeout if 0"`
	MaxDrift     nodes.Percent `yaml:"max-drift" doc:"by how much the rate of any clock may differ from true time"`
	Backlog      nodes.Bytes   `yaml:"backlog" doc:"how much of the log is kept in memory for replicas that come back; who has missed more is sent everything"`
	Window       int           `yaml:"window" doc:"most messages that a replica may leave unanswered"`
	BatchBytes   nodes.Bytes   `yaml:"batch-bytes" doc:"most bytes of entries in one message, unless one alone is more"`
	ChunkBytes   nodes.Bytes   `yaml:"chunk-bytes" doc:"most bytes of a snapshot in one message"`
	PendingBytes nodes.Bytes   `yaml:"pending-bytes" doc:"most bytes of writes that wait for replicas; what comes beyond is refused, and a replica that lags by more is sent everything"`
	Rejoin       bool          `yaml:"rejoin" doc:"a server that finds its journal damaged puts it aside, and is sent everything by the primary; else it does not start"`
	Sync         journal.Mode  `yaml:"sync" doc:"what a server has it keeps across a power cut (always), or across a crash of its process only, for up to sync-interval (interval)"`
	SyncInterval time.Duration `yaml:"sync-interval" doc:"with sync interval, how long what was taken may stay unsynced"`
	Segment      nodes.Bytes   `yaml:"segment" doc:"size of one file of the journal"`
	Compact      nodes.Bytes   `yaml:"compact" doc:"the journal is not rewritten while it is shorter than this"`
	MaxMemory    nodes.Bytes   `yaml:"max-memory" doc:"most bytes that keys, values and sessions take; what would add to them is refused beyond"`
	MaxSessions  int           `yaml:"max-sessions" doc:"most client sessions (ONCE); beyond it the one that was used longest ago ends"`
	MaxWaiting   int           `yaml:"max-waiting" doc:"most requests that wait for replicas; further ones are refused"`

	front.Limits `yaml:",inline"`
}

// DefaultConfig is what a server does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{
		Listen: ":6379", PeerListen: ":16379", Cluster: "kv", Part: shards.DefaultPart(),
		Redirect: Moved, Rejoin: true, Heartbeat: 100 * time.Millisecond, MaxDrift: 500, Backlog: 16 << 20,
		Window: 16, BatchBytes: 64 << 10, ChunkBytes: 256 << 10, PendingBytes: 64 << 20, Sync: journal.Always, SyncInterval: time.Second,
		Segment: 64 << 20, Compact: 64 << 20, MaxSessions: kv.DefaultSessions, Limits: front.DefaultLimits(),
		MaxWaiting: 100_000,
	}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	switch {
	case len(c.Servers) > mostMembers:
		return fmt.Errorf("servers: more than %d", mostMembers)
	case c.MaxLag > 0 && c.MaxLag <= 2*c.Heartbeat:
		return fmt.Errorf("max-lag: %s is not more than two heartbeats (%s)", c.MaxLag, c.Heartbeat)
	case c.Timeout > 0 && c.Timeout <= c.Heartbeat:
		return fmt.Errorf("timeout: %s is not more than a heartbeat (%s)", c.Timeout, c.Heartbeat)
	case c.MaxDrift > nodes.PerMillion/4:
		return fmt.Errorf("max-drift: more than 25%%")
	case c.Sync == journal.Interval && c.SyncInterval <= 0:
		return fmt.Errorf("sync-interval: must be positive")
	}
	return cmp.Or(
		nodes.AtLeast("acknowledge", c.Acknowledge, 0),
		nodes.AtLeast("max-lag", c.MaxLag, 0),
		nodes.AtLeast("heartbeat", c.Heartbeat, time.Millisecond),
		nodes.AtLeast("timeout", c.Timeout, 0),
		nodes.AtLeast("patience", c.Patience, 0),
		nodes.AtLeast("backlog", c.Backlog, 0),
		nodes.AtLeast("window", c.Window, 1),
		nodes.Between("batch-bytes", c.BatchBytes, 1, 1<<30),
		nodes.Between("chunk-bytes", c.ChunkBytes, 1, 1<<30),
		nodes.AtLeast("pending-bytes", c.PendingBytes, 1),
		nodes.AtLeast("segment", c.Segment, 1<<10),
		nodes.AtLeast("compact", c.Compact, 1<<10),
		nodes.AtLeast("max-memory", c.MaxMemory, 0),
		nodes.Between("max-sessions", c.MaxSessions, 1, kv.MaxSessions),
		nodes.AtLeast("max-waiting", c.MaxWaiting, 1),
		c.Limits.Validate(),
		c.Part.Validate(c.Cluster),
	)
}

// timeout is how long somebody may be silent.
func (c *Config) timeout() time.Duration { return cmp.Or(c.Timeout, 10*c.Heartbeat) }

// patience is how long a write may wait.
func (c *Config) patience() time.Duration { return cmp.Or(c.Patience, 10*c.timeout()) }

// shards is the configuration as a shard has it.
func (c *Config) shards() shards.Options { return c.Part.Options(c.Cluster, c.patience()) }

// selfAmong is which of the addresses is that of a host that listens there, or what it would be.
func selfAmong(peers []string, host, listen, port string) string {
	if i := nodes.OwnAddress(peers, host, listen); i >= 0 {
		return peers[i]
	}
	return nodes.Address(host, port)
}

// client is where clients reach the server on a host of that name.
func (c *Config) client(host string) string {
	return nodes.Reached(host, cmp.Or(c.Advertise, c.Listen))
}

// commands are what the server knows.
var commands = front.With(append(slices.Clone(shards.Commands),
	kv.Command{Name: "WAIT", Arity: 3, Flags: kv.Served},
	kv.Command{Name: "ROLE", Arity: 1, Flags: kv.Served},
	kv.Command{Name: "SINCE", Arity: -3, Flags: kv.Read},
)...)

// longestBulk is that of a value, or of a parcel of slots with one value more than fits.
const longestBulk = kv.MaxValue + 16<<20 + 1<<20

// front is the configuration as a front has it.
func (c *Config) front() front.Options {
	o := c.Limits.Options(c.Listen, commands, longestBulk)
	o.Mode, o.Settings = "cluster", c.Settings(c.Sync, c.MaxMemory, [2]string{"min-replicas-to-write", fmt.Sprint(c.Acknowledge)})
	return o
}

// largest is the most that one entry takes.
func (c *Config) largest() nodes.Bytes { return c.MaxRequest + 1<<20 }

// journal is the configuration as a journal has it.
func (c *Config) journal() journal.Options {
	record := max(c.largest()+1<<10, 2*kv.MaxValue)
	return journal.Options{Sync: c.Sync, Interval: c.SyncInterval, SegmentBytes: c.Segment, GrowBytes: min(c.Segment, 256<<10),
		CompactBytes: c.Compact, RecordBytes: record, PendingBytes: 64<<20 + 3*c.PendingBytes + 4*record, Settle: time.Second}
}

// link is the configuration as a link has it.
func (c *Config) link(self string) link.Options {
	return link.Options{Self: self, Listen: c.PeerListen, Cluster: c.Cluster, Silence: max(c.timeout(), time.Second),
		FrameBytes: max(c.largest(), c.BatchBytes, c.ChunkBytes) + 1<<20, QueueBytes: 16<<20 + 2*c.largest(), Most: 2 * mostMembers}
}
