package checkers_test

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"simrun/checkers"
	"simrun/nodes"
	"simrun/nodes/history"
)

// keyed is what an operation on a key is given or told.
func keyed(key string, v any) []slog.Attr {
	return []slog.Attr{slog.String("key", key), slog.Any("value", v)}
}

// cluster is three servers, each beside a client of its own.
func cluster() []history.Host {
	var hosts []history.Host
	for _, name := range []string{"a", "b", "c"} {
		hosts = append(hosts, history.Host{Name: name, Role: "server"}, history.Host{Name: "client-" + name, Role: "client"})
	}
	return hosts
}

// parted is c and its client cut off from all others, both ways, from 10 s to 30 s.
func parted() []history.Impairment {
	most, least := []string{"a", "client-a", "b", "client-b"}, []string{"c", "client-c"}
	there := history.Impairment{Verb: "partition", From: most, To: least, Start: at(10_000), End: at(30_000), Cut: true}
	back := there
	back.From, back.To = least, most
	return []history.Impairment{there, back}
}

// asked is a read a tenth of a second by each client, which some outcome answers; id counts on.
func asked(h *history.History, from, to int, client string, outcome history.Outcome, took time.Duration) {
	for ms := from; ms < to; ms += 100 {
		h.Operations = append(h.Operations, &history.Operation{ID: uint64(len(h.Operations) + 1), Host: client, Kind: "read",
			Call: at(ms), Return: at(ms) + took, Outcome: outcome})
	}
}

func tell(c checkers.Check, h *history.History) {
	j := c.Judge(checkers.Gather(h))
	if j.Verdict != checkers.Violated {
		fmt.Println(strings.TrimSpace(fmt.Sprint(j.Verdict, " ", j.State)) + ": " + j.Figure + j.Reason)
		return
	}
	fmt.Println(j.Anomaly, j.Witness, "at", j.Window.From)
	fmt.Println(j.Reason)
}

func ExampleDurable() {
	h := &history.History{End: at(60_000), Hosts: cluster(),
		Downs: []history.Down{{Host: "a", Why: "crash", From: at(5_000), To: at(6_000)}},
		Operations: []*history.Operation{
			{ID: 1, Host: "client-a", Kind: "write", In: keyed("x", "red"), Call: at(1_000), Return: at(1_010), Outcome: history.Ok},
			{ID: 2, Host: "client-b", Kind: "write", In: keyed("x", "blue"), Call: at(2_000), Return: at(2_010), Outcome: history.Ok},
			{ID: 3, Host: "client-b", Kind: "write", In: keyed("y", "green"), Call: at(3_000), Return: history.Never},
			{ID: 4, Host: "client-c", Kind: "read", In: keyed("x", nil), Out: value("red"), Call: at(40_000), Return: at(40_010), Outcome: history.Ok},
		}}
	tell(&checkers.Durable{Of: "write", Reading: checkers.Reading{Read: "read", Within: 10 * time.Second}}, h)
	// Output:
	// lost-write [1 2 4] at 2s
	// client-b was told at 2.010s that x = blue is written, and at 40.010s client-c read red, which had been written before
}

func ExampleRPO() {
	h := &history.History{End: at(60_000), Hosts: cluster(),
		Faults: []history.Fault{{Verb: "cut-power", Effects: 1, Windows: []history.Window{{From: at(5_000), To: at(6_000)}}}},
		Operations: []*history.Operation{
			{ID: 1, Host: "client-a", Kind: "write", In: keyed("x", "red"), Call: at(1_000), Return: at(1_010), Outcome: history.Ok},
			{ID: 2, Host: "client-a", Kind: "write", In: keyed("y", "blue"), Call: at(4_800), Return: at(4_810), Outcome: history.Ok},
			{ID: 3, Host: "client-a", Kind: "read", In: keyed("x", nil), Out: value("red"), Call: at(40_000), Return: at(40_010), Outcome: history.Ok},
			{ID: 4, Host: "client-a", Kind: "read", In: keyed("y", nil), Out: value(nil), Call: at(40_000), Return: at(40_010), Outcome: history.Ok},
		}}
	reading := checkers.Reading{Read: "read", Within: 10 * time.Second}
	for _, most := range []time.Duration{time.Second, 100 * time.Millisecond} {
		tell(&checkers.RPO{Of: "write", After: "cut-power", AtMost: most, Share: nodes.PerMillion, Order: "all", Reading: reading}, h)
	}
	// Output:
	// holds: 1 of 2 acknowledged writes lost, the oldest 190ms before its fault, 1s allowed
	// too-old [2 4] at 4.8s
	// client-a was told at 4.810s that y = blue is written, and at 40.010s client-a read nothing; the fault at 5.000s came 190ms after it was acknowledged, 100ms may be lost
}

func ExamplePowerSafe() {
	h := &history.History{End: at(60_000), Hosts: cluster(),
		Downs: []history.Down{{Host: "a", Why: "cut-power", From: at(5_000), To: at(6_000), Unsynced: 512}},
		Operations: []*history.Operation{
			{ID: 1, Host: "client-a", Kind: "write", In: keyed("x", "red"), Call: at(1_000), Return: at(1_010), Outcome: history.Ok},
			{ID: 2, Host: "client-a", Kind: "read", In: keyed("x", nil), Out: value("red"), Call: at(40_000), Return: at(40_010), Outcome: history.Ok},
		}}
	reading := checkers.Reading{Read: "read", Within: 10 * time.Second}
	tell(&checkers.PowerSafe{Of: "write", Reading: reading}, h)
	tell(&checkers.PowerSafe{Of: "write", Servers: 1, Reading: reading}, h)
	// Output:
	// unknown vacuous: at most 1 of 3 servers were without power at once, 3 needed
	// holds: 1 of 1 acknowledged write kept, 512 unsynced bytes lost
}

func ExampleMinority() {
	h := &history.History{End: at(60_000), Hosts: cluster(), Impairments: parted()}
	asked(h, 10_000, 30_000, "client-a", history.Ok, 5*time.Millisecond)
	asked(h, 10_000, 20_000, "client-c", history.Fail, 5*time.Millisecond)
	claim := &checkers.Minority{Of: "read", Servers: "servers", Election: 2 * time.Second, Lease: 2 * time.Second, AtLeast: 990_000,
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
	claim := &checkers.TotalAvailability{Of: "read", Within: time.Second, Grace: time.Second}
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
	tell(&checkers.Degradation{Of: "read", In: "storm", Quantile: 990_000, Slower: 5, Throughput: 900_000, Within: time.Second}, h)
	// Output:
	// slow [181] at 20s
	// 99% of the valid calls in storm took up to 30ms; 5ms in calm, of which 5 times is allowed
}

func ExampleErrorBudget() {
	h := &history.History{End: at(60_000), Hosts: cluster()}
	asked(h, 0, 40_000, "client-a", history.Ok, 5*time.Millisecond)
	asked(h, 40_000, 42_000, "client-a", history.Fail, 5*time.Millisecond)
	tell(&checkers.ErrorBudget{Of: "read", Objective: 990_000, Burn: 5, Long: 30 * time.Second, Short: 2 * time.Second, Within: time.Second}, h)
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
	tell(&checkers.RTO{Of: "read", Return: checkers.Return{Within: 5 * time.Second, Stays: 5 * time.Second, AtLeast: 990_000, Answer: time.Second}}, h)
	// Output:
	// holds: back after 2s, 5s allowed
}
