package service

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/nodes/history"
)

func machinesAt(rate func(machines int) float64, machines ...int) (points []checkers.Point) {
	for _, n := range machines {
		var runs []checkers.Judgement
		for range 3 {
			runs = append(runs, checkers.Judgement{Verdict: checkers.Unknown, State: checkers.Vacuous, Data: map[string]float64{"machines": float64(n), "rate": rate(n)}})
		}
		points = append(points, checkers.Point{Value: fmt.Sprintf("nodes.worker.count=%d", n), Runs: runs})
	}
	return points
}

// Throughput has to grow with the machines, up to the limit that is named, and no further.
func TestCapacityGrowsUntilItsLimit(t *testing.T) {
	linear := func(n int) float64 { return 1.6 * float64(n) }
	knee := func(n int) float64 { return min(linear(n), 9.6) }
	c := newCapacity().(*Capacity)
	require.Equal(t, checkers.Holds, c.JudgeBatch(machinesAt(linear, 1, 4, 10)).Verdict)
	require.Equal(t, checkers.Violated, c.JudgeBatch(machinesAt(knee, 1, 4, 10)).Verdict)
	require.Equal(t, checkers.Vacuous, c.JudgeBatch(machinesAt(linear, 4)).State)
	require.Equal(t, checkers.Vacuous, c.JudgeBatch(nil).State)
	c.Until = 6
	require.Equal(t, checkers.Holds, c.JudgeBatch(machinesAt(knee, 10, 1, 6)).Verdict)
	require.Equal(t, checkers.Vacuous, c.JudgeBatch(machinesAt(knee, 1, 10)).State)
}

// The throughput of a run is that of its best window.
func TestCapacityCountsTheBestWindow(t *testing.T) {
	h := &history.History{End: 10 * time.Minute, Hosts: []history.Host{{Name: "w/1", Node: "w", Role: "worker"}, {Name: "w/2", Node: "w", Role: "worker"}, {Name: "a", Role: "server"}}}
	for i := range 240 {
		at := 3*time.Minute + time.Duration(i)*500*time.Millisecond
		h.Operations = append(h.Operations, &history.Operation{Kind: "execute", Host: "w/1", Call: at, Return: at, Outcome: history.Ok})
	}
	c := newCapacity().(*Capacity)
	c.Of = "execute"
	j := c.Judge(evidence.Gather(h))
	require.Equal(t, "2.0/s with 2 machines", j.Figure)
	require.Equal(t, checkers.Vacuous, j.State)
}

// lives is the darkness of some suppliers over runs of so many days, each failing by itself; shared is the chance
// that a failure takes all with it.
func lives(r *rand.Rand, runs, suppliers int, days, shared, excess float64) checkers.Point {
	const mtbf, mttr = 10.0, 0.5
	p := checkers.Point{Value: fmt.Sprintf("suppliers=%d", suppliers)}
	for range runs {
		windows := make([][]history.Window, suppliers)
		for s := range suppliers {
			for at := r.ExpFloat64() * mtbf; at < days; at += r.ExpFloat64() * mtbf {
				from := at
				at += r.ExpFloat64() * mttr
				w := history.Window{From: day(from), To: day(min(at, days))}
				windows[s] = append(windows[s], w)
				if r.Float64() < shared {
					for o := range suppliers {
						windows[o] = append(windows[o], w)
					}
				}
			}
		}
		data := map[string]float64{"seconds": days * 86400, "suppliers": float64(suppliers)}
		joint := weather.Always
		for s := range suppliers {
			dark := weather.Union(windows[s])
			joint = joint.And(dark)
			name := fmt.Sprint("supplier-", s+1)
			data["dark "+name] = dark.Within(0, day(days)).Seconds()
			data["cuts "+name] = float64(len(dark))
			data["cuts"] += float64(len(dark))
		}
		data["joint"], data["joints"] = joint.Within(0, day(days)).Seconds(), float64(len(joint))
		data["down"] = data["joint"] + data["cuts"]*20 + excess*days*86400
		p.Runs = append(p.Runs, checkers.Judgement{Verdict: checkers.Unknown, State: checkers.Vacuous, Data: data})
	}
	return p
}

func day(d float64) time.Duration { return time.Duration(d * 24 * float64(time.Hour)) }

func supplierCheck() *SupplierArithmetic {
	c := newSupplierArithmetic().(*SupplierArithmetic)
	c.MTBF, c.MTTR = 10*24*time.Hour, 12*time.Hour
	return c
}

