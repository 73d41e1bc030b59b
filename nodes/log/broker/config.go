package broker

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/link"
	"simrun/nodes/log/cluster"
	"simrun/nodes/log/group"
	"simrun/nodes/log/partition"
	"simrun/nodes/raft"
	agreement "simrun/nodes/raft/replica"
)

// Config is what can be configured of a broker. What concerns a topic is the default for topics whose creator did not say.
type Config struct {
	Servers    []nodes.NodeName `yaml:"servers" doc:"all brokers, in an order in which all agree, this one among them: a broker's id is its place, from 1; their port for each other is 19092 where none is said"`
	Listen     string           `yaml:"listen" doc:"address to accept clients and followers on"`
	PeerListen string           `yaml:"peer-listen" doc:"address to accept the other controllers on"`
	Advertise  string           `yaml:"advertise" doc:"address that clients and followers are told; listen if empty, with the host's name if it has none"`
	Cluster    string           `yaml:"cluster" doc:"a name in which all brokers agree"`
	Site       string           `yaml:"rack" doc:"where the broker stands; replicas of a partition are spread over as many of these as there are"`

	Sync         partition.Sync `yaml:"sync" doc:"what a broker said that it has outlives a power cut (always), or a crash of its process only, for up to sync-interval (interval) or until a segment is full (never)"`
	SyncInterval time.Duration  `yaml:"sync-interval" doc:"with sync interval, how long what was acknowledged may stay unsynced"`

	Partitions  int           `yaml:"partitions" doc:"how many partitions a topic gets"`
	Replication int           `yaml:"replication" doc:"how many brokers keep a partition; 3, or all where there are fewer, if 0"`
	MinInSync   int           `yaml:"min-in-sync" doc:"how many have to be in sync for acks=all, and for what was written to be seen"`
	Unclean     bool          `yaml:"unclean" doc:"whether a replica that lacks acknowledged records may lead where nobody else can"`
	AutoCreate  bool          `yaml:"auto-create" doc:"whether a topic is made by being asked for"`
	Segment     nodes.Bytes   `yaml:"segment" doc:"how large a segment of a partition becomes"`
	Retention   time.Duration `yaml:"retention" doc:"after how long segments go; 0 is never"`
	SegmentAge  time.Duration `yaml:"segment-age" doc:"after how long a segment is closed although it is not full"`
	Cleanup     Cleanup       `yaml:"cleanup" doc:"what becomes of old records: delete, compact (the last of each key stays), or compact,delete"`
	Removals    time.Duration `yaml:"delete-retention" doc:"how long a compacted topic shows that a key is gone"`
	Dirty       nodes.Percent `yaml:"dirty-ratio" doc:"from which share of new bytes on a log is compacted"`
	Offsets     int           `yaml:"offsets-partitions" doc:"partitions of the topic that keeps the groups' offsets"`
	Ledgers     int           `yaml:"transactions-partitions" doc:"partitions of the topic that keeps transactions"`

	Election    time.Duration `yaml:"election-timeout" doc:"least silence of the leading controller after which another campaigns; the most is twice that"`
	Session     time.Duration `yaml:"session-timeout" doc:"silence of a broker after which it is fenced; it makes itself heard four times as often"`
	Lag         time.Duration `yaml:"lag-time" doc:"for how long a follower may not have caught up before it is out of the in-sync set"`
	FollowWait  time.Duration `yaml:"follow-wait" doc:"how long a follower's fetch waits where there is nothing new"`
	Prefer      time.Duration `yaml:"prefer-every" doc:"how often partitions are given back to their preferred leaders"`
	Housekeep   time.Duration `yaml:"housekeep-every" doc:"how often old segments are removed and logs compacted"`
	JoinDelay   time.Duration `yaml:"join-delay" doc:"how long the first rebalance of a group waits for others to join"`
	LeastMember time.Duration `yaml:"least-session" doc:"shortest session that a member of a group may ask for"`

	MaxMessage    nodes.Bytes   `yaml:"max-message" doc:"largest batch that is taken"`
	MaxRequest    nodes.Bytes   `yaml:"max-request" doc:"largest request; who sends more is closed"`
	MaxFetch      nodes.Bytes   `yaml:"max-fetch" doc:"most bytes of records in one answer, unless the first batch alone is more"`
	MaxMemory     nodes.Bytes   `yaml:"max-under-way" doc:"most bytes of all requests that are under way, and of all answers that wait to be read; beyond, requests wait, and consumers get no records"`
	MaxOutput     nodes.Bytes   `yaml:"max-output" doc:"most bytes that wait for a peer that does not read; beyond it is closed"`
	MaxClients    int           `yaml:"max-clients" doc:"most connections; further ones are closed at once"`
	MaxPartitions int           `yaml:"max-partitions" doc:"most partitions of all topics together"`
	MaxGroups     int           `yaml:"max-groups" doc:"most groups of one partition of the offsets"`
	MaxProducers  int           `yaml:"max-producers" doc:"most producers whose sequences a partition knows; the one idle for longest is forgotten"`
	SnapshotEvery int           `yaml:"snapshot-every" doc:"entries of the controllers' log after which a snapshot takes its place"`
	IdleTimeout   time.Duration `yaml:"idle-timeout" doc:"silence after which a connection on which nothing is under way is closed; 0 is never"`
}

