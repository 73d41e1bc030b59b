package objects_test

import (
	"fmt"
	"log/slog"
	"time"

	"simrun/checkers/objects"
	"simrun/nodes/history"
)

func at(ms int) history.Time { return time.Duration(ms) * time.Millisecond }

func value(v any) []slog.Attr { return []slog.Attr{slog.Any("value", v)} }

func ExampleLinearizable() {
	h := &history.History{Operations: []*history.Operation{
		{ID: 1, Host: "a", Kind: "write", In: value(1), Call: at(0), Return: at(10), Outcome: history.Ok},
		{ID: 2, Host: "b", Kind: "write", In: value(2), Call: at(20), Return: at(30), Outcome: history.Ok},
		{ID: 3, Host: "a", Kind: "write", In: value(3), Call: at(25), Return: history.Never}, // nobody was told how it ended
		{ID: 4, Host: "c", Kind: "read", Out: value(1), Call: at(40), Return: at(50), Outcome: history.Ok},
	}}
	j, err := objects.Linearizable(objects.Register, h, objects.Options{})
	fmt.Println(j.Verdict, j.Anomaly, j.Witness, err)
	fmt.Println(j.Reason)
	// Output:
	// violated stale-read [1 2 4] <nil>
	// operation 1 wrote 1 by 10ms and operation 4 read 1 after 40ms, though in between operation 2 wrote 2, 20ms to 30ms
}

func ExampleLinearizable_keys() {
	key := func(k string, more ...slog.Attr) []slog.Attr {
		return append([]slog.Attr{slog.String("key", k)}, more...)
	}
	h := &history.History{Operations: []*history.Operation{
		{ID: 1, Host: "a", Kind: "write", In: key("x", value("red")...), Call: at(0), Return: at(10), Outcome: history.Ok},
		{ID: 2, Host: "a", Kind: "read", In: key("y"), Out: value(nil), Call: at(20), Return: at(30), Outcome: history.Ok},
		{ID: 3, Host: "b", Kind: "read", In: key("x"), Out: value(nil), Call: at(20), Return: at(30), Outcome: history.Ok},
	}}
	j, err := objects.Linearizable(objects.KV, h, objects.Options{})
	fmt.Println(j.Verdict, j.Object, j.Witness, err)
	fmt.Println(j.Reason)
	// Output:
	// violated x [1 3] <nil>
	// x: operation 3 read nothing after 20ms, though before that operation 1 wrote red, 0s to 10ms
}
