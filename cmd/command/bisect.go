package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios"
)

// usualLucks is under how many lucks a plan is run where one is not enough: what comes after a change has new luck.
const usualLucks = 8

func (c *call) bisectCommand() *cobra.Command {
	b := &bisection{call: c}
	cmd := &cobra.Command{
		Use:   "bisect RUN GOOD [BAD]",
		Short: "Find the commit since which a run is violated",
		Long: `Bisect turns the run into its plan and looks, by git bisect, for the first commit since GOOD at which
that plan is violated; BAD is HEAD if it is not said. At each commit it builds the command in a work
tree of its own, so that yours is not touched, and runs the plan under a few lucks: violated under any
is bad. A commit that does not build, cannot read the plan or decides nothing is left out.

A RUN is SCENARIO@SEED, a plan.yaml, the directory of a run, or last.`,
		Args: takes(2, 3),
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second interrupt is not caught
			if len(args) == 3 {
				b.bad = args[2]
			}
			b.good = args[1]
			return b.run(ctx, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.build, "build", "", "the main `PACKAGE` to build at each commit; this command's own if it is not said")
	f.StringVar(&b.claim, "claim", "", "judge by the claim of that `NAME` alone")
	f.IntVar(&b.lucks, "lucks", usualLucks, "run the plan under `N` lucks of packets and disks at each commit")
	f.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "run `N` worlds at once")
	c.setFlag(f)
	c.outFlag(f)
	return cmd
}

// bisection is a search for a commit.
type bisection struct {
	*call
	good, bad    string // as they were given
	build, claim string
	lucks        int
	plan         *scenarios.Plan
	commits      *repository
	dir          string // for all that it builds and runs
}

func (b *bisection) run(ctx context.Context, name string) (err error) {
	if b.lucks < 1 || b.jobs < 1 {
		return errors.New("--lucks and --jobs are at least 1")
	}
	if b.build == "" {
		if b.build, err = ownPackage(); err != nil {
			return err
		}
	}
	if b.plan, err = b.planOf(name); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "bisect"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.commits, err = openRepository(ctx, filepath.Join(b.dir, "tree"), cmp.Or(b.bad, "HEAD"), b.good); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.commits.close()) }()
	if b.commits.dirty && b.bad == "" {
		b.warn("what is not committed is left out")
	}
	if err := os.WriteFile(b.path(reports.PlanFile), b.plan.YAML(), 0o644); err != nil {
		return err
	}
	found, err := b.search(ctx)
	if ctx.Err() != nil {
		b.verdict(scenarios.Unknown)
		b.warn("interrupted")
		return nil
	}
	if err != nil {
		return err
	}
	return b.conclude(found)
}

func (b *bisection) path(name string) string { return filepath.Join(b.dir, name) }

// planOf is the one plan that is meant, with no other claim than the one that was asked for.
func (b *bisection) planOf(name string) (*scenarios.Plan, error) {
	pasts, err := b.find(name)
	if err != nil {
		return nil, err
	}
	if len(pasts) != 1 {
		return nil, fmt.Errorf("%s is %d runs, one for each value of a matrix: name the directory of one", name, len(pasts))
	}
	plan := *pasts[0].plan
	if b.claim == "" {
		return &plan, nil
	}
	for i := range plan.Claims {
		if plan.Claims[i].Name == b.claim {
			plan.Claims = plan.Claims[i : i+1]
			return &plan, nil
		}
	}
	return nil, fmt.Errorf("%s has no claim %q", plan.Scenario, b.claim)
}

// ownPackage is the main package that this program was built from.
func ownPackage() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" || info.Path == "command-line-arguments" {
		return "", errors.New("this program does not know what it was built from: say --build PACKAGE")
	}
	return info.Path, nil
}

// search tries both ends, and then whatever git says in between.
func (b *bisection) search(ctx context.Context) (first []string, err error) {
	for _, end := range []struct {
		commit, given string
		want          verdict
	}{{b.commits.bad, cmp.Or(b.bad, "HEAD"), bad}, {b.commits.good, b.good, good}} {
		if err := b.commits.checkOut(ctx, end.commit); err != nil {
			return nil, err
		}
		switch v, why := b.try(ctx); {
		case v == end.want:
		case v == skip:
			return nil, fmt.Errorf("nobody can say of %s: %s", end.given, why)
		case end.want == bad:
			return nil, fmt.Errorf("the plan holds at %s under %s: there is nothing to look for", end.given, reports.Counted(b.lucks, "luck"))
		default:
			return nil, fmt.Errorf("the plan is violated at %s already: name an older commit", end.given)
		}
		b.tell(ctx, end.want, "")
	}
	first, err = b.commits.begin(ctx)
	for err == nil && len(first) == 0 {
		v, why := b.try(ctx)
		b.tell(ctx, v, why)
		first, err = b.commits.mark(ctx, v)
	}
	return first, err
}

// tell prints a line about the commit that was tried.
func (b *bisection) tell(ctx context.Context, v verdict, why string) {
	if ctx.Err() != nil {
		return
	}
	if why != "" {
		why = ": " + why
	}
	fmt.Fprintf(b.Out, "%-4s  %s%s\n", v, b.commits.title(ctx, "HEAD"), why)
}

// conclude names the first bad commit, or those of which one is it.
func (b *bisection) conclude(first []string) error {
	ctx := context.Background()
	if len(first) == 1 {
		fmt.Fprintf(b.Out, "\nfirst bad commit\n  %s\n", b.commits.title(ctx, first[0]))
		return nil
	}
	b.verdict(scenarios.Unknown)
	fmt.Fprintln(b.Out, "\nthe first bad commit is one of")
	for _, commit := range first {
		fmt.Fprintf(b.Out, "  %s\n", b.commits.title(ctx, commit))
	}
	return nil
}
