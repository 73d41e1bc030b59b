package scenarios

import (
	"slices"

	"simrun/nodes"
)

// lastHeal is whom the last phase mends that mends anything.
func (p *Plan) lastHeal() Heal {
	for i := len(p.Phases) - 1; i >= 0; i-- {
		if h := p.Phases[i].Heal; h.Any() {
			return h
		}
	}
	return Heal{}
}

// inCore says whether the last phase that mends anything mends that host.
func (p *Plan) inCore(host string) bool {
	h := p.lastHeal()
	return h.All || slices.Contains(h.Hosts, host)
}

// core is the hosts that are mended in the end, where that is not all.
func (p *Plan) core() []string { return p.lastHeal().Hosts }

// core draws whom a phase mends that says `heal: core`: what is enough to serve somebody, and some more. It is, of
// each set of hosts that an earlier swarm had to keep up, as many as it had to; a majority of the servers, if nothing
// was said of these; some clients that know one of these servers; and some workers at the servers that these know.
func (d *draw) core(line *phaseLine) []string {
	c := &core{draw: d, line: line, in: map[string]bool{}}
	for _, p := range d.spec.doc.Phases {
		if p == line {
			break
		}
		if p.Swarm != nil && p.Swarm.KeepUp != nil {
			members := p.Swarm.KeepUp.Of.members(d.topology, Hosts)
			least := p.Swarm.KeepUp.AtLeast.At(d.one("keep-up", p.Phase))
			c.add(shuffle(c.luck("keep-up "+p.Phase), members)[:min(least, len(members))])
		}
	}
	servers := d.topology.byName[string(nodes.Server)+"s"]
	if len(servers) > 0 && !slices.ContainsFunc(servers, c.has) {
		c.add(choose("majority", c.luck("servers"), servers))
	}
	clients := c.staff(nodes.Client, slices.DeleteFunc(slices.Clone(servers), func(h string) bool { return !c.has(h) }))
	c.staff(nodes.Worker, slices.DeleteFunc(slices.Clone(servers), func(h string) bool {
		return !c.has(h) || len(clients) > 0 && !slices.ContainsFunc(clients, func(client string) bool { return c.knows(client, h) })
	}))
	return slices.DeleteFunc(slices.Clone(d.topology.all), func(h string) bool { return !c.has(h) })
}

// core is the hosts that have been drawn so far.
type core struct {
	*draw
	line *phaseLine
	in   map[string]bool
}

func (c *core) has(host string) bool { return c.in[host] }

func (c *core) add(hosts []string) {
	for _, h := range hosts {
		c.in[h] = true
	}
}

func (c *core) luck(what string) source { return source{ptr(c.stream("core", c.line.Phase, what))} }

// knows says whether a host is configured to use that server; one that names none finds them all.
func (c *core) knows(host, server string) bool {
	known := serversOf(c.topology.hosts[c.topology.index[host]].Config)
	return len(known) == 0 || slices.Contains(known, server)
}

// staff adds some hosts of a role that know any of the servers, if none of them is there yet, and returns those
// there are. Where nobody does, it is some host and one of the servers that it knows.
func (c *core) staff(role nodes.Role, servers []string) []string {
	all := c.topology.byName[string(role)+"s"]
	able := slices.DeleteFunc(slices.Clone(all), func(h string) bool {
		return !slices.ContainsFunc(servers, func(s string) bool { return c.knows(h, s) })
	})
	src := c.luck(string(role) + "s")
	switch {
	case len(all) == 0 || slices.ContainsFunc(able, c.has):
	case len(able) > 0:
		c.add(choose("random", src, able))
	default:
		one := choose("one", src, all)
		c.add(one)
		known := slices.DeleteFunc(slices.Clone(c.topology.byName[string(nodes.Server)+"s"]), func(s string) bool { return !c.knows(one[0], s) })
		if len(known) > 0 {
			c.add(choose("one", src, known))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(h string) bool { return !c.has(h) })
}
