package scenarios

import (
	"time"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
	"simrun/sim"
)

// RunOptions say how a plan is run. The zero value is a run as a sweep does it.
type RunOptions struct {
	// Record keeps the full event log, for a run that is looked at.
	Record bool
	// Lines, with Record, bounds the event log: see sim.Options.
	Lines int
	// Closely are steps of which, with Record, every detail is kept: see sim.Options.
	Closely sim.Steps
	// Stuck is after how much wall time a task that does not give way is a finding; 0 means 10 s.
	Stuck time.Duration
}

// Run is a plan that was run, judged, and taken down again.
type Run struct {
	Plan    *Plan
	Result  *Result
	History *history.History
	// Lines is the event log, if the run was recorded.
	Lines []sim.Line
	// LeftOut is how many events the log has not, because RunOptions.Lines let it keep no more.
	LeftOut uint64
	// Checkpoints are the hashes after every 1,024 steps, to find where two runs part.
	Checkpoints []sim.Hash
}

// Run runs the plan in a world of its own and judges what came of it. It is a function of the plan: what
// the wall clock said stands apart, in Result.Measured.
func (p *Plan) Run(o RunOptions) *Run {
	start := time.Now()
	s := newStage(p, o)
	defer s.world.Close()
	s.world.Run(p.Length())
	if s.world.Abandoned() {
		return p.abandoned(s.world)
	}
	s.storm.close()
	h := s.history()
	hash, steps := s.world.Hash(), s.world.Steps()
	run := &Run{Plan: p, History: h, Lines: s.world.Lines(), LeftOut: s.world.LeftOut(), Checkpoints: s.world.Checkpoints()}
	run.Result = &Result{
		Version: 1, Scenario: p.Scenario, Summary: p.Summary, Value: p.Value, Seed: FormatSeed(p.Seed),
		Hash: hash.String(), Steps: steps, SimulatedSeconds: s.world.Now().Seconds(),
		Nodes: len(p.Hosts), Messages: s.world.Network().Counts().Messages, Operations: requests(h), Core: p.core(),
		Faults: s.storm.results(), Sometimes: map[string]int{},
		Reached: p.reached(s.world), States: s.states.all(),
	}
	run.Result.find(s.world)
	run.judge(h)
	wall := time.Since(start).Seconds()
	run.Result.Measured = &Measured{WallSeconds: wall, EventsPerSecond: float64(steps) / wall}
	return run
}

// abandoned is the run of a world in which a task never gave way: there is nothing to judge.
func (p *Plan) abandoned(w *sim.World) *Run {
	r := &Result{Version: 1, Scenario: p.Scenario, Summary: p.Summary, Value: p.Value, Seed: FormatSeed(p.Seed),
		Nodes: len(p.Hosts), Claims: []ClaimResult{}, Faults: []FaultResult{}, Sometimes: map[string]int{}}
	r.find(w)
	r.Verdict = r.Judge()
	return &Run{Plan: p, Result: r, History: &history.History{Scenario: p.Scenario, Seed: r.Seed}}
}

func (r *Result) find(w *sim.World) {
	for _, f := range w.Findings() {
		r.Findings = append(r.Findings, Finding{Kind: f.Kind, Host: f.Host, Task: f.Task, At: f.At.Seconds(),
			What: f.What, Stack: f.Stack})
	}
}

// Length is how long the run takes in true simulated time.
func (p *Plan) Length() time.Duration {
	if len(p.Phases) == 0 {
		return 0
	}
	return p.Phases[len(p.Phases)-1].To
}

// requests counts what the workload asked for, without the attempts that each took.
func requests(h *history.History) int {
	n := 0
	for _, o := range h.Operations {
		if o.Parent == 0 && o.Request != 0 {
			n++
		}
	}
	return n
}

// judge asks every claim's check about the history.
func (r *Run) judge(h *history.History) {
	seen := evidence.Gather(h)
	for i := range r.Plan.Claims {
		c := &r.Plan.Claims[i]
		j := c.Config.Judge(seen)
		r.Result.Claims = append(r.Result.Claims, ClaimResult{
			Claim: c.Name, Says: c.Says, Expect: c.Expect, Verdict: Verdict(j.Verdict), State: string(j.State),
			Figure: j.Figure, Reason: j.Reason, Anomaly: j.Anomaly, Witness: j.Witness, Story: j.Story, Data: j.Data,
		})
		if c.Check == "sometimes" {
			seen := 0
			if Verdict(j.Verdict) == Holds {
				seen = 1
			}
			r.Result.Sometimes[c.Name] = seen
		}
	}
	r.Result.Verdict = r.Result.Judge()
}
