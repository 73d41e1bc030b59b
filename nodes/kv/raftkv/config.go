package raftkv

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
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
)

// Reads says how a leader makes sure that it still leads before it answers a read.
type Reads string

// The ways.
const (
	// IndexReads ask a majority, once for all reads that have come.
	IndexReads Reads = "index"
	// LeaseReads rely on a majority's answer of late, by clocks that keep within max-drift.
	LeaseReads Reads = "lease"
)

// Values are the ways.
func (Reads) Values() []string { return []string{string(IndexReads), string(LeaseReads)} }

// Redirect says what a server does that is asked for what only the leader can do.
type Redirect string

// The ways.
const (
	// Moved tells the client where the leader is.
	Moved Redirect = "moved"
	// Forward asks the leader in the client's place.
	Forward Redirect = "forward"
)

// Values are the ways.
func (Redirect) Values() []string { return []string{string(Moved), string(Forward)} }

// Config is what can be configured of a server. A limit of zero is no limit, unless said otherwise.
type Config struct {
	Servers    []nodes.NodeName `yaml:"servers" doc:"the servers that the group begins with, this one among them; the first begins it; their port for each other is 16379 where none is said"`
	Listen     string           `yaml:"listen" doc:"address to accept clients on"`
	PeerListen string           `yaml:"peer-listen" doc:"address to accept the other servers on"`
	Advertise  string           `yaml:"advertise" doc:"address that clients are told; listen if empty, with the host's name if it has none"`
	Cluster    string           `yaml:"cluster" doc:"a name in which all servers of a group agree; other groups know it by it"`

	shards.Part `yaml:",inline"`

	Election      time.Duration `yaml:"election-timeout" doc:"least silence of a leader after which a server campaigns; the most is twice that"`
	Heartbeat     time.Duration `yaml:"heartbeat" doc:"how often a leader makes itself heard; a fifth of election-timeout if 0"`
	PreVote       bool          `yaml:"pre-vote" doc:"a server asks whether it could win an election before it begins one, so that none disturbs a leader that others hear"`
	Reads         Reads         `yaml:"reads" doc:"how a leader makes sure that it still leads: index (asks a majority) or lease (by its clock)"`
	MaxDrift      nodes.Percent `yaml:"max-drift" doc:"with lease, by how much the rate of any server's clock may differ from true time"`
	Redirect      Redirect      `yaml:"redirect" doc:"what a server that does not lead does with a request: moved (tells where the leader is) or forward"`
	Patience      time.Duration `yaml:"patience" doc:"how long a write waits for its fate before it is answered that nobody knows; ten election timeouts if 0"`
	Silence       time.Duration `yaml:"silence" doc:"silence after which a connection between servers is dialled anew; ten election timeouts, at least 1s, if 0"`
	Rejoin        bool          `yaml:"rejoin" doc:"a server without a log, or with a damaged one, asks to be taken in under a new id; else an administrator has to invite it"`
	SnapshotEvery int           `yaml:"snapshot-every" doc:"entries after which a snapshot takes the place of the log"`
	SnapshotBytes nodes.Bytes   `yaml:"snapshot-bytes" doc:"bytes of log after which a snapshot takes its place"`
	BatchEntries  int           `yaml:"batch-entries" doc:"most entries in one message"`
	BatchBytes    nodes.Bytes   `yaml:"batch-bytes" doc:"most bytes of entries in one message, unless one alone is more"`
	Window        int           `yaml:"window" doc:"most messages with entries that a follower may leave unanswered"`
	ChunkBytes    nodes.Bytes   `yaml:"chunk-bytes" doc:"most bytes of a snapshot in one message"`
	PendingBytes  nodes.Bytes   `yaml:"pending-bytes" doc:"most bytes that are proposed and not committed; what comes beyond is refused"`
	Sync          journal.Mode  `yaml:"sync" doc:"a server keeps its word across a power cut (always), or across a crash of its process only, for up to sync-interval (interval)"`
	SyncInterval  time.Duration `yaml:"sync-interval" doc:"with sync interval, how long what was promised may stay unsynced"`
	Segment       nodes.Bytes   `yaml:"segment" doc:"size of one file of the log"`
	Compact       nodes.Bytes   `yaml:"compact" doc:"the log's files are not rewritten without a new snapshot while they are shorter than this"`
	MaxMemory     nodes.Bytes   `yaml:"max-memory" doc:"most bytes that keys, values and sessions take; what would add to them is refused beyond"`
	MaxSessions   int           `yaml:"max-sessions" doc:"most client sessions (ONCE); beyond it the one that was used longest ago ends"`
	MaxWaiting    int           `yaml:"max-waiting" doc:"most requests that wait for the group; further ones are refused"`

	front.Limits `yaml:",inline"`
}

