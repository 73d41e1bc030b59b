package data_test

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/history"
)

func ExampleDurable() {
	h := &history.History{End: at(60_000), Hosts: cluster(),
		Downs: []history.Down{{Host: "a", Why: "crash", From: at(5_000), To: at(6_000)}},
		Operations: []*history.Operation{
			{ID: 1, Host: "client-a", Kind: "write", In: keyed("x", "red"), Call: at(1_000), Return: at(1_010), Outcome: history.Ok},
			{ID: 2, Host: "client-b", Kind: "write", In: keyed("x", "blue"), Call: at(2_000), Return: at(2_010), Outcome: history.Ok},
			{ID: 3, Host: "client-b", Kind: "write", In: keyed("y", "green"), Call: at(3_000), Return: history.Never},
			{ID: 4, Host: "client-c", Kind: "read", In: keyed("x", nil), Out: value("red"), Call: at(40_000), Return: at(40_010), Outcome: history.Ok},
		}}
	tell(&data.Durable{Of: "write", Reading: data.Reading{Read: "read", Within: 10 * time.Second}}, h)
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
	reading := data.Reading{Read: "read", Within: 10 * time.Second}
	for _, most := range []time.Duration{time.Second, 100 * time.Millisecond} {
		tell(&data.RPO{Of: "write", After: "cut-power", AtMost: most, Share: nodes.PerMillion, Order: "all", Reading: reading}, h)
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
	reading := data.Reading{Read: "read", Within: 10 * time.Second}
	tell(&data.PowerSafe{Of: "write", Reading: reading}, h)
	tell(&data.PowerSafe{Of: "write", Servers: 1, Reading: reading}, h)
	// Output:
	// unknown vacuous: at most 1 of 3 servers were without power at once, 3 needed
	// holds: 1 of 1 acknowledged write kept, 512 unsynced bytes lost
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

func at(ms int) history.Time { return time.Duration(ms) * time.Millisecond }

func value(v any) []slog.Attr { return []slog.Attr{slog.Any("value", v)} }
