package checks

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/evidence"
	"simrun/checkers/jobs"
	"simrun/checkers/service"
	"simrun/nodes/history"
)

// refOptions are what makes one world of the reference service unlike another.
type refOptions struct {
	Seed    uint64
	Kinds   []string // of weather
	Faults  int
	Rate    int // requests a second
	Retries int
	Knows   bool // the history says who is configured to use which servers
	Storm   time.Duration
}

const (
	refWarmup    = 5 * time.Second
	refAftermath = 40 * time.Second
	refCalm      = 30 * time.Second
)

var refKinds = []string{"crash", "crash-machine", "cut-power", "pause", "partition", "one-way", "lose-packets", "reset-connections", "stall-disk", "step-clock"}

func drawRef(t *rapid.T) refOptions {
	return refOptions{
		Seed:    rapid.Uint64().Draw(t, "seed"),
		Kinds:   rapid.SliceOfN(rapid.SampledFrom(refKinds), 1, 4).Draw(t, "kinds"),
		Faults:  rapid.IntRange(0, 20).Draw(t, "faults"),
		Rate:    rapid.IntRange(2, 12).Draw(t, "rate"),
		Retries: rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "retries"),
		Knows:   rapid.Bool().Draw(t, "knows"),
		Storm:   time.Duration(rapid.IntRange(5, 25).Draw(t, "storm")) * time.Second,
	}
}

