package service_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/service"
	"simrun/nodes/history"
)

// silent is a minute in which client-a is served, but for some seconds; server b is down from 15 s to 20 s.
func silent(from, seconds int) *history.History {
	h := &history.History{End: at(60_000), Hosts: cluster(),
		Phases: []history.Phase{{Name: "storm", To: at(20_000)}, {Name: "aftermath", From: at(20_000), To: at(60_000), Heal: true, Load: true}},
		Downs:  []history.Down{{Host: "b", Why: "crash", From: at(15_000), To: at(20_000)}},
		Faults: []history.Fault{{Verb: "crash", Target: "b", Effects: 1, Windows: []history.Window{{From: at(15_000), To: at(20_000)}}}}}
	asked(h, 0, 1_000*from, "client-a", history.Ok, 5*time.Millisecond)
	asked(h, 1_000*from, 1_000*(from+seconds), "client-a", history.Unknown, time.Second)
	asked(h, 1_000*(from+seconds), 60_000, "client-a", history.Ok, 5*time.Millisecond)
	return h
}

func ExampleAvailable() {
	claim := &service.Available{Of: "read", AtLeast: 990_000, Within: time.Second, Window: 5 * time.Second, Least: 20}
	tell(claim, silent(20, 0))
	tell(claim, silent(20, 1))
	// Output:
	// holds: worst 5s window 100%, 99% asked
	// unavailable [201 202 203 204 205 206 207 208] at 16s
	// 10 of 50 valid calls between 16.000s and 21.000s were not answered within 1s
}

func ExampleLongestOutage() {
	tell(&service.LongestOutage{Of: "read", AtMost: 10 * time.Second, Within: time.Second, Per: "client"}, silent(20, 8))
	tell(&service.LongestOutage{Of: "read", AtMost: 5 * time.Second, Within: time.Second, Per: "client"}, silent(20, 8))
	// Output:
	// holds: longest outage 8s, 10s allowed
	// outage [201] at 20s
	// from 20.000s, when client-a asked, it never had a good answer until 28.005s
}

func ExampleRecovers() {
	claim := &service.Recovers{Of: "read", After: "crash",
		Return: service.Return{Within: 5 * time.Second, Stays: 10 * time.Second, AtLeast: 990_000, Answer: time.Second}}
	tell(claim, silent(20, 3))
	tell(claim, silent(20, 8))
	// Output:
	// holds: back after 3s, 5s allowed
	// no-recovery [251 252 253 254 255 256 257 258] at 20s
	// 5s after 20.000s, 30 of 100 calls within 10s were not answered
}

func ExampleFailover() {
	claim := &service.Failover{Of: "read", After: "crash b",
		Return: service.Return{Within: 5 * time.Second, Stays: 5 * time.Second, AtLeast: 990_000, Answer: time.Second}}
	tell(claim, silent(15, 3))
	tell(claim, silent(15, 8))
	// Output:
	// holds: failed over after 3s, 5s allowed
	// no-recovery [201 202 203 204 205 206 207 208] at 15s
	// 5s after 15.000s, 30 of 50 calls within 5s were not answered
}

func ExampleNoMetastableTail() {
	claim := &service.NoMetastableTail{Of: "read", Within: 5 * time.Second, Answer: time.Second}
	tell(claim, silent(20, 3))
	tell(claim, silent(20, 8))
	// Output:
	// holds: 350 of 350 calls answered in the aftermath
	// metastable-tail [251 252 253 254 255 256 257 258] at 25s
	// 5s after the heal, 30 calls remained without an answer
}

func ExampleUnknownFraction() {
	claim := &service.UnknownFraction{Of: "read", AtMost: 50_000, Within: time.Second, Least: 20}
	tell(claim, silent(20, 3))
	tell(claim, silent(20, 8))
	// Output:
	// holds: 30 of 600 valid calls without an answer
	// unanswered [201 202 203 204 205 206 207 208] at 20s
	// 13.3333% of valid calls ended without an answer, 5% allowed
}

