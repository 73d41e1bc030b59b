package export

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/reports/internal/looked"
	"simrun/reports/recording"
	"simrun/sim/simtest/golden"
)

func small(t *testing.T) *recording.Recording {
	r, err := looked.At("../internal/looked/forgetful.yaml", "2", "nodes.server.with.queue=journal", "nodes.server.with.sync=interval")
	require.NoError(t, err)
	return r
}

func storms(t *testing.T) map[string]*recording.Recording {
	all := map[string]*recording.Recording{"small": small(t)}
	for name, seed := range map[string]string{"thunderstorm": "8"} {
		r, err := looked.At(name, seed)
		require.NoError(t, err)
		all[name] = r
	}
	return all
}

func written(t *testing.T, write func(*bytes.Buffer) error) string {
	var b bytes.Buffer
	require.NoError(t, write(&b))
	return b.String()
}

func TestATraceIsTheSameEachTime(t *testing.T) {
	trace := written(t, func(b *bytes.Buffer) error { return Trace(b, small(t)) })
	golden.Equal(t, "testdata/trace.json", trace)
	golden.Equal(t, "testdata/shiviz.log", written(t, func(b *bytes.Buffer) error { r := small(t); return ShiViz(b, r, r.Slice()) }))
}

// traced is an event as a reader of the format has it.
type traced struct {
	Ph   string
	Pid  int
	Tid  int
	Ts   json.Number
	Dur  json.Number
	Name string
	Cat  string
	ID   string
	Bp   string
	S    string
	Args map[string]any
}

// nanos is a time of a trace in nanoseconds: a float would round it.
func nanos(t *testing.T, n json.Number) int64 {
	text, rest, _ := strings.Cut(n.String(), ".")
	whole, err := strconv.ParseInt(text+(rest + "000")[:3], 10, 64)
	require.NoError(t, err)
	return whole
}

// If this failed, Perfetto or Chrome would not open a trace, or show what did not happen. The rules are the format's own: slices
// of a track nest; what begins asynchronously ends, later, under the same id; a flow has one end of each sort, bound to a slice
// that is there; counters are numbers; every process and track has a name.
func TestATraceKeepsTheRulesOfItsFormat(t *testing.T) {
	for name, r := range storms(t) {
		t.Run(name, func(t *testing.T) {
			var trace struct {
				DisplayTimeUnit string
				TraceEvents     []traced
			}
			decoder := json.NewDecoder(strings.NewReader(written(t, func(b *bytes.Buffer) error { return Trace(b, r) })))
			decoder.UseNumber()
			require.NoError(t, decoder.Decode(&trace))
			require.Equal(t, "ms", trace.DisplayTimeUnit)
			type track struct{ pid, tid int }
			type slice struct{ from, to int64 }
			slices_, names := map[track][]slice{}, map[track]bool{}
			open, flows, counters := map[string]traced{}, map[string][]traced{}, 0
			for _, e := range trace.TraceEvents {
				at := track{e.Pid, e.Tid}
				switch e.Ph {
				case "M":
					names[at] = true
				case "X":
					from := nanos(t, e.Ts)
					require.True(t, names[at], "track %v has no name", at)
					slices_[at] = append(slices_[at], slice{from, from + nanos(t, e.Dur)})
				case "b":
					_, twice := open[e.Cat+e.ID]
					require.False(t, twice, "%s begins twice", e.ID)
					open[e.Cat+e.ID] = e
				case "e":
					begin, found := open[e.Cat+e.ID]
					require.True(t, found, "%s ends and did not begin", e.Name)
					require.Equal(t, []any{begin.Name, begin.Pid}, []any{e.Name, e.Pid})
					require.LessOrEqual(t, nanos(t, begin.Ts), nanos(t, e.Ts))
					delete(open, e.Cat+e.ID)
				case "s", "f":
					flows[e.ID] = append(flows[e.ID], e)
				case "C":
					counters++
					_, number := e.Args["value"].(json.Number)
					require.True(t, number)
				case "i":
					require.Equal(t, "t", e.S)
				default:
					t.Fatalf("an event of the phase %q", e.Ph)
				}
				require.NotZero(t, e.Pid)
			}
			require.Empty(t, open, "what begins, ends")
			require.NotZero(t, counters)
			for at, of := range slices_ {
				slices.SortStableFunc(of, func(a, b slice) int {
					if a.from != b.from {
						return int(a.from - b.from)
					}
					return int(b.to - a.to)
				})
				var stack []slice
				for _, s := range of {
					for len(stack) > 0 && stack[len(stack)-1].to <= s.from && stack[len(stack)-1] != s {
						stack = stack[:len(stack)-1]
					}
					if len(stack) > 0 && s.to > stack[len(stack)-1].to {
						t.Fatalf("slices of track %v overlap", at)
					}
					stack = append(stack, s)
				}
			}
			arrived := 0
			for _, m := range r.Messages {
				if m.Lost == "" {
					arrived++
				}
			}
			require.Len(t, flows, arrived, "a flow for each message that arrived")
			for id, ends := range flows {
				require.Len(t, ends, 2, id)
				slices.SortFunc(ends, func(a, b traced) int { return strings.Compare(b.Ph, a.Ph) })
				require.Equal(t, "sf", ends[0].Ph+ends[1].Ph)
				require.Equal(t, "e", ends[1].Bp)
				require.LessOrEqual(t, nanos(t, ends[0].Ts), nanos(t, ends[1].Ts), "it is heard after it was said")
				for _, e := range ends {
					_, on := slices.BinarySearchFunc(slices_[track{e.Pid, e.Tid}], nanos(t, e.Ts), func(s slice, at int64) int { return int(s.from - at) })
					require.True(t, on, "a flow's end is on a slice")
				}
			}
		})
	}
}

// If this failed, ShiViz would refuse a log, or draw arrows that no message went. A host's own clock counts its events from 1; a
// clock never goes back, and holds no more of another host than that host has told.
func TestALogForShiVizKeepsItsRules(t *testing.T) {
	for name, r := range storms(t) {
		t.Run(name, func(t *testing.T) {
			parser, rest, found := strings.Cut(written(t, func(b *bytes.Buffer) error { return ShiViz(b, r, r.Slice()) }), "\n")
			require.True(t, found)
			delimiter, log, found := strings.Cut(rest, "\n")
			require.True(t, found)
			require.Empty(t, delimiter)
			events := regexp.MustCompile(strings.ReplaceAll(parser, "(?<", "(?P<")).FindAllStringSubmatch(log, -1)
			require.Equal(t, strings.Count(log, "\n"), 2*len(events), "each line is of an event")
			require.NotEmpty(t, events)
			require.LessOrEqual(t, len(events), mostShiViz)
			clocks := map[string]map[string]int{}
			for _, e := range events {
				host := e[2]
				clock := map[string]int{}
				require.NoError(t, json.Unmarshal([]byte(e[3]), &clock))
				before := clocks[host]
				require.Equal(t, before[host]+1, clock[host], "%s counts its events", host)
				for other, n := range before {
					if clock[other] < n {
						t.Fatalf("the clock of %s goes back", host)
					}
				}
				for other, n := range clock {
					if other != host && n > clocks[other][other] {
						t.Fatalf("%s knows of %s what has not happened", host, other)
					}
				}
				clocks[host] = clock
			}
		})
	}
}

// BenchmarkTrace is what a trace of a storm costs.
func BenchmarkTrace(b *testing.B) {
	r, err := looked.At("thunderstorm", "8")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		require.NoError(b, Trace(&out, r))
		b.SetBytes(int64(out.Len()))
	}
}
