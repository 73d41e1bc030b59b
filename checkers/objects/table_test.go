//go:build campaign

package objects_test

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/objects"
	"simrun/nodes/history"
	"simrun/sim/simtest/golden"
)

const (
	page  = "../../docs/checkers.md"
	begin = "<!-- %s, by go test -tags campaign ./checkers/objects -run TestTable/%s -rewrite -timeout 1h -->\n"
	end   = "<!-- end of %s -->\n"
	// most is the processor time, and mostBytes the memory, that porcupine is given for a history.
	most      = 10 * time.Second
	mostBytes = 4 << 30
)

// TestTable measures the algorithms and porcupine on long histories, and holds them to their goals and to each other.
func TestTable(t *testing.T) {
	for _, name := range []string{"register", "kv", "log", "queue"} {
		t.Run(name, func(t *testing.T) {
			table := tableOf(t, kinds[name])
			t.Log(table)
			if golden.Rewriting() {
				put(t, fmt.Sprintf(begin, name, name), fmt.Sprintf(end, name), table)
			}
		})
	}
}

func tableOf(t *testing.T, k kind) string {
	var b strings.Builder
	b.WriteString("| operations | clients | 0 % | 1 % | 5 % | 0 %, stale | 1 %, stale | 5 %, stale |\n|---:|---:|---|---|---|---|---|---|\n")
	var lost []long // where porcupine did not end, nor will it with more of anything
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		for _, clients := range []int{5, 20, 50} {
			var right, wrong strings.Builder
			for _, unknown := range []float64{0, 0.01, 0.05} {
				l := long{operations: n, clients: clients, unknown: unknown}
				h := k.history(l)
				fmt.Fprintf(&right, " %s |", measure(t, k, l, h, &lost))
				l.stale = true
				k.stale(h.Operations)
				fmt.Fprintf(&wrong, " %s |", measure(t, k, l, h, &lost))
			}
			fmt.Fprintf(&b, "| %s | %d |%s%s\n", thousands(n), clients, right.String(), wrong.String())
			t.Logf("%d operations, %d clients", n, clients)
		}
	}
	return b.String()
}

// put writes a table into its place in the page.
func put(t *testing.T, begin, end, table string) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, closed := strings.Cut(rest, end)
	require.True(t, found && closed, "%s has no place for the table", page)
	require.NoError(t, os.WriteFile(page, []byte(head+begin+"\n"+table+"\n"+end+tail), 0o644))
}

// measure is a cell of the table.
func measure(t *testing.T, k kind, l long, h *history.History, lost *[]long) string {
	want := checkers.Holds
	if l.stale {
		want = checkers.Violated
	}
	took, bytes, j := time.Duration(math.MaxInt64), uint64(0), checkers.Judgement{}
	for range max(1, min(5, 300_000/l.operations)) {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := processor()
		var err error
		j, err = objects.Linearizable(k.model, h, objects.Options{})
		took = min(took, processor()-start)
		runtime.ReadMemStats(&after)
		bytes = after.TotalAlloc - before.TotalAlloc
		require.NoError(t, err)
		require.Equal(t, want, j.Verdict, "%s of %s: %s", k.model.Name(), l, j.Reason)
	}
	assert.LessOrEqual(t, bytes, uint64(200<<20), l)
	cell := fmt.Sprintf("%s, %d MB", brief(took), (bytes+1<<19)>>20)
	if l.stale {
		cell += fmt.Sprintf(", %d ops", len(j.Witness))
		assert.LessOrEqual(t, len(j.Witness), 4, l)
	}
	assert.LessOrEqual(t, took, time.Second, l)
	if slices.ContainsFunc(*lost, func(less long) bool {
		return less.operations <= l.operations && less.clients <= l.clients && less.unknown <= l.unknown && less.stale == l.stale
	}) {
		return cell
	}
	theirs, verdict := tryPorcupine(k, h)
	if verdict == checkers.Unknown {
		*lost = append(*lost, l)
		return cell + "; –"
	}
	assert.Equal(t, want, verdict, "porcupine on %s of %s", k.model.Name(), l)
	if l.operations >= 10_000 {
		assert.LessOrEqual(t, took, theirs, l)
	}
	return cell + "; " + brief(theirs)
}

// tryPorcupine gives porcupine its time and memory.
func tryPorcupine(k kind, h *history.History) (time.Duration, checkers.Verdict) {
	model, operations := k.porcupine(h.Operations)
	parts := [][]porcupine.Operation{operations}
	if model.Partition != nil {
		parts = model.Partition(operations)
	}
	bytes := 0
	for _, part := range parts {
		bytes += len(part) * len(part) / 8
	}
	if bytes > mostBytes {
		return 0, checkers.Unknown
	}
	runtime.GC()
	start := processor()
	var steps atomic.Int64
	step := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		if n := steps.Add(1); n%1024 == 0 && processor()-start > most || n < 0 {
			steps.Store(math.MinInt64) // from here on the search fails fast
		}
		if steps.Load() < 0 {
			return false, state
		}
		return step(state, input, output)
	}
	holds := porcupine.CheckOperations(model, operations)
	took := processor() - start
	switch {
	case steps.Load() < 0:
		return took, checkers.Unknown
	case holds:
		return took, checkers.Holds
	default:
		return took, checkers.Violated
	}
}

// processor is the time that this process has had of all processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

func thousands(n int) string {
	if n == 1_000_000 {
		return "1 M"
	}
	return fmt.Sprintf("%d k", n/1000)
}
