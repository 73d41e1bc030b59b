package service

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// SupplierArithmetic is A11: independent suppliers are all dark at once for the product of the shares of time
// in which each is dark, and clients are without service for no longer than that, plus what each outage of one
// supplier may cost. It is a claim about many runs: one run only gives figures.
type SupplierArithmetic struct {
	Of     string            `yaml:"supplier-arithmetic" doc:"the operation: submit"`
	From   evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	MTBF   time.Duration     `yaml:"mtbf" doc:"mean time from a supplier's repair to its next failure; as measured if it is not said"`
	MTTR   time.Duration     `yaml:"mttr" doc:"mean time to its repair; as measured if it is not said"`
	Within time.Duration     `yaml:"within" doc:"how long the failure of one supplier may leave clients without service"`
	Answer time.Duration     `yaml:"answer" doc:"how soon an answer must come to be good"`
}

func newSupplierArithmetic() checkers.Check {
	return &SupplierArithmetic{Within: time.Minute, Answer: checkers.DefaultLimit}
}

// Judge measures one run.
func (c *SupplierArithmetic) Judge(e *evidence.Evidence) checkers.Judgement {
	dark, cuts := darkness(e)
	if len(dark) == 0 {
		return checkers.Vacuous.Because("no server stands on a site with a supplier")
	}
	data := map[string]float64{"seconds": e.End.Seconds(), "suppliers": float64(len(dark))}
	joint := weather.Always
	for _, supplier := range slices.Sorted(maps.Keys(dark)) {
		spans := dark[supplier]
		joint = joint.And(spans)
		data["dark "+supplier] = spans.Within(0, e.End).Seconds()
		data["cuts "+supplier] = float64(cuts[supplier])
		data["cuts"] += float64(cuts[supplier])
	}
	data["joint"], data["joints"] = joint.Within(0, e.End).Seconds(), float64(len(joint))
	sli := evidence.Indicator{Kind: c.Of, Limit: c.Answer}
	var down time.Duration
	for _, o := range outages(e, sli, e.OfKind(c.Of, c.From)) {
		if !sli.Good(o.asked) {
			down += o.length()
		}
	}
	data["down"] = down.Seconds()
	j := checkers.Vacuous.Because("one run says too little; a batch decides")
	j.Figure = fmt.Sprintf("dark %s in %s, clients without service %s", wording.Brief(joint.Within(0, e.End)),
		wording.Brief(e.End), wording.Brief(down))
	j.Data = data
	return j
}

// darkness is when each supplier that feeds servers was out, as its hosts felt it, and how often.
func darkness(e *evidence.Evidence) (dark map[string]weather.Spans, cuts map[string]int) {
	windows := map[string][]history.Window{}
	feeds := map[string]bool{}
	for _, h := range e.Selected("all", "server") {
		if h.Supplier != "" {
			feeds[h.Supplier] = true
		}
	}
	for i := range e.Downs {
		d := &e.Downs[i]
		if h := e.Host(d.Host); d.Why == "cut-power" && h != nil && h.Role == "server" && feeds[h.Supplier] {
			windows[h.Supplier] = append(windows[h.Supplier], history.Window{From: d.From, To: min(d.To, e.End)})
		}
	}
	dark, cuts = map[string]weather.Spans{}, map[string]int{}
	for supplier := range feeds {
		dark[supplier] = weather.Union(windows[supplier])
		cuts[supplier] = len(dark[supplier])
	}
	return dark, cuts
}

// Fewer runs, or fewer joint outages than these, cannot decide.
const (
	leastRuns   = 10
	leastJoints = 30
)

// alpha is how often a check of a right service may cry wolf, by chance, over a batch.
const alpha = 1e-6

