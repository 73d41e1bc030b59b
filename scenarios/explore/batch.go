package explore

import (
	"cmp"
	"slices"
	"strings"

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
	Base             string                    `json:"base"` // the first seed; the others follow from it
	Seeds            int                       `json:"seeds"`
	Verdict          scenarios.Verdict         `json:"verdict"`
	Verdicts         map[scenarios.Verdict]int `json:"verdicts"` // runs by what each came to alone
	SimulatedSeconds float64                   `json:"simulated_seconds"`
	Steps            uint64                    `json:"steps"`
	Messages         uint64                    `json:"messages"`
	Operations       int                       `json:"operations"`
	Claims           []BatchClaim              `json:"claims"`
	Faults           []BatchFault              `json:"faults"`
	Sometimes        []Sighting                `json:"sometimes"`
	Failures         []Failure                 `json:"failures"`
	Measured         *BatchMeasured            `json:"measured,omitempty"`

	whole map[string]*overall // the claims that are judged over all runs, by name
	last  string              // the seed that was added last
	took  []float64           // what each run took, in seconds by the wall clock
}

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
	Violated   int    `json:"violated"`    // violated runs in which one of them did
}

// Sighting is a `sometimes` of a batch: in how many seeds it came, and in which first.
type Sighting struct {
	Claim string `json:"claim"`
	Seeds int    `json:"seeds"`
	First string `json:"first,omitempty"`
}

// Failure names a run that did not come out as it should.
type Failure struct {
	Seed    string            `json:"seed"`
	Value   string            `json:"value,omitempty"`
	Verdict scenarios.Verdict `json:"verdict"`
	Claims  []string          `json:"claims"` // those that are not as expected
	// Findings are the kinds of what no claim asked about: "node panic".
	Findings []string `json:"findings,omitempty"`
}

// BatchMeasured is what the wall clock said.
type BatchMeasured struct {
	WallSeconds      float64 `json:"wall_seconds"`
	SeedsPerSecond   float64 `json:"seeds_per_second"`
	SimulatedPerWall float64 `json:"simulated_per_wall_second"`
	EventsPerSecond  float64 `json:"events_per_second"`
	Replayed         int     `json:"replayed"` // runs that were run again to compare their hashes
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
		Faults: []BatchFault{}, Sometimes: []Sighting{}, Failures: []Failure{}, whole: map[string]*overall{}}
	for _, c := range claims {
		if check, ok := c.Config.(checkers.BatchCheck); ok {
			b.whole[c.Name] = &overall{check: check}
		}
	}
	return b
}

// Add takes in one run. The runs of one seed come one after the other.
func (b *Batch) Add(r *scenarios.Result) {
	if b.Seeds == 0 || b.last != r.Seed {
		b.Seeds++
		b.last = r.Seed
	}
	b.Scenario, b.Commit = r.Scenario, r.Commit
	b.Verdicts[r.Judge()]++
	b.SimulatedSeconds += r.SimulatedSeconds
	b.Steps += r.Steps
	b.Messages += r.Messages
	b.Operations += r.Operations
	if r.Measured != nil {
		b.took = append(b.took, r.Measured.WallSeconds)
	}
	for i := range r.Claims {
		b.addClaim(r, &r.Claims[i])
	}
	b.addFaults(r)
	b.addFailure(r)
}

func (b *Batch) addClaim(r *scenarios.Result, c *scenarios.ClaimResult) {
	value, whole := r.Value, b.whole[c.Claim]
	if whole != nil {
		whole.add(value, c)
		value = ""
	}
	i := slices.IndexFunc(b.Claims, func(o BatchClaim) bool { return o.Claim == c.Claim && o.Value == value })
	if i < 0 {
		i = len(b.Claims)
		b.Claims = append(b.Claims, BatchClaim{Claim: c.Claim, Value: value, Says: c.Says, Expect: c.Expect,
			Sometimes: r.Sees(c.Claim), Overall: whole != nil})
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
		total.First = r.Seed
	}
}

func (o *overall) add(value string, c *scenarios.ClaimResult) {
	i := slices.IndexFunc(o.points, func(p checkers.Point) bool { return p.Value == value })
	if i < 0 {
		i = len(o.points)
		o.points = append(o.points, checkers.Point{Value: value})
	}
	o.points[i].Runs = append(o.points[i].Runs, checkers.Judgement{Verdict: checkers.Verdict(c.Verdict),
		State: checkers.State(c.State), Figure: c.Figure, Reason: c.Reason, Anomaly: c.Anomaly, Data: c.Data})
}

func (b *Batch) addFaults(r *scenarios.Result) {
	touched := map[string]bool{}
	for _, f := range r.Faults {
		i, found := slices.BinarySearchFunc(b.Faults, f.Verb, func(o BatchFault, verb string) int { return strings.Compare(o.Verb, verb) })
		if !found {
			b.Faults = slices.Insert(b.Faults, i, BatchFault{Verb: f.Verb})
		}
		total := &b.Faults[i]
		total.Armed += f.Armed
		total.Fired += f.Fired
		if f.Effects > 0 {
			total.WithEffect++
			if !touched[f.Verb] && r.Judge() == scenarios.Violated {
				total.Violated++
			}
			touched[f.Verb] = true
		}
	}
}

func (b *Batch) addFailure(r *scenarios.Result) {
	verdict := r.Judge()
	if verdict == scenarios.Holds || len(b.Failures) == mostFailures {
		return
	}
	f := Failure{Seed: r.Seed, Value: r.Value, Verdict: verdict, Claims: []string{}}
	for i := range r.Claims {
		if c := &r.Claims[i]; c.Expect != scenarios.Violated && !r.Sees(c.Claim) && c.Alone() != scenarios.Holds {
			f.Claims = append(f.Claims, c.Claim)
		}
	}
	for _, finding := range r.Findings {
		if !slices.Contains(f.Findings, finding.Kind) {
			f.Findings = append(f.Findings, finding.Kind)
		}
	}
	b.Failures = append(b.Failures, f)
}

// conclude judges the batch: what no run could decide alone is decided here.
func (b *Batch) conclude() {
	for verdict := range b.Verdicts { // the worst of them, in whatever order
		b.Verdict = scenarios.Worse(b.Verdict, verdict)
	}
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
		case c.AsExpected():
		case c.Expect == scenarios.Holds && c.Verdict == scenarios.Violated:
			b.Verdict = scenarios.Worse(b.Verdict, scenarios.Violated)
		case certain[c.Claim] || b.Seeds >= scenarios.Smallest:
			b.Verdict = scenarios.Worse(b.Verdict, scenarios.Unknown)
		}
	}
}

// ByClaim is each claim once: of a matrix, with the counts of all values. What has to come once has to come at
// one of the values.
func (b *Batch) ByClaim() []BatchClaim {
	var rows []BatchClaim
	for _, c := range b.Claims {
		i := slices.IndexFunc(rows, func(o BatchClaim) bool { return o.Claim == c.Claim })
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