// DefaultConfig is what a server does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{
		Listen: ":6379", PeerListen: ":16379", Cluster: "kv", Part: shards.DefaultPart(),
		Election: time.Second, PreVote: true, Reads: IndexReads, MaxDrift: 500, Redirect: Moved, Rejoin: true,
		SnapshotEvery: 100_000, SnapshotBytes: 64 << 20, BatchEntries: 1024, BatchBytes: 64 << 10, Window: 16, ChunkBytes: 256 << 10,
		PendingBytes: 64 << 20, Sync: journal.Always, SyncInterval: time.Second, Segment: 64 << 20, Compact: 256 << 20,
		MaxSessions: kv.DefaultSessions, Limits: front.DefaultLimits(), MaxWaiting: 100_000,
	}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	switch {
	case c.Heartbeat > c.Election/2:
		return fmt.Errorf("heartbeat: %s is more than half of election-timeout (%s)", c.Heartbeat, c.Election)
	case c.Reads == LeaseReads && (c.MaxDrift == 0 || c.MaxDrift > nodes.PerMillion/2):
		return fmt.Errorf("max-drift: with lease it must be above 0%% and at most 50%%")
	case c.Sync == journal.Interval && c.SyncInterval <= 0:
		return fmt.Errorf("sync-interval: must be positive")
	}
	return cmp.Or(
		nodes.AtLeast("election-timeout", c.Election, time.Millisecond),
		nodes.AtLeast("heartbeat", c.Heartbeat, 0),
		nodes.AtLeast("patience", c.Patience, 0),
		nodes.AtLeast("silence", c.Silence, 0),
		nodes.AtLeast("snapshot-every", c.SnapshotEvery, 1),
		nodes.AtLeast("snapshot-bytes", c.SnapshotBytes, 1),
		nodes.AtLeast("batch-entries", c.BatchEntries, 1),
		nodes.Between("batch-bytes", c.BatchBytes, 1, 1<<30),
		nodes.AtLeast("window", c.Window, 1),
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

// shards is the configuration as a shard has it.
func (c *Config) shards() shards.Options {
	return c.Part.Options(c.Cluster, max(c.Patience, 10*c.Election))
}

// commands are what the server knows.
var commands = front.With(append(slices.Clone(shards.Commands),
	kv.Command{Name: "WAIT", Arity: 3, Flags: kv.Served},
	kv.Command{Name: "RAFT", Arity: -2, Flags: kv.Served},
)...)

// longestBulk is that of a value, or of a parcel of slots with one value more than fits.
const longestBulk = kv.MaxValue + 16<<20 + 1<<20

// front is the configuration as a front has it.
func (c *Config) front() front.Options {
	o := c.Limits.Options(c.Listen, commands, longestBulk)
	o.Mode, o.Settings = "cluster", c.Settings(c.Sync, c.MaxMemory)
	return o
}

// peerPort is where servers listen for each other, unless it is said otherwise.
const peerPort = "16379"

// replica is the configuration as a replica has it, on the host of that name.
func (c *Config) replica(host string) replica.Options {
	drift := nodes.Percent(0)
	if c.Reads == LeaseReads {
		drift = c.MaxDrift
	}
	peers, self := nodes.Addresses(c.Servers, peerPort), nodes.Address(host, peerPort)
	if i := nodes.OwnAddress(peers, host, c.PeerListen); i >= 0 {
		self = peers[i]
	}
	client := nodes.Reached(host, cmp.Or(c.Advertise, c.Listen))
	if len(peers) == 0 {
		peers = []string{self}
	}
	largest := c.MaxRequest + 1<<20
	return replica.Options{
		Self: self, Client: client, Listen: c.PeerListen, Peers: peers, Cluster: c.Cluster, Rejoin: c.Rejoin, Patience: c.Patience, Waiting: c.MaxWaiting,
		SnapshotEntries: c.SnapshotEvery, SnapshotBytes: c.SnapshotBytes,
		Raft: raft.Options{Election: c.Election, Heartbeat: c.Heartbeat, NoPreVote: !c.PreVote, Drift: drift, BatchEntries: c.BatchEntries, BatchBytes: int(c.BatchBytes),
			Window: c.Window, ChunkBytes: int(c.ChunkBytes), PendingBytes: int(c.PendingBytes)},
		Journal: journal.Options{Sync: c.Sync, Interval: c.SyncInterval, SegmentBytes: c.Segment, GrowBytes: min(c.Segment, 256<<10),
			CompactBytes: c.Compact, RecordBytes: largest + 2<<20, PendingBytes: 64<<20 + 2*largest, Settle: time.Second},
		Link: link.Options{Silence: c.Silence, FrameBytes: max(largest, c.BatchBytes, c.ChunkBytes) + 1<<20, QueueBytes: 16<<20 + 2*largest},
	}
}
