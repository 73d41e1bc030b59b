package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
	"simrun/reports"
	"simrun/reports/internal/looked"
	"simrun/reports/recording"
	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim"
)

func recorded(t testing.TB, scenario, seed string, set ...string) *recording.Recording {
	t.Helper()
	r, err := looked.At(scenario, seed, set...)
	require.NoError(t, err)
	return r
}

func lost(t testing.TB) *recording.Recording {
	return recorded(t, "../internal/looked/forgetful.yaml", "2", "nodes.server.with.queue=journal", "nodes.server.with.sync=interval")
}

func written(t testing.TB, r *recording.Recording, o Options) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, r, o))
	return b.String()
}

// shownOf is a page without what a browser does not show.
func shownOf(page string) string {
	page = regexp.MustCompile(`(?s)<(style|script).*?</(style|script)>`).ReplaceAllString(page, " ")
	page = regexp.MustCompile(`(?s)<title>.*?</title>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

// A page answers in the order in which its reader asks.
func TestAPageTellsAViolationFromTheVerdictToTheBytes(t *testing.T) {
	least := &reports.Least{Version: 1, Sentence: "2 faults to 1, in 44 runs", Needed: []reports.LeastNeed{{Fault: "cut-power supplier-1", Held: "held in 8 of 8 without it"}},
		Needless: []string{"lose-packets all"}}
	page := written(t, lost(t), Options{Command: "simrun", Run: "forgetful@2", Note: "twice the same", Least: least, Files: []string{"events.jsonl", "result.json"}})
	shown := shownOf(page)
	at := 0
	for _, part := range []string{"forgetful violated 1 of 2 claims", "twice the same", "simrun replay forgetful@2", "✗ violated Every background job", "1 of 10 acknowledged jobs undone",
		"What happened", "submits background job", "server answers client with JOB_CREATED before a sync of what it wrote has returned", "the run ends",
		"Smallest plan that still fails", "cut-power supplier-1", "held in 8 of 8", "lose-packets all", "not needed",
		"The moment it broke", "its disk", "cut-power", "JOB_CREATED", "SUBMIT_JOB_BG", "The 2 messages in the picture", "00 52 45 51",
		"The whole run", "storm", "calm", "faults", "Availability", "Latency", "refused", "no answer", "Jobs on the server",
		"What struck", "1 machine", "Events", "of 3", "lost what was not synced: 163 bytes", "no-job-lost is violated", "Take it elsewhere", "events.jsonl"} {
		i := strings.Index(shown[at:], part)
		require.GreaterOrEqual(t, i, 0, "after %q: %q", shown[max(0, at-60):at], part)
		at += i
	}
	require.Contains(t, page, "<del>lose-packets all</del>")
}

// If this failed, a page would need the net, or tell somebody that it is read.
func TestAPageStandsByItself(t *testing.T) {
	page := written(t, lost(t), Options{Command: "simrun", Run: "x"})
	require.NotRegexp(t, `(src|href|url\()\s*=?\s*["']?(https?:)?//`, page)
	require.NotContains(t, page, "@import")
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if id, within := strings.CutPrefix(link[1], "#"); within {
			require.Contains(t, page, `id="`+id+`"`, "a link leads nowhere")
		}
	}
}

// If this failed, one run would have two pages, and nobody could compare them.
func TestAPageIsTheSameBytesEachTime(t *testing.T) {
	for _, c := range []struct{ scenario, seed string }{{"thunderstorm", "8"}, {"../internal/looked/forgetful.yaml", "2"}} {
		require.Equal(t, written(t, recorded(t, c.scenario, c.seed), Options{}), written(t, recorded(t, c.scenario, c.seed), Options{}))
	}
}

// A minute of a storm is half a megabyte; four times as long is under two.
func TestAPageOfALongStormIsSmall(t *testing.T) {
	page := written(t, recorded(t, "thunderstorm", "8", "storm.lasts=115s"), Options{})
	require.Less(t, len(page), 2<<20)
	require.Contains(t, shownOf(page), "2m40s simulated")
}

// What is too much for a page is left out and said: of a million events, how many the page has.
func TestAMillionEventsAreTruncatedVisibly(t *testing.T) {
	r := recorded(t, "calm-day", "1")
	run := *r.Run
	h := *run.History
	run.History = &h
	last := h.End
	for i := range 1_000_000 {
		at := time.Duration(float64(last) * float64(i) / 1_000_000)
		run.Lines = append(run.Lines, sim.Line{At: at, Host: h.Hosts[0].Name, Kind: "note", What: "a note"})
		if i%100 == 0 {
			h.Samples = append(h.Samples, history.Sample{At: at, Host: h.Hosts[0].Name, Name: "figure", Value: int64(i % 977)})
		}
	}
	run.LeftOut = 12345
	page := written(t, recording.Read(&run), Options{})
	require.Less(t, len(page), 4<<20)
	require.Regexp(t, `of 1,0\d\d,\d\d\d ·`, shownOf(page))
	require.Contains(t, shownOf(page), "looks through 4,000 of them")
	require.Contains(t, shownOf(page), "12,345 more were not recorded")
	require.Contains(t, shownOf(page), "12,345 events of it were left out")
}

// If this failed, a verdict would be told by colour alone, or what nobody can say would pass for what held.
func TestEveryVerdictHasASignAndAWord(t *testing.T) {
	r := recorded(t, "calm-day", "1")
	result := *r.Result
	result.Sometimes = map[string]int{"d": 1, "e": 0}
	result.Claims = []scenarios.ClaimResult{
		{Claim: "a", Verdict: scenarios.Holds, Expect: scenarios.Holds}, {Claim: "b", Verdict: scenarios.Unknown, Expect: scenarios.Holds, Reason: "out of budget"},
		{Claim: "c", Verdict: scenarios.Violated, Expect: scenarios.Violated}, {Claim: "d", Verdict: scenarios.Holds}, {Claim: "e", Verdict: scenarios.Unknown, State: "vacuous"},
	}
	run := *r.Run
	run.Result = &result
	result.Verdict = scenarios.Unknown
	page := shownOf(written(t, recording.Read(&run), Options{}))
	for _, line := range []string{"is unknown", "✓ holds a", "? unknown b b out of budget", "✗ violated c", "● seen d", "○ not seen e"} {
		require.Contains(t, page, line)
	}
	result.Findings = []scenarios.Finding{{Kind: "node panic", Host: r.History.Hosts[0].Name, Task: "main", At: 1.5, What: "index out of <range>", Stack: "goroutine 1"}}
	result.Divergence = &scenarios.Divergence{Step: 7, Was: "this", Is: "that"}
	page = shownOf(written(t, recording.Read(&run), Options{}))
	for _, line := range []string{"✗ node panic index out of &lt;range&gt;", "The same plan took another course from step 7 on", "The moment it broke"} {
		require.Contains(t, page, line)
	}
}

// If this failed, labels of the space-time diagram would cover each other.
func TestNoLabelCoversAnother(t *testing.T) {
	for _, r := range []*recording.Recording{lost(t), recorded(t, "no-journal", "e3bb0a1e6572c98a")} {
		slice := r.Slice()
		scene := drawScene(r, slice, r.Tale(slice))
		require.NotEmpty(t, scene.Arrows)
		var up board
		for _, l := range scene.Texts {
			var x, y float64
			_, err := fmt.Sscan(l.X+" "+l.Y, &x, &y)
			require.NoError(t, err)
			require.True(t, up.put(boxOf(x, y, l.Anchor, l.Text)), "%s covers another", l.Text)
		}
	}
}

// Time is linear in each stretch of the diagram, at one scale, and goes on after a cut.
func TestTimeIsLinearBetweenCuts(t *testing.T) {
	r := lost(t)
	g := &staging{Recording: r, Slice: r.Slice()}
	g.layTime()
	require.NotEmpty(t, g.Cuts)
	last := math.Inf(-1)
	for _, s := range g.stretches {
		require.Greater(t, g.x(s.from), last)
		require.InDelta(t, g.scale*float64(s.to-s.from), g.x(s.to)-g.x(s.from), 1e-6)
		last = g.x(s.to)
	}
}

// The steps of an axis are round, and no more than a page has room for.
func TestTicksAreRound(t *testing.T) {
	for _, end := range []time.Duration{20 * time.Microsecond, time.Millisecond, 75 * time.Second, 160 * time.Second, time.Hour, 365 * 24 * time.Hour, 200 * 365 * 24 * time.Hour} {
		ticks := axis{end}.ticks()
		require.LessOrEqual(t, len(ticks), 11, end)
		require.GreaterOrEqual(t, len(ticks), 4, end)
	}
}

// The page of a sweep has a square for each run, in the order of seeds, and leads to those that were kept.
func TestASweepIsAGrid(t *testing.T) {
	batch, err := explore.Sweep{Scenario: "x", Base: 7, Count: 3, Jobs: 1, KeepGoing: true, Run: func(turn explore.Turn) (*scenarios.Result, error) {
		v := scenarios.Holds
		if turn.Index == 1 {
			v = scenarios.Violated
		}
		return &scenarios.Result{Seed: scenarios.FormatSeed(turn.Seed), Verdict: v, Sometimes: map[string]int{},
			Claims: []scenarios.ClaimResult{{Claim: "c", Says: "It <keeps>.", Verdict: v, Expect: scenarios.Holds}},
			Faults: []scenarios.FaultResult{{Verb: "crash", Armed: 1, Fired: 1, Effects: 1}}}, nil
	}}.Do()
	require.NoError(t, err)
	batch.Measure(2, 0)
	cells := []Cell{{Seed: "7", Verdict: scenarios.Holds}, {Seed: batch.Failures[0].Seed, Verdict: scenarios.Violated, Report: "../8/report.html"}, {Seed: "9", Verdict: scenarios.Holds}}
	var b bytes.Buffer
	require.NoError(t, WriteBatch(&b, batch, cells, 5, Options{Command: "simrun", Run: "x@8", Files: []string{"batch.json"}}))
	require.Contains(t, b.String(), `<a href="../8/report.html"><rect`)
	shown := shownOf(b.String())
	for _, part := range []string{"x is violated in 1 of 3 runs", "seeds/s", "3 of 5 runs", "✗ It &lt;keeps&gt;. c 2 1 0", "crash 3 3 3 2 1", "simrun replay x@8", "batch.json"} {
		require.Contains(t, shown, part)
	}
}

// What the script gets is what the page says.
func TestTheScriptsDataIsRead(t *testing.T) {
	page := written(t, lost(t), Options{})
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	found, _, _ := strings.Cut(rest, "</script>")
	var d struct {
		End    float64
		Charts map[string][]struct{ Steps []*float64 }
		Events struct {
			Hosts, Sorts []string
			Rows         [][]any
			Shown        []int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(found), &d))
	require.Equal(t, 6000.0, d.End)
	require.NotEmpty(t, d.Charts["availability"])
	require.NotEmpty(t, d.Charts["gauge-jobs"])
	require.NotEmpty(t, d.Events.Shown)
	for _, row := range d.Events.Rows {
		require.Less(t, int(row[1].(float64)), len(d.Events.Hosts))
		require.Less(t, int(row[2].(float64)), len(d.Events.Sorts))
	}
}

// BenchmarkPage is what the page of 160 s of a storm costs, beside the run itself.
func BenchmarkPage(b *testing.B) {
	r := recorded(b, "thunderstorm", "8", "storm.lasts=115s")
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			recording.Read(r.Run)
		}
	})
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, Write(io.Discard, r, Options{}))
		}
	})
}
