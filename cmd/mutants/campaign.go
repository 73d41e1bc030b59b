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
	nursery *nursery
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
func newCampaign(o options, n *nursery) (*campaign, error) {
	mutants, err := readMutants(n.root, nil)
	if err != nil {
		return nil, err
	}
	c := &campaign{options: o, nursery: n, cellar: cellar{o.cache}}
	k := &keys{sound: n.beside, scenes: map[string]*scene{}, runs: map[string]string{}}
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
		if c.entries = append(c.entries, e); !c.tried(e) || !c.searched(e) {
			c.todo = append(c.todo, e)
		}
	}
	return c, nil
}

// tried says whether it is known what becomes of a mutant's claims, with their least plans if these are looked for.
func (c *campaign) tried(e *entry) bool { return e.record != nil && (c.shrinkFor == 0 || !e.lacks()) }

// searched says whether it is known how long a mutant takes to be found, if that is asked.
func (c *campaign) searched(e *entry) bool {
	return e.record != nil && (c.bases == 0 || e.Searched == c.manner(e))
}

// manner is how a mutant is searched for.
func (c *campaign) manner(e *entry) string { return fmt.Sprint(c.bases, " ", c.patience(e)) }

// patience is how long one search may take.
func (c *campaign) patience(e *entry) time.Duration {
	if e.patience == "" {
		return c.budget
	}
	d, _ := time.ParseDuration(e.patience) // which readMutant has read
	return d
}

// run does what is missing, of the mutants of those names or of all, until the time is over. Where seconds are counted all mutants are
// built first, side by side, so that nothing else runs meanwhile.
func (c *campaign) run(names []string) error {
	c.begun = time.Now()
	fmt.Printf("%d mutants; of %d something is not known yet\n", len(c.entries), len(c.todo))
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
	if c.bases > 0 {
		if err := sideBySide(len(todo), 2, func(i int) error {
			_, err := c.nursery.plant(todo[i].mutant)
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
		if err := c.find(e); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		if err := os.RemoveAll(c.nursery.of(e.mutant)); err != nil {
			return err
		}
		spent := time.Since(c.begun)
		fmt.Printf("%d of %d in %s, about %s left\n", i+1, len(todo), rough(spent), rough((spent-built)/time.Duration(i+1)*time.Duration(len(todo)-i-1)))
	}
	return nil
}

func rough(d time.Duration) time.Duration { return d.Round(time.Second) }

// find finds out about one mutant what is missing, and keeps it.
func (c *campaign) find(e *entry) error {
	sick, err := c.nursery.planted(e.mutant)
	if err != nil {
		return err
	}
	if !c.tried(e) {
		if err := c.try(e, sick); err != nil {
			return err
		}
	}
	if !c.searched(e) {
		if err := c.search(e, sick); err != nil {
			return err
		}
	}
	return nil
}

// try finds out whether each claim that must see the mutant does, and by how little.
func (c *campaign) try(e *entry, sick string) error {
	r := &record{Key: e.key}
	var trials []*trial
	for i := range e.claims {
		t := newTrial(e.mutant, i, c.options, c.nursery, sick)
		if err := t.run(); err != nil {
			return err
		}
		f := finding{Claim: t.claim, Check: e.checkOf(t.claim), Seed: t.caught.seed, Batch: t.caught.batch, Shrinks: t.ok() && !t.caught.batch && !t.needsNone()}
		if f.Shrinks {
			if err := c.least(t); err != nil {
				return err
			}
		}
		least := t.least
		if least != nil && !least.Again {
			t.least = nil // it asks too much of the code as it is too
		}
		fmt.Println(t)
		f.Verdict, f.Least = t.verdict(), least
		if e.record != nil {
			r.Searched, f.Search = e.Searched, e.Findings[i].Search
		}
		trials, r.Findings = append(trials, t), append(r.Findings, f)
	}
	e.record = r
	if err := c.put(e.mutant, r); err != nil || !c.records {
		return err
	}
	return e.mutant.record(trials)
}

// search finds out how long the mutant takes to be found. Claims about single runs are looked for together.
func (c *campaign) search(e *entry, sick string) error {
	w := watch{binary: sick, dir: c.nursery.of(e.mutant), jobs: c.jobs, patience: c.patience(e)}
	each := quest{mutant: e.mutant, watch: w, limit: []string{"--for", w.patience.String()}, unguided: e.points > 1}
	var quests []quest
	for _, f := range e.Findings {
		if !f.Batch {
			each.watch.claims = append(each.watch.claims, f.Claim)
			continue
		}
		whole := each
		whole.limit, whole.watch.claims = []string{"--seeds", strconv.Itoa(e.seeds)}, []string{f.Claim}
		quests = append(quests, whole)
	}
	if len(each.claims()) > 0 {
		quests = append(quests, each)
	}
	for _, q := range quests {
		found, err := q.from(c.bases)
		if err != nil {
			return err
		}
		for i := range e.Findings {
			if s := found[e.Findings[i].Claim]; s != nil {
				e.Findings[i].Search = *s
				fmt.Printf("%-30s %-17s %-20s plain %v guided %v\n", e.name, e.scenario, e.Findings[i].Claim, s.Plain, s.Guided)
			}
		}
	}
	e.Searched = c.manner(e)
	return c.put(e.mutant, e.record)
}

// least is the least plan that shows a trial's bug: the one that is kept, if it still does, or a new one, if there is time for that.
func (c *campaign) least(t *trial) error {
	kept := c.plan(t.mutant, t.claim)
	if plan, err := os.ReadFile(kept); err == nil {
		if err := t.recall(plan); err != nil || t.least != nil {
			return err
		}
	}
	if c.shrinkFor == 0 {
		return nil
	}
	if err := t.shrink(); err != nil {
		return err
	}
	if t.least == nil || !t.least.Again {
		return nil
	}
	return writeWhole(kept, t.least.kept())
}

// missing are the names of mutants of which something is not known that the page tells.
func (c *campaign) missing() (names []string) {
	for _, e := range c.entries {
		if e.record == nil || !c.searched(e) {
			names = append(names, e.name)
		}
	}
	return names
}