// A claim about many runs has each run's figures, and says something of them all.
func ExampleCapacity() {
	claim := &service.Capacity{Of: "read", With: "servers", AtLeast: 900_000, Window: 10 * time.Second}
	var points []checkers.Point
	for machines := 1; machines <= 3; machines++ {
		h := &history.History{End: at(60_000)}
		for range machines {
			h.Hosts = append(h.Hosts, history.Host{Name: "server", Role: "server"})
		}
		for range min(machines, 2) { // a third machine adds nothing
			asked(h, 0, 60_000, "client", history.Ok, 5*time.Millisecond)
		}
		points = append(points, checkers.Point{Value: fmt.Sprint("machines=", machines), Runs: []checkers.Judgement{claim.Judge(evidence.Gather(h))}})
	}
	all := claim.JudgeBatch(points)
	fmt.Println(all.Verdict, all.Anomaly)
	fmt.Println(all.Reason)
	// Output:
	// violated no-growth
	// 3 machines did 20.0/s; 1 did 10.0/s, so 90% of linear is 27.0/s
}

// Two suppliers are dark a twentieth of the time each, as independent ones are: both for a four hundredth of it.
func ExampleSupplierArithmetic() {
	claim := &service.SupplierArithmetic{Of: "read", Within: time.Minute, Answer: time.Second}
	luck := rand.New(rand.NewPCG(7, 7))
	var point checkers.Point
	for range 12 {
		h := &history.History{End: 1_000 * time.Hour, Hosts: []history.Host{{Name: "a", Role: "server", Supplier: "east"}, {Name: "b", Role: "server", Supplier: "west"}}}
		for _, server := range []string{"a", "b"} {
			for now := history.Time(0); ; {
				now += time.Duration(luck.ExpFloat64() * float64(19*time.Hour))
				back := now + time.Duration(luck.ExpFloat64()*float64(time.Hour))
				if back > h.End {
					break
				}
				h.Downs = append(h.Downs, history.Down{Host: server, Why: "cut-power", From: now, To: back})
				now = back
			}
		}
		point.Runs = append(point.Runs, claim.Judge(evidence.Gather(h)))
	}
	fmt.Println(point.Runs[0].Figure)
	all := claim.JudgeBatch([]checkers.Point{point})
	fmt.Println(all.Verdict, all.Figure)
	// Output:
	// dark 6h9m5s in 1000h0m0s, clients without service 0s
	// holds 2 suppliers: dark 0.2953% of the time, 0.2474% by the product
}

func ExampleMinority() {
	h := &history.History{End: at(60_000), Hosts: cluster(), Impairments: parted()}
	asked(h, 10_000, 30_000, "client-a", history.Ok, 5*time.Millisecond)
	asked(h, 10_000, 20_000, "client-c", history.Fail, 5*time.Millisecond)
	claim := &service.Minority{Of: "read", Servers: "servers", Election: 2 * time.Second, Lease: 2 * time.Second, AtLeast: 990_000,
		Within: time.Second, Grace: time.Second}
	tell(claim, h)
	asked(h, 25_000, 25_100, "client-c", history.Ok, 5*time.Millisecond)
	tell(claim, h)
	// Output:
	// holds: 1 split: 171 of 171 valid calls with the majority answered, none of 100 calls with a minority
	// minority-served [301] at 10s
	// client-c, which reached only a minority of the servers, asked to read at 25.000s and was answered at 25.005s, 15s into the split
}

func ExampleTotalAvailability() {
	h := &history.History{End: at(60_000), Hosts: cluster(), Impairments: parted()}
	asked(h, 10_000, 30_000, "client-c", history.Ok, 5*time.Millisecond)
	claim := &service.TotalAvailability{Of: "read", Within: time.Second, Grace: time.Second}
	tell(claim, h)
	asked(h, 30_000, 30_100, "client-c", history.Fail, 5*time.Millisecond)
	tell(claim, h)
	// Output:
	// holds: 200 of 200 valid calls answered, 200 while servers were parted
	// refused [201] at 30s
	// client-c asked to read at 30.000s with a live server in reach, and had no good answer within 1s
}

