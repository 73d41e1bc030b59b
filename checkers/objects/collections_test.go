package objects_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/objects"
	"simrun/nodes/history"
)

// ok is an operation that was answered: what it was given and told, from when to when.
func ok(id uint64, host, kind string, in, out []slog.Attr, from, to int) *history.Operation {
	return &history.Operation{ID: id, Host: host, Kind: kind, In: in, Out: out, Call: at(from), Return: at(to), Outcome: history.Ok}
}

func judge(model objects.Model, operations ...*history.Operation) {
	j, err := objects.Linearizable(model, &history.History{Operations: operations}, objects.Options{})
	fmt.Println(j.Verdict, j.Anomaly, j.Witness, err)
	fmt.Println(j.Reason)
}

func ExampleLinearizable_queue() {
	lost := &history.Operation{ID: 4, Host: "c", Kind: "dequeue", Call: at(35), Return: history.Never} // nobody was told what it took
	judge(objects.Queue,
		ok(1, "a", "enqueue", value("tea"), nil, 0, 10),
		ok(2, "a", "enqueue", value("milk"), nil, 20, 30),
		ok(3, "b", "dequeue", nil, value("milk"), 40, 50),
		lost)
	judge(objects.Queue,
		ok(1, "a", "enqueue", value("tea"), nil, 0, 10),
		ok(2, "b", "dequeue", nil, value(nil), 15, 40),
		ok(3, "a", "enqueue", value("milk"), nil, 20, 30),
		ok(4, "c", "dequeue", nil, value("tea"), 35, 50),
		ok(5, "c", "dequeue", nil, value("milk"), 60, 70))
	// Output:
	// holds  [] <nil>
	//
	// violated wrongly-empty [1 2 3 4 5] <nil>
	// a dequeue 15ms to 40ms found nothing although tea was there from 10ms to 35ms, milk was there from 30ms to 60ms
}

func ExampleLinearizable_priorityQueue() {
	of := func(v string, priority int) []slog.Attr { return append(value(v), slog.Int("priority", priority)) }
	judge(objects.PriorityQueue,
		ok(1, "a", "enqueue", of("report", 1), nil, 0, 10),
		ok(2, "a", "enqueue", of("alarm", 9), nil, 20, 30),
		ok(3, "b", "dequeue", nil, value("report"), 40, 50),
		ok(4, "b", "dequeue", nil, value("alarm"), 60, 70))
	// Output:
	// violated priority-inversion [1 2 3 4] <nil>
	// report was dequeued 40ms to 50ms with priority 1 although, above that, alarm was there from 30ms to 60ms
}

func ExampleLinearizable_set() {
	saw := func(values ...any) []slog.Attr { return value(values) }
	judge(objects.Set,
		ok(1, "a", "add", value(1), nil, 0, 10),
		ok(2, "b", "add", value(2), nil, 0, 10),
		ok(3, "c", "read", nil, saw(1, 2), 20, 30),
		ok(4, "c", "read", nil, saw(2), 40, 50))
	// Output:
	// violated lost [1 4] <nil>
	// operation 4 (40ms to 50ms) did not see 1, which operation 1 had added by 10ms, and nobody saw it after that
}

func ExampleLinearizable_counter() {
	judge(objects.Counter,
		ok(1, "a", "add", value(1), nil, 0, 30),
		ok(2, "b", "read", nil, value(1), 10, 20),
		ok(3, "b", "add", value(1), nil, 40, 50),
		ok(4, "a", "read", nil, value(1), 60, 70))
	// Output:
	// violated under-count [2 3 4] <nil>
	// operation 4 (60ms to 70ms) read 1, but the counter was 1 when operation 2 (10ms to 20ms) read it, and 1 addition of 1 had ended since
}

func ExampleLinearizable_fetchAdd() {
	judge(objects.FetchAdd,
		ok(1, "a", "fetch-add", value(1), value(0), 0, 30),
		ok(2, "b", "fetch-add", value(1), value(0), 10, 20))
	// Output:
	// violated lost-update [1 2] <nil>
	// operations 1 (0s to 30ms) and 2 (10ms to 20ms) both found 0
}

