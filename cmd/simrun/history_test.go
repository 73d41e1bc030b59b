package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/reports"
)

// foreign is the histories of other systems that lie beside the examples: which model judges each, how the command
// ends, and what it says of it.
var foreign = []struct {
	file, model string
	code        int
	says        []string
}{
	{"register.edn", "register", 0, []string{"✓ register holds", "9 operations"}},
	{"stale-read.edn", "register", 1, []string{"✗ register is violated: stale-read", "operation 7 wrote 2", "  operation  index  process  f ", "         11     10        2  read   1 "}},
	{"cas-register.edn", "cas-register", 0, []string{"✓ cas-register holds"}},
	{"two-winners.edn", "cas-register", 1, []string{"✗ cas-register is violated: lost-update", "old=0 new=1"}},
	{"kv.edn", "kv", 0, []string{"✓ kv holds"}},
	{"lost-write.jsonl", "kv", 1, []string{"✗ kv is violated: stale-read", "cart:7: operation 1 wrote apple"}},
	{"log.jsonl", "log", 0, []string{"✓ log holds"}},
	{"reused-offset.jsonl", "log", 1, []string{"✗ log is violated: inconsistent-offset", "orders-0: operation 1 appended a at 0"}},
	{"queue.edn", "queue", 0, []string{"✓ queue holds", "6 operations"}},
	{"queue-jumped.edn", "queue", 1, []string{"✗ queue is violated: out-of-order", "dequeue  2"}},
	{"priority-queue.edn", "priority-queue", 0, nil},
	{"priority-ignored.edn", "priority-queue", 1, []string{"✗ priority-queue is violated: priority-inversion", "[9 urgent]"}},
	{"set.edn", "set", 0, nil},
	{"set-lost-element.edn", "set", 1, []string{"✗ set is violated: lost"}},
	{"counter.edn", "counter", 0, nil},
	{"counter-lost-add.edn", "counter", 1, []string{"✗ counter is violated: under-count"}},
	{"fetch-add.edn", "fetch-add", 0, nil},
	{"fetch-add-twice.edn", "fetch-add", 1, []string{"✗ fetch-add is violated: lost-update", "1 → 0"}},
	{"unique-ids.edn", "unique-ids", 0, nil},
	{"same-id-twice.edn", "unique-ids", 1, []string{"✗ unique-ids is violated: duplicate-id", "1002"}},
	{"list-append.edn", "list-append", 0, []string{"✓ list-append holds", "3 transactions"}},
	{"write-skew.edn", "list-append", 1, []string{"✗ list-append is violated: G2-item", "1 -rw-> 2 -rw-> 1", "[[r x nil] [append y 1]]"}},
	{"kafka.edn", "kafka", 0, []string{"2 messages, polled as 2 records"}},
	{"kafka-skipped.edn", "kafka", 1, []string{"✗ kafka is violated: poll-skip", "[[poll {0 [[0 10]]}]]"}},
	{"sessions.edn", "session", 0, nil},
	{"forgetful-session.edn", "session", 1, []string{"✗ session is violated: read-your-writes"}},
}

// If this failed, a history of another system would be misjudged, or its judge could not be believed.
func TestForeignHistoriesAreJudged(t *testing.T) {
	d := sitDown(t)
	judged := map[string]map[int]bool{}
	for _, f := range foreign {
		path := d.history(f.file)
		said := d.does(f.code, "check-history", "--model", f.model, path)
		for _, words := range f.says {
			require.Contains(t, said, words, f.file)
		}
		var j reports.JudgedHistory
		require.NoError(t, json.Unmarshal([]byte(d.does(f.code, "check-history", "--json", "--model", f.model, path)), &j))
		require.Equal(t, map[int]checkers.Verdict{0: checkers.Holds, 1: checkers.Violated, 3: checkers.Unknown}[f.code], j.Verdict)
		require.Equal(t, f.code == 1, len(j.Witness) > 0, f.file)
		require.LessOrEqual(t, len(j.Witness), 4, f.file)
		quiet := d.does(f.code, "check-history", "--quiet", "--model", f.model, path)
		require.Equal(t, f.code == 0, quiet == "")
		if judged[f.model] == nil {
			judged[f.model] = map[int]bool{}
		}
		judged[f.model][f.code] = true
	}
	_, said, _ := d.types("check-history", "register.edn")
	_, models, _ := strings.Cut(strings.TrimSpace(said), "models are ")
	require.Len(t, strings.Split(models, ", "), len(judged))
	for _, model := range strings.Split(models, ", ") {
		require.Equal(t, map[int]bool{0: true, 1: true}, judged[model], "%s has a history that holds, and one that does not", model)
	}
	entries, err := os.ReadDir(filepath.Join(root, "examples", "histories"))
	require.NoError(t, err)
	require.Len(t, entries, len(foreign)+1, "each is judged here; the other is broken")
}

// history copies one of the examples to the desk.
func (d *desk) history(name string) string {
	text, err := os.ReadFile(filepath.Join(root, "examples", "histories", name))
	require.NoError(d, err)
	d.write(name, string(text))
	return name
}