// Cleanup says what becomes of old records.
type Cleanup string

// The ways.
const (
	Delete           Cleanup = "delete"  // old segments go
	Compact          Cleanup = "compact" // the last record of each key stays
	CompactAndDelete Cleanup = "compact,delete"
)

// Values are the ways.
func (Cleanup) Values() []string {
	return []string{string(Delete), string(Compact), string(CompactAndDelete)}
}

// DefaultConfig is what a broker does where nothing is configured.
func DefaultConfig() *Config {
	return &Config{
		Listen: ":9092", PeerListen: ":19092", Cluster: "log", Sync: partition.Always, SyncInterval: time.Second, Partitions: 1, MinInSync: 1,
		AutoCreate: true, Segment: 64 << 20, Retention: 7 * 24 * time.Hour, SegmentAge: 7 * 24 * time.Hour,
		Cleanup: Delete, Removals: 24 * time.Hour, Dirty: nodes.PerMillion / 2, Offsets: 8, Ledgers: 8, Election: time.Second, Session: 9 * time.Second,
		Lag: 30 * time.Second, FollowWait: 500 * time.Millisecond, Prefer: 5 * time.Minute, Housekeep: time.Minute, JoinDelay: 3 * time.Second,
		LeastMember: 6 * time.Second, MaxMessage: 1 << 20, MaxRequest: 32 << 20, MaxFetch: 32 << 20, MaxMemory: 256 << 20, MaxOutput: 64 << 20,
		MaxClients: 10_000, MaxPartitions: 10_000, MaxGroups: 10_000, MaxProducers: 10_000, SnapshotEvery: 10_000, IdleTimeout: 10 * time.Minute,
	}
}

// Validate says what cannot be meant.
func (c *Config) Validate() error {
	for _, least := range []struct {
		name         string
		value, least int64
	}{
		{"partitions", int64(c.Partitions), 1}, {"replication", int64(c.Replication), 0}, {"min-in-sync", int64(c.MinInSync), 1},
		{"segment", int64(c.Segment), 1 << 10}, {"retention", int64(c.Retention), 0}, {"segment-age", int64(c.SegmentAge), int64(time.Millisecond)}, {"delete-retention", int64(c.Removals), 0},
		{"offsets-partitions", int64(c.Offsets), 1},
		{"transactions-partitions", int64(c.Ledgers), 1}, {"election-timeout", int64(c.Election), int64(time.Millisecond)},
		{"session-timeout", int64(c.Session), int64(4 * time.Millisecond)}, {"lag-time", int64(c.Lag), int64(time.Millisecond)},
		{"follow-wait", int64(c.FollowWait), int64(time.Millisecond)}, {"prefer-every", int64(c.Prefer), int64(time.Millisecond)},
		{"housekeep-every", int64(c.Housekeep), int64(time.Millisecond)}, {"join-delay", int64(c.JoinDelay), 0},
		{"least-session", int64(c.LeastMember), int64(time.Millisecond)}, {"max-message", int64(c.MaxMessage), 1 << 10},
		{"max-request", int64(c.MaxRequest), int64(c.MaxMessage)}, {"max-fetch", int64(c.MaxFetch), 1 << 10}, {"max-under-way", int64(c.MaxMemory), int64(c.MaxRequest)},
		{"max-output", int64(c.MaxOutput), 1 << 16}, {"max-clients", int64(c.MaxClients), 1}, {"max-partitions", int64(c.MaxPartitions), 1},
		{"max-groups", int64(c.MaxGroups), 1}, {"max-producers", int64(c.MaxProducers), 1}, {"snapshot-every", int64(c.SnapshotEvery), 1},
		{"idle-timeout", int64(c.IdleTimeout), 0},
	} {
		if least.value < least.least {
			return fmt.Errorf("%s: is less than %d", least.name, least.least)
		}
	}
	if err := c.topic(nil).Check(); err != nil {
		return err
	}
	switch {
	case c.Sync == partition.Interval && c.SyncInterval <= 0:
		return fmt.Errorf("sync-interval: must be positive")
	case c.Lag < 2*c.FollowWait:
		return fmt.Errorf("lag-time: %s is less than twice follow-wait (%s)", c.Lag, c.FollowWait)
	case c.MaxRequest > 1<<30 || c.MaxFetch > 1<<30:
		return fmt.Errorf("max-request, max-fetch: at most 1GiB")
	}
	return nil
}

