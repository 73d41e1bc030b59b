package command

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/checks"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/scenarios"
)

// beTheProgram makes this test binary the program, with the kinds and checks of the tests.
const beTheProgram = "SIMRUN_TEST_BE_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beTheProgram) != "" {
		os.Exit(Main(tinyCatalog()))
	}
	os.Exit(m.Run())
}

// tiny is a scenario whose runs take a tenth of a millisecond: a die is thrown a few times, is killed now and then,
// and when it is, it may be broken.
const tiny = `scenario: tiny
summary: A die is thrown.
sites:
  here: {power: grid}
nodes:
  die: {run: test.die, site: here, count: 2, restart: 5ms, with: {brittle: 4}}
matrix: {nodes.die.with.sides: [6, 20]}
phases:
  - phase: play
    lasts: 100ms
    faults:
      - {at: 0ms..80ms, crash: die/1}
      - {at: 1ms..80ms, pause: die/2, for: 1ms..10ms}
claims:
  - {claim: fair, says: The numbers are not all the same., check: test.fair}
  - {claim: six, says: A six comes up., check: {sometimes: a six}}
`

type dieConfig struct {
	Sides   int `yaml:"sides" min:"1" doc:"how many numbers it has"`
	Brittle int `yaml:"brittle" min:"0" doc:"one start after a crash in so many breaks it; 0 is none"`
}

var (
	dieProbes probe.Set

	six = dieProbes.Reachable("a six")
	_   = dieProbes.Reachable("it stands on its edge")
)

// die notes what it throws. It remembers on its disk that it was started before.
var die = nodes.Kind{Name: "test.die", Role: nodes.Server, Doc: "Throws.", Config: func() any { return &dieConfig{Sides: 6} },
	Probes: []*probe.Set{&dieProbes},
	Main: func(env nodes.Env, config any) error {
		c := config.(*dieConfig)
		if _, err := env.FS().Stat("used"); err == nil && c.Brittle > 0 && env.Rand().IntN(c.Brittle) == 0 {
			panic("a die is broken")
		}
		if err := env.FS().MkdirAll("used", 0o777); err != nil {
			return err
		}
		for range 10 {
			if env.Rand().IntN(c.Sides) == 5 {
				env.Record().Reach(six)
			}
			if err := env.Sleep(5 * time.Millisecond); err != nil {
				return err
			}
		}
		return env.AwaitStop()
	}}

// fairness is a check that only a batch can decide.
type fairness struct{}

func (*fairness) Judge(e *evidence.Evidence) checkers.Judgement {
	return checkers.Judgement{Verdict: checkers.Unknown, State: checkers.Vacuous, Data: map[string]float64{"end": e.End.Seconds() / 3}}
}

func (*fairness) JudgeBatch(points []checkers.Point) checkers.Judgement {
	text, sum := "", 0.0
	for _, p := range points {
		for _, run := range p.Runs {
			sum += run.Data["end"]
		}
		text += fmt.Sprintf("%s: %d runs; ", p.Value, len(p.Runs))
	}
	return checkers.Judgement{Verdict: checkers.Holds, State: checkers.Decided, Figure: fmt.Sprint(text, sum)}
}

func tinyCatalog() scenarios.Catalog {
	return scenarios.Catalog{Kinds: []nodes.Kind{die, thrower(), stranger, deserter},
		Checks: append(checks.All(), checkers.Definition{Name: "test.fair", Doc: "Is judged over all.", New: func() checkers.Check { return &fairness{} }})}
}

// stranger is a node that reaches past its Env: what it does hangs on the process that it is in.
var stranger = nodes.Kind{Name: "test.stranger", Role: nodes.Server, Doc: "Cheats.", Main: func(env nodes.Env, _ any) error {
	for range 700 { // beyond the first stretch of steps
		if err := env.Sleep(time.Millisecond); err != nil {
			return err
		}
	}
	task := env.Go("cheating", func() { _ = env.Sleep(time.Duration(os.Getpid()) * time.Microsecond) })
	return task.Join()
}}

// deserter ends the process that it is in, if that is a second one.
var deserter = nodes.Kind{Name: "test.deserter", Role: nodes.Server, Doc: "Leaves.", Main: func(env nodes.Env, _ any) error {
	if len(os.Args) > 1 && os.Args[1] == turnsCommand {
		fmt.Fprintln(os.Stderr, "the deserter leaves")
		os.Exit(7)
	}
	return env.AwaitStop()
}}

// typist types commands in a folder of their own.
type typist struct{ *testing.T }

func sitDown(t *testing.T) typist {
	t.Chdir(t.TempDir())
	t.Setenv(beTheProgram, "1") // what the program starts is the program
	t.Setenv("GITHUB_ACTIONS", "")
	require.NoError(t, os.WriteFile("tiny.yaml", []byte(tiny), 0o644))
	return typist{t}
}

// types runs the program in this process.
func (t typist) types(args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Program{Catalog: tinyCatalog(), Args: args, Name: "simrun", Out: &out, Err: &errs}.Run()
	return out.String(), errs.String(), code
}

// does runs the program, which has to end with that code.
func (t typist) does(code int, args ...string) string {
	t.Helper()
	out, errs, got := t.types(args...)
	require.Equal(t, code, got, "simrun %q\n%s%s", args, out, errs)
	return out + errs
}

// begins starts the program as a process.
func (t typist) begins(args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(path, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	return cmd, &said
}
