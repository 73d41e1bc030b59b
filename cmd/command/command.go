// Package command answers what a person can ask of simrun on a command line. A program with node kinds of
// its own is this package and a catalog: see examples.
package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/decode"
	"simrun/scenarios/explore"
)

// Main is the whole program: it does what os.Args asks for and returns the exit code.
func Main(catalog scenarios.Catalog) int {
	tuneMemory()
	return Program{Catalog: catalog, Args: os.Args[1:], Name: self(os.Args[0]), Out: os.Stdout, Err: os.Stderr}.Run()
}

// tuneMemory makes the collector rare, as suits worlds that live for milliseconds (a sweep of thunderstorm
// takes two thirds of the CPU time that way), and common again where memory gets short. GOGC and GOMEMLIMIT
// say otherwise.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(4 << 30)
	}
}

// untuneMemory is for a process that lives for long, and may have to hold more than any world: rare collections would let it
// take five times what it holds, and beyond a limit it would do nothing but collect.
func untuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(math.MaxInt64)
	}
}

// Program is one call of the command.
type Program struct {
	Catalog scenarios.Catalog
	Args    []string
	// Name is how the program is called; it stands before every line to paste.
	Name     string
	Out, Err io.Writer
}

// Run does what Args ask for and returns the exit code.
func (p Program) Run() int {
	c := &call{Program: p}
	root := c.root()
	root.SetArgs(append([]string{}, p.Args...)) // none are none, and not those of the process
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	if err := root.Execute(); err != nil {
		c.complain(err)
		return NoStart
	}
	return c.code
}

// call is a program at work: its flags, and what it has come to.
type call struct {
	Program
	code int

	seed      string
	seeds     int
	lucks     int
	lasts     time.Duration
	jobs      int
	set       []string
	keepGoing bool
	json      bool
	quiet     bool
	trace     bool
	junit     string
	out       string
	shard     explore.Shard
	verify    bool
	guided    bool

	suites []reports.Suite // what --junit will say
}

// verdict takes note of what a run or a batch came to: the worst counts.
func (c *call) verdict(v scenarios.Verdict) {
	rank := func(code int) int { return strings.IndexByte("0314", byte('0'+code)) }
	if now := code(v); rank(now) > rank(c.code) {
		c.code = now
	}
}

// complain says why nothing could be started. The problems of scenario files speak for themselves.
func (c *call) complain(err error) {
	var problems decode.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(c.Err, strings.TrimSpace(problems.Error()))
		return
	}
	fmt.Fprintf(c.Err, "%s: %v\n", c.Name, err)
}

// warn says what went wrong beside the run, and goes on.
func (c *call) warn(format string, args ...any) {
	fmt.Fprintf(c.Err, "%s: %s\n", c.Name, fmt.Sprintf(format, args...))
}

func (c *call) terminal() *reports.Terminal { return reports.NewTerminal(c.Out, c.Name) }

func (c *call) root() *cobra.Command {
	version := false
	root := &cobra.Command{
		Use:   path.Base(c.Name) + " SCENARIO…",
		Short: "Run real servers on simulated machines, take their power away, and judge what they promised",
		Long: `Real server code runs on a simulated network, clock, disk and power grid. One seed decides everything
that goes wrong, and the same seed is the same run, bit for bit, on any machine. What clients saw is judged
against what the servers promise.

A SCENARIO is the path of a file, or the name of one that is built in:
` + c.builtIn(),
		Example: c.example(`  simrun thunderstorm                a storm of a seed that is drawn and printed
  simrun thunderstorm --seed 7       the storm of that seed
  simrun thunderstorm --seeds 1000   a thousand different storms
  simrun my.yaml --for 10m --set storm.lasts=5m`),
		Args:                  cobra.ArbitraryArgs,
		SilenceErrors:         true,
		SilenceUsage:          true,
		DisableFlagsInUseLine: true,
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case version:
				fmt.Fprintln(c.Out, path.Base(c.Name), cmp.Or(commit(), "of an unknown commit"), runtime.Version())
				return nil
			case len(args) > 0:
				if near := misspelt(cmd, args[0]); near != "" {
					return fmt.Errorf("there is no command %q; did you mean %q?", args[0], near)
				}
				return c.run(args)
			case cmd.Flags().NFlag() > 0:
				return errors.New("which scenario?")
			}
			c.introduce()
			return nil
		},
	}
	f := root.Flags()
	f.BoolVar(&version, "version", false, "print the commit that this program was built from, and the Go that built it")
	c.seedFlags(f)
	f.IntVar(&c.seeds, "seeds", 1, "run `N` seeds: the one of --seed, and others that follow from it")
	f.IntVar(&c.lucks, "lucks", 0, "run a plan under `N` lucks of packets and disks: it has to hold, and each of its faults to strike")
	f.DurationVar(&c.lasts, "for", 0, "run seeds for a `TIME` such as 10m")
	f.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "run `N` worlds at once")
	f.Var((*shardFlag)(&c.shard), "shard", "run only the seeds of one `SHARD`, such as 3/16, for merge to put together")
	c.verifyFlag(f)
	f.BoolVar(&c.keepGoing, "keep-going", false, "go on after a violation")
	f.BoolVar(&c.guided, "guided", false, "prefer plans that vary those which came to something that few came to")
	f.BoolVar(&c.trace, "trace", false, "keep the full event log of a run, as replay does")
	c.outputFlags(f)
	c.junitFlag(f)
	root.SetUsageTemplate(usage)
	root.SetFlagErrorFunc(misread)
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.AddCommand(c.resumeCommand(), c.mergeCommand(), c.turnsCommand(), c.replayCommand(), c.shrinkCommand(), c.bisectCommand(), c.planCommand(), c.reportCommand(), c.checkCommand(), c.historyCommand(), c.serveCommand())
	return root
}

// misspelt is the command that a word resembles which names no scenario, nor resembles one.
func misspelt(root *cobra.Command, word string) string {
	var commands []string
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			commands = append(commands, cmd.Name())
		}
	}
	if strings.ContainsAny(word, "./@") {
		return "" // a file, or a run
	}
	if _, err := os.Stat(word + ".yaml"); err == nil || decode.Nearest(word, scenarios.Names()) != "" {
		return ""
	}
	return decode.Nearest(word, commands)
}

// usage is how the flags and commands of a command are listed.
const usage = `Usage: {{.UseLine}}
{{- if .HasAvailableSubCommands}}
{{- if .HasParent}}

Kinds:
{{- else}}
       {{.CommandPath}} COMMAND …

Commands:
{{- end}}
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{- end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
`

// example is text with this program's own name in it.
func (c *call) example(text string) string { return strings.ReplaceAll(text, "simrun ", c.Name+" ") }

// builtIn lists the scenarios that are built in.
func (c *call) builtIn() string {
	var b strings.Builder
	line := " "
	for _, name := range scenarios.Names() {
		if len(line)+1+len(name) > 100 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + name
	}
	return b.String() + line
}

// introduce is what somebody reads first.
func (c *call) introduce() {
	fmt.Fprintf(c.Out, `simrun runs real servers on simulated machines, takes their power away, and judges them.
  %[1]s thunderstorm                a storm over a job server, in under a second
  %[1]s thunderstorm --seeds 1000   a thousand different storms
  %[1]s check my.yaml               what is wrong with a scenario of your own
  %[1]s --help                      everything else
`, c.Name)
}
