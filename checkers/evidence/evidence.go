// Package evidence answers what happened in a run: who could reach whom and for how long, which job was handed to whom and what
// became of it, which calls the weather excuses, and what of all that makes the story of one operation. It judges nothing.
package evidence

import (
	"slices"

	"simrun/checkers/weather"
	"simrun/nodes/history"
)

// Evidence is a history with what checks look up in it: made once for a run, and shared by its claims. It
// is not safe for concurrent use.
type Evidence struct {
	*history.History
	hosts   map[string]*history.Host
	weather *weather.Weather
	jobs    *Jobs
	kinds   map[string][]*history.Operation
	reaches map[reachKey]*Reach
	known   map[string][]string // the servers that a host uses
	classes map[Indicator]map[*history.Operation]Class
	staffs  map[Identity][]string // the workers of a server and function
	crews   map[string][]string   // the workers that a server may have
	parts   map[Selector]*Evidence
	views   map[any]any
}

// Gather makes a history into evidence.
func Gather(h *history.History) *Evidence {
	e := &Evidence{History: h, hosts: make(map[string]*history.Host, len(h.Hosts))}
	for i := range h.Hosts {
		e.hosts[h.Hosts[i].Name] = &h.Hosts[i]
	}
	return e
}

// Host is the host of that name, nil if there is none.
func (e *Evidence) Host(name string) *history.Host { return e.hosts[name] }

// Weather is the weather of the run.
func (e *Evidence) Weather() *weather.Weather {
	if e.weather == nil {
		e.weather = weather.Of(e.History)
	}
	return e.weather
}

// Shared is what checks of one family look up in the evidence besides: made at its first use, and shared by the claims of the
// run as the evidence is. There is one of a type.
func Shared[View any](e *Evidence, read func(e *Evidence) View) View {
	view, known := e.views[(*View)(nil)]
	if !known {
		if e.views == nil {
			e.views = map[any]any{}
		}
		view = read(e)
		e.views[(*View)(nil)] = view
	}
	return view.(View)
}

// Selector names hosts: a node ("client-w" means all its copies), a copy ("client-w/1"), a site, a
// supplier, a role ("clients", "workers", "servers"), "core" (whom the last phase that healed has mended), or "all".
type Selector string

// Selects says whether the host is among those that the selector names.
func (s Selector) Selects(h *history.Host) bool {
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

// Selected is the hosts of that role which the selector names, in the order of the scenario.
func (e *Evidence) Selected(s Selector, role string) (hosts []*history.Host) {
	for i := range e.Hosts {
		if h := &e.Hosts[i]; h.Role == role && s.Selects(h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// OfKind is the operations of a kind that the selected hosts undertook, in the order of their calls.
func (e *Evidence) OfKind(kind string, from Selector) []*history.Operation {
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
		h := e.Host(o.Host)
		return h == nil || !from.Selects(h)
	})
}

// Only is the same evidence, but of what the selected hosts undertook alone: where several services are judged side by side,
// each by its own clients.
func (e *Evidence) Only(from Selector) *Evidence {
	if from == "" || from == "all" {
		return e
	}
	if e.parts[from] == nil {
		part := *e.History
		part.Operations = slices.DeleteFunc(slices.Clone(e.Operations), func(o *history.Operation) bool {
			h := e.Host(o.Host)
			return h == nil || !from.Selects(h)
		})
		if e.parts == nil {
			e.parts = map[Selector]*Evidence{}
		}
		e.parts[from] = Gather(&part)
	}
	return e.parts[from]
}

// Phase is the phase of that name.
func (e *Evidence) Phase(name string) (history.Phase, bool) {
	for _, p := range e.Phases {
		if p.Name == name {
			return p, true
		}
	}
	return history.Phase{}, false
}
