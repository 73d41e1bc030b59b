package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// run runs scenarios, one after the other. Nothing is run before all of them could be loaded.
func (c *call) run(names []string) error {
	seed, err := c.firstSeed()
	if err != nil {
		return err
	}
	if c.seeds < 1 || c.lasts < 0 || c.jobs < 1 {
		return errors.New("--seeds and --jobs are at least 1, and --for is no less than nothing")
	}
	if c.shard.Of > 0 && c.seed == "" {
		return errors.New("--shard needs --seed: all shards of a sweep begin with the same seed")
	}
	if err := c.scenariosAll(names); err != nil {
		return err
	}
	all, err := c.load(names)
	if err != nil {
		return err
	}
	if err := errors.Join(c.lucky(all), c.guidable(all)); err != nil {
		return err
	}
	if err := c.prepareShelf(); err != nil {
		return err
	}
	for i, s := range all {
		if i > 0 && !c.json && !c.quiet {
			fmt.Fprintln(c.Out)
		}
		if err := c.scenario(s, seed); err != nil {
			return err
		}
	}
	return c.writeJUnit()
}

// scenariosAll holds names to those of scenarios: a run is had again by another command.
func (c *call) scenariosAll(names []string) error {
	for _, name := range names {
		if scenario, seed, found := cutLast(name, "@"); found && (strings.HasSuffix(scenario, ".yaml") || slices.Contains(scenarios.Names(), scenario)) {
			return fmt.Errorf("%s is a run: say %s replay %s, or %s %s --seed %s", name, c.Name, name, c.Name, scenario, seed)
		}
	}
	return nil
}

// lucky holds --lucks to what it can be said of.
func (c *call) lucky(all []*scenario) error {
	switch {
	case c.lucks == 0:
		return nil
	case c.lucks < 0:
		return errors.New("--lucks is at least 1")
	case c.seeds > 1 || c.lasts > 0 || c.shard.Of > 0:
		return errors.New("--lucks says how many runs there are: leave out --seeds, --for and --shard")
	}
	for _, s := range all {
		if !s.Specs[0].Seeded {
			return fmt.Errorf("--lucks is of a plan, and %s is a scenario: %s plan %s makes one", s.given, c.Name, s.given)
		}
	}
	c.seeds = c.lucks
	return nil
}

// guidable holds --guided to what it can be said of.
func (c *call) guidable(all []*scenario) error {
	switch {
	case !c.guided:
		return nil
	case c.shard.Of > 0:
		return errors.New("--guided and --shard do not go together: each run of a guided sweep hangs on those before it; give each machine a --seed of its own")
	case c.seeds == 1 && c.lasts == 0 || c.lucks > 0:
		return errors.New("--guided is of many runs: say --seeds or --for")
	}
	for _, s := range all {
		if len(s.Specs) > 1 {
			return fmt.Errorf("--guided is of one point, and %s has a matrix of %d, which it compares under the same seeds", s.given, len(s.Specs))
		}
	}
	return nil
}

func (c *call) scenario(s *scenario, seed luck.Seed) error {
	seed = c.seedOf(s, seed)
	if c.lucks > 0 || c.seeds > 1 || c.lasts > 0 || len(s.Specs) > 1 || c.shard.Of > 0 {
		return c.sweep(s, seed)
	}
	run, note, err := c.look(s, s.plan(seed, 0), c.recorded())
	if err != nil {
		return err
	}
	return c.tell(s, run, note)
}

// seedOf is the seed to run a scenario with: a plan has its own, unless another was asked for.
func (c *call) seedOf(s *scenario, drawn luck.Seed) luck.Seed {
	if c.seed == "" && s.Specs[0].Seeded {
		return s.Specs[0].Seed
	}
	return drawn
}

// look runs a plan and, where something is violated, runs it again before anybody hears of it: what is told
// is then the second run, with its full event log, and whether the two were one. With --verify a second process
// runs it too.
func (c *call) look(s *scenario, plan *scenarios.Plan, o scenarios.RunOptions) (run *scenarios.Run, note string, err error) {
	run = plan.Run(o)
	if run.Result.Alarming() {
		run, note = run.Again(scenarios.RunOptions{Record: true, Lines: linesToKeep}), "twice the same"
	}
	if c.verify && run.Result.Verdict != scenarios.Diverged {
		crew := s.crew(c)
		defer crew.dismiss()
		if run, err = crew.verify(run, nil); err != nil {
			return nil, "", err
		}
		note = "the same in a second process"
	}
	run.Result.Commit = commit()
	if run.Result.Verdict == scenarios.Diverged {
		note = ""
	}
	return run, note, nil
}

// tell keeps a run and tells of it.
func (c *call) tell(s *scenario, run *scenarios.Run, note string) error {
	r := run.Result
	c.verdict(r.Judge())
	kept := c.keep(s, run, note)
	c.suites = append(c.suites, reports.SuiteOf(r))
	c.annotate(run.Plan, r)
	switch {
	case c.json:
		return c.encode(r)
	case c.quiet && r.Judge() == scenarios.Holds:
		return nil
	default:
		return c.terminal().Run(r, kept)
	}
}

// encode prints an object as one line of JSON.
func (c *call) encode(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// annotate marks the lines of violated claims where a GitHub build listens.
func (c *call) annotate(plan *scenarios.Plan, r *scenarios.Result) {
	if os.Getenv("GITHUB_ACTIONS") != "true" || r.Judge() == scenarios.Holds {
		return
	}
	out := c.Out
	if c.json {
		out = c.Err
	}
	if err := reports.Annotate(out, r, func(claim string) reports.Place { return placeOf(plan, claim) }); err != nil {
		c.warn("cannot annotate: %v", err)
	}
}

// placeOf is where a claim stands.
func placeOf(plan *scenarios.Plan, claim string) reports.Place {
	for _, c := range plan.Claims {
		if c.Name == claim {
			return reports.Place{File: c.File, Line: c.Line}
		}
	}
	return reports.Place{}
}

// annotateProblems marks what is wrong with scenario files.
func (c *call) annotateProblems(problems decode.Problems) {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return
	}
	for _, p := range problems {
		level := "error"
		if p.Warning {
			level = "warning"
		}
		reports.AnnotateAt(c.Err, level, reports.Place{File: p.File, Line: p.Line}, p.Path, p.What)
	}
}

func (c *call) writeJUnit() error {
	if c.junit == "" {
		return nil
	}
	return reports.WriteFile(c.junit, reports.JUnit(c.suites))
}
