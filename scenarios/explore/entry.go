package explore

import (
	"slices"
	"strings"

	"simrun/scenarios"
)

// Entry is what a batch has to know of one run: a line of a sweep's results.jsonl. As in Result, everything but
// Measured is a function of the binary, the scenario and the seed.
type Entry struct {
	Turn             int               `json:"turn"` // of the whole sweep, from 0: seed by seed, and by value within a seed
	Seed             string            `json:"seed"`
	Value            string            `json:"value,omitempty"`
	Verdict          scenarios.Verdict `json:"verdict"` // what the run came to alone
	Hash             string            `json:"hash"`
	Steps            uint64            `json:"steps"`
	SimulatedSeconds float64           `json:"simulated_seconds"`
	Messages         uint64            `json:"messages"`
	Operations       int               `json:"operations"`
	Claims           []EntryClaim      `json:"claims"`
	Faults           []EntryFault      `json:"faults"`
	Reached          []string          `json:"reached,omitempty"` // the probes in nodes' code that the run came to
	// Findings are the kinds of what no claim asked about: "node panic".
	Findings []string `json:"findings,omitempty"`
	// Of a guided sweep: how the plan came to be, nil if it is the seed's own, and what the run came to.
	Variation *scenarios.Variation `json:"variation,omitempty"`
	Reach     Reach                `json:"reach,omitempty"`
	// Run is the whole result with its stories; of a run that came out as it should nobody keeps it.
	Run      *scenarios.Result `json:"run,omitempty"`
	Measured *EntryMeasured    `json:"measured,omitempty"`
}

// EntryClaim is how one claim fared in one run.
type EntryClaim struct {
	Claim     string             `json:"claim"`
	Says      string             `json:"says,omitempty"`
	Verdict   scenarios.Verdict  `json:"verdict"`
	State     string             `json:"state,omitempty"`
	Expect    scenarios.Verdict  `json:"expect"`
	Sometimes bool               `json:"sometimes,omitempty"`
	Figure    string             `json:"figure,omitempty"`
	Reason    string             `json:"reason,omitempty"`
	Anomaly   string             `json:"anomaly,omitempty"`
	Data      map[string]float64 `json:"data,omitempty"`
}

// EntryFault is how the faults of one verb fared in one run.
type EntryFault struct {
	Verb       string `json:"verb"`
	Armed      int    `json:"armed"`
	Fired      int    `json:"fired"`
	WithEffect int    `json:"with_effect"` // faults that touched something
}

// EntryMeasured is what the wall clock said.
type EntryMeasured struct {
	WallSeconds float64 `json:"wall_seconds"` // of the run
	// SweepSeconds is for how long the sweep had been going when the run was told of.
	SweepSeconds float64 `json:"sweep_seconds,omitempty"`
	// Replayed says that the run was run again to compare the two hashes.
	Replayed bool `json:"replayed,omitempty"`
}

// EntryOf is what a batch has to know of the run.
func EntryOf(r *scenarios.Result) *Entry {
	e := &Entry{Seed: r.Seed, Value: r.Value, Verdict: r.Judge(), Hash: r.Hash, Steps: r.Steps, SimulatedSeconds: r.SimulatedSeconds,
		Messages: r.Messages, Operations: r.Operations, Claims: []EntryClaim{}, Faults: []EntryFault{}, Reached: r.Reached, Run: r}
	for _, c := range r.Claims {
		e.Claims = append(e.Claims, EntryClaim{Claim: c.Claim, Says: c.Says, Verdict: c.Verdict, State: c.State, Expect: c.Expect,
			Sometimes: r.Sees(c.Claim), Figure: c.Figure, Reason: c.Reason, Anomaly: c.Anomaly, Data: c.Data})
	}
	for _, f := range r.Faults {
		e.addFault(f)
	}
	for _, f := range r.Findings {
		if !slices.Contains(e.Findings, f.Kind) {
			e.Findings = append(e.Findings, f.Kind)
		}
	}
	if r.Measured != nil {
		e.Measured = &EntryMeasured{WallSeconds: r.Measured.WallSeconds}
	}
	return e
}

func (e *Entry) addFault(f scenarios.FaultResult) {
	i, found := slices.BinarySearchFunc(e.Faults, f.Verb, func(o EntryFault, verb string) int { return strings.Compare(o.Verb, verb) })
	if !found {
		e.Faults = slices.Insert(e.Faults, i, EntryFault{Verb: f.Verb})
	}
	total := &e.Faults[i]
	total.Armed += f.Armed
	total.Fired += f.Fired
	if f.Effects > 0 {
		total.WithEffect++
	}
}

// failed says whether the run ends a sweep that does not keep going.
func (e *Entry) failed() bool {
	return e.Verdict == scenarios.Violated || e.Verdict == scenarios.Diverged
}

// alone is the claim's verdict in a run that is judged by itself.
func (c *EntryClaim) alone() scenarios.Verdict {
	return (&scenarios.ClaimResult{Verdict: c.Verdict, State: c.State}).Alone()
}