// simulate runs the reference service: two servers on two suppliers, three workers, three clients.
func (o refOptions) simulate() *history.History {
	w := &refWorld{rand: rand.New(rand.NewPCG(o.Seed, 1)), hosts: map[string]*refHost{},
		h: &history.History{Scenario: "reference", Sometimes: map[string]history.Time{}}}
	var servers []*refServer
	for i, name := range []string{"a", "b"} {
		s := &refServer{disk: map[string]*refJob{}, retries: o.Retries}
		s.refHost = w.host(name, "server", i, o.Knows)
		s.start, s.crashed = s.boot, s.lose
		servers = append(servers, s)
	}
	for i := range 3 {
		k := &refWorker{servers: servers}
		k.refHost = w.host(fmt.Sprintf("w/%d", i+1), "worker", i%2, o.Knows)
		k.start = k.boot
	}
	for i := range 3 {
		c := &refClient{servers: servers}
		c.refHost = w.host(fmt.Sprintf("c/%d", i+1), "client", i%2, o.Knows)
		if i == 1 {
			c.servers = []*refServer{servers[1], servers[0]}
		}
		c.start = c.boot
		for n, at := 0, time.Duration(0); at < refWarmup+o.Storm+refAftermath; n, at = n+1, at+time.Second*3/time.Duration(o.Rate) {
			w.after(at+w.between(0, 50*time.Millisecond), func() { c.now(c.life, func() { c.request(n) }) })
		}
	}
	for _, h := range w.order {
		h.boot()
	}
	w.after(15*time.Second, w.probe)
	heal := refWarmup + o.Storm
	for range o.Faults {
		w.strike(o.Kinds[w.rand.IntN(len(o.Kinds))], servers, heal)
	}
	end := heal + refAftermath + refCalm
	w.h.Phases = []history.Phase{{Name: "warmup", To: refWarmup, Load: true}, {Name: "storm", From: refWarmup, To: heal, Load: true},
		{Name: "aftermath", From: heal, To: heal + refAftermath, Heal: true, Load: true}, {Name: "calm", From: heal + refAftermath, To: end}}
	w.run(end)
	w.h.End = end
	slices.SortStableFunc(w.h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return w.h
}

func (w *refWorld) host(name, role string, site int, knows bool) *refHost {
	h := &refHost{w: w, name: name, role: role}
	w.hosts[name] = h
	w.order = append(w.order, h)
	node, _, _ := strings.Cut(name, "/")
	host := history.Host{Name: name, Node: node, Role: role, Kind: "gearman." + role, Site: fmt.Sprint("site-", site), Supplier: fmt.Sprint("supplier-", site)}
	if knows && role != "server" {
		host.Servers = []string{"a", "b"}
	}
	w.h.Hosts = append(w.h.Hosts, host)
	return h
}

// strike plans one fault that is over by the heal, and writes it into the history as it comes and goes.
func (w *refWorld) strike(kind string, servers []*refServer, heal time.Duration) {
	from := w.between(refWarmup, heal-time.Second)
	to := min(heal, from+w.between(50*time.Millisecond, 12*time.Second))
	one := []*refHost{w.order[w.rand.IntN(len(w.order))]}
	switch kind {
	case "cut-power":
		supplier := w.rand.IntN(2)
		one = nil
		for i, h := range w.order {
			if w.h.Hosts[i].Supplier == fmt.Sprint("supplier-", supplier) {
				one = append(one, h)
			}
		}
		fallthrough
	case "crash", "crash-machine":
		w.after(from, func() {
			for _, h := range one {
				w.kill(h, kind, to)
			}
		})
	case "pause":
		h := one[0]
		w.after(from, func() {
			h.paused++
			w.h.Downs = append(w.h.Downs, history.Down{Host: h.name, Why: kind, From: from, To: to})
			w.after(to-from, h.resume)
		})
	case "partition", "one-way", "lose-packets":
		w.part(kind, from, to)
	case "reset-connections":
		a, b := w.order[w.rand.IntN(len(w.order))].name, servers[w.rand.IntN(2)].name
		w.after(from, func() {
			w.reset(a, b)
			w.h.Impairments = append(w.h.Impairments, history.Impairment{Verb: kind, From: []string{a}, To: []string{b}, Start: from, End: from})
		})
	case "stall-disk":
		s := servers[w.rand.IntN(2)]
		w.after(from, func() { s.stalled = max(s.stalled, to) })
		w.h.Impairments = append(w.h.Impairments, history.Impairment{Verb: kind, From: []string{s.name}, Start: from, End: to})
	case "step-clock":
		w.h.Impairments = append(w.h.Impairments, history.Impairment{Verb: kind, From: []string{one[0].name}, Start: from, End: heal, Clock: true})
	}
}

// kill ends a process or a machine for a while; what is down already stays so.
func (w *refWorld) kill(h *refHost, kind string, to time.Duration) {
	if !h.up {
		return
	}
	h.die(kind != "crash")
	h.paused = 0
	w.h.Downs = append(w.h.Downs, history.Down{Host: h.name, Why: kind, From: w.now, To: to})
	w.after(to-w.now, h.boot)
}

func (w *refWorld) part(kind string, from, to time.Duration) {
	inside, outside := map[string]bool{}, map[string]bool{}
	var in, out []string
	for _, h := range w.order {
		if w.chance(0.5) {
			inside[h.name] = true
			in = append(in, h.name)
		} else {
			outside[h.name] = true
			out = append(out, h.name)
		}
	}
	if len(in) == 0 || len(out) == 0 {
		return
	}
	loss, verb := 0.0, "partition"
	if kind == "lose-packets" {
		loss, verb = 0.2, kind
	}
	add := func(a, b map[string]bool, from, to []string, start, end time.Duration) {
		w.cuts = append(w.cuts, &refCut{from: a, to: b, start: start, end: end, loss: loss})
		w.h.Impairments = append(w.h.Impairments, history.Impairment{Verb: verb, From: from, To: to, Start: start, End: end, Cut: loss == 0, Loss: loss})
	}
	add(inside, outside, in, out, from, to)
	if kind != "one-way" {
		add(outside, inside, out, in, from, to)
	}
}

// allChecks is every check, asked as a scenario would, with what the service was configured to do.
func (o refOptions) allChecks() map[string]checkers.Check {
	checks := map[string]checkers.Check{}
	for _, d := range All() {
		c := d.New()
		switch c := c.(type) {
		case *service.Available:
			c.Of, c.Least = "submit", 5
		case *service.Recovers:
			c.Of, c.After, c.Within = "submit", "heal", 15*time.Second
		case *service.Failover:
			c.Of, c.Within = "submit", 15*time.Second
		case *service.NoMetastableTail:
			c.Of, c.Within = "submit", 30*time.Second
		case *service.UnknownFraction:
			c.Of, c.AtMost = "submit", 0
		case *service.TotalAvailability:
			c.Of = "submit"
		case *service.ErrorBudget:
			c.Of, c.Burn, c.Within = "submit", 0.001, 20*time.Second
		case *service.RTO:
			c.Of, c.Within = "submit", 15*time.Second
		case *jobs.Eventually:
			c.In, c.Within = "calm", 20*time.Second
		case *data.Atomic:
			c.Retries = o.Retries
		case *jobs.AtLeastOnce:
			c.Retries = o.Retries
		case *jobs.Results:
			c.Retries = o.Retries
		case *jobs.ExplainedDuplicates:
			c.Retries = o.Retries
		case *jobs.Coalescing:
			c.Retries = o.Retries
		case *jobs.NoOverlap:
			c.Retries = o.Retries
		case *jobs.RetryBudget:
			c.Retries = o.Retries
		case *jobs.ExactlyOnce, *service.LongestOutage, *service.Degradation, *service.SupplierArithmetic, *service.Capacity, *checkers.Sometimes:
			continue // these promise more than a service can keep in any weather, or nothing about one run
		case *service.Minority, *data.Durable, *data.PowerSafe, *data.RPO:
			continue // these are about stores
		case *data.Sessions, *data.Staleness, *data.NoResurrection, *data.Converges, *data.SoundLog, *data.EffectsOnce, *data.Transactions:
			continue // and these about data
		}
		checks[d.Name] = c
	}
	return checks
}

func requireNoAlarm(t require.TestingT, o refOptions) map[string]checkers.Judgement {
	e := evidence.Gather(o.simulate())
	judgements := map[string]checkers.Judgement{}
	checks := o.allChecks()
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		j := checks[name].Judge(e)
		judgements[name] = j
		require.NotEqual(t, checkers.Violated, j.Verdict, "%s of %+v: %s: %s\n%s", name, o, j.Anomaly, j.Reason, strings.Join(j.Story, "\n"))
		require.False(t, j.Verdict == checkers.Unknown && j.State == checkers.Decided, "%s ran out of its budget", name)
	}
	return judgements
}

// A service that is right, in any weather, raises no alarm: the checks blame nobody for rain.
func TestNoWeatherIsBlamedOnTheService(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { requireNoAlarm(t, drawRef(t)) })
}

// And on a calm day they all decide: silence would be no better than alarms.
func TestACalmDayIsJudged(t *testing.T) {
	o := refOptions{Seed: 1, Kinds: refKinds, Rate: 12, Storm: 10 * time.Second, Retries: 2}
	for name, j := range requireNoAlarm(t, o) {
		if name != "failover" && name != "rto" && name != "total-availability" { // which nothing happened for
			require.Equal(t, checkers.Holds, j.Verdict, "%s: %s %s", name, j.State, j.Reason)
		}
	}
}

// usual is the check of that name, as a scenario has it that says no more.
func usual(name string) checkers.Check {
	c, _ := Named(name)
	return c
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
