package checkers_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"simrun/checkers"
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
	claim := &checkers.Available{Of: "read", AtLeast: 990_000, Within: time.Second, Window: 5 * time.Second, Least: 20}
	tell(claim, silent(20, 0))
	tell(claim, silent(20, 1))
	// Output:
	// holds: worst 5s window 100%, 99% asked
	// unavailable [201 202 203 204 205 206 207 208] at 16s
	// 10 of 50 valid calls between 16.000s and 21.000s were not answered within 1s
}

func ExampleLongestOutage() {
	tell(&checkers.LongestOutage{Of: "read", AtMost: 10 * time.Second, Within: time.Second, Per: "client"}, silent(20, 8))
	tell(&checkers.LongestOutage{Of: "read", AtMost: 5 * time.Second, Within: time.Second, Per: "client"}, silent(20, 8))
	// Output:
	// holds: longest outage 8s, 10s allowed
	// outage [201] at 20s
	// from 20.000s, when client-a asked, it never had a good answer until 28.005s
}

func ExampleRecovers() {
	claim := &checkers.Recovers{Of: "read", After: "crash",
		Return: checkers.Return{Within: 5 * time.Second, Stays: 10 * time.Second, AtLeast: 990_000, Answer: time.Second}}
	tell(claim, silent(20, 3))
	tell(claim, silent(20, 8))
	// Output:
	// holds: back after 3s, 5s allowed
	// no-recovery [251 252 253 254 255 256 257 258] at 20s
	// 5s after 20.000s, 30 of 100 calls within 10s were not answered
}

func ExampleFailover() {
	claim := &checkers.Failover{Of: "read", After: "crash b",
		Return: checkers.Return{Within: 5 * time.Second, Stays: 5 * time.Second, AtLeast: 990_000, Answer: time.Second}}
	tell(claim, silent(15, 3))
	tell(claim, silent(15, 8))
	// Output:
	// holds: failed over after 3s, 5s allowed
	// no-recovery [201 202 203 204 205 206 207 208] at 15s
	// 5s after 15.000s, 30 of 50 calls within 5s were not answered
}

func ExampleNoMetastableTail() {
	claim := &checkers.NoMetastableTail{Of: "read", Within: 5 * time.Second, Answer: time.Second}
	tell(claim, silent(20, 3))
	tell(claim, silent(20, 8))
	// Output:
	// holds: 350 of 350 calls answered in the aftermath
	// metastable-tail [251 252 253 254 255 256 257 258] at 25s
	// 5s after the heal, 30 calls remained without an answer
}

func ExampleUnknownFraction() {
	claim := &checkers.UnknownFraction{Of: "read", AtMost: 50_000, Within: time.Second, Least: 20}
	tell(claim, silent(20, 3))
	tell(claim, silent(20, 8))
	// Output:
	// holds: 30 of 600 valid calls without an answer
	// unanswered [201 202 203 204 205 206 207 208] at 20s
	// 13.3333% of valid calls ended without an answer, 5% allowed
}

// A claim about many runs has each run's figures, and says something of them all.
func ExampleCapacity() {
	claim := &checkers.Capacity{Of: "read", With: "servers", AtLeast: 900_000, Window: 10 * time.Second}
	var points []checkers.Point
	for machines := 1; machines <= 3; machines++ {
		h := &history.History{End: at(60_000)}
		for range machines {
			h.Hosts = append(h.Hosts, history.Host{Name: "server", Role: "server"})
		}
		for range min(machines, 2) { // a third machine adds nothing
			asked(h, 0, 60_000, "client", history.Ok, 5*time.Millisecond)
		}
		points = append(points, checkers.Point{Value: fmt.Sprint("machines=", machines), Runs: []checkers.Judgement{claim.Judge(checkers.Gather(h))}})
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
	claim := &checkers.SupplierArithmetic{Of: "read", Within: time.Minute, Answer: time.Second}
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
		point.Runs = append(point.Runs, claim.Judge(checkers.Gather(h)))
	}
	fmt.Println(point.Runs[0].Figure)
	all := claim.JudgeBatch([]checkers.Point{point})
	fmt.Println(all.Verdict, all.Figure)
	// Output:
	// dark 6h9m5s in 1000h0m0s, clients without service 0s
	// holds 2 suppliers: dark 0.2953% of the time, 0.2474% by the product
}
