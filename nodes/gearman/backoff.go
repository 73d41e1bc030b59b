package gearman

import (
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"simrun/nodes"
)

// backoff says how long to leave a failing peer alone: from least, doubling to most, each time
// between half and all of that, so that those who failed together do not come back together.
type backoff struct {
	least, most time.Duration
	failures    int
}

// next is the time to wait after one more failure. It draws one variate.
func (b *backoff) next(r *rand.Rand) time.Duration {
	wait := b.least
	for range b.failures {
		if wait > b.most/2 {
			wait = b.most
			break
		}
		wait *= 2
	}
	b.failures++
	return nodes.Spread{Lo: wait / 2, Hi: wait}.Pick(r)
}

// reset is told that the peer has answered.
func (b *backoff) reset() { b.failures = 0 }

// address is where a server is dialled: its own port, or the protocol's.
func address(server nodes.NodeName) string {
	if strings.Contains(string(server), ":") {
		return string(server)
	}
	return net.JoinHostPort(string(server), "4730")
}

// moments are the names of the notes of packets that a kind sends and receives.
func moments(sent, received []Type) []string {
	var names []string
	for _, t := range sent {
		names = append(names, sentNotes[t])
	}
	for _, t := range received {
		names = append(names, receivedNotes[t])
	}
	return names
}
