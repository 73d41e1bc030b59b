package primary

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/link"
	"simrun/nodes/raft/replica"
	"simrun/nodes/resp"
)

// MonitorConfig is what can be configured of a monitor.
type MonitorConfig struct {
	Servers     []nodes.NodeName `yaml:"servers" doc:"the servers of the group; their port for each other is 16379 where none is said"`
	Monitors    []nodes.NodeName `yaml:"monitors" doc:"the monitors, this one among them; the first begins; their port for each other is 16379 where none is said"`
	Listen      string           `yaml:"listen" doc:"address to accept clients on, who ask where the primary is"`
	Advertise   string           `yaml:"advertise" doc:"address that clients are told, if it is not the one that listen says"`
	WatchListen string           `yaml:"watch-listen" doc:"address to accept the servers on"`
	PeerListen  string           `yaml:"peer-listen" doc:"address to accept the other monitors on"`
	Cluster     string           `yaml:"cluster" doc:"a name in which all servers and monitors of a group agree"`
	Lease       time.Duration    `yaml:"lease" doc:"for how long after its last word a primary stays it; another is made primary after that"`
	Settle      time.Duration    `yaml:"settle" doc:"how long to wait for more servers to answer when enough have; a fifth of lease if 0"`
	Election    time.Duration    `yaml:"election-timeout" doc:"least silence of the leading monitor after which another campaigns; the most is twice that"`
	Rejoin      bool             `yaml:"rejoin" doc:"a monitor without a log, or with a damaged one, asks to be taken in under a new id"`
	Segment     nodes.Bytes      `yaml:"segment" doc:"size of one file of the monitors' log"`
}

// DefaultMonitorConfig is what a monitor does where nothing is configured.
func DefaultMonitorConfig() *MonitorConfig {
	return &MonitorConfig{Listen: ":26379", WatchListen: ":26380", PeerListen: ":16379", Cluster: "kv", Lease: time.Second,
		Election: 500 * time.Millisecond, Rejoin: true, Segment: 1 << 20}
}

// Validate says what cannot be meant.
func (c *MonitorConfig) Validate() error {
	switch {
	case len(c.Servers) == 0:
		return errors.New("servers: a monitor needs servers")
	case len(c.Servers) > mostMembers:
		return fmt.Errorf("servers: more than %d", mostMembers)
	case c.Lease < 10*time.Millisecond || c.Lease > time.Hour:
		return errors.New("lease: is not between 10ms and 1h")
	case c.Settle < 0:
		return errors.New("settle: is less than 0")
	case c.Election < time.Millisecond:
		return errors.New("election-timeout: is less than 1ms")
	case c.Segment < 1<<10:
		return errors.New("segment: is less than 1KiB")
	}
	return nil
}

// monitorCommands are what a monitor knows.
var monitorCommands = func() kv.Commands {
	all := front.With(append(slices.Clone(audienceCommands),
		kv.Command{Name: "SENTINEL", Arity: -2, Flags: kv.Served}, kv.Command{Name: "ROLE", Arity: 1, Flags: kv.Served})...)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].Is(kv.Read | kv.Write) {
			delete(all, name)
		}
	}
	return all
}()

// monitor is one monitor. The monitors agree by Raft on the last decree; whoever leads them hears the servers' reports, grants
// leases, and, where there is no primary any more, holds a ballot.
type monitor struct {
	env     nodes.Env
	config  *MonitorConfig
	record  nodes.Recorder
	servers []string // their addresses
	group   uint64   // a number for all who are about the same primary
	replica *replica.Replica
	link    *link.Link
	front   *front.Front

	decree  decree // the last
	heard   map[string]*hearing
	term    uint64        // in which this monitor leads; 0 if it does not
	granted nodes.Instant // no lease was granted for a report that came later
	ballot  *ballot

	audience audience

	end      nodes.Cond // Main waits here
	stopping bool
}

// hearing is what a server said last, and when.
type hearing struct {
	report
	at nodes.Instant
}

