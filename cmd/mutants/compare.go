package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// comparison is how many runs it takes to see one bug, by one of the claims that must see it: of plain sweeps, and of
// guided ones that begin with the same seeds.
type comparison struct {
	*mutant
	*search
	claim string
	most  int // runs of one sweep
}

// compare looks for the mutants' bugs in plain and in guided sweeps, each from as many first seeds. What is found in
// few runs says nothing: there guidance does nothing yet.
func compare(o options, names []string) (all []*comparison, err error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	mutants, err := readMutants(root, names)
	if err != nil {
		return nil, err
	}
	n, err := newNursery(root)
	if err != nil {
		return nil, err
	}
	defer n.clear()
	for _, m := range mutants {
		if m.needsNone() {
			continue
		}
		if o.in != "" {
			m.scenario, m.settings = o.in, nil
		}
		sick, err := n.plant(m)
		if err != nil {
			return all, err
		}
		for _, claim := range m.claims {
			q := quest{mutant: m, watch: watch{binary: sick, dir: n.of(m), jobs: o.jobs, claims: []string{claim}},
				limit: []string{"--seeds", strconv.Itoa(o.most)}}
			found, err := q.from(o.guided)
			switch {
			case errors.Is(err, errNoClaim):
				continue
			case err != nil:
				return all, fmt.Errorf("%s: %w", m.name, err)
			}
			c := &comparison{mutant: m, claim: claim, most: o.most, search: found[claim]}
			fmt.Println(c)
			all = append(all, c)
		}
		if err := os.RemoveAll(n.of(m)); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (c *comparison) String() string {
	return fmt.Sprintf("%-30s %-17s %-20s plain %5s of %s, guided %5s of %s", c.name, c.scenario, c.claim,
		middle(c.Plain, bySeeds).count(c.most), c.counts(c.Plain), middle(c.Guided, bySeeds).count(c.most), c.counts(c.Guided))
}

func (c *comparison) counts(hunts []hunt) string {
	words := make([]string, len(hunts))
	for i, h := range hunts {
		words[i] = h.count(c.most)
	}
	return strings.Join(words, " ")
}