// JudgeBatch holds the runs of each value of the matrix against the arithmetic.
func (c *SupplierArithmetic) JudgeBatch(points []checkers.Point) checkers.Judgement {
	var told, short []string
	for _, p := range points {
		y := c.add(p)
		name := fmt.Sprintf("%s: ", wording.Count(y.suppliers, "supplier"))
		switch {
		case len(y.joint) < leastRuns:
			short = append(short, fmt.Sprintf("%s%s, %d needed", name, wording.Count(len(y.joint), "run"), leastRuns))
		case y.expectedJoints < leastJoints:
			short = append(short, fmt.Sprintf("%s%.0f joint outages expected, %d needed", name, y.expectedJoints, leastJoints))
		default:
			if anomaly, why := c.wrong(y); why != "" {
				return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Figure: name + y.figure(),
					Reason: name + why}
			}
			told = append(told, name+y.figure())
		}
	}
	if len(told) == 0 {
		return checkers.Vacuous.Because("too little happened: %s", strings.Join(short, "; "))
	}
	j := checkers.Holds.With("%s", strings.Join(told, "; "))
	j.Reason = strings.Join(short, "; ")
	return j
}

// years is what the runs at one value add up to, in seconds and per run.
type years struct {
	suppliers      int
	total          float64
	joint, excess  []float64 // dark at once, and without service beyond what that and the outages' cost allow
	expected       float64   // share of the time for which all should be dark at once
	expectedJoints float64
	meanJoint      float64 // how long one joint outage should last
	shares         []float64
}

func (c *SupplierArithmetic) add(p checkers.Point) years {
	var y years
	dark, cuts := map[string]float64{}, map[string]float64{}
	for _, r := range p.Runs {
		d := r.Data
		if d == nil || d["seconds"] == 0 {
			continue
		}
		y.suppliers = max(y.suppliers, int(d["suppliers"]))
		y.total += d["seconds"]
		y.joint = append(y.joint, d["joint"])
		y.excess = append(y.excess, d["down"]-d["joint"]-float64(d["cuts"]*c.Within.Seconds()))
		for key, value := range d {
			if name, ok := strings.CutPrefix(key, "dark "); ok {
				dark[name] += value
			} else if name, ok := strings.CutPrefix(key, "cuts "); ok {
				cuts[name] += value
			}
		}
	}
	y.expected = 1
	ends := 0.0 // how often per second a joint outage ends
	for _, name := range slices.Sorted(maps.Keys(dark)) {
		share, repair := ratioOf(dark[name], y.total), ratioOf(dark[name], cuts[name])
		if c.MTBF > 0 && c.MTTR > 0 {
			share, repair = ratioOf(c.MTTR.Seconds(), (c.MTBF+c.MTTR).Seconds()), c.MTTR.Seconds()
		}
		y.shares = append(y.shares, share)
		y.expected = float64(y.expected * share)
		ends += ratioOf(1, repair)
	}
	y.meanJoint = ratioOf(1, ends)
	y.expectedJoints = float64(float64(y.expected*y.total) * ends)
	return y
}

// wrong says in what the runs disagree with the arithmetic beyond chance.
func (c *SupplierArithmetic) wrong(y years) (anomaly, why string) {
	n := float64(len(y.joint))
	perRun := y.total / n
	// Joint outages come nearly as a Poisson process and last exponentially, which bounds the error from below
	// where the runs happen to agree.
	poisson := float64(math.Sqrt(float64(2*y.expectedJoints))*y.meanJoint) / n
	off := mean(y.joint) - float64(y.expected*perRun)
	if room := float64(student(len(y.joint)-1, alpha/2) * max(bootstrapError(y.joint), poisson)); math.Abs(off) > room {
		return "not-the-product", fmt.Sprintf("all suppliers were dark for %.4g%% of the time; independent ones are for %.4g%%, give or take %.2g%%",
			100*mean(y.joint)/perRun, 100*y.expected, 100*room/perRun)
	}
	if room := float64(student(len(y.excess)-1, alpha) * max(bootstrapError(y.excess), poisson)); mean(y.excess)-room > 0 {
		return "excess-downtime", fmt.Sprintf("clients were without service for %s a run longer than darkness and failovers of %s explain",
			wording.Brief(seconds(mean(y.excess))), nodes.Short(c.Within))
	}
	return "", ""
}

func (y years) figure() string {
	return fmt.Sprintf("dark %.4g%% of the time, %.4g%% by the product", 100*ratioOf(sum(y.joint), y.total), 100*y.expected)
}

func seconds(s float64) time.Duration { return time.Duration(float64(s * float64(time.Second))) }
