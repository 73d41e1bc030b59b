package explore

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/exp/stats"

	"simrun/checkers"
	"simrun/scenarios"
	"simrun/sim/luck"
)

// Batch is what many runs of one scenario came to: the last object that --json prints. As in Result,
// everything but Measured is a function of the binary, the scenario and the seeds.
type Batch struct {
	Version          int                       `json:"version"`
	Scenario         string                    `json:"batch"`
	Commit           string                    `json:"commit,omitempty"`
	Base             string                    `json:"base"`            // the first seed; the others follow from it
	Shard            string                    `json:"shard,omitempty"` // 3/16: the part of the seeds that this is
	Seeds            int                       `json:"seeds"`
	Verdict          scenarios.Verdict         `json:"verdict"`
	Verdicts         map[scenarios.Verdict]int `json:"verdicts"` // runs by what each came to alone
	SimulatedSeconds float64                   `json:"simulated_seconds"`
	Steps            uint64                    `json:"steps"`
	Messages         uint64                    `json:"messages"`
	Operations       int                       `json:"operations"`
	Claims           []BatchClaim              `json:"claims"`
	Faults           []BatchFault              `json:"faults"`
	// WithoutEffect are the verbs that the scenario has and of which no fault touched anything in any run.
	WithoutEffect []string   `json:"without_effect"`
	Sometimes     []Sighting `json:"sometimes"`
	// Probes are how often what is probed in nodes' code was reached; Runs of zero is never.
	Probes   []BatchProbe `json:"probes"`
	Failures []Failure    `json:"failures"`
	Groups   []Group      `json:"groups"` // failures with one cause, in the order of their first
	// Guidance is what a guided sweep was led by.
	Guidance *Guidance      `json:"guidance,omitempty"`
	Measured *BatchMeasured `json:"measured,omitempty"`

	verbs     []string            // that the scenario has
	whole     map[string]*overall // the claims that are judged over all runs, by name
	last      string              // the seed that was added last
	simulated span
	took      []float64 // what each run took, in seconds by the wall clock
}

// span is a length of time that may be millions of years, added up in whole numbers so that no order of adding
// makes a difference. Invariant: 0 <= rest < a second.
type span struct {
	seconds uint64
	rest    time.Duration
}

func (s *span) add(seconds float64) {
	whole, part := math.Modf(seconds)
	s.rest += time.Duration(math.Round(part * 1e9))
	s.seconds += uint64(whole) + uint64(s.rest/time.Second)
	s.rest %= time.Second
}

func (s span) float() float64 { return float64(s.seconds) + s.rest.Seconds() }

// overall is a claim whose check says more about many runs than the sum of what it says about each.
type overall struct {
	check  checkers.BatchCheck
	points []checkers.Point
}

