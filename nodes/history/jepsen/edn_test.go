package jepsen

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
)

// retold is each operation on a line: what it was given and told, when, and how it ended.
func retold(h *history.History) string {
	var b strings.Builder
	for _, o := range h.Operations {
		fmt.Fprintf(&b, "%d %s %s %v -> %s %v", o.ID, o.Host, o.Kind, o.In, o.Outcome, o.Out)
		if o.Return == history.Never {
			fmt.Fprintf(&b, " %d..", o.Call)
		} else {
			fmt.Fprintf(&b, " %d..%d", o.Call, o.Return)
		}
		b.WriteString(strings.TrimRight(" "+o.Reason, " ") + "\n")
	}
	return b.String()
}

func from(t *testing.T, o Options, lines ...string) *Recording {
	t.Helper()
	r, err := Read(iotest.OneByteReader(strings.NewReader(strings.Join(lines, "\n"))), o)
	require.NoError(t, err)
	return r
}

// If this failed, histories of other people's systems would be read as something that nobody did.
func TestJepsensOwnFilesAreRead(t *testing.T) {
	r := from(t, Options{},
		`; what a register test left`,
		`{:type :invoke, :f :write, :value 3, :process 0, :time 10, :index 0}`,
		`{:type :invoke, :f :read, :value nil, :process 1, :time 20, :index 1}`,
		`{:type :ok, :f :write, :value 3, :process 0, :time 30, :index 2}`,
		`{:type :ok, :f :read, :value 3, :process 1, :time 40, :index 3}`,
		`#jepsen.history.Op{:index 4, :time 50, :type :invoke, :process 0, :f :cas, :value [3 4]}`,
		`#jepsen.history.Op{:index 5, :time 60, :type :info, :process 0, :f :cas, :value [3 4], :error [:timeout "no answer"]}`,
		`{:type :invoke :f :cas :value [1 2] :process 5 :time 70 :index 6 :clock-time #inst "2026-01-01"}`,
		`{:type :fail :f :cas :value [1 2] :process 5 :time 80 :index 7 :error :mismatch}`,
		`{:type :invoke, :f :read, :process 1, :time 90, :index 8}`)
	require.Equal(t, `1 process 0 write [value=3] -> ok [value=3] 10..30
2 process 1 read [value=<nil>] -> ok [value=3] 20..40
5 process 0 cas [old=3 new=4] -> info [old=3 new=4] 50..60 [timeout no answer]
7 process 5 cas [old=1 new=2] -> fail [old=1 new=2] 70..80 mismatch
9 process 1 read [] -> pending [] 90..
`, retold(r.History))
	place, found := r.Place(5)
	require.True(t, found)
	require.Equal(t, Place{ID: 5, Line: 6, Index: 4}, place)
	_, found = r.Place(6)
	require.False(t, found)
	require.Equal(t, []string{"process 0", "process 1", "process 5"}, names(r.Hosts))
	require.EqualValues(t, 90, r.End)
}

func names(hosts []history.Host) (all []string) {
	for _, h := range hosts {
		all = append(all, h.Name)
	}
	return all
}

// The same in one vector, over lines, without times and indices; a process is used again after it did not know.
func TestAVectorWithoutTimes(t *testing.T) {
	r := from(t, Options{}, `[{:type :invoke, :f :write`, `  :value 1, :process 0} ; begins`, `{:type :info, :f :write, :value 1, :process 0}`,
		`#_{:type :invoke, :f :lost, :process 0}`, `{:type :invoke, :f :read, :value nil, :process 0},`, `{:type :ok, :f :read, :value 1, :process 0}]`)
	require.Equal(t, "1 process 0 write [value=1] -> info [value=1] 0..1\n3 process 0 read [value=<nil>] -> ok [value=1] 2..3\n", retold(r.History))
	place, _ := r.Place(3)
	require.Equal(t, Place{ID: 3, Line: 5, Index: 2}, place)
}

