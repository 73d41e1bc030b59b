package primary

import (
	"cmp"
	"log/slog"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/link"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
)

// options is the configuration as a replica has it.
func (m *monitor) options() replica.Options {
	c := m.config
	peers := nodes.Addresses(c.Monitors, "16379")
	self := selfAmong(peers, m.env.Host(), c.PeerListen, "16379")
	if len(peers) == 0 {
		peers = []string{self}
	}
	return replica.Options{Self: self, Client: nodes.Reached(m.env.Host(), cmp.Or(c.Advertise, c.Listen)), Listen: c.PeerListen, Peers: peers, Cluster: c.Cluster + " monitors",
		Rejoin: c.Rejoin, SnapshotEntries: 1000, Raft: raft.Options{Election: c.Election},
		Journal: journal.Options{SegmentBytes: c.Segment, GrowBytes: min(c.Segment, 64<<10), CompactBytes: 16 << 20, Settle: time.Second},
		Link:    link.Options{Silence: max(5*c.Election, 500*time.Millisecond)}}
}

// clerk is the monitor as its replica has it: a state machine that keeps the last decree.
type clerk monitor

// Apply takes a decree, if it is later than the last.
func (k *clerk) Apply(command, dst []byte) []byte {
	in := wire{rest: command}
	d := in.decree()
	if in.end() != nil || d.epoch <= k.decree.epoch {
		return append(dst, "overtaken"...)
	}
	(*monitor)(k).decreed(d)
	return append(dst, "decreed"...)
}

// Image is the last decree.
func (k *clerk) Image() func(dst []byte) []byte {
	d := k.decree
	return d.append
}

// Restore takes the last decree from an image.
func (k *clerk) Restore(image []byte) error {
	in := wire{rest: image}
	d := in.decree()
	if err := in.end(); err != nil {
		return err
	}
	(*monitor)(k).decreed(d)
	return nil
}

func (m *monitor) decreed(d decree) {
	if d.epoch > 0 {
		m.record.Note("decreed", slog.Uint64("epoch", d.epoch), slog.String("primary", d.primary))
		m.record.Reach(epochBegan)
		m.record.Sometimes(tookOther, m.decree.epoch > 0 && d.primary != m.decree.primary)
		m.record.Sometimes(tookSame, m.decree.epoch > 0 && d.primary == m.decree.primary)
	}
	before := m.decree
	if m.decree = d; before.epoch > 0 && before.client != d.client {
		m.switched(before.client, d.client)
	}
	m.record.Gauge("epoch", int64(d.epoch))
}
