package checks

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/evidence"
	"simrun/nodes/history"
	"simrun/nodes/history/jepsen"
)

var namesOfData = []string{"sessions", "staleness", "no-resurrection", "converges", "sound-log", "effects-once", "transactions"}

// dataCheck makes one of those checks, with bounds where it needs some.
func dataCheck(name string) checkers.Check {
	c := usual(name)
	if s, is := c.(*data.Staleness); is {
		s.Versions = 0
	}
	return c
}

// anything draws an attribute's value: of the kinds that these checks read, and of others.
func anything(t *rapid.T, depth int) any {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return nil
	case 1, 2:
		return int64(rapid.IntRange(-2, 4).Draw(t, "number"))
	case 3:
		return rapid.SampledFrom([]string{"", "x", "append", "r", "send", "poll"}).Draw(t, "text")
	case 4:
		return rapid.SampledFrom([]any{1.5, true, uint64(3), time.Second, time.Time{}, []byte("x"), func() {}, map[any]any{1: 2}}).Draw(t, "odd")
	case 5:
		m := map[string]any{}
		if depth < 4 {
			m["p"] = anything(t, depth+1)
		}
		return m
	default:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			if depth < 4 {
				list = append(list, anything(t, depth+1))
			}
		}
		return list
	}
}

// If this fails, there is a history over which a check of data breaks, or which it judges without a word why.
func TestChecksOfDataTakeAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history.History{End: 10 * time.Second, Phases: []history.Phase{{Name: "calm", To: 10 * time.Second}},
			Hosts: []history.Host{{Name: "a", Role: "server"}, {Name: "b", Role: "server"}}}
		for id := range rapid.IntRange(0, 12).Draw(t, "operations") {
			o := &history.Operation{ID: uint64(id + 1), Host: rapid.SampledFrom([]string{"c", "d"}).Draw(t, "host"),
				Kind: rapid.SampledFrom([]string{"read", "write", "cas", "delete", "add", "remove", "send", "poll", "txn", "subscribe", "digest"}).Draw(t, "do"),
				Call: time.Duration(id) * time.Second / 2, Return: time.Duration(id+1) * time.Second / 2, Outcome: rapid.SampledFrom([]history.Outcome{history.Ok, history.Ok, history.Fail, history.Unknown}).Draw(t, "outcome")}
			for _, name := range []string{"key", "value", "new", "partition", "server"} {
				if rapid.Bool().Draw(t, name) {
					o.In = append(o.In, slog.Any(name, anything(t, 0)))
				}
			}
			for _, name := range []string{"value", "version", "offset", "partition", "records"} {
				if rapid.Bool().Draw(t, name) {
					o.Out = append(o.Out, slog.Any(name, anything(t, 0)))
				}
			}
			h.Operations = append(h.Operations, o)
		}
		for _, name := range namesOfData {
			requireSound(t, dataCheck(name).Judge(evidence.Gather(h)))
		}
	})
}

// If this fails, a history that was written to a file and read again is judged otherwise than before.
func TestDataSurvivesItsFile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	judged := map[checkers.Verdict]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		parts := strings.Split("\n"+string(text), "\n== ")
		for _, part := range parts[1:] {
			s := newStory(t, file, 0)
			for line := range strings.SplitSeq(parts[0]+"\n"+part[strings.Index(part, "\n")+1:], "\n") {
				if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "=>") {
					s.tell(strings.Fields(line))
				}
			}
			before := s.gather()
			var b bytes.Buffer
			require.NoError(t, jepsen.Write(&b, before.History))
			again, err := jepsen.Read(&b, jepsen.Options{})
			require.NoError(t, err)
			for _, name := range namesOfData {
				want, got := dataCheck(name).Judge(before), dataCheck(name).Judge(evidence.Gather(again.History))
				judged[got.Verdict]++
				require.Equal(t, want, got, "%s of %s: %s", name, file, part)
			}
		}
	}
	require.Greater(t, judged[checkers.Violated], 20)
	require.Greater(t, judged[checkers.Holds], 20)
}

// If this fails, histories of Jepsen's own workloads for lists and for Kafka are not read as what they are.
func TestJepsensTransactionsAndLogs(t *testing.T) {
	judge := func(name, edn string) checkers.Judgement {
		r, err := jepsen.Read(strings.NewReader(edn), jepsen.Options{})
		require.NoError(t, err)
		return dataCheck(name).Judge(evidence.Gather(r.History))
	}
	skew := judge("transactions", `
{:type :invoke, :f :txn, :value [[:r 5 nil] [:append 6 1]], :process 0, :time 10, :index 0}
{:type :invoke, :f :txn, :value [[:r 6 nil] [:append 5 1]], :process 1, :time 20, :index 1}
{:type :ok, :f :txn, :value [[:r 5 nil] [:append 6 1]], :process 0, :time 30, :index 2}
{:type :ok, :f :txn, :value [[:r 6 []] [:append 5 1]], :process 1, :time 40, :index 3}
`)
	require.Equal(t, "G2-item", skew.Anomaly, skew.Reason)
	require.Contains(t, strings.Join(skew.Story, "\n"), "(rw): it read nothing of 5 as the last, and 2 appended 1 after that")
	const sends = `
{:type :invoke, :f :send, :value [[:send 0 1]], :process 0, :time 10, :index 0}
{:type :ok, :f :send, :value [[:send 0 [0 1]]], :process 0, :time 20, :index 1}
{:type :invoke, :f :txn, :value [[:send 0 2] [:send 1 1]], :process 0, :time 30, :index 2}
{:type :ok, :f :txn, :value [[:send 0 [1 2]] [:send 1 [nil 1]]], :process 0, :time 40, :index 3}
{:type :invoke, :f :poll, :value [[:poll]], :process 1, :time 50, :index 4}
`
	require.Equal(t, checkers.Holds, judge("sound-log", sends+`{:type :ok, :f :poll, :value [[:poll {0 [[0 1] [1 2]], 1 [[7 1]]}]], :process 1, :time 60, :index 5}`).Verdict)
	lost := judge("sound-log", sends+`{:type :ok, :f :poll, :value [[:poll {0 [[1 2]]}]], :process 1, :time 60, :index 5}`)
	require.Equal(t, "lost-write", lost.Anomaly, lost.Reason)
}
