package explore

import (
	"regexp"
	"slices"
	"strconv"

	"simrun/nodes"
	"simrun/scenarios"
)

// dropNodes takes nodes away, or copies of them. One of each role stays, and what the claim names.
func dropNodes(h *hunt, i int) []*draft {
	var names []string
	copies := map[string][]string{}
	role := map[string]nodes.Role{}
	for k := range h.kept.plan.Hosts {
		host := &h.kept.plan.Hosts[k]
		if copies[host.Node] == nil {
			names = append(names, host.Node)
		}
		copies[host.Node] = append(copies[host.Node], host.Name)
		role[host.Node] = host.Kind.Role
	}
	if i >= len(names) {
		return nil
	}
	node := names[i]
	tries := []*draft{}
	alone := !slices.ContainsFunc(names, func(n string) bool { return n != node && role[n] == role[node] })
	if !alone && !h.protected[node] {
		tries = append(tries, h.kept.without(append(slices.Clone(copies[node]), node)))
	}
	n := len(copies[node])
	for _, left := range slices.Compact([]int{1, n / 2, n - 1}) {
		if left > 0 && left < n {
			tries = append(tries, h.kept.without(copies[node][left:]))
		}
	}
	return tries
}

// hostsOf are the indices of the hosts of the i-th node; nil if there is no such node.
func (d *draft) hostsOf(i int) (hosts []int) {
	node := -1
	for k := range d.plan.Hosts {
		if k == 0 || d.plan.Hosts[k].Node != d.plan.Hosts[k-1].Node {
			node++
		}
		if node == i {
			hosts = append(hosts, k)
		}
	}
	return hosts
}

// plainNodes turns what is said of a node back to what is usual: its configuration, its limits, and how late it is
// started again. What the claim speaks of stays, and so does every time that would get longer, since a
// system may need it to recover in.
func plainNodes(h *hunt, i int) []*draft {
	hosts := h.kept.hostsOf(i)
	if hosts == nil {
		return nil
	}
	was := h.kept.plan.Hosts[hosts[0]]
	tries := []*draft{}
	try := func(edit func(*scenarios.Host)) {
		tries = append(tries, h.change(func(d *draft) {
			for _, k := range hosts {
				edit(&d.plan.Hosts[k])
			}
		}))
	}
	if was.Limits != (scenarios.Limits{}) {
		try(func(h *scenarios.Host) { h.Limits = scenarios.Limits{} })
	}
	if usual := scenarios.UsualRestart; !h.kept.plan.NoRestarts && (was.Restart.Never || was.Restart.After > usual.After) {
		try(func(h *scenarios.Host) { h.Restart = usual })
	}
	if was.Config != nil {
		for _, plainer := range plainer(was.Config, was.Kind.Config(), h.claimed) {
			try(func(h *scenarios.Host) { h.Config = plainer })
		}
	}
	return tries
}

// allowRestarts lets whatever ends be started again, in a plan that forbids it.
func allowRestarts(h *hunt, i int) []*draft {
	switch {
	case i > 0:
		return nil
	case !h.kept.plan.NoRestarts:
		return []*draft{}
	}
	return []*draft{h.change(func(d *draft) {
		d.plan.NoRestarts = false
		for k := range d.plan.Hosts {
			d.plan.Hosts[k].Restart = scenarios.UsualRestart
		}
	})}
}

// lowerPromises lowers a number that nodes are told and that the claim repeats, such as retries: in both, or
// what the claim says of it would be another claim.
func lowerPromises(h *hunt, i int) []*draft {
	hosts := h.kept.hostsOf(i)
	if hosts == nil {
		return nil
	}
	was := h.kept.plan.Hosts[hosts[0]]
	tries := []*draft{}
	if was.Config == nil || len(h.kept.plan.Claims) == 0 {
		return tries
	}
	for _, k := range knobs(was.Config, was.Kind.Config()) {
		n, isNumber := k.of(was.Config).Interface().(int)
		said := regexp.MustCompile(`\b` + regexp.QuoteMeta(k.key) + `: ` + strconv.Itoa(n) + `\b`)
		if !isNumber || !said.MatchString(h.kept.plan.Claims[0].Text) {
			continue
		}
		for _, less := range slices.Compact([]int{1, n / 2, n - 1}) {
			if less < 1 || less >= n {
				continue
			}
			tries = append(tries, h.change(func(d *draft) {
				for i := range d.plan.Hosts {
					if h := &d.plan.Hosts[i]; h.Kind == was.Kind && k.of(h.Config).Int() == int64(n) {
						h.Config = k.set(h.Config, less)
					}
				}
				d.plan.Claims[0].Text = said.ReplaceAllString(d.plan.Claims[0].Text, k.key+": "+strconv.Itoa(less))
			}))
		}
	}
	return tries
}

