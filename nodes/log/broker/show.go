package broker

import (
	"fmt"

	"simrun/nodes/log/wire"
	"simrun/nodes/probe"
)

// standing is what was last shown of a broker.
type standing struct {
	leads, replicas, short, lag, committed int64
	fingerprint                            probe.Fingerprint
	line                                   string
}

// show tells how the broker stands, where that has changed.
func (b *broker) show() {
	now := standing{replicas: int64(len(b.replicas))}
	for _, r := range b.inOrder() {
		if !r.leads || r.log == nil {
			continue
		}
		now.leads++
		if len(r.view.InSync) < len(r.view.Replicas) {
			now.short++
		}
		end := r.log.Next()
		for _, f := range r.followers { // the greatest, so in any order
			now.lag = max(now.lag, end-f.end)
		}
		now.committed += r.log.Watermark()
	}
	for _, gauge := range []struct {
		name     string
		was, now int64
	}{
		{"leads", b.shown.leads, now.leads}, {"replicas", b.shown.replicas, now.replicas}, {"under-replicated", b.shown.short, now.short},
		{"follower-lag", b.shown.lag, now.lag}, {"committed", b.shown.committed, now.committed},
	} {
		if gauge.was != gauge.now {
			b.record.Gauge(gauge.name, gauge.now)
		}
	}
	now.fingerprint = probe.Fingerprint(0).Flag(b.session.known).Flag(b.session.swept).Flag(b.controllers != nil && b.controllers.Leads()).
		Size(int(now.leads)).Size(int(now.short)).Size(int(min(now.lag, 1<<20)))
	now.line = b.shown.line
	if b.shown.leads != now.leads || b.shown.replicas != now.replicas || b.shown.short != now.short || b.shown.line == "" {
		now.line = b.short(now)
		b.record.State(now.line)
	}
	if now.fingerprint != b.shown.fingerprint {
		b.record.Fingerprint(now.fingerprint)
	}
	b.shown = now
}

func (b *broker) short(now standing) string {
	return fmt.Sprintf("%s, leads %d of %d replicas, %d not in full sync", b.session.String(), now.leads, now.replicas, now.short)
}

// moments are the names of a broker's notes, besides those that its controllers' group has, became-leader and stepped-down among them.
func moments() []string {
	all := []string{"truncating", "adds-in-sync", "coordinates", "group-Empty", "group-PreparingRebalance", "group-CompletingRebalance", "group-Stable", "group-Dead"}
	for _, api := range wire.Spoken() {
		all = append(all, receivedNotes[api.Key], sentNotes[api.Key])
	}
	return all
}
