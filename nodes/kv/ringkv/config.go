package ringkv

import (
	"cmp"
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/link"
	"simrun/nodes/ring"
	"simrun/nodes/ring/repair"
)

// Config is what can be configured of a server. A limit of zero is no limit, unless said otherwise.
type Config struct {
	Servers      []nodes.NodeName `yaml:"servers" doc:"servers to join the ring by; a ring begins once all of them have met; their port for each other is 16379 where none is said"`
	Listen       string           `yaml:"listen" doc:"address to accept clients on"`
	PeerListen   string           `yaml:"peer-listen" doc:"address to accept the other servers on, by TCP and by UDP"`
	Advertise    string           `yaml:"advertise" doc:"address that clients are told; listen if empty, with the host's name if it has none"`
	Cluster      string           `yaml:"cluster" doc:"a name in which all servers of a ring agree"`
	Rack         string           `yaml:"rack" doc:"what fails together with this server: copies are spread over racks as evenly as can be"`
	Weight       int              `yaml:"weight" doc:"how much this server keeps beside others, 1 to 16"`
	Tokens       int              `yaml:"tokens" doc:"places on the circle of a server of weight one; the same on all servers"`
	Copies       int              `yaml:"copies" doc:"N: how many servers keep each key; the same on all servers"`
	Read         int              `yaml:"read" doc:"R: how many copies answer a read, unless it says otherwise (QUORUM)"`
	Write        int              `yaml:"write" doc:"W: how many copies take a write before it is acknowledged, unless it says otherwise (QUORUM)"`
	Sloppy       bool             `yaml:"sloppy" doc:"servers that do not keep a key stand in for those that do and cannot be reached, and count; else only those that keep it do"`
	Versions     Versions         `yaml:"versions" doc:"how of two values the newer is told: vector (concurrent ones are kept beside each other), hybrid (one wins, by hybrid logical clocks), last-write-wins (one wins, by wall clocks); the same on all servers"`
	WriteBack    bool             `yaml:"write-back" doc:"what a read returns is on W copies before it is answered"`
	Timeout      time.Duration    `yaml:"timeout" doc:"how long other servers are waited for; a server that stands in is asked after half of it"`
	Gossip       time.Duration    `yaml:"gossip" doc:"how often a server makes sure of another"`
	AntiEntropy  time.Duration    `yaml:"anti-entropy" doc:"how often a server compares its copies with another's"`
	Forget       time.Duration    `yaml:"forget" doc:"how long a server that is dead keeps its keys before the ring goes on without it"`
	Window       time.Duration    `yaml:"hint-window" doc:"how old a hint, or anything under way, may be when it is delivered"`
	Grace        time.Duration    `yaml:"tombstone-grace" doc:"how long a tombstone waits for a server that is dead; who was away for longer, and was outlived, comes back empty"`
	MaxDrift     time.Duration    `yaml:"max-drift" doc:"how far wall clocks of servers may be apart; what was stamped further ahead is refused, but with last-write-wins"`
	HintBytes    nodes.Bytes      `yaml:"hint-bytes" doc:"most bytes that are held for servers that are away"`
	LeaveOnStop  bool             `yaml:"leave-on-stop" doc:"a server that is asked to stop hands its copies over and leaves the ring for good; it comes back as another"`
	PageBytes    nodes.Bytes      `yaml:"page-bytes" doc:"most bytes of keys in one message, unless one alone is more"`
	Silence      time.Duration    `yaml:"silence" doc:"silence after which a connection between servers is dialled anew"`
	Sync         journal.Mode     `yaml:"sync" doc:"a copy counts once it is synced (always), or written and synced soon after (interval)"`
	SyncInterval time.Duration    `yaml:"sync-interval" doc:"with sync interval, how long what was acknowledged may stay unsynced"`
	Segment      nodes.Bytes      `yaml:"segment" doc:"size of one file of the journal"`
	Compact      nodes.Bytes      `yaml:"compact" doc:"the journal is not rewritten while it is shorter than this"`
	MaxMemory    nodes.Bytes      `yaml:"max-memory" doc:"most bytes that keys and values take; a write that would add to them is refused beyond"`
	MaxWaiting   int              `yaml:"max-waiting" doc:"most commands under way; further ones are refused"`

	front.Limits `yaml:",inline"`
}