func ExampleLinearizable_uniqueIDs() {
	judge(objects.UniqueIDs,
		ok(1, "a", "generate", nil, value("7f"), 0, 30),
		ok(2, "b", "generate", nil, value("80"), 0, 30),
		ok(3, "b", "generate", nil, value("7f"), 40, 50))
	// Output:
	// violated duplicate-id [1 3] <nil>
	// operations 1 (0s to 30ms) and 3 (40ms to 50ms) were both given 7f
}

// If this failed, an operation that says something else than its model takes it for would be judged nevertheless.
func TestOperationsThatAModelCannotRead(t *testing.T) {
	for name, x := range map[string]struct {
		model   objects.Model
		o       *history.Operation
		problem string
	}{
		"nothing put in":  {objects.Queue, ok(1, "a", "enqueue", nil, nil, 0, 1), "it puts nothing in"},
		"no priority":     {objects.PriorityQueue, ok(1, "a", "enqueue", value(3), nil, 0, 1), "its priority is no whole number"},
		"no list":         {objects.Set, ok(1, "a", "read", nil, value(3), 0, 1), "its value is no list"},
		"no truth":        {objects.Set, ok(1, "a", "contains", value(3), nil, 0, 1), "neither true nor false"},
		"no number added": {objects.Counter, ok(1, "a", "add", value("x"), nil, 0, 1), "its value is no whole number"},
		"no number read":  {objects.Counter, ok(1, "a", "read", nil, nil, 0, 1), "its value is no whole number"},
		"nothing found":   {objects.FetchAdd, ok(1, "a", "fetch-add", value(1), nil, 0, 1), "its value is no whole number"},
		"no identifier":   {objects.UniqueIDs, ok(1, "a", "generate", nil, nil, 0, 1), "it was given nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := objects.Linearizable(x.model, &history.History{Operations: []*history.Operation{x.o}}, objects.Options{})
			require.ErrorContains(t, err, x.problem)
		})
	}
}

// If this failed, a pair as Jepsen writes it would be taken for a value without a priority.
func TestAPriorityMayStandBesideItsValue(t *testing.T) {
	pair := func(priority, v int64) []slog.Attr { return value([]any{priority, v}) }
	j, err := objects.Linearizable(objects.PriorityQueue, &history.History{Operations: []*history.Operation{
		ok(1, "a", "enqueue", pair(1, 7), nil, 0, 1), ok(2, "a", "enqueue", pair(2, 8), nil, 2, 3), ok(3, "a", "dequeue", nil, value(8), 4, 5),
	}}, objects.Options{})
	require.NoError(t, err)
	require.Equal(t, checkers.Holds, j.Verdict)
}

// If this failed, what was drained from a queue would be taken for lost, or the order of one drain for an accusation.
func TestADrainIsManyDequeues(t *testing.T) {
	drain := func(outcome history.Outcome, values ...any) *history.History {
		h := &history.History{Operations: []*history.Operation{
			ok(1, "a", "enqueue", value(7), nil, 0, 1), ok(2, "a", "enqueue", value(8), nil, 2, 3),
			ok(3, "a", "enqueue", value(9), nil, 4, 5), ok(4, "a", "drain", nil, value(values), 6, 9),
			ok(5, "a", "dequeue", nil, value(nil), 20, 21)}}
		h.Operations[3].Outcome = outcome
		return h
	}
	for name, x := range map[string]struct {
		h       *history.History
		verdict checkers.Verdict
		witness []uint64
	}{
		"all":    {drain(history.Ok, 9, 7, 8), checkers.Holds, nil},
		"one":    {drain(history.Ok, 7, 8), checkers.Violated, []uint64{3, 5}},
		"twice":  {drain(history.Ok, 7, 8, 9, 8), checkers.Violated, []uint64{2, 4}},
		"none":   {drain(history.Ok), checkers.Violated, nil},
		"failed": {drain(history.Fail), checkers.Violated, nil},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := objects.Linearizable(objects.Queue, x.h, objects.Options{})
			require.NoError(t, err)
			require.Equal(t, x.verdict, j.Verdict, j.Reason)
			if x.witness != nil {
				require.Equal(t, x.witness, j.Witness)
			}
		})
	}
	_, err := objects.Linearizable(objects.Queue, drain(history.Unknown), objects.Options{})
	require.ErrorContains(t, err, "a drain has to be answered")
}
