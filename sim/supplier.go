package sim

import (
	"fmt"
	"time"
)

// Supplier is what power comes from: the unit of shared fate.
type Supplier struct {
	Name  string
	world *World
	sites []*Site
	cuts  int // cuts that last; the power is on while there is none
	// darkened counts the running machines that its cuts have stopped, for the ledger.
	darkened int64
}

// Site is a place with machines, fed by one supplier, perhaps through a UPS.
type Site struct {
	Name     string
	Supplier *Supplier
	// UPS is how long the site's machines outlast their supplier.
	UPS    time.Duration
	hosts  []*Host
	dark   bool
	outage uint64 // counts cuts and returns, so that a UPS that runs out knows whether it still matters
}

// AddSupplier adds a source of power.
func (w *World) AddSupplier(name string) *Supplier {
	s := &Supplier{Name: name, world: w}
	w.suppliers = append(w.suppliers, s)
	return s
}

// Suppliers are all suppliers, in the order in which they were added.
func (w *World) Suppliers() []*Supplier { return w.suppliers }

// AddSite adds a place that the supplier feeds.
func (w *World) AddSite(name string, supplier *Supplier, ups time.Duration) *Site {
	if supplier == nil {
		panic("sim: a site needs a supplier")
	}
	s := &Site{Name: name, Supplier: supplier, UPS: ups}
	supplier.sites = append(supplier.sites, s)
	w.sites = append(w.sites, s)
	return s
}

// Cut cuts the power: one instant for all that hangs on the supplier. Ending the strike gives it back.
func (s *Supplier) Cut() *Strike {
	w := s.world
	w.outsideTasks()
	before := s.darkened
	s.cuts++
	if s.cuts == 1 {
		for _, site := range s.sites {
			site.lose(w)
		}
	}
	return &Strike{
		effects: func() int64 { return s.darkened - before },
		end: func() {
			if s.cuts--; s.cuts == 0 {
				for _, site := range s.sites {
					site.regain()
				}
			}
		},
	}
}

// lose starts the site's UPS, or makes it dark at once.
func (s *Site) lose(w *World) {
	s.outage++
	if s.UPS == 0 {
		s.goDark()
		return
	}
	outage := s.outage
	w.At(w.now+s.UPS, func() {
		if s.outage == outage {
			s.goDark()
		}
	})
}

func (s *Site) goDark() {
	s.dark = true
	for _, h := range s.hosts {
		if h.machineUp {
			s.Supplier.darkened++
		}
		h.darkness = h.goDown("cut-power")
		h.settle("cut-power")
	}
}

func (s *Site) regain() {
	s.outage++
	if !s.dark {
		return
	}
	s.dark = false
	for _, h := range s.hosts {
		if h.fed {
			h.fed = false
			continue
		}
		h.comeUp(h.darkness)
		h.settle("power is back")
	}
}

// String is the supplier in one line.
func (s *Supplier) String() string {
	state := "on"
	if s.cuts > 0 {
		state = "cut"
	}
	return fmt.Sprintf("supplier %s: %s, %d sites", s.Name, state, len(s.sites))
}