// Some editors begin a text with a mark and end lines in two bytes; neither says anything.
func TestAMarkAtTheBeginningSaysNothing(t *testing.T) {
	for _, lines := range [][]string{{`{:type :invoke :f :read :process 0}`, `{:type :ok :f :read :process 0}`},
		{`{"type":"invoke","f":"read","process":0}`, `{"type":"ok","f":"read","process":0}`}} {
		lines[0] = "\ufeff" + lines[0] + "\r"
		require.Equal(t, "1 process 0 read [] -> ok [] 0..1\n", retold(from(t, Options{}, lines...).History))
	}
}

// Jepsen's order of lines is what happened, whatever the clock said.
func TestTheOrderOfLinesCounts(t *testing.T) {
	lines := []string{`{:type :invoke :f :read :process 0 :time 100}`, `{:type :ok :f :read :process 0 :time 100}`,
		`{:type :invoke :f :read :process 0 :time 90}`, `{:type :ok :f :read :process 0 :time 200}`}
	require.Equal(t, "1 process 0 read [] -> ok [] 100..101\n3 process 0 read [] -> ok [] 102..200\n", retold(from(t, Options{}, lines...).History))
	lines[2] = strings.Replace(lines[2], "90", "130", 1)
	require.Equal(t, "1 process 0 read [] -> ok [] 90..110\n3 process 0 read [] -> ok [] 120..210\n",
		retold(from(t, Options{Epsilon: 10}, lines...).History), "unless its writer says that it has several clocks")
}

// Keyed values are taken apart where the reader asks for it, or a tag says so.
func TestTuplesOfKeysAndValues(t *testing.T) {
	r := from(t, Options{Keyed: true}, `{:type :invoke :f :write :process 0 :value [:x 1]}`, `{:type :ok :f :write :process 0 :value [:x 1]}`,
		`{:type :invoke :f :cas :process 0 :value ["y" [nil 2]]}`, `{:type :info :f :cas :process 0 :value nil}`,
		`{:type :invoke :f :read :process 1 :value [:x nil]}`, `{:type :ok :f :read :process 1 :value [:x 1] :version 4}`)
	require.Equal(t, `1 process 0 write [key=x value=1] -> ok [key=x value=1] 0..1
3 process 0 cas [key=y old=<nil> new=2] -> info [value=<nil>] 2..3
5 process 1 read [key=x value=<nil>] -> ok [version=4 key=x value=1] 4..5
`, retold(r.History))
	r = from(t, Options{}, `{:type :invoke :f :txn :process 0 :value [[:append 1 2] [:r 1 nil]]}`,
		`{:type :ok :f :txn :process 0 :value [[:append 1 2] [:r 1 [2]]]}`,
		`{:type :invoke :f :write :process 0 :value #jepsen.independent/tuple [7 {:a 1, 2 #{3}}]}`)
	require.Equal(t, []any{[]any{"append", int64(1), int64(2)}, []any{"r", int64(1), []any{int64(2)}}}, r.Operations[0].Output("value").Any())
	require.EqualValues(t, 7, r.Operations[1].Input("key").Int64())
	require.Equal(t, map[string]any{"a": int64(1), "2": []any{int64(3)}}, r.Operations[1].Input("value").Any())
}

// What the nemesis did is in the history: as windows of faults, and as notes.
func TestTheNemesisMakesFaultWindows(t *testing.T) {
	said := func(fs ...string) (lines []string) {
		for i, f := range fs {
			lines = append(lines, fmt.Sprintf("{:type :info :process :nemesis :f :%s :value nil :time %d}", f, i))
		}
		return lines
	}
	r := from(t, Options{}, said("start-partition", "start-partition", "kill", "kill", "check-offsets", "check-offsets", "start", "start",
		"stop-partition", "stop-partition", "stop-partition", "pause", "resume", "start", "stop", "bump-clock", "bump-clock", "reset-clock")...)
	var told []string
	for _, f := range r.Faults {
		told = append(told, fmt.Sprintf("%s %d..%d", f.Verb, f.Windows[0].From, f.Windows[0].To))
	}
	require.Equal(t, []string{"partition 0..9", "kill 2..7", "check-offsets 4..5", "pause 11..12", "start 13..14", "bump-clock 15..17"}, told)
	require.Len(t, r.Notes["nemesis"], 18)
	require.Empty(t, r.Operations)
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint("start-", i))
	}
	require.Len(t, from(t, Options{}, said(many...)...).Faults, mostOpen)
	open := from(t, Options{}, said("kill")...)
	require.Equal(t, history.Never, open.Faults[0].Windows[0].To)
}

