package reports

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim/simtest/golden"
)

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func calm() *scenarios.Result {
	return &scenarios.Result{Version: 1, Scenario: "thunderstorm", Seed: "51c09be2770a4d13", Commit: "4be19d0",
		Summary: "Lightning takes out supplier 1. Site west, and with it gearman-a, goes dark in the middle of its work; site east must carry on and lose nothing it promised.\n",
		Verdict: scenarios.Holds, Hash: "9c1f22a0b7d3e07a9c1f22a0b7d3e07a", Steps: 1_284_406, SimulatedSeconds: 75, Nodes: 12, Messages: 41_802, Operations: 2_214,
		Claims: []scenarios.ClaimResult{
			{Claim: "no-job-lost", Says: "Every background job that a server acknowledged reaches its end.", Verdict: scenarios.Holds, Expect: scenarios.Holds, Figure: "2,214 of 2,214"},
			{Claim: "east-stays-open", Verdict: scenarios.Unknown, State: "vacuous", Expect: scenarios.Holds, Reason: "No window of 5s held the 20 submissions that it takes to say."},
			{Claim: "a-weakness", Verdict: scenarios.Violated, Expect: scenarios.Violated, Figure: "3 of 40"},
			{Claim: "another-weakness", Verdict: scenarios.Holds, Expect: scenarios.Violated, Figure: "40 of 40"},
			{Claim: "storm-bites", Verdict: scenarios.Holds, Expect: scenarios.Holds, Figure: "first at 7.310s"},
			{Claim: "storm-tears", Verdict: scenarios.Unknown, State: "vacuous", Expect: scenarios.Holds},
		},
		Faults: []scenarios.FaultResult{
			{Verb: "cut-power", Target: "supplier-1", At: 7.31, For: 18.2, DrawnBy: "script", Armed: 1, Fired: 1, Effects: 37},
			{Verb: "partition", Target: "west | east", At: 9.002, For: 4.1, DrawnBy: "script", Armed: 1, Fired: 1, Effects: 1204},
			{Verb: "step-clock", Target: "client-w/1", At: 12.5, DrawnBy: "swarm", Armed: 1, Fired: 1},
			{Verb: "crash-machine", Target: "gearman-a", DrawnBy: "script", Armed: 1},
		},
		Sometimes: map[string]int{"storm-bites": 9, "storm-tears": 0},
		Measured:  &scenarios.Measured{WallSeconds: 0.0823, EventsPerSecond: 9_100_000},
	}
}

func stormy() *scenarios.Result {
	r := calm()
	r.Verdict = scenarios.Violated
	r.Claims[0].Verdict = scenarios.Violated
	r.Claims[0].Figure = "2,213 of 2,214"
	r.Claims[0].Reason = "1 of 2,214 acknowledged jobs was never completed: H:a:41."
	r.Claims[0].Story = []string{
		"14.294s  client-w/1 submits background job thumb:8841 to gearman-a.",
		"14.295s  gearman-a writes it to the journal and answers JOB_CREATED. The sync has not returned.",
		"14.310s  supplier-1 fails. The un-synced write is lost with the power.",
		"9.1s  an earlier moment",
		"and no one asks again",
	}
	r.Findings = []scenarios.Finding{{Kind: "node panic", Host: "gearman-b", Task: "accept", At: 14.4,
		What: "runtime error: index out of range [3] with length 3", Stack: "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:3"}}
	return r
}

var kept = Kept{Dir: "runs/thunderstorm/51c09be2770a4d13", Run: "thunderstorm@51c09be2770a4d13"}

// The first thirty seconds: what a person reads who has just run a scenario.
func TestARunReadsAsAStory(t *testing.T) {
	var b bytes.Buffer
	terminal := &Terminal{Out: &b, Command: "simrun"}
	require.NoError(t, terminal.Run(calm(), kept))
	golden.Equal(t, "testdata/holds.txt", b.String())

	b.Reset()
	require.NoError(t, terminal.Run(stormy(), kept))
	golden.Equal(t, "testdata/violated.txt", b.String())

	b.Reset()
	diverged := calm()
	diverged.Verdict = scenarios.Diverged
	diverged.Divergence = &scenarios.Divergence{Step: 12_345, At: 3.25, Was: "gearman-a recv SUBMIT_JOB", Is: "gearman-a sync journal", Exact: true}
	require.NoError(t, terminal.Run(diverged, kept))
	golden.Equal(t, "testdata/diverged.txt", b.String())
}

// If this failed, lines would break in a terminal of eighty columns, or could not be pasted in one piece.
func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for _, width := range []int{80, 100} {
		for _, r := range []*scenarios.Result{calm(), stormy()} {
			var b bytes.Buffer
			require.NoError(t, (&Terminal{Out: &b, Command: "simrun", Width: width}).Run(r, kept))
			for line := range strings.Lines(b.String()) {
				require.LessOrEqual(t, runes(strings.TrimRight(line, "\n")), width, line)
				require.NotRegexp(t, ` \n$`, line, "no line ends in blanks")
			}
			require.NotContains(t, b.String(), "\x1b", "no colour where nobody watches")
		}
	}
}

// If this failed, who asked for no colour would get it, or a file would be full of it.
func TestColourIsForTerminalsWhoseOwnersWantIt(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no terminal to be had: ", err)
	}
	defer terminal.Close()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	require.True(t, bool(InkFor(terminal)))
	require.False(t, bool(InkFor(&strings.Builder{})))
	t.Setenv("NO_COLOR", "1")
	require.False(t, bool(InkFor(terminal)))
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	require.False(t, bool(InkFor(terminal)))
}

