package netmodel

import "fmt"

// Links selects directed pairs of hosts. An empty side is every host, so the zero Links is all links.
// The way of a host to itself is never selected.
type Links struct {
	From, To []string
	// Both selects the other direction of each pair as well.
	Both bool
}

// links says whether the rule's Links select that way.
func (in *Installed) links(from, to *Stack) bool {
	return in.from.has(from.id) && in.to.has(to.id) ||
		in.rule.Links.Both && in.from.has(to.id) && in.to.has(from.id)
}

// hostSet is a set of hosts; the zero set is every host, also those added later.
type hostSet struct {
	some bool
	bits []uint64
}

// has says whether a host is in the set.
func (h *hostSet) has(id uint32) bool {
	return !h.some || int(id/64) < len(h.bits) && h.bits[id/64]&(1<<(id%64)) != 0
}

// hosts makes a set of names; no names are every host.
func (n *Network) hosts(names []string) (hostSet, error) {
	h := hostSet{some: len(names) > 0, bits: make([]uint64, (len(n.stacks)+63)/64)}
	for _, name := range names {
		host := n.names[name]
		if host == nil {
			return h, fmt.Errorf("no host %q", name)
		}
		h.bits[host.id/64] |= 1 << (host.id % 64)
	}
	return h, nil
}