// runMonitor is the Main of a monitor.
func runMonitor(env nodes.Env, config *MonitorConfig) error {
	if err := config.Validate(); err != nil {
		return err
	}
	m := &monitor{env: env, config: config, record: env.Record(), heard: map[string]*hearing{}, end: env.NewCond(),
		servers: nodes.Addresses(config.Servers, "16379")}
	m.group = groupOf(config.Cluster, m.servers)
	r, err := replica.Open(env, m.options(), (*clerk)(m), nil)
	if errors.As(err, new(*journal.Corruption)) {
		return fmt.Errorf("this monitor's log is damaged; let it join the others anew (rejoin), or, if it is the only one, begin with an empty directory: %w", err)
	}
	if err != nil {
		return err
	}
	m.replica = r
	l, err := link.Open(env, link.Options{Self: nodes.Address(env.Host(), "26380"), Listen: config.WatchListen, Cluster: config.Cluster, FrameBytes: 64 << 10,
		Silence: max(config.Lease, time.Second), Most: 2 * mostMembers}, m.receive)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	m.link = l
	l.Reach(m.servers)
	f, err := front.New(env, front.Options{Listen: config.Listen, Limits: resp.Limits{Bulk: 64 << 10, Request: 1 << 20}, Commands: monitorCommands, Mode: "sentinel"}, m)
	if err != nil {
		l.Close()
		return errors.Join(err, r.Close())
	}
	m.front = f
	env.Go("accept", f.Serve)
	env.Go("watch", m.watch)
	env.Go("await stop", func() {
		if env.AwaitStop() == nil {
			m.stopping = true
			m.end.Broadcast()
		}
	})
	for !m.stopping {
		if err := m.end.Wait(); err != nil {
			return err
		}
	}
	f.Refuse()
	l.Close()
	err = r.Close()
	f.Close(time.Second)
	return err
}

// receive takes a server's report.
func (m *monitor) receive(from string, payload []byte) {
	in := wire{}
	if len(payload) > 0 && payload[0] == reportFrame {
		in.rest = payload[1:]
	}
	r, err := in.report()
	if err != nil || !m.watches(from) {
		m.record.Reach(strangeFrame)
		return
	}
	at := m.env.Mark()
	if old := m.heard[from]; old == nil || old.life != r.life || old.sequence < r.sequence {
		m.heard[from] = &hearing{r, at}
	}
	if !m.replica.Leads() {
		m.answer(from, &r, 0, false)
		return
	}
	m.replica.Read(func(err error) { // nobody else leads, and what was decided is known
		if err == nil && !m.stopping {
			m.consider(from, &r, at)
		}
	})
}

// watches says whether a server is one of the group.
func (m *monitor) watches(server string) bool {
	for _, s := range m.servers {
		if s == server {
			return true
		}
	}
	return false
}

// consider answers a report, of a monitor that led when it came.
func (m *monitor) consider(from string, r *report, at nodes.Instant) {
	m.lead()
	isPrimary := from == m.decree.primary && r.life == m.decree.life
	switch {
	case m.ballot != nil:
	case m.founds(), r.promised > m.decree.epoch, from == m.decree.primary && r.life != m.decree.life,
		isPrimary && r.epoch == m.decree.epoch && (!r.serves || r.leaves):
		m.hold()
	}
	if b := m.ballot; b != nil {
		m.vote(b, from, r)
		return
	}
	if isPrimary {
		m.granted = max(m.granted, at)
		m.record.Reach(leaseGranted)
		m.answer(from, r, m.config.Lease, true)
		return
	}
	m.answer(from, r, 0, true)
}

// answer tells a server what was decided. It is sure if this monitor led when the report came and held no ballot: what ballots of
// earlier leaders came to is known then, and later ones count no answers to them.
func (m *monitor) answer(to string, r *report, lease time.Duration, sure bool) {
	g := grant{life: r.life, sequence: r.sequence, decree: m.decree, lease: lease, sure: sure}
	now := m.env.Mark()
	for _, s := range m.servers {
		if h := m.heard[s]; h != nil {
			g.members = append(g.members, member{s, h.client, now.Sub(h.at) < m.config.Lease})
		}
	}
	m.link.Send(to, g.append(nil))
}