// All that EDN can say is read as something.
func TestTheValuesOfEDN(t *testing.T) {
	for text, want := range map[string]any{
		`nil`: nil, `true`: true, `false`: false, `:a/b`: "a/b", `sym.bol`: "sym.bol", `"a\n\u00e9\""`: "a\né\"", `\a`: "a", `\newline`: "\n", `\u0041`: "A", `\(`: "(",
		`12`: int64(12), `-7`: int64(-7), `+7`: int64(7), `0`: int64(0), `12N`: int64(12), `9223372036854775807`: int64(1<<63 - 1), `-9223372036854775808`: int64(-1 << 63),
		`18446744073709551615`: uint64(1<<64 - 1), `99999999999999999999N`: "99999999999999999999", `1.5`: 1.5, `1.5M`: 1.5, `-2e3`: -2000.0, `1/2`: "1/2",
		`[1 [2] (3)]`: []any{int64(1), []any{int64(2)}, []any{int64(3)}}, `#{1}`: []any{int64(1)}, `[1, #_2 3 ; four` + "\n]": []any{int64(1), int64(3)},
		`#inst "2026"`: "2026", `#my/tag 5`: int64(5), `-`: "-", `-abc`: "-abc", `[{1 2, :k nil}]`: []any{map[string]any{"1": int64(2), "k": nil}},
	} {
		r, err := Read(strings.NewReader("{:type :invoke :process 0 :f :x :value "+text+"}"), Options{})
		require.NoError(t, err, text)
		require.Equal(t, want, r.Operations[0].Input("value").Any(), text)
	}
	r, err := Read(strings.NewReader("{:type :invoke :process 0 :f :x :value {:a 1, 2 ##NaN}}"), Options{})
	require.NoError(t, err)
	require.Equal(t, "[a=1 2=NaN]", fmt.Sprint(r.Operations[0].In))
}