// whereabouts is which of the servers this broker is, and how it is reached.
type whereabouts struct {
	id       int32
	peers    []string // of the controllers
	self     string   // among them
	address  string   // for clients and followers
	replicas int      // how many a topic has by default
}

// locate finds this broker, on the host of that name, among the servers.
func (c *Config) locate(host string) (w whereabouts, err error) {
	w.peers = nodes.Addresses(c.Servers, "19092")
	if len(w.peers) == 0 {
		w.peers = []string{nodes.Address(host, "19092")}
	}
	place := nodes.OwnAddress(w.peers, host, c.PeerListen)
	if place < 0 {
		return w, fmt.Errorf("servers: %q is none of %q", host, w.peers)
	}
	w.id, w.self = int32(place)+1, w.peers[place]
	w.address = nodes.Reached(host, cmp.Or(c.Advertise, c.Listen))
	if w.replicas = c.Replication; w.replicas == 0 {
		w.replicas = min(3, len(w.peers))
	}
	return w, nil
}

// at says where it is that the broker listens: it may have been left to the host.
func (w *whereabouts) at(listens net.Addr) {
	host, port, err := net.SplitHostPort(w.address)
	if err != nil || port != "0" {
		return
	}
	if _, is, err := net.SplitHostPort(listens.String()); err == nil {
		w.address = net.JoinHostPort(host, is)
	}
}

// controller is the configuration as the controllers' group has it.
func (c *Config) controller(w whereabouts) agreement.Options {
	return agreement.Options{
		Self: w.self, Client: w.address, Listen: c.PeerListen, Peers: w.peers, Cluster: c.Cluster, Dir: "metadata", Rejoin: true,
		SnapshotEntries: c.SnapshotEvery, Raft: raft.Options{Election: c.Election},
		Journal: journal.Options{SegmentBytes: 1 << 20, GrowBytes: 16 << 10, CompactBytes: 2 << 20, Settle: time.Second},
		Link:    link.Options{},
	}
}

// topic is what a topic is configured to where its creator did not say.
func (c *Config) topic(said cluster.Config) cluster.Config {
	all := cluster.Config{
		"min.insync.replicas": fmt.Sprint(c.MinInSync), "unclean.leader.election.enable": fmt.Sprint(c.Unclean),
		"segment.bytes": fmt.Sprint(int64(c.Segment)), "retention.ms": fmt.Sprint(c.Retention.Milliseconds()), "max.message.bytes": fmt.Sprint(int64(c.MaxMessage)),
		"segment.ms": fmt.Sprint(c.SegmentAge.Milliseconds()), "cleanup.policy": string(c.Cleanup), "delete.retention.ms": fmt.Sprint(c.Removals.Milliseconds()),
		"min.cleanable.dirty.ratio": strconv.FormatFloat(float64(c.Dirty)/float64(nodes.PerMillion), 'f', -1, 64),
	}
	if c.Retention == 0 {
		all["retention.ms"] = "-1"
	}
	for name, value := range said { // into a map, so in any order
		all[name] = value
	}
	return all
}

// partition is a topic's configuration as its partitions' logs have it.
func (c *Config) partition(t cluster.Config) partition.Options {
	o := partition.Options{
		Sync: c.Sync, Interval: c.SyncInterval, SegmentBytes: nodes.Bytes(t.Int("segment.bytes")), SegmentAge: t.Duration("segment.ms"),
		BatchBytes: nodes.Bytes(t.Int("max.message.bytes")), GrowBytes: min(nodes.Bytes(t.Int("segment.bytes")), 256<<10),
		Compacted: t.Compacts(), TombstonesFor: t.Duration("delete.retention.ms"), DirtyShare: max(1, t.Share("min.cleanable.dirty.ratio")), // 0 is half

		Producers: c.MaxProducers,
	}
	if t.Deletes() {
		o.RetainBytes, o.RetainFor = max(0, nodes.Bytes(t.Int("retention.bytes"))), max(0, t.Duration("retention.ms"))
	}
	return o
}

// group is the configuration as the coordinators of groups have it.
func (c *Config) group() group.Options {
	delay := c.JoinDelay
	if delay == 0 {
		delay = -1
	}
	return group.Options{InitialDelay: delay, LeastSession: c.LeastMember, Groups: c.MaxGroups}
}
