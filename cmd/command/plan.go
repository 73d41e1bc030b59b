package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"simrun/sim/luck"
)

func (c *call) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan SCENARIO|RUN",
		Short: "Print the plan that a seed makes of a scenario",
		Long: `Plan prints what a seed makes of a scenario: a timetable of concrete faults over a concrete world. It is
itself a scenario file, and runs as it stands. Of a matrix there is a plan for each value.

A SCENARIO without --seed gets a new seed each time. A RUN is SCENARIO@SEED, a plan.yaml, the directory
of a run, or last.`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			pasts, err := c.planned(args[0])
			if err != nil {
				return err
			}
			for i, p := range pasts {
				if i > 0 {
					fmt.Fprintln(c.Out, "---")
				}
				fmt.Fprint(c.Out, string(p.plan.YAML()))
			}
			return nil
		},
	}
	c.seedFlags(cmd.Flags())
	c.outFlag(cmd.Flags())
	return cmd
}

// planned is the plan of a run or, where no run is named, of a scenario.
func (c *call) planned(name string) ([]past, error) {
	info, err := os.Stat(name)
	_, _, seeded := cutLast(name, "@")
	if name == "last" || seeded || err == nil && info.IsDir() {
		return c.find(name)
	}
	seed, err := c.firstSeed()
	if err != nil {
		return nil, err
	}
	return c.drawn(name, seed)
}

// drawn is what a seed makes of a scenario: a plan for each point of its matrix.
func (c *call) drawn(name string, seed luck.Seed) ([]past, error) {
	s, err := c.loadOne(name)
	if err != nil {
		return nil, err
	}
	var all []past
	for point := range s.Specs {
		all = append(all, past{scenario: s, plan: s.plan(c.seedOf(s, seed), point)})
	}
	return all, nil
}