// If this failed, a person with a broken file would have to look for the place.
func TestWhatIsWrongIsSaidWithItsLine(t *testing.T) {
	invoke := `{:type :invoke :f :read :process 0 :value nil}` + "\n"
	for _, c := range []struct{ text, wrong string }{
		{invoke + "\n{:type :ok :f :read :process 1}", "h:3: process 1 ends read, but is at nothing"},
		{invoke + "{:type :invoke :f :write :process 0}", "h:2: process 0 begins write, though its read of line 1 has not ended"},
		{invoke + "{:type :ok :f :write :process 0}", "h:2: write of process 0 ends what began as read (it began in line 1)"},
		{"{:type :invoke :f :read :process 0 :index 7}\n{:type :ok :f :read :process 0 :index 6}", "h:2: index 6 comes after index 7, and there are no times to tell the order"},
		{"{:type :begin :f :read :process 0}", `h:1: there is no type "begin": an operation is invoke, ok, fail or info`},
		{"{:f :read :process 0}", "h:1: the operation has no type: invoke, ok, fail or info"},
		{"{:type :invoke :f :read}", "h:1: the operation has no process"},
		{invoke + "{:type :ok :f :read :process 0 :time 3}", "h:2: some operations have a time, and some have none"},
		{invoke + "\n{:type :ok\n:f :read", "h:3: the file ends within the operation that begins here"},
		{"[" + invoke, "h:2: the file ends within the list of operations"},
		{"[" + invoke + "]\n3", "h:3: something follows the end of the list of operations"},
		{invoke + "hello world", `h:2: an operation is a map in braces, and here stands "hello"`},
		{"{:type :invoke\n:f :read\n:value [1 \"}", "h:1: the file ends within the operation that begins here"},
		{"{:type :invoke\n:f :read\n:value [1 }", "h:1: the file ends within the operation that begins here"},
		{"{:type :invoke\n:f :read\n:value (1]}", `h:3: "]" stands where a value should`},
		{"{:type :invoke :time :now}", "h:1: time now is no whole number"},
		{"{:type :invoke :process 1.5}", "h:1: process 1.5 is neither a number nor a name"},
		{"{:type 3}", "h:1: type 3 is no word"},
		{"{:type}", `h:1: "}" stands where a value should`},
		{"{:type :invoke :value 1x2}", `h:1: "1x2" is no number`},
		{"{:type :invoke :value 007}", `h:1: "007" is no number`},
		{`{:type :invoke :value "\q"}`, `h:1: \q means nothing in a string`},
		{`{:type :invoke :value \abc}`, `h:1: \abc is no character`},
		{`{:type :invoke :value #jepsen.independent/tuple 3}`, `h:1: a tuple is a vector of a key and a value`},
		{"{:type :invoke :value " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "h:1: more than 64 brackets stand in one another"},
		{"{:type :invoke :value " + strings.Repeat("#_", 100) + " 3 4}", "h:1: more than 64 brackets stand in one another"},
		{"{:a " + strings.Repeat("{", 100) + strings.Repeat("}", 101), "h:1: more than 64 brackets stand in one another"},
		{`{"type":"invoke","f":"read","process":0,"id":1}`, "h:1: the operation has no time"},
		{`{"type":"ok","f":"read","process":0,"time":1,"id":1}`, "h:1: operation 1 ends, but never began"},
		{`{"type":"invoke","f":"read","process":0,"time":5,"id":1}` + "\n" + `{"type":"ok","f":"read","process":0,"time":1,"id":1}`, "h:2: read of process 0 ends before it began"},
		{`{"type":"invoke","f":"read","process":0,"time":5,"id":1}` + "\n" + `{"type":"invoke","f":"read","process":0,"time":6}`, "h:2: the operation has no id, though others have one"},
		{`{"type":"invoke" "f":"read"}`, "h:1: the fields of an object are separated by commas"},
		{`{"type" "invoke"}`, `h:1: a colon is missing after "type"`},
		{`{"type":tru}`, `h:1: "tru" is no value of JSON`},
		{`{"type":"` + "\t" + `"}`, "h:1: a string has a bare control character"},
		{`{"type":"note","f":"x","id":7,"node":"a","time":1}`, "h:1: the note x is about operation 7, which never began"},
		{`{"type":"gauge","f":"jobs","node":"a","time":1}`, "h:1: the gauge jobs has no value"},
		{`{"type":"info","process":"setup","f":"weather"}`, `h:1: the setup says "weather"; it is about the run, a host, a phase or a fault`},
		{`{"type":"info","process":"nemesis","f":"up","id":3,"time":1}`, "h:1: down 3 ends, but never began"},
	} {
		_, err := Read(strings.NewReader(c.text), Options{Name: "h"})
		require.EqualError(t, err, c.wrong, c.text)
	}
	_, err := Read(strings.NewReader(`{:type :invoke :f :write :value 3 :process 0}`), Options{Name: "h", Keyed: true})
	require.EqualError(t, err, "h:1: the value 3 is no pair of a key and a value")
	_, err = Read(strings.NewReader(invoke+strings.ReplaceAll(invoke, "0", "1")), Options{Name: "h", Operations: 1})
	require.EqualError(t, err, "h:2: there are more than 1 operations")
	_, err = Read(strings.NewReader(strings.Repeat("{:type :info :process :nemesis :f :kill}\n", 20)), Options{Name: "h", Operations: 1})
	require.EqualError(t, err, "h:11: there are more than 10 lines")
	_, err = Read(io.MultiReader(strings.NewReader(invoke+`{:value "`), endless{}), Options{Name: "h", Bytes: 1 << 20})
	require.EqualError(t, err, "h:2: the operation that begins here has more than 1048576 bytes")
	_, err = Read(iotest.ErrReader(io.ErrClosedPipe), Options{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte("x"), 1000)), nil }

