package raft

import (
	"fmt"
	"testing"

	"simrun/nodes"
)

// BenchmarkCommit is servers in memory whose disks and network take no time: what agreeing on an entry costs all of them
// together, less the bytes. Messages are not encoded.
func BenchmarkCommit(b *testing.B) {
	for _, servers := range []int{3, 5} {
		for _, batch := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("servers=%d/batch=%d", servers, batch), func(b *testing.B) {
				h := newHall(servers)
				data := make([][]byte, batch)
				for i := range data {
					data[i] = make([]byte, 100)
				}
				b.ReportAllocs()
				for b.Loop() {
					h.propose(b, data)
				}
				b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "entries/s")
			})
		}
	}
}

// hall is servers that stand beside each other.
type hall struct {
	cores   []*Core
	mail    []Message
	applied uint64 // by the leader, which is the first
}

func newHall(n int) *hall {
	var members Members
	for i := range n {
		members.Voters = append(members.Voters, Member{ID: ID(i + 1)})
	}
	h := &hall{}
	for i := range n {
		h.cores = append(h.cores, New(Options{ID: ID(i + 1), Rand: source(1)}, State{Snapshot: Snapshot{Members: members}}, 0))
	}
	h.cores[0].Tick(h.cores[0].Deadline())
	h.run()
	return h
}

// run lets messages be exchanged until there are none.
func (h *hall) run() {
	for i := range h.cores {
		h.look(i)
	}
	for at := 0; at < len(h.mail); at++ {
		to := int(h.mail[at].To) - 1
		h.cores[to].Step(0, h.mail[at])
		h.look(to)
	}
	h.mail = h.mail[:0]
}

func (h *hall) look(i int) {
	for {
		out := h.cores[i].Output()
		if out.Save != nil {
			h.cores[i].Saved(out.Save.Number)
		}
		h.mail = append(h.mail, out.Send...)
		if i == 0 && len(out.Apply) > 0 {
			h.applied = out.Apply[len(out.Apply)-1].Index
		}
		if out.Save == nil && len(out.Send) == 0 {
			return
		}
	}
}

func (h *hall) propose(b *testing.B, data [][]byte) {
	leader := h.cores[0]
	first, err := leader.Propose(0, data...)
	if err != nil {
		b.Fatal(err)
	}
	h.run()
	if h.applied != first+uint64(len(data))-1 {
		b.Fatalf("entry %d is not applied: %s", first, leader)
	}
	if leader.LogBytes() > 1<<20 {
		leader.Tick(nodes.Instant(leader.Deadline()))
		h.run()
		for _, c := range h.cores {
			c.Compact(c.Compactable(), nil)
		}
	}
}
