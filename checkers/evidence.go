package checkers

import (
	"slices"

	"simrun/nodes/history"
)

// Evidence is a history with what checks look up in it: made once for a run, and shared by its claims. It
// is not safe for concurrent use.
type Evidence struct {
	*history.History
	hosts   map[string]*history.Host
	weather *weather
	jobs    *jobs
	kinds   map[string][]*history.Operation
	reaches map[reachKey]*reach
	known   map[string][]string // the servers that a host uses
	classes map[service]map[*history.Operation]class
	staffs  map[what][]string   // the workers of a server and function
	crews   map[string][]string // the workers that a server may have
	keys    *accesses
	parts   map[Selector]*Evidence
}

// Gather makes a history into evidence.
func Gather(h *history.History) *Evidence {
	e := &Evidence{History: h, hosts: make(map[string]*history.Host, len(h.Hosts))}
	for i := range h.Hosts {
		e.hosts[h.Hosts[i].Name] = &h.Hosts[i]
	}
	return e
}

// Selector names hosts: a node ("client-w" means all its copies), a copy ("client-w/1"), a site, a
// supplier, a role ("clients", "workers", "servers"), "core" (whom the last phase that healed has mended), or "all".
type Selector string

// selects says whether the host is among those that the selector names.
func (s Selector) selects(h *history.Host) bool {
	switch name := string(s); name {
	case "all", "":
		return true
	case h.Name, h.Node, h.Site, h.Supplier, h.Role + "s":
		return true
	case "core":
		return h.Core
	default:
		return false
	}
}

// selected is the hosts of that role which the selector names, in the order of the scenario.
func (e *Evidence) selected(s Selector, role string) (hosts []*history.Host) {
	for i := range e.Hosts {
		if h := &e.Hosts[i]; h.Role == role && s.selects(h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// ofKind is the operations of a kind that the selected hosts undertook, in the order of their calls.
func (e *Evidence) ofKind(kind string, from Selector) []*history.Operation {
	if e.kinds == nil {
		e.kinds = map[string][]*history.Operation{}
		for _, o := range e.Operations {
			e.kinds[o.Kind] = append(e.kinds[o.Kind], o)
		}
	}
	if from == "" || from == "all" {
		return e.kinds[kind]
	}
	return slices.DeleteFunc(slices.Clone(e.kinds[kind]), func(o *history.Operation) bool {
		h := e.hosts[o.Host]
		return h == nil || !from.selects(h)
	})
}

// only is the same evidence, but of what the selected hosts undertook alone: where several services are judged side by side,
// each by its own clients.
func (e *Evidence) only(from Selector) *Evidence {
	if from == "" || from == "all" {
		return e
	}
	if e.parts[from] == nil {
		part := *e.History
		part.Operations = slices.DeleteFunc(slices.Clone(e.Operations), func(o *history.Operation) bool {
			h := e.hosts[o.Host]
			return h == nil || !from.selects(h)
		})
		if e.parts == nil {
			e.parts = map[Selector]*Evidence{}
		}
		e.parts[from] = Gather(&part)
	}
	return e.parts[from]
}

// phase is the phase of that name.
func (e *Evidence) phase(name string) (history.Phase, bool) {
	for _, p := range e.Phases {
		if p.Name == name {
			return p, true
		}
	}
	return history.Phase{}, false
}
