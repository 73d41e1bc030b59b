package data_test

import (
	"log/slog"
	"time"

	"simrun/checkers/data"
	"simrun/nodes/history"
)

// done is an operation that was answered, a tenth of a second after the one before it.
func done(h *history.History, client, kind string, in, out []slog.Attr) {
	call := at(100 * len(h.Operations))
	h.Operations = append(h.Operations, &history.Operation{ID: uint64(len(h.Operations) + 1), Host: client, Kind: kind, In: in, Out: out,
		Call: call, Return: call + 5*time.Millisecond, Outcome: history.Ok})
	h.End = call + time.Minute
}

// moved is a client that reads from one replica what another gave it already.
func moved() *history.History {
	h := &history.History{Hosts: cluster()}
	version := func(n int) slog.Attr { return slog.Int("version", n) }
	done(h, "client-a", "write", keyed("x", "red"), []slog.Attr{version(1)})
	done(h, "client-a", "write", keyed("x", "blue"), []slog.Attr{version(2)})
	done(h, "client-b", "read", keyed("x", nil), append(value("blue"), version(2)))
	done(h, "client-b", "read", keyed("x", nil), append(value("red"), version(1)))
	return h
}

func ExampleSessions() {
	tell(&data.Sessions{}, moved())
	tell(&data.Sessions{Guarantees: []data.Guarantee{"read-your-writes"}}, moved())
	// Output:
	// monotonic-reads [3 4] at 200ms
	// operation 3 read x at version 2, and operation 4 of the same client then read it at version 1
	// holds: 4 operations of 2 clients
}

func ExampleStaleness() {
	tell(&data.Staleness{Versions: 1}, moved())
	tell(&data.Staleness{Versions: 0}, moved())
	// Output:
	// holds: at most 1 version and 195ms behind, median 1 and 195ms, 1 of 2 reads stale
	// stale-read [2 4] at 100ms
	// operation 4 read of x what was 1 version old, and had been overwritten for 195ms; 0 versions allowed
}

func ExampleNoResurrection() {
	h := &history.History{Hosts: cluster()}
	done(h, "client-a", "write", keyed("x", "red"), nil)
	done(h, "client-a", "delete", keyed("x", nil), nil)
	done(h, "client-b", "read", keyed("x", nil), value("red"))
	tell(&data.NoResurrection{}, h)
	// Output:
	// deleted-value-read [1 2 3] at 0s
	// operation 3 read of x the value of operation 1, which operation 2 had deleted
}

func ExampleConverges() {
	h := &history.History{End: at(60_000), Hosts: cluster(), Phases: []history.Phase{{Name: "calm", To: at(60_000)}}}
	for i, server := range []string{"a", "b", "c"} {
		h.Samples = append(h.Samples, history.Sample{At: at(1_000 * i), Host: server, Name: "digest", Value: 7})
	}
	claim := &data.Converges{What: "digest", Within: 10 * time.Second}
	tell(claim, h)
	h.Samples = append(h.Samples, history.Sample{At: at(30_000), Host: "c", Name: "digest", Value: 8})
	tell(claim, h)
	// Output:
	// holds: 3 servers the same 0s into quiet, 10s allowed
	// diverged [] at 0s
	// 10s after the quiet began, a still shows digest 7 and c shows 8 at 60.000s
}

func ExampleSoundLog() {
	place := func(offset int) []slog.Attr { return []slog.Attr{slog.Int("partition", 0), slog.Int("offset", offset)} }
	h := &history.History{Hosts: cluster()}
	done(h, "client-a", "send", value("red"), place(0))
	done(h, "client-a", "send", value("blue"), place(1))
	done(h, "client-a", "send", value("green"), place(2))
	done(h, "client-b", "poll", nil, []slog.Attr{history.Records(history.Record{Partition: 0, Offset: 0, Value: "red"},
		history.Record{Partition: 0, Offset: 2, Value: "green"})})
	tell(&data.SoundLog{}, h)
	// Output:
	// lost-write [2 4] at 100ms
	// nobody polled blue, sent to offset 1 of partition 0, although operation 4 polled offset 2
}

// Two clients each see that the other is on call, and leave.
func ExampleTransactions() {
	txn := func(see, change string) (in, out []slog.Attr) {
		leave := history.Step{F: "append", Key: change, Value: change + " leaves"}
		return []slog.Attr{history.Steps(history.Step{F: "r", Key: see}, leave)}, []slog.Attr{history.Steps(history.Step{F: "r", Key: see, Value: []any{}}, leave)}
	}
	h := &history.History{Hosts: cluster()}
	in, out := txn("bob", "alice")
	done(h, "client-a", "txn", in, out)
	in, out = txn("alice", "bob")
	done(h, "client-b", "txn", in, out)
	tell(&data.Transactions{Level: "snapshot-isolation"}, h)
	tell(&data.Transactions{Level: "serializable"}, h)
	// Output:
	// holds: 2 transactions
	// G2-item [1 2] at 0s
	// 2 transactions each come before the next in a circle: 1 -rw-> 2 -rw-> 1
}