// A file that is no history is refused with 2, and its line is named; so is what no model can read.
func TestBrokenHistoriesAreRefused(t *testing.T) {
	d := sitDown(t)
	d.write("number.edn", "{:type :invoke, :f :read, :process 0}\n{:type :ok, :f :read, :value 1x2, :process 0}\n")
	d.write("torn.jsonl", `{"type":"invoke","f":"read","process":0,"time":1}`+"\n"+`{"type":"ok","f":"re`)
	d.write("queue.edn", "{:type :invoke, :f :read, :process 0}\n{:type :invoke, :f :enqueue, :value 1, :process 1}\n")
	for file, wrong := range map[string]string{
		d.history("broken.edn"): "broken.edn:10: process 4 ends read, but is at nothing",
		"number.edn":            `number.edn:2: "1x2" is no number`,
		"torn.jsonl":            "torn.jsonl:2: the file ends within the operation that begins here",
		"queue.edn":             "queue.edn:2: enqueue: a register has no such operation; --others leaves out what the model does not know",
		"no-such.edn":           "no such file",
	} {
		require.Contains(t, d.complains("check-history", "--model", "register", file), wrong)
	}
	require.Contains(t, d.does(0, "check-history", "--model", "register", "--others", "queue.edn"), "holds")
	d.history("register.edn")
	require.Contains(t, d.complains("check-history", "register.edn"), "say --model or --check")
	require.Contains(t, d.complains("check-history", "--model", "kv", "--check", "durable", "register.edn"), "say --model or --check")
	require.Contains(t, d.complains("check-history", "--check", "{durable: write, witin: 3s}", "register.edn"), `did you mean "within"?`)
	require.Contains(t, d.complains("check-history", "--check", "{capacity: submit, window: 0s}", "register.edn"), "it must be at least 1ms")
	d.write("txn.edn", "{:type :invoke, :f :txn, :process 0, :value 3}\n")
	require.Contains(t, d.complains("check-history", "--model", "list-append", "txn.edn"), "txn.edn:1: txn: ")
	require.Contains(t, d.complains("check-history", "--model", "registre", "register.edn"), `did you mean "register"?`)
	require.Contains(t, d.complains("check-history", "--model", "kv", "register.edn"), "register.edn:3: the value 1 is no pair of a key and a value")
	require.Contains(t, d.complains("check-history", "--model", "register", "--epsilon", "-1s", "register.edn"), "--epsilon")
	require.Contains(t, d.complains("check-history", "--model", "register"), "say simrun check-history --model MODEL|--check CHECK FILE")
}

// Nobody can say of a history that has nothing to do with the model, nor where a search is given too little.
func TestAHistoryThatNobodyCanJudge(t *testing.T) {
	d := sitDown(t)
	d.write("empty.edn", "[]")
	require.Contains(t, d.does(3, "check-history", "--model", "register", "empty.edn"), "? register is unknown")
	require.Contains(t, d.does(3, "check-history", "--model", "kv", "empty.edn", "--quiet"), "no operation is one of a kv")
}

// Standard input is a file too, whichever notation it is in; an initial value is one that nobody has to have written.
func TestAHistoryFromStandardInput(t *testing.T) {
	d := sitDown(t)
	ask := "simrun check-history --model register "
	line := `{:type :invoke, :f :read, :process 0} {:type :ok, :f :read, :value 7, :process 0}`
	d.write("h", line)
	for command, code := range map[string]int{
		ask + "- < h":                  1,
		ask + "--initial 7 - < h":      0,
		ask + "--initial 8 - < h":      1,
		ask + "--initial seven - < h":  1,
		ask + "--initial 7 h --quiet":  0,
		"head -c 60 h | " + ask + " -": 2,
	} {
		said, got := d.follow(command)
		require.Equal(t, code, got, "%s\n%s", command, said)
	}
	said, _ := d.follow("head -c 60 h | " + ask + " -")
	require.Contains(t, said, "standard input:1: the file ends within the operation")
}

// Whatever a claim may ask of a run can be asked of a history: an isolation that allows it, or what a run's file tells.
func TestAnyCheckCanBeAsked(t *testing.T) {
	d := sitDown(t)
	skew := d.history("write-skew.edn")
	require.Contains(t, d.does(0, "check-history", "--check", "{transactions: snapshot-isolation}", skew), "✓ transactions holds")
	d.does(1, "check-history", "--check", "transactions", skew)
	run := d.runJSON("thunderstorm", "--seed", "8")
	file := "runs/last/history.jsonl"
	require.Equal(t, "holds", string(run.Verdict))
	for check, code := range map[string]int{
		"gearman.at-least-once": 0, "{available: submit, from: client-e, within: 20s}": 0,
		"{error-budget: submit, objective: 99%, burn: 10, within: 20s, long: 20s}": 0, "{longest-outage: submit, per: client, at-most: 40s}": 0,
		"{degradation: submit, in: storm, slower: 20}": 3, "{total-availability: submit, within: 20s}": 3, "{minority: submit, lease: 2s}": 3,
		"{rto: submit, within: 20s}": 3, "{durable: write}": 3, "{power-safe: write, servers: 2}": 3, "{rpo: write, after: cut-power, order: key}": 3,
		"gearman.no-false-answer": 2,
	} {
		said, complaint, got := d.types("check-history", "--check", check, file)
		require.Equal(t, code, got, "%s\n%s%s", check, said, complaint)
	}
}

// A run's own file is judged as a foreign one is: clocks that are off make what came close together concurrent.
func TestClocksThatAreOff(t *testing.T) {
	d := sitDown(t)
	d.write("two.jsonl", `{"type":"invoke","f":"write","value":1,"process":0,"time":1000,"node":"a","id":1}
{"type":"ok","f":"write","process":0,"time":2000,"node":"a","id":1}
{"type":"invoke","f":"read","process":0,"time":2500,"node":"b","id":2}
{"type":"ok","f":"read","value":null,"process":0,"time":3000,"node":"b","id":2}
`)
	require.Contains(t, d.does(1, "check-history", "--model", "register", "two.jsonl"), "b  read   nil")
	d.does(0, "check-history", "--model", "register", "--epsilon", "300ns", "two.jsonl")
}
