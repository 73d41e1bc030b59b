// Package group answers who consumes a log together with whom, and how far each group has come: the coordinator of
// consumer groups, by the classic protocol of Kafka (join, sync, heartbeat, leave; KIP-62, KIP-345, KIP-394).
//
// Core is the coordinator of the groups of one partition of the internal topic, and does nothing by itself: calls,
// the time, and what was committed of that partition go in; answers and records to be appended come out. What must
// outlive it stands in records, and takes effect once they are committed: offsets, and of each generation its
// members and what its leader assigned to them. Keys and values are those of Kafka's __consumer_offsets, so that
// compaction by key keeps the last of each.
//
// The next coordinator of the partition is a new Core that is told all that stands there (Replay), and then serves.
// A member that is silent for longer than its session is removed, which begins a rebalance, as does one that joins or
// leaves: all members are asked, by the answer to a heartbeat, to join again, and have the longest of their rebalance
// timeouts to do so. With them a new generation begins. Its leader says who gets what; what it says is written down
// before anybody hears of it.
package group

import (
	"fmt"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
)

// State is what a group is doing.
type State uint8

// The states.
const (
	Dead       State = iota // there is no such group
	Empty                   // no members, perhaps offsets
	Preparing               // members are to join again
	Completing              // all have joined, and wait for what the leader assigns
	Stable
)

// String is the state's name in the protocol.
func (s State) String() string {
	return [...]string{"Dead", "Empty", "PreparingRebalance", "CompletingRebalance", "Stable"}[s]
}

// group is one of them.
//
// Invariants: members is in the order in which they came, without an ID or an instance twice; Empty has none, and
// Completing and Stable have some, all of them with the protocol, and a leader among them. A member that is fresh waits
// for its first answer to a join. generation never falls.
type group struct {
	id           string
	state        State
	since        time.Time // by the wall, when it came to be Empty or a generation was written down
	protocolType string
	protocol     string
	generation   int32
	leader       string // the ID of a member; "" is nobody
	members      []*member
	pending      []pendingMember

	joinUntil nodes.Instant // of Preparing
	spare     time.Duration // of a first rebalance: by how much joinUntil may yet be put off
	first     bool          // it is the first rebalance, which waits for others
	grown     bool          // somebody joined since joinUntil was set
	syncUntil nodes.Instant // by when each member must have asked for its assignment
	storing   bool          // what the leader assigned is being written

	writing int  // how many records of it are under way
	stored  bool // the partition has one
	offsets offsets

	wake  nodes.Instant // when something of it is due
	place int           // among the core's alarms
}

// pendingMember was given an ID and has not come back with it yet.
type pendingMember struct {
	id    string
	until nodes.Instant
}

func (g *group) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s generation %d", g.id, g.state, g.generation)
	if g.protocol != "" {
		fmt.Fprintf(&b, " by %s", g.protocol)
	}
	for _, m := range g.members {
		b.WriteString(" " + m.String())
		if m.id == g.leader {
			b.WriteString("*")
		}
	}
	for _, p := range g.pending {
		b.WriteString(" (" + p.id + ")")
	}
	return b.String()
}

// member of a group.
type member struct {
	id           string
	instance     string // of a static member; "" of others
	client, host string
	session      time.Duration
	rebalance    time.Duration
	protocols    []protocol
	assignment   []byte

	until   nodes.Instant // when it is silent for too long
	fresh   bool          // it has been in no generation yet
	owes    bool          // it has not asked for its assignment in this generation
	joining *coordinator.Call
	syncing *coordinator.Call
}

// protocol is a way to assign partitions that a member knows, and what it says of itself for it.
type protocol struct {
	name     string
	metadata []byte
}

func (m *member) String() string {
	s := m.id
	if m.instance != "" {
		s += "=" + m.instance
	}
	switch {
	case m.joining != nil:
		s += "(joining)"
	case m.syncing != nil:
		s += "(syncing)"
	}
	return s
}

// patience is when the member is removed if it is not heard of. Who waits for an answer is not silent, unless it is new:
// then nobody knows whether it has not gone long since.
func (m *member) patience() nodes.Instant {
	if !m.fresh && (m.joining != nil || m.syncing != nil) {
		return coordinator.Never
	}
	return m.until
}

// knows is what the member says of itself for a protocol.
func (m *member) knows(name string) ([]byte, bool) {
	for _, p := range m.protocols {
		if p.name == name {
			return p.metadata, true
		}
	}
	return nil, false
}

func (m *member) bytes() (n int) {
	for _, p := range m.protocols {
		n += len(p.name) + len(p.metadata)
	}
	return n
}

func (g *group) member(id string) *member {
	for _, m := range g.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (g *group) static(instance string) *member {
	for _, m := range g.members {
		if m.instance == instance && instance != "" {
			return m
		}
	}
	return nil
}

// bytes is what the members say of themselves, all together.
func (g *group) bytes() (n int) {
	for _, m := range g.members {
		n += m.bytes()
	}
	return n
}

// patience is the longest of the members' rebalance timeouts.
func (g *group) patience() (longest time.Duration) {
	for _, m := range g.members {
		longest = max(longest, m.rebalance)
	}
	return longest
}

// supports says whether all members know the protocol.
func (g *group) supports(name string) bool {
	for _, m := range g.members {
		if _, knows := m.knows(name); !knows {
			return false
		}
	}
	return true
}

// elect is the protocol that all members know and most of them prefer; of equals, what an earlier member prefers.
func (g *group) elect() string {
	var names []string
	votes := map[string]int{}
	for _, m := range g.members {
		for _, p := range m.protocols {
			if g.supports(p.name) {
				if votes[p.name]++; votes[p.name] == 1 {
					names = append(names, p.name)
				}
				break
			}
		}
	}
	best := ""
	for _, name := range names {
		if best == "" || votes[name] > votes[best] {
			best = name
		}
	}
	return best
}
