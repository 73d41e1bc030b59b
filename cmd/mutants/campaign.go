package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// campaign finds out what the track record says of every mutant: whether the claims that must see it do, the least plan that shows
// it, and how long it takes to be found, from several first seeds, without guidance and with.
type campaign struct {
	options
	root string
	cellar
	entries []*entry
	todo    []*entry // those without a record
	begun   time.Time
}

// entry is one mutant of a campaign.
type entry struct {
	*mutant
	*scene
	key string
	*record
}

// errNotAll says that there are mutants of which nothing is known yet.
var errNotAll = errors.New("go on by the same command: what is done stays done")

// newCampaign reads all mutants and what is known of them already.
func newCampaign(o options, root string) (*campaign, error) {
	mutants, err := readMutants(root, nil)
	if err != nil {
		return nil, err
	}
	c := &campaign{options: o, root: root, cellar: cellar{o.cache}}
	k := &keys{root: root, options: o, sources: map[string]string{}, scenes: map[string]*scene{}}
	for _, m := range mutants {
		key, s, err := k.of(m)
		if err != nil {
			return nil, err
		}
		known, err := c.get(m, key)
		if err != nil {
			return nil, err
		}
		e := &entry{mutant: m, scene: s, key: key, record: known}
		if c.entries = append(c.entries, e); known == nil {
			c.todo = append(c.todo, e)
		}
	}
	return c, nil
}

// run does what is missing, of the mutants of those names or of all, until the time is over. Where seconds are counted all mutants are
// built first, side by side, so that nothing else runs meanwhile.
func (c *campaign) run(names []string) error {
	c.begun = time.Now()
	fmt.Printf("%d mutants, %d of them without a record\n", len(c.entries), len(c.todo))
	todo := c.todo
	if len(names) > 0 {
		todo = nil
		for _, e := range c.todo {
			if e.among(names) {
				todo = append(todo, e)
			}
		}
	}
	if len(todo) == 0 {
		return nil
	}
	n, err := newNursery(c.root)
	if err != nil {
		return err
	}
	defer n.clear()
	if c.bases > 0 {
		if err := sideBySide(len(todo), 2, func(i int) error {
			_, err := n.plant(todo[i].mutant)
			return err
		}); err != nil {
			return err
		}
	}
	built := time.Since(c.begun)
	fmt.Printf("ready to begin after %s\n", rough(built))
	for i, e := range todo {
		if c.lasts > 0 && time.Since(c.begun) > c.lasts {
			return fmt.Errorf("%s are over, and %d mutants are left: %w", c.lasts, len(todo)-i, errNotAll)
		}
		if err := c.find(e, n); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		if err := os.RemoveAll(n.of(e.mutant)); err != nil {
			return err
		}
		spent := time.Since(c.begun)
		fmt.Printf("%d of %d in %s, about %s left\n", i+1, len(todo), rough(spent), rough((spent-built)/time.Duration(i+1)*time.Duration(len(todo)-i-1)))
	}
	return nil
}

func rough(d time.Duration) time.Duration { return d.Round(time.Second) }

// find finds out about one mutant, and keeps it.
func (c *campaign) find(e *entry, n *nursery) error {
	sick, err := n.planted(e.mutant)
	if err != nil {
		return err
	}
	r := &record{Key: e.key}
	dir := n.of(e.mutant)
	var trials []*trial
	unguided := e.points > 1
	for i := range e.claims {
		t := newTrial(e.mutant, i, c.options, n, sick)
		if err := t.run(); err != nil {
			return err
		}
		if err := c.least(t); err != nil {
			return err
		}
		fmt.Println(t)
		trials = append(trials, t)
		r.Findings = append(r.Findings, finding{Claim: t.claim, Check: e.checkOf(t.claim), Seed: t.caught.seed, Batch: t.caught.batch,
			Verdict: t.verdict(), Least: t.least})
	}
	budget := c.budget
	if e.patience != "" {
		budget, _ = time.ParseDuration(e.patience) // it was read before
	}
	for i, t := range trials {
		if c.bases == 0 {
			break
		}
		limit, claims := []string{"--for", budget.String()}, []string{t.claim}
		switch {
		case t.caught.batch:
			limit = []string{"--seeds", strconv.Itoa(e.seeds)}
		case i > 0 && !trials[0].caught.batch:
			continue // it was looked for together with the first
		case i == 0:
			claims = e.claims
		}
		found, err := quest{mutant: e.mutant, watch: watch{binary: sick, dir: dir, jobs: c.jobs, claims: claims, patience: budget},
			limit: limit, unguided: unguided}.from(c.bases)
		if err != nil {
			return err
		}
		for j := range r.Findings {
			if s := found[r.Findings[j].Claim]; s != nil {
				r.Findings[j].Search = *s
				fmt.Printf("%-30s %-17s %-20s plain %v guided %v\n", e.name, e.scenario, r.Findings[j].Claim, s.Plain, s.Guided)
			}
		}
	}
	e.record = r
	if err := c.put(e.mutant, r); err != nil {
		return err
	}
	if c.records {
		return e.mutant.record(trials)
	}
	return nil
}

// least is the least plan that shows a trial's bug: the one that is kept, if it still does, or a new one.
func (c *campaign) least(t *trial) error {
	if !t.ok() || t.caught.batch || t.needsNone() {
		return nil
	}
	kept := c.plan(t.mutant, t.claim)
	if plan, err := os.ReadFile(kept); err == nil {
		if err := t.recall(plan); err != nil || t.least != nil {
			return err
		}
	}
	if err := t.shrink(); err != nil {
		return err
	}
	if !t.least.Again {
		return nil
	}
	return writeWhole(kept, t.least.kept())
}

// missing are the names of mutants without a record.
func (c *campaign) missing() (names []string) {
	for _, e := range c.entries {
		if e.record == nil {
			names = append(names, e.name)
		}
	}
	return names
}