// If this failed, colour would move the columns.
func TestColourChangesNothingButColour(t *testing.T) {
	var plain, coloured bytes.Buffer
	require.NoError(t, (&Terminal{Out: &plain, Command: "simrun"}).Run(stormy(), kept))
	require.NoError(t, (&Terminal{Out: &coloured, Command: "simrun", Ink: true}).Run(stormy(), kept))
	require.NotEqual(t, plain.String(), coloured.String())
	require.Equal(t, plain.String(), colour.ReplaceAllString(coloured.String(), ""))
}

// If this failed, a year of weather would scroll everything else off the screen.
func TestManyFaultsAreTruncatedVisiblyAndTheScriptComesFirst(t *testing.T) {
	r := calm()
	r.Faults = nil
	for i := range 100 {
		r.Faults = append(r.Faults, scenarios.FaultResult{Verb: "crash", Target: "gearman-a", At: float64(i), DrawnBy: "swarm", Armed: 1, Fired: 1, Effects: 1})
	}
	r.Faults = append(r.Faults, scenarios.FaultResult{Verb: "cut-power", Target: "supplier-1", At: 99.5, DrawnBy: "script", Armed: 1, Fired: 1, Effects: 1})
	var b bytes.Buffer
	require.NoError(t, (&Terminal{Out: &b, Command: "simrun"}).Run(r, kept))
	require.Contains(t, b.String(), "cut-power")
	require.Contains(t, b.String(), "… and 85 more faults in result.json")
	require.Equal(t, 15, strings.Count(b.String(), "  crash  "))
}

func TestASweepReadsAsCounts(t *testing.T) {
	var b bytes.Buffer
	terminal := &Terminal{Out: &b, Command: "simrun"}
	runOf := func(f explore.Failure) string { return "thunderstorm@" + f.Seed }

	batch := swept(t, 40, 3)
	require.NoError(t, terminal.Batch(batch, "", runOf))
	golden.Equal(t, "testdata/batch-violated.txt", b.String())

	b.Reset()
	batch = swept(t, 40, 23)
	require.Equal(t, 3, batch.Unexplained())
	batch.Shard = "2/3"
	require.NoError(t, terminal.Batch(batch, "runs/thunderstorm/sweep-0000000000000007-2-of-3", runOf))
	golden.Equal(t, "testdata/batch-shard.txt", b.String())

	b.Reset()
	require.NoError(t, terminal.Batch(swept(t, 40, 0), "", runOf))
	golden.Equal(t, "testdata/batch-unknown.txt", b.String())

	b.Reset()
	require.NoError(t, terminal.Batch(swept(t, 7, 0), "", runOf))
	golden.Equal(t, "testdata/batch-small.txt", b.String())
}

// swept is a batch of so many seeds, of which the first few are violated.
func swept(t *testing.T, seeds, violated int) *explore.Batch {
	n := 0
	looked := 0
	look := func(f *explore.Failure) *explore.Cause {
		looked++
		return []*explore.Cause{{Claim: "no-job-lost", Anomaly: "lost-job", Faults: []string{"crash", "cut-power", "lose-packets", "pause"}},
			{Anomaly: "node panic", Node: "gearman.server", Faults: []string{}},
			{Anomaly: "stuck task", Node: "gearman.worker", Unclear: "a task that never gives way takes seconds in each run"}}[looked%3]
	}
	probes := []string{"a torn tail was cut off", "submissions coalesced", "a queue was full"}
	for i := range 12 {
		probes = append(probes, fmt.Sprintf("probe %d", i+1))
	}
	batch, err := explore.Sweep{Scenario: "thunderstorm", Base: 7, Count: seeds, Jobs: 1, KeepGoing: true, Look: look, Probes: probes, Run: func(turn explore.Turn) (*scenarios.Result, error) {
		r := calm()
		if n < violated {
			r = stormy()
		}
		n++
		r.Seed = scenarios.FormatSeed(turn.Seed)
		r.Reached = []string{"a torn tail was cut off"}
		return r, nil
	}}.Do()
	require.NoError(t, err)
	batch.Measured = &explore.BatchMeasured{WallSeconds: 0.25, SeedsPerSecond: 160, SimulatedPerWall: 12_000, EventsPerSecond: 9e6, Replayed: 2}
	return batch
}

func TestProgressIsOneLine(t *testing.T) {
	batch := swept(t, 40, 3)
	require.Equal(t, "thunderstorm  40/1,000 seeds  160/s  50m simulated  3 violated  sometimes 1/2",
		progress("thunderstorm", batch, 1000, 250_000_000))
	require.Equal(t, "thunderstorm  40 seeds  160/s  50m simulated  3 violated  sometimes 1/2",
		progress("thunderstorm", batch, 0, 250_000_000))

	var b bytes.Buffer
	p := NewProgress(&b, "thunderstorm", 1000, false)
	p.Show(batch)
	p.Clear()
	require.Empty(t, b.String(), "nothing until the end where nobody watches")
}

// If this failed, a build would mark another line than the claim's own, or none.
func TestAViolationIsAnnotatedAtItsClaim(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Annotate(&b, stormy(), func(claim string) Place {
		if claim == "no-job-lost" {
			return Place{"scenarios/thunderstorm.yaml", 77}
		}
		return Place{}
	}))
	golden.Equal(t, "testdata/annotations.txt", b.String())
	require.Equal(t, 2, strings.Count(b.String(), "\n"), "each is one line")
}
