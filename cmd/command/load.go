package command

import (
	"errors"
	"fmt"

	"simrun/scenarios"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// scenario is a scenario and what the person called it.
type scenario struct {
	*scenarios.Scenario
	given string
}

// plan is what the seed makes of the scenario at a point of its matrix.
func (s *scenario) plan(seed luck.Seed, point int) *scenarios.Plan {
	return scenarios.Draw(s.Specs[point], seed)
}

// load reads scenarios and tells of everything that is wrong with any of them. What is worth saying but no
// reason to refuse goes to standard error.
func (c *call) load(names []string) ([]*scenario, error) {
	var all []*scenario
	var problems decode.Problems
	for _, name := range names {
		s, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: c.Catalog, Set: c.set})
		var some decode.Problems
		switch {
		case errors.As(err, &some):
			problems = append(problems, some...)
		case err != nil:
			return nil, err
		default:
			all = append(all, &scenario{s, name})
		}
	}
	if len(problems) > 0 {
		c.annotateProblems(problems)
		return nil, problems
	}
	for _, s := range all {
		for _, warning := range s.Warnings {
			fmt.Fprintln(c.Err, warning.String())
		}
		c.annotateProblems(s.Warnings)
	}
	return all, nil
}

func (c *call) loadOne(name string) (*scenario, error) {
	all, err := c.load([]string{name})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}
