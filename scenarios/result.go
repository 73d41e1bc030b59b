package scenarios

// Verdict is the judgement of a claim or of a run.
type Verdict string

// The verdicts. Unknown is never a pass.
const (
	Holds    Verdict = "holds"
	Violated Verdict = "violated"
	Unknown  Verdict = "unknown"
	Diverged Verdict = "diverged"
)

// Result is what one run came to: the content of result.json. Everything but Measured is a function of
// the binary, the scenario and the seed.
type Result struct {
	Version          int               `json:"version"`
	Scenario         string            `json:"scenario"`
	Summary          string            `json:"summary,omitempty"` // what the scenario is about, in its own words
	Value            string            `json:"value,omitempty"`   // the point of the matrix: "nodes.worker.count=3"
	Seed             string            `json:"seed"`
	Commit           string            `json:"commit,omitempty"`
	Verdict          Verdict           `json:"verdict"`
	Hash             string            `json:"hash"`
	Steps            uint64            `json:"steps"`
	SimulatedSeconds float64           `json:"simulated_seconds"`
	Nodes            int               `json:"nodes"`
	Messages         uint64            `json:"messages"`
	Operations       int               `json:"operations"`
	Core             []string          `json:"core,omitempty"` // whom the last phase that heals mends, if that is not all
	Claims           []ClaimResult     `json:"claims"`
	Faults           []FaultResult     `json:"faults"`
	Sometimes        map[string]int    `json:"sometimes"`
	Reached          []string          `json:"reached,omitempty"`  // the probes in nodes' code that the run came to, by name
	Findings         []Finding         `json:"findings,omitempty"` // node panics, broken invariants, livelocks, stuck tasks
	Divergence       *Divergence       `json:"divergence,omitempty"`
	Files            map[string]string `json:"files,omitempty"`
	Measured         *Measured         `json:"measured,omitempty"`
	// States are those in which nodes were, for a search that prefers what is new; no file has them.
	States []State `json:"-"`
}

// ClaimResult is how one claim fared in one run.
type ClaimResult struct {
	Claim   string             `json:"claim"`
	Says    string             `json:"says,omitempty"`
	Verdict Verdict            `json:"verdict"`
	State   string             `json:"state,omitempty"` // "vacuous" or "censored", where that is why it is unknown
	Expect  Verdict            `json:"expect"`
	Figure  string             `json:"figure,omitempty"`  // "2214 of 2214"
	Reason  string             `json:"reason,omitempty"`  // one sentence: why it is violated or unknown
	Anomaly string             `json:"anomaly,omitempty"` // the kind of violation, for grouping: "lost-job"
	Witness []uint64           `json:"witness"`           // IDs of the offending operations
	Story   []string           `json:"story,omitempty"`   // the offending operation in words, a line per event
	Data    map[string]float64 `json:"data,omitempty"`    // figures that a batch or a matrix adds up
}

// FaultResult is the ledger's line about one fault.
type FaultResult struct {
	Verb    string  `json:"verb"`
	Target  string  `json:"target"`
	At      float64 `json:"at"`            // seconds; of its first firing if it waited for an event
	For     float64 `json:"for,omitempty"` // seconds
	DrawnBy string  `json:"drawn_by"`      // script or swarm
	Armed   int     `json:"armed"`
	Fired   int     `json:"fired"`
	Effects int64   `json:"effects"`
}

// Finding is something that no claim asked about and that is wrong all the same.
type Finding struct {
	Kind  string  `json:"kind"` // "node panic", "broken invariant", "livelock", "stuck task"
	Host  string  `json:"host"`
	Task  string  `json:"task"`
	At    float64 `json:"at"` // seconds
	What  string  `json:"what"`
	Stack string  `json:"stack,omitempty"`
}

// Divergence is where two runs of one plan and one seed first differ: the simulator, or a node that
// reaches past its Env, is not deterministic.
type Divergence struct {
	Step  uint64  `json:"step"`
	At    float64 `json:"at"`    // seconds
	Was   string  `json:"was"`   // the event of the first run, or its hash
	Is    string  `json:"is"`    // that of the second
	Exact bool    `json:"exact"` // Step is the very step, and not the end of the stretch that holds it
}

// Measured is what the wall clock said; it differs between machines.
type Measured struct {
	WallSeconds     float64 `json:"wall_seconds"`
	EventsPerSecond float64 `json:"events_per_second"`
}