// BatchClaim is how one claim fared over a batch; of a matrix, for one of its values.
type BatchClaim struct {
	Claim    string            `json:"claim"`
	Value    string            `json:"value,omitempty"`
	Says     string            `json:"says,omitempty"`
	Expect   scenarios.Verdict `json:"expect"`
	Verdict  scenarios.Verdict `json:"verdict"`
	Holds    int               `json:"holds"`
	Violated int               `json:"violated"`
	Unknown  int               `json:"unknown"`
	// Exhausted counts those of Unknown where a checker ran out of its budget.
	Exhausted int `json:"exhausted,omitempty"`
	// Sometimes: it has to come once; Holds counts the runs in which it did.
	Sometimes bool `json:"sometimes,omitempty"`
	// Overall: it was judged over all runs at once, and Figure and Reason say what of.
	Overall bool   `json:"overall,omitempty"`
	Figure  string `json:"figure,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// First is the first seed that violated the claim or, of a `sometimes`, in which it came.
	First string `json:"first,omitempty"`
}

// BatchFault is how one kind of fault fared over a batch.
type BatchFault struct {
	Verb       string `json:"verb"`
	Armed      int    `json:"armed"`
	Fired      int    `json:"fired"`
	WithEffect int    `json:"with_effect"` // faults that touched something
	// Runs are the runs in which one of them did, by what they came to.
	Runs map[scenarios.Verdict]int `json:"runs"`
}

// Sighting is a `sometimes` of a batch: in how many seeds it came, and in which first.
type Sighting struct {
	Claim string `json:"claim"`
	Seeds int    `json:"seeds"`
	First string `json:"first,omitempty"`
}

// BatchProbe is a place in the code of nodes: in how many runs one came there, and in which first.
type BatchProbe struct {
	Probe string `json:"probe"`
	Runs  int    `json:"runs"`
	First string `json:"first,omitempty"`
}

// NeverReached are the probes that no run has reached, by name.
func (b *Batch) NeverReached() []string {
	var never []string
	for _, p := range b.Probes {
		if p.Runs == 0 {
			never = append(never, p.Probe)
		}
	}
	return never
}

// Failure names a run that did not come out as it should.
type Failure struct {
	Seed    string            `json:"seed"`
	Value   string            `json:"value,omitempty"`
	Verdict scenarios.Verdict `json:"verdict"`
	Claims  []string          `json:"claims"` // those that are not as expected
	// Findings are the kinds of what no claim asked about: "node panic".
	Findings []string `json:"findings,omitempty"`
	// Varied: the plan is not the seed's own, but a variation of a guided sweep.
	Varied bool `json:"varied,omitempty"`
	// Cause is what the run shows, and by which faults; nil if nobody looked into it.
	Cause *Cause `json:"cause,omitempty"`
}

// BatchMeasured is what the wall clock said.
type BatchMeasured struct {
	WallSeconds      float64 `json:"wall_seconds"`
	SeedsPerSecond   float64 `json:"seeds_per_second"`
	SimulatedPerWall float64 `json:"simulated_per_wall_second"`
	EventsPerSecond  float64 `json:"events_per_second"`
	Replayed         int     `json:"replayed"`            // runs that were run again to compare their hashes
	Elsewhere        int     `json:"elsewhere,omitempty"` // of these, runs that a second process ran too
	// How long one run took, on whichever core: the middle one, and the slowest but one in a hundred.
	RunSecondsMedian float64 `json:"run_seconds_median"`
	RunSecondsP99    float64 `json:"run_seconds_p99"`
}

// Measure says what the wall clock said of a batch that took that many seconds.
func (b *Batch) Measure(wall float64, replayed int) {
	wall = max(wall, 1e-9)
	b.Measured = &BatchMeasured{WallSeconds: wall, SeedsPerSecond: float64(b.Seeds) / wall,
		SimulatedPerWall: b.SimulatedSeconds / wall, EventsPerSecond: float64(b.Steps) / wall, Replayed: replayed}
	if len(b.took) > 0 {
		q := stats.Quantiles(b.took, 0.5, 0.99)
		b.Measured.RunSecondsMedian, b.Measured.RunSecondsP99 = q[0], q[1]
	}
}

// mostFailures bounds what a batch of nothing but failures keeps.
const mostFailures = 1000

// NewBatch makes an empty batch for runs of a scenario with those claims.
func NewBatch(base luck.Seed, claims []scenarios.Claim) *Batch {
	b := &Batch{Version: 1, Base: scenarios.FormatSeed(base), Verdict: scenarios.Holds, Verdicts: map[scenarios.Verdict]int{}, Claims: []BatchClaim{},
		Faults: []BatchFault{}, WithoutEffect: []string{}, Sometimes: []Sighting{}, Probes: []BatchProbe{}, Failures: []Failure{}, Groups: []Group{}, whole: map[string]*overall{}}
	for _, c := range claims {
		if check, ok := c.Config.(checkers.BatchCheck); ok {
			b.whole[c.Name] = &overall{check: check}
		}
	}
	return b
}

// Add takes in one run. The runs of one seed come one after the other.
func (b *Batch) Add(r *scenarios.Result) {
	b.Scenario, b.Commit = r.Scenario, r.Commit
	b.add(EntryOf(r))
}

func (b *Batch) add(e *Entry) {
	if b.Seeds == 0 || b.last != e.Seed {
		b.Seeds++
		b.last = e.Seed
	}
	b.Verdicts[e.Verdict]++
	b.simulated.add(e.SimulatedSeconds)
	b.SimulatedSeconds = b.simulated.float()
	b.Steps += e.Steps
	b.Messages += e.Messages
	b.Operations += e.Operations
	if e.Measured != nil {
		b.took = append(b.took, e.Measured.WallSeconds)
	}
	for i := range e.Claims {
		b.addClaim(e, &e.Claims[i])
	}
	b.addFaults(e)
	for _, name := range e.Reached {
		p := b.probe(name)
		p.Runs++
		p.First = cmp.Or(p.First, e.Seed)
	}
	b.addFailure(e)
}

func (b *Batch) addClaim(e *Entry, c *EntryClaim) {
	value, whole := e.Value, b.whole[c.Claim]
	if whole != nil {
		whole.add(value, c)
		value = ""
	}
	i := slices.IndexFunc(b.Claims, func(o BatchClaim) bool { return o.Claim == c.Claim && o.Value == value })
	if i < 0 {
		i = len(b.Claims)
		b.Claims = append(b.Claims, BatchClaim{Claim: c.Claim, Value: value, Says: c.Says, Expect: c.Expect,
			Sometimes: c.Sometimes, Overall: whole != nil})
	}
	total := &b.Claims[i]
	notable := scenarios.Violated
	if total.Sometimes {
		notable = scenarios.Holds
	}
	switch c.Verdict {
	case scenarios.Holds:
		total.Holds++
	case scenarios.Violated:
		total.Violated++
	default:
		total.Unknown++
		if c.State == "" && !total.Sometimes {
			total.Exhausted++
		}
	}
	if c.Verdict == notable && total.First == "" {
		total.First = e.Seed
	}
}

func (o *overall) add(value string, c *EntryClaim) {
	i := slices.IndexFunc(o.points, func(p checkers.Point) bool { return p.Value == value })
	if i < 0 {
		i = len(o.points)
		o.points = append(o.points, checkers.Point{Value: value})
	}
	o.points[i].Runs = append(o.points[i].Runs, checkers.Judgement{Verdict: checkers.Verdict(c.Verdict),
		State: checkers.State(c.State), Figure: c.Figure, Reason: c.Reason, Anomaly: c.Anomaly, Data: c.Data})
}

func (b *Batch) addFaults(e *Entry) {
	for _, f := range e.Faults {
		i, found := slices.BinarySearchFunc(b.Faults, f.Verb, func(o BatchFault, verb string) int { return strings.Compare(o.Verb, verb) })
		if !found {
			b.Faults = slices.Insert(b.Faults, i, BatchFault{Verb: f.Verb, Runs: map[scenarios.Verdict]int{}})
		}
		total := &b.Faults[i]
		total.Armed += f.Armed
		total.Fired += f.Fired
		total.WithEffect += f.WithEffect
		if f.WithEffect > 0 {
			total.Runs[e.Verdict]++
		}
	}
}

// probe is the probe's line.
func (b *Batch) probe(name string) *BatchProbe {
	i, found := slices.BinarySearchFunc(b.Probes, name, func(p BatchProbe, name string) int { return strings.Compare(p.Probe, name) })
	if !found {
		b.Probes = slices.Insert(b.Probes, i, BatchProbe{Probe: name})
	}
	return &b.Probes[i]
}

func (b *Batch) addFailure(e *Entry) {
	if e.Verdict == scenarios.Holds || len(b.Failures) == mostFailures {
		return
	}
	f := Failure{Seed: e.Seed, Value: e.Value, Verdict: e.Verdict, Claims: []string{}, Findings: e.Findings, Varied: e.Variation != nil}
	for i := range e.Claims {
		if c := &e.Claims[i]; c.Expect != scenarios.Violated && !c.Sometimes && c.alone() != scenarios.Holds {
			f.Claims = append(f.Claims, c.Claim)
		}
	}
	b.Failures = append(b.Failures, f)
}

// conclude judges the batch: what no run could decide alone is decided here.
func (b *Batch) conclude() {
	for verdict := range b.Verdicts { // the worst of them, in whatever order
		b.Verdict = scenarios.Worse(b.Verdict, verdict)
	}
	b.WithoutEffect = b.idle()
	b.Groups = groupsOf(b.Failures)
	certain := map[string]bool{}
	for i := range b.Claims {
		c := &b.Claims[i]
		c.Verdict = c.conclude()
		if whole := b.whole[c.Claim]; whole != nil {
			j := whole.check.JudgeBatch(whole.points)
			c.Verdict, c.Figure, c.Reason = scenarios.Verdict(j.Verdict), j.Figure, j.Reason
			certain[c.Claim] = j.State == checkers.Decided
		}
	}
	for _, c := range b.ByClaim() {
		if c.Sometimes {
			b.Sometimes = append(b.Sometimes, Sighting{c.Claim, c.Holds, c.First})
		}
		switch {
		case b.Shard != "", c.AsExpected(): // what only all seeds can say, no part of them says
		case c.Expect == scenarios.Holds && c.Verdict == scenarios.Violated:
			b.Verdict = scenarios.Worse(b.Verdict, scenarios.Violated)
		case certain[c.Claim] || b.Seeds >= scenarios.Smallest:
			b.Verdict = scenarios.Worse(b.Verdict, scenarios.Unknown)
		}
	}
}

// Slight says whether what the batch did not see is not to be held against it: it has few seeds, or a part
// of them.
func (b *Batch) Slight() bool { return b.Seeds < scenarios.Smallest || b.Shard != "" }

// idle are the verbs of which no fault touched anything.
func (b *Batch) idle() []string {
	idle := append([]string{}, b.verbs...)
	for _, f := range b.Faults {
		if f.WithEffect == 0 {
			idle = append(idle, f.Verb)
		}
	}
	slices.Sort(idle)
	return slices.DeleteFunc(slices.Compact(idle), func(verb string) bool {
		return slices.ContainsFunc(b.Faults, func(f BatchFault) bool { return f.Verb == verb && f.WithEffect > 0 })
	})
}

// ByClaim is each claim once: of a matrix, with the counts of all values. What has to come once has to come at
// one of the values. A claim of which the values expect different things is one for each of these.
func (b *Batch) ByClaim() []BatchClaim {
	var rows []BatchClaim
	for _, c := range b.Claims {
		i := slices.IndexFunc(rows, func(o BatchClaim) bool { return o.Claim == c.Claim && o.Expect == c.Expect })
		if i < 0 {
			c.Value = ""
			rows = append(rows, c)
			continue
		}
		row := &rows[i]
		row.Holds += c.Holds
		row.Violated += c.Violated
		row.Unknown += c.Unknown
		row.Exhausted += c.Exhausted
		row.Verdict = row.conclude()
		row.First = cmp.Or(row.First, c.First)
	}
	return rows
}

// conclude is the claim's verdict by its counts.
func (c *BatchClaim) conclude() scenarios.Verdict {
	switch {
	case c.Violated > 0:
		return scenarios.Violated
	case c.Exhausted > 0 && c.Expect == scenarios.Holds:
		return scenarios.Unknown
	case c.Holds > 0:
		return scenarios.Holds
	default:
		return scenarios.Unknown
	}
}

// AsExpected says whether the batch showed what the claim expects: an `expect: violated` was violated once,
// a `sometimes` came once, any other held wherever it could be decided, and that was somewhere.
func (c *BatchClaim) AsExpected() bool { return c.Verdict == c.Expect }