// DefaultConfig is what a server does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{
		Listen: ":6379", PeerListen: ":16379", Cluster: "kv", Weight: 1, Tokens: 128, Copies: 3, Read: 2, Write: 2, Versions: Vector,
		Timeout: time.Second, Gossip: time.Second, AntiEntropy: 10 * time.Second, Forget: 30 * 24 * time.Hour,
		Window: 3 * time.Hour, Grace: 240 * time.Hour, MaxDrift: 500 * time.Millisecond, HintBytes: 64 << 20, PageBytes: 256 << 10,
		Silence: 5 * time.Second, Sync: journal.Always, SyncInterval: time.Second, Segment: 64 << 20, Compact: 64 << 20,
		Limits: front.DefaultLimits(), MaxWaiting: 10_000,
	}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	switch {
	case c.Sync == journal.Interval && c.SyncInterval <= 0:
		return fmt.Errorf("sync-interval: must be positive")
	case c.Window <= c.Silence+c.Timeout:
		return fmt.Errorf("hint-window: %v is not longer than silence and timeout together (%v), for which a request may be under way", c.Window, c.Silence+c.Timeout)
	case c.WriteBack && c.Sloppy:
		return fmt.Errorf("write-back: who stands in has not what a read has to write back over; it goes with sloppy: false")
	}
	_, rules := c.rules()
	return cmp.Or(
		nodes.Between("weight", c.Weight, 1, ring.MaxWeight),
		nodes.Between("tokens", c.Tokens, 1, 1<<12),
		nodes.Between("copies", c.Copies, 1, 64),
		nodes.Between("read", c.Read, 1, c.Copies),
		nodes.Between("write", c.Write, 1, c.Copies),
		nodes.Between("timeout", c.Timeout, time.Millisecond, time.Hour),
		nodes.Between("gossip", c.Gossip, time.Millisecond, time.Hour),
		nodes.Between("anti-entropy", c.AntiEntropy, time.Millisecond, 24*time.Hour),
		nodes.AtLeast("forget", c.Forget, time.Second),
		nodes.Between("hint-bytes", c.HintBytes, 1<<10, 1<<40),
		nodes.Between("page-bytes", c.PageBytes, 1, 16<<20),
		nodes.Between("silence", c.Silence, time.Millisecond, time.Hour),
		nodes.AtLeast("segment", c.Segment, 1<<10),
		nodes.AtLeast("compact", c.Compact, 1<<10),
		nodes.AtLeast("max-memory", c.MaxMemory, 0),
		nodes.AtLeast("max-waiting", c.MaxWaiting, 1),
		c.Limits.Validate(),
		rules,
	)
}

// rules are those of hints and tombstones.
func (c *Config) rules() (repair.Rules, error) {
	return repair.Rules{Window: c.Window, Grace: c.Grace, MaxDrift: c.MaxDrift}.WithDefaults()
}

// quorum is how many copies a command asks for, and whether others may stand in for who keeps them. A command that says how many
// it wants gets those.
type quorum struct {
	read, write int
	sloppy      bool
}

func (c *Config) quorum(r *kv.Request) quorum {
	return quorum{cmp.Or(r.ReadQuorum, c.Read), cmp.Or(r.WriteQuorum, c.Write), c.Sloppy && r.ReadQuorum == 0}
}

// seeds are the addresses of the servers that are configured, and self is this server's own.
func (c *Config) seeds(host string) (self string, seeds []string) {
	seeds = nodes.Addresses(c.Servers, "16379")
	if i := nodes.OwnAddress(seeds, host, c.PeerListen); i >= 0 {
		return seeds[i], seeds
	}
	return nodes.Reached(host, c.PeerListen), seeds
}

// client is the address that clients are told.
func (c *Config) client(host string) string {
	return nodes.Reached(host, cmp.Or(c.Advertise, c.Listen))
}

// largest is the most that one key and what is known of it may take in a message or a record.
func (c *Config) largest() nodes.Bytes { return 4*c.MaxRequest + 4<<20 }

func (c *Config) front() front.Options {
	o := c.Limits.Options(c.Listen, commands, kv.MaxValue)
	o.Mode, o.Settings = "cluster", c.Settings(c.Sync, c.MaxMemory)
	return o
}

func (c *Config) journal() journal.Options {
	return journal.Options{Sync: c.Sync, Interval: c.SyncInterval, SegmentBytes: c.Segment, GrowBytes: min(c.Segment, 256<<10),
		CompactBytes: c.Compact, RecordBytes: c.largest(), PendingBytes: 64<<20 + 2*c.largest(), Settle: time.Second}
}

func (c *Config) link(self string) link.Options {
	return link.Options{Self: self, Listen: c.PeerListen, Cluster: c.Cluster, Silence: c.Silence, FrameBytes: c.largest() + c.PageBytes + 1<<20,
		QueueBytes: 16<<20 + 2*c.largest(), Most: mostServers}
}

// mostServers is how many others a server knows at most.
const mostServers = 1024