// Several hosts' files one after another are one history, with ids of their own.
func TestFilesOfSeveralHosts(t *testing.T) {
	var lines []string
	for i, node := range []string{"a", "b"} {
		lines = append(lines, fmt.Sprintf(`{"type":"invoke","f":"submit","process":0,"time":%d,"node":%q,"id":1}`, i, node),
			fmt.Sprintf(`{"type":"invoke","f":"attempt","process":1,"time":%d,"node":%q,"id":2,"parent":1}`, i, node),
			fmt.Sprintf(`{"type":"ok","f":"attempt","process":1,"time":%d,"node":%q,"id":2}`, i+5, node))
	}
	r := from(t, Options{}, lines...)
	var told []string
	for _, o := range r.Operations {
		told = append(told, fmt.Sprintf("%s %d %d %s", o.Host, o.ID, o.Parent, o.Outcome))
	}
	require.Equal(t, []string{"a 1 0 pending", "a 2 1 ok", "b 3 0 pending", "b 4 3 ok"}, told)
	place, _ := r.Place(4)
	require.Equal(t, 5, place.Line)
}

// A file that says how far its clocks are off is read with that allowance.
func TestEpsilonOfTheFile(t *testing.T) {
	r := from(t, Options{Epsilon: time.Nanosecond}, `{"type":"info","process":"setup","f":"run","value":{"epsilon":10}}`,
		`{"type":"invoke","f":"read","process":0,"time":50,"id":1,"node":"a"}`, `{"type":"ok","f":"read","process":0,"time":60,"id":1,"node":"a"}`)
	require.EqualValues(t, 40, r.Operations[0].Call)
	require.EqualValues(t, 70, r.Operations[0].Return)
}

// No file may break the reader; and what it makes of any is written, and read again, as the same.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{:type :invoke, :f :cas, :value [3 4], :process 0, :time 50, :index 4}`+"\n"+`{:type :info, :f :cas, :value {:a #{1}}, :process 0, :time 60, :error [:x "y"]}`), true)
	f.Add([]byte(`[#jepsen.history.Op{:process :nemesis :type :info :f :kill :value [\a 1/2 nil]} ; and`+"\n"+`#_ 3]`), false)
	f.Add([]byte(written(f, everything())), false)
	f.Fuzz(func(t *testing.T, text []byte, keyed bool) {
		r, err := Read(bytes.NewReader(text), Options{Keyed: keyed, Bytes: 1 << 16, Operations: 1000})
		if err != nil {
			var broken *Error
			require.ErrorAs(t, err, &broken)
			require.LessOrEqual(t, broken.Line, bytes.Count(text, []byte("\n"))+1)
			return
		}
		for _, o := range r.Operations {
			require.LessOrEqual(t, o.Call, o.Return)
			_ = fmt.Sprint(o.In, o.Out)
		}
		once := written(t, r.History)
		again, err := Read(strings.NewReader(once), Options{})
		require.NoError(t, err, once)
		require.Equal(t, once, written(t, again.History))
	})
}

func BenchmarkRead(b *testing.B) {
	const operations = 100_000
	for name, text := range map[string]string{"edn": ednOf(operations), "jsonl": jsonOf(b, operations)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := Read(strings.NewReader(text), Options{})
				require.NoError(b, err)
				require.Len(b, r.Operations, operations)
			}
			b.ReportMetric(float64(b.N)*operations/b.Elapsed().Seconds(), "operations/s")
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	const operations = 100_000
	r, err := Read(strings.NewReader(jsonOf(b, operations)), Options{})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, Write(io.Discard, r.History))
	}
	b.ReportMetric(float64(b.N)*operations/b.Elapsed().Seconds(), "operations/s")
}

// ednOf is a register's history, of five clients that take turns.
func ednOf(operations int) string {
	var b strings.Builder
	for i := range operations {
		fmt.Fprintf(&b, "{:type :invoke, :f :write, :value %d, :process %d, :time %d, :index %d}\n", i, i%5, 2000*i, 2*i)
		fmt.Fprintf(&b, "{:type :ok, :f :write, :value %d, :process %d, :time %d, :index %d}\n", i, i%5, 2000*i+999, 2*i+1)
	}
	return b.String()
}

func jsonOf(t require.TestingT, operations int) string {
	h := &history.History{}
	for i := range operations {
		h.Operations = append(h.Operations, &history.Operation{ID: uint64(i + 1), Host: "client/1", Kind: "write", Call: history.Time(2000 * i), Return: history.Time(2000*i + 999),
			Outcome: history.Ok, In: []slog.Attr{slog.String("key", "k"), slog.Int("value", i)}, Out: []slog.Attr{slog.Int("version", i)}})
	}
	return written(t, h)
}