// quietLinks makes what connects machines plainer: no link class, that of others, one without loss, or one
// whose delay is always the same.
func quietLinks(h *hunt, i int) []*draft {
	classes := h.kept.plan.Classes
	if i >= len(classes) {
		return nil
	}
	was := classes[i]
	tries := []*draft{h.change(func(d *draft) { d.become(was.Name, "") })}
	for _, other := range classes[:i] {
		tries = append(tries, h.change(func(d *draft) { d.become(was.Name, other.Name) }))
	}
	try := func(now scenarios.LinkClass) {
		tries = append(tries, h.change(func(d *draft) { d.plan.Classes[i] = now }))
	}
	if was.Loss > 0 || was.Repeat > 0 || was.Bandwidth > 0 {
		try(scenarios.LinkClass{Name: was.Name, Delay: was.Delay})
	}
	if even := steady(was.Delay); even.String() != was.Delay.String() {
		now := was
		now.Delay = even
		try(now)
	}
	return tries
}

// become gives all links of one class another, or none.
func (d *draft) become(class, other string) {
	p := d.plan
	for i := range p.Sites {
		if p.Sites[i].Inside == class {
			p.Sites[i].Inside = other
		}
	}
	for i := range p.Links {
		if p.Links[i].Is == class {
			p.Links[i].Is = other
		}
	}
	p.Links = slices.DeleteFunc(p.Links, func(l scenarios.Link) bool { return l.Is == "" })
	p.Classes = slices.DeleteFunc(p.Classes, func(c scenarios.LinkClass) bool { return c.Name == class })
}

// plainSites takes away the supplier of a site whose power nothing cuts, and moves its hosts to another site. It leaves
// alone what the claim or a fault names.
func plainSites(h *hunt, i int) []*draft {
	p := h.kept.plan
	if i >= len(p.Sites) {
		return nil
	}
	spoken := h.spokenOf()
	was := p.Sites[i]
	tries := []*draft{}
	if spoken[was.Power] {
		return tries
	}
	if !spoken[was.Name] {
		for _, other := range p.Sites[:i] {
			if spoken[other.Name] || spoken[other.Power] {
				continue
			}
			tries = append(tries, h.change(func(d *draft) {
				for k := range d.plan.Hosts {
					if d.plan.Hosts[k].Site == was.Name {
						d.plan.Hosts[k].Site = other.Name
					}
				}
				d.plan.Sites = slices.Delete(d.plan.Sites, i, i+1)
				d.unlink(func(end string) bool { return end == was.Name })
			}))
		}
	}
	if was.Power != "" || was.UPS > 0 {
		tries = append(tries, h.change(func(d *draft) { d.plan.Sites[i].Power, d.plan.Sites[i].UPS = "", 0 }))
	}
	return tries
}

// spokenOf are the words of the claim and of the faults that are left.
func (h *hunt) spokenOf() map[string]bool {
	spoken := map[string]bool{}
	for w := range h.claimed {
		spoken[w] = true
	}
	for i := range h.kept.plan.Faults {
		for _, w := range words.FindAllString(h.kept.plan.Faults[i].String(), -1) {
			spoken[w] = true
		}
	}
	return spoken
}

// unlink takes those ends out of all links.
func (d *draft) unlink(gone func(end string) bool) {
	p := d.plan
	for i := range p.Links {
		p.Links[i].Between = slices.DeleteFunc(slices.Clone(p.Links[i].Between), gone)
	}
	p.Links = slices.DeleteFunc(p.Links, func(l scenarios.Link) bool { return len(l.Between) < 2 })
}

// tidyWorld takes away sites at which nobody is left, and link classes that nobody uses.
func tidyWorld(h *hunt, i int) []*draft {
	if i > 0 {
		return nil
	}
	d := h.kept.clone()
	p := d.plan
	inhabited, used := map[string]bool{}, map[string]bool{}
	for k := range p.Hosts {
		inhabited[p.Hosts[k].Site] = true
	}
	empty := func(name string) bool {
		return !inhabited[name] && slices.ContainsFunc(h.kept.plan.Sites, func(s scenarios.Site) bool { return s.Name == name })
	}
	d.unlink(empty)
	p.Sites = slices.DeleteFunc(p.Sites, func(s scenarios.Site) bool { return empty(s.Name) })
	for _, l := range p.Links {
		used[l.Is] = true
	}
	for _, s := range p.Sites {
		used[s.Inside] = true
	}
	p.Classes = slices.DeleteFunc(p.Classes, func(c scenarios.LinkClass) bool { return !used[c.Name] })
	was := h.kept.plan
	if len(p.Sites) == len(was.Sites) && len(p.Links) == len(was.Links) && len(p.Classes) == len(was.Classes) {
		return []*draft{}
	}
	return []*draft{d}
}