// Suppliers that fail by themselves are dark at once for the product of their shares. A thousand years decide it for
// two and three, and say too little about four: 3,300, 236 and 15 joint outages are expected.
func TestSuppliersMultiply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var points []checkers.Point
	for n := 1; n <= 4; n++ {
		points = append(points, lives(r, 20, n, 18_262, 0, 0))
	}
	c := supplierCheck()
	for n, expected := range map[int]float64{2: 3313, 3: 236.6, 4: 15} {
		require.InDelta(t, expected, c.add(points[n-1]).expectedJoints, expected/100, "%d suppliers", n)
	}
	j := c.JudgeBatch(points)
	require.Equal(t, checkers.Holds, j.Verdict, j.Reason)
	require.Contains(t, j.Reason, "4 suppliers: 15 joint outages expected, 30 needed")
	require.Equal(t, checkers.Vacuous, c.JudgeBatch(points[3:]).State)
	require.Equal(t, checkers.Vacuous, c.JudgeBatch([]checkers.Point{lives(r, 3, 2, 18_262, 0, 0)}).State)
	c.MTBF, c.MTTR = 0, 0
	require.Equal(t, checkers.Holds, c.JudgeBatch(points).Verdict, "with shares as measured")
}

// Suppliers that share a fate, a repair time that is not what was said, and clients that suffer more than darkness
// explains, are seen.
func TestSuppliersThatDoNotMultiply(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	c := supplierCheck()
	j := c.JudgeBatch([]checkers.Point{lives(r, 20, 2, 18_262, 0.1, 0)})
	require.Equal(t, "not-the-product", j.Anomaly, j.Figure)
	j = c.JudgeBatch([]checkers.Point{lives(r, 20, 2, 18_262, 0, 0.01)})
	require.Equal(t, "excess-downtime", j.Anomaly, j.Figure)
	c.MTTR = 24 * time.Hour
	j = c.JudgeBatch([]checkers.Point{lives(r, 20, 1, 18_262, 0, 0)})
	require.Equal(t, "not-the-product", j.Anomaly, j.Figure)
}

// The interval is as wide as it claims: at one in a hundred instead of one in a million, right suppliers are accused
// about that often.
func TestTheIntervalCriesWolfAsOftenAsItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	outside, runs := 0, 300
	c := supplierCheck()
	for range runs {
		y := c.add(lives(r, 20, 2, 1000, 0, 0))
		n := float64(len(y.joint))
		off := math.Abs(mean(y.joint) - y.expected*y.total/n)
		outside += one(off > student(len(y.joint)-1, 0.005)*bootstrapError(y.joint))
	}
	require.Less(t, outside, 15, "of %d", runs)
}

// The tails of Student's t are those of the tables, and its thin end is there at all.
func TestStudentsTails(t *testing.T) {
	for _, c := range []struct {
		freedom int
		p, t    float64
	}{{1, 0.025, 12.706}, {5, 0.005, 4.032}, {19, 0.025, 2.093}, {19, 0.0005, 3.883}, {120, 0.005, 2.617}} {
		require.InDelta(t, c.t, student(c.freedom, c.p), 0.001)
	}
	require.InDelta(t, 7.3, student(19, 5e-7), 0.5)
	require.InDelta(t, 0.5, tail(0, 7), 1e-12)
}

// What one run says of its suppliers: how long each was dark, how long all were, and who went without.
func TestSupplierFigures(t *testing.T) {
	h := &history.History{End: 100 * time.Second, Hosts: []history.Host{
		{Name: "a", Role: "server", Supplier: "s1"}, {Name: "b", Role: "server", Supplier: "s2"}, {Name: "c", Role: "client"}},
		Downs: []history.Down{{Host: "a", Why: "cut-power", From: 10 * time.Second, To: 30 * time.Second},
			{Host: "b", Why: "cut-power", From: 20 * time.Second, To: 40 * time.Second}, {Host: "b", Why: "crash", From: 50 * time.Second, To: 90 * time.Second}}}
	for i := range 100 {
		at := time.Duration(i) * time.Second
		o := &history.Operation{ID: uint64(i + 1), Host: "c", Kind: "submit", Call: at, Return: at + time.Millisecond, Outcome: history.Ok}
		if 20 <= i && i < 30 {
			o.Outcome = history.Unknown
		}
		h.Operations = append(h.Operations, o)
	}
	c := newSupplierArithmetic().(*SupplierArithmetic)
	c.Of = "submit"
	j := c.Judge(evidence.Gather(h))
	require.Equal(t, checkers.Vacuous, j.State)
	require.Equal(t, map[string]float64{"seconds": 100, "suppliers": 2, "dark s1": 20, "dark s2": 20, "cuts s1": 1, "cuts s2": 1,
		"cuts": 2, "joint": 10, "joints": 1, "down": 10.001}, j.Data)
}