func ExampleDegradation() {
	h := &history.History{End: at(60_000), Hosts: cluster(), Phases: []history.Phase{{Name: "calm", To: at(20_000)}, {Name: "storm", From: at(20_000), To: at(40_000)}}}
	asked(h, 2_000, 20_000, "client-a", history.Ok, 5*time.Millisecond)
	asked(h, 20_000, 40_000, "client-a", history.Ok, 30*time.Millisecond)
	tell(&service.Degradation{Of: "read", In: "storm", Quantile: 990_000, Slower: 5, Throughput: 900_000, Within: time.Second}, h)

	// In half of the storm no call is made, which is not the service's doing; that some are not answered is.
	for _, answered := range []int{30_000, 26_000} {
		h.Operations = nil
		asked(h, 0, 20_000, "client-a", history.Ok, 5*time.Millisecond)
		asked(h, 20_000, answered, "client-a", history.Ok, 5*time.Millisecond)
		asked(h, answered, 30_000, "client-a", history.Unknown, 5*time.Millisecond)
		tell(&service.Degradation{Of: "read", In: "storm", Quantile: 500_000, Slower: 5, Throughput: 900_000, Within: time.Second}, h)
	}
	// Output:
	// slow [181] at 20s
	// 99% of the valid calls in storm took up to 30ms; 5ms in calm, of which 5 times is allowed
	// holds: 50% of calls within 5ms, 5ms before; 5/s answered, 10/s before
	// low-throughput [261] at 20s
	// 3 calls a second were answered in storm; as in calm it would be 5, of which 90% is asked
}

func ExampleErrorBudget() {
	h := &history.History{End: at(60_000), Hosts: cluster()}
	asked(h, 0, 40_000, "client-a", history.Ok, 5*time.Millisecond)
	asked(h, 40_000, 42_000, "client-a", history.Fail, 5*time.Millisecond)
	tell(&service.ErrorBudget{Of: "read", Objective: 990_000, Burn: 5, Long: 30 * time.Second, Short: 2 * time.Second, Within: time.Second}, h)
	// Output:
	// budget-burnt [401 402 403 404 405 406 407 408] at 11.9s
	// up to 41.900s, 20 of 300 valid calls in 30s and 20 of 20 valid calls in 2s were not answered within 1s
}

func ExampleRTO() {
	h := &history.History{End: at(60_000), Hosts: cluster()}
	for i, server := range []string{"a", "b", "c"} {
		h.Downs = append(h.Downs, history.Down{Host: server, Why: "cut-power", From: at(10_000), To: at(15_000 + 1_000*i)})
	}
	asked(h, 10_000, 19_000, "client-a", history.Fail, 5*time.Millisecond)
	asked(h, 19_000, 40_000, "client-a", history.Ok, 5*time.Millisecond)
	tell(&service.RTO{Of: "read", Return: service.Return{Within: 5 * time.Second, Stays: 5 * time.Second, AtLeast: 990_000, Answer: time.Second}}, h)
	// Output:
	// holds: back after 2s, 5s allowed
}

// asked is a read a tenth of a second by each client, which some outcome answers; id counts on.
func asked(h *history.History, from, to int, client string, outcome history.Outcome, took time.Duration) {
	for ms := from; ms < to; ms += 100 {
		h.Operations = append(h.Operations, &history.Operation{ID: uint64(len(h.Operations) + 1), Host: client, Kind: "read",
			Call: at(ms), Return: at(ms) + took, Outcome: outcome})
	}
}

// parted is c and its client cut off from all others, both ways, from 10 s to 30 s.
func parted() []history.Impairment {
	most, least := []string{"a", "client-a", "b", "client-b"}, []string{"c", "client-c"}
	there := history.Impairment{Verb: "partition", From: most, To: least, Start: at(10_000), End: at(30_000), Cut: true}
	back := there
	back.From, back.To = least, most
	return []history.Impairment{there, back}
}

// cluster is three servers, each beside a client of its own.
func cluster() []history.Host {
	var hosts []history.Host
	for _, name := range []string{"a", "b", "c"} {
		hosts = append(hosts, history.Host{Name: name, Role: "server"}, history.Host{Name: "client-" + name, Role: "client"})
	}
	return hosts
}

// keyed is what an operation on a key is given or told.
func keyed(key string, v any) []slog.Attr {
	return []slog.Attr{slog.String("key", key), slog.Any("value", v)}
}

func tell(c checkers.Check, h *history.History) {
	j := c.Judge(evidence.Gather(h))
	if j.Verdict != checkers.Violated {
		fmt.Println(strings.TrimSpace(fmt.Sprint(j.Verdict, " ", j.State)) + ": " + j.Figure + j.Reason)
		return
	}
	fmt.Println(j.Anomaly, j.Witness, "at", j.Window.From)
	fmt.Println(j.Reason)
}

func at(ms int) history.Time { return time.Duration(ms) * time.Millisecond }
