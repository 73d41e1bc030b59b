package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios"
)

func (c *call) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check SCENARIO…",
		Short: "Load scenarios and say all that is wrong with them; run nothing",
		Args:  takes(1, many),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := c.load(args)
			if err != nil {
				return err
			}
			for i, s := range all {
				if !c.quiet {
					fmt.Fprintf(c.Out, "%s: %s\n", args[i], brief(s))
				}
			}
			return nil
		},
	}
	c.setFlag(cmd.Flags())
	cmd.Flags().BoolVar(&c.quiet, "quiet", false, "print nothing but problems")
	return cmd
}

// brief is what stands in a scenario that nothing is wrong with.
func brief(s *scenario) string {
	plan := scenarios.Draw(s.Specs[0], s.Specs[0].Seed)
	text := "good: " + reports.Counted(len(plan.Claims), "claim") + " about " + reports.Counted(len(plan.Hosts), "node")
	if n := len(s.Specs); n > 1 {
		text += ", at " + reports.Counted(n, "value") + " of a matrix"
	}
	return text
}
