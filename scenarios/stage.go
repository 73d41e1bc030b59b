package scenarios

import (
	"reflect"
	"strings"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/sim"
)

// stage is the world that a plan describes, with its faults armed and its workload wound up.
type stage struct {
	plan     *Plan
	world    *sim.World
	storm    *storm
	states   states
	arrivals uint64
}

func newStage(p *Plan, o RunOptions) *stage {
	s := &stage{plan: p, world: sim.New(sim.Options{Seed: p.Seed, Record: o.Record, Lines: o.Lines, Closely: o.Closely, Stuck: o.Stuck})}
	s.build()
	s.storm = newStorm(p, s.world)
	s.states = states{s.storm, map[stateKey]*entered{}, map[string]*entered{}}
	s.storm.struckAt = s.states.struck
	s.world.OnState(s.states.enter)
	s.wind()
	return s
}

// build sets up suppliers, sites, hosts and links. A site that names no supplier hangs on one of its own.
func (s *stage) build() {
	suppliers := map[string]*sim.Supplier{}
	sites := map[string]*sim.Site{}
	for _, site := range s.plan.Sites {
		supplier := suppliers[site.Power]
		if supplier == nil {
			supplier = s.world.AddSupplier(site.Power)
			if site.Power != "" {
				suppliers[site.Power] = supplier
			}
		}
		sites[site.Name] = s.world.AddSite(site.Name, supplier, site.UPS)
	}
	for i := range s.plan.Hosts {
		h := &s.plan.Hosts[i]
		s.world.AddHost(sim.HostOptions{
			Name: h.Name, Site: sites[h.Site], Node: h.Node, Kind: h.Kind.Name, Role: string(h.Kind.Role),
			Main:    func(env nodes.Env) error { return h.Kind.Main(env, h.Config) },
			Restart: h.Restart.After, NeverRestart: h.Restart.Never, Cores: h.Limits.Cores,
			Limits: netmodel.Limits{Files: h.Limits.Files, Ports: h.Limits.Ports, Backlog: h.Limits.Backlog},
			Disk:   h.Limits.Disk,
		})
	}
	s.join()
}

// join sets the class of the link between each two hosts, in both directions.
func (s *stage) join() {
	classes := map[string]netmodel.LinkClass{}
	for _, c := range s.plan.Classes {
		classes[c.Name] = netmodel.LinkClass{Delay: c.Delay, Loss: c.Loss, Repeat: c.Repeat, Bandwidth: c.Bandwidth}
	}
	net := s.world.Network()
	for _, site := range s.plan.Sites {
		if site.Inside != "" {
			net.SetLink(site.Name, site.Name, classes[site.Inside])
		}
	}
	for _, l := range s.plan.Links {
		for i, from := range l.Ends {
			for j, to := range l.Ends {
				if i == j {
					continue
				}
				for _, a := range from {
					for _, b := range to {
						net.SetLink(a, b, classes[l.Is])
					}
				}
			}
		}
	}
}

// wind schedules the phases: their workload, and what their beginnings mend.
func (s *stage) wind() {
	for i := range s.plan.Phases {
		phase := &s.plan.Phases[i]
		s.world.At(phase.From, func() { s.storm.enter(i) })
	}
	lines := map[string]*line{}
	for i := range s.plan.Phases {
		phase := &s.plan.Phases[i]
		for j := range phase.Load {
			load := &phase.Load[j]
			l := lines[load.Stream]
			if l == nil {
				l = &line{stage: s, luck: s.plan.Seed.Stream("arrivals", load.Stream)}
				lines[load.Stream] = l
			}
			l.shifts = append(l.shifts, shift{load: load, from: phase.From, to: phase.To})
		}
	}
	for i := range s.plan.Phases {
		for j := range s.plan.Phases[i].Load {
			if l := lines[s.plan.Phases[i].Load[j].Stream]; !l.begun {
				l.begun = true
				l.begin()
			}
		}
	}
}

// history is what was seen, with the phases and the ledger in it.
func (s *stage) history() *history.History {
	h := s.world.Log().Finish()
	h.Scenario, h.Seed = s.plan.Scenario, FormatSeed(s.plan.Seed)
	for i := range s.plan.Hosts {
		h.Hosts[i].Servers = serversOf(s.plan.Hosts[i].Config)
		h.Hosts[i].Concurrency = concurrencyOf(s.plan.Hosts[i].Config)
		h.Hosts[i].Core = s.plan.inCore(h.Hosts[i].Name)
	}
	for i := range s.plan.Phases {
		p := &s.plan.Phases[i]
		h.Phases = append(h.Phases, history.Phase{Name: p.Name, From: p.From, To: p.To, Heal: p.Heal.Any(), Load: len(p.Load) > 0})
	}
	h.Faults = s.storm.history()
	h.Impairments = s.storm.impairments
	return h
}

// serversOf is what a node's `servers:` names, whatever its kind.
func serversOf(config any) (names []string) {
	servers, _ := optionOf(config, "servers").([]nodes.NodeName)
	for _, n := range servers {
		names = append(names, string(n))
	}
	return names
}

// concurrencyOf is what a node's `concurrency:` says, whatever its kind.
func concurrencyOf(config any) int {
	n, _ := optionOf(config, "concurrency").(int)
	return n
}

// Option is what the host's configuration has under a key, such as "listen"; nil if it has no such key.
func (h *Host) Option(key string) any { return optionOf(h.Config, key) }

// optionOf is what a configuration has under a key; nil if it has no such key.
func optionOf(config any, key string) any {
	v := reflect.Indirect(reflect.ValueOf(config))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if k, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); k == key && f.IsExported() {
			return v.FieldByIndex(f.Index).Interface()
		}
	}
	return nil
}
