package netmodel

import "simrun/nodes"

// Partition cuts the links. How a partition divides hosts is for its caller to say, way by way. On real machines:
// iptables -j DROP.
func Partition(name string, links Links) Rule {
	return Rule{Name: name, Verb: Cut, Links: links}
}

// Flap lets the links pass and cuts them in turns: up first, then down. On real machines: a loose cable.
func Flap(name string, links Links, up, down nodes.Spread) Rule {
	return Rule{Name: name, Verb: Flapping, Links: links, Up: up, Down: down}
}

// SlowLink makes the links' delays that many thousandths of what they are, 10,000 being ten times as long, and
// adds to them. Up to 1,000 it only adds. On real machines: netem delay.
func SlowLink(name string, links Links, thousandths int64, more nodes.Spread) Rule {
	return Rule{Name: name, Verb: Slowness, Links: links, Factor: thousandths, Delay: more}
}

// JamLink holds every packet until the rule is removed; then they all arrive. Simulator only.
func JamLink(name string, links Links) Rule {
	return Rule{Name: name, Verb: Jam, Links: links}
}

// LosePackets drops a share of packets. In a stream this shows as delay. On real machines: netem loss.
func LosePackets(name string, links Links, rate nodes.Percent) Rule {
	return Rule{Name: name, Verb: Loss, Links: links, Rate: rate}
}

// RepeatPackets has a share of packets arrive twice; a stream ignores the second. On real machines: netem
// duplicate.
func RepeatPackets(name string, links Links, rate nodes.Percent) Rule {
	return Rule{Name: name, Verb: Repetition, Links: links, Rate: rate}
}

// CorruptPackets flips bits in a share of packets. TCP's checksum turns that into a loss; datagrams arrive
// garbled, as those whose checksum was left off or made right by a broken device. On real machines: netem
// corrupt.
func CorruptPackets(name string, links Links, rate nodes.Percent) Rule {
	return Rule{Name: name, Verb: Corruption, Links: links, Rate: rate}
}

// LimitBandwidth narrows each of the links to so many bytes per second. Of several limits the least
// counts. On real machines: tc tbf.
func LimitBandwidth(name string, links Links, perSecond nodes.Bytes) Rule {
	return Rule{Name: name, Verb: BandwidthLimit, Links: links, Bandwidth: perSecond}
}

// ResetConnections resets, at its installation, every connection over the links, at both ends. Its rule is
// removed like any other. On real machines: tcpkill, or a firewall that lost its table.
func ResetConnections(name string, links Links) Rule {
	return Rule{Name: name, Verb: Reset, Links: links}
}

// Exhaust takes from hosts what is left of a resource: what they hold they keep, more they do not get. On
// real machines: ulimit -n, ip_local_port_range, somaxconn.
func Exhaust(name string, resource Resource, hosts ...string) Rule {
	return Rule{Name: name, Verb: Exhaustion, Resource: resource, Hosts: hosts}
}
