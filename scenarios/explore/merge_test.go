package explore

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// A sky is a made-up scenario: what becomes of a seed at a value is a function of both.
type sky struct {
	Sweep
	wet, odd uint64 // one run in so many is violated, is unknown
}

func (s sky) run(turn Turn) (*scenarios.Result, error) {
	chance := func(what uint64) uint64 { return luck.Mix(uint64(turn.Seed)+uint64(turn.Value), what) }
	verdict, state := scenarios.Holds, ""
	switch {
	case chance(1)%s.wet == 0:
		verdict = scenarios.Violated
	case chance(2)%s.odd == 0:
		verdict = scenarios.Unknown
	case chance(3)%5 == 0:
		verdict, state = scenarios.Unknown, "vacuous"
	}
	r := weather(turn.Seed, verdict)
	r.Value = fmt.Sprint("v=", turn.Value)
	r.SimulatedSeconds = float64(chance(4)%1_000_000_007) / 1e9
	r.Steps, r.Messages, r.Operations = chance(5)%1000, chance(6)%1000, int(chance(7)%1000)
	r.Claims[0].State, r.Claims[0].Story = state, []string{"it rained"}
	r.Claims = append(r.Claims, scenarios.ClaimResult{Claim: "sum", Expect: scenarios.Holds, Verdict: scenarios.Unknown, State: "vacuous",
		Data: map[string]float64{"n": float64(chance(8)) / 1.7}})
	for i := range chance(9) % 4 {
		r.Faults = append(r.Faults, scenarios.FaultResult{Verb: []string{"crash", "jam", "pause", "stop"}[chance(10+i)%4], Armed: 1,
			Fired: int(chance(20+i) % 2), Effects: int64(chance(30+i) % 3)})
	}
	for i := range chance(50) % 3 {
		r.Reached = append(r.Reached, fmt.Sprint("probe ", i))
	}
	r.Measured = &scenarios.Measured{WallSeconds: float64(chance(40)%100) / 1e3}
	return r, nil
}

// do runs a sweep and writes it down; it gives what the batch is as JSON, and its lines.
func (s sky) do(t require.TestingT, past []string) (batch string, lines []string) {
	s.Run = s.run
	s.Each = func(_ *Batch, e *Entry) {
		text, err := json.Marshal(e)
		require.NoError(t, err)
		lines = append(lines, string(text))
	}
	s.Look = func(f *Failure) *Cause {
		return &Cause{Claim: "dry", Faults: []string{[]string{"crash", "jam"}[len(f.Seed+f.Value)%2]}, Anomaly: f.Seed[:1]}
	}
	s.Past = read(past)
	b, err := s.Sweep.Do()
	require.NoError(t, err)
	return printed(t, b), lines
}

func read(lines []string) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for _, line := range lines {
			e := &Entry{}
			if err := json.Unmarshal([]byte(line), e); !yield(e, err) {
				return
			}
		}
	}
}

func printed(t require.TestingT, b *Batch) string {
	text, err := json.Marshal(b)
	require.NoError(t, err)
	return string(text)
}

func drawSky(t *rapid.T) sky {
	return sky{Sweep{Scenario: "weather", Base: luck.Seed(rapid.Uint64().Draw(t, "base")), Count: rapid.IntRange(1, 80).Draw(t, "count"),
		Values: rapid.IntRange(1, 3).Draw(t, "values"), KeepGoing: rapid.Bool().Draw(t, "keep going"), Jobs: rapid.IntRange(1, 3).Draw(t, "jobs"),
		Probes: []string{"probe 0", "probe 7"},
		Verbs:  []scenarios.Verb{"crash", "exhaust", "jam"},
		Claims: []scenarios.Claim{{Name: "sum", Config: arithmetic{least: 1}}}},
		rapid.Uint64Range(1, 60).Draw(t, "one run in so many is violated"), rapid.Uint64Range(2, 60).Draw(t, "and unknown")}
}

// If this failed, a CI matrix would tell of another batch than one machine, or a machine that was killed of
// another than one that was not.
func TestASweepInPartsIsTheSweep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSky(t)
		whole, lines := s.do(t, nil)

		var told Batch
		require.NoError(t, json.Unmarshal([]byte(whole), &told))
		looked := told.Verdicts[scenarios.Violated] - told.Unexplained()
		require.Equal(t, min(told.Verdicts[scenarios.Violated], 20), looked, "the first failures are looked into")

		cut := rapid.IntRange(0, len(lines)).Draw(t, "interrupted after")
		again, more := s.do(t, lines[:cut])
		require.Equal(t, whole, again, "interrupted and gone on with")
		require.Equal(t, lines, more)

		of := rapid.IntRange(1, 9).Draw(t, "shards")
		var parts []Part
		for n := of; n > 0; n-- {
			shard := s
			shard.Shard = Shard{n, of}
			batch, lines := shard.do(t, nil)
			p := Part{Name: shard.Shard.String(), Shard: shard.Shard, Entries: read(lines), Batch: &Batch{}}
			require.NoError(t, json.Unmarshal([]byte(batch), p.Batch))
			parts = append(parts, p)
		}
		merged, err := s.Merge(parts)
		require.NoError(t, err)
		require.Equal(t, whole, printed(t, merged), "cut into shards and merged")
	})
}

// If this failed, a batch would be told of as whole of which a part is missing.
func TestAMergeWantsEachShardOnce(t *testing.T) {
	s := sky{Sweep{Base: 7, Count: 20, KeepGoing: true}, 1000, 1000}
	part := func(n, of int) Part {
		shard := s
		shard.Shard = Shard{n, of}
		_, lines := shard.do(t, nil)
		return Part{Name: fmt.Sprint("dir-", n), Shard: shard.Shard, Entries: read(lines), Batch: &Batch{}}
	}
	_, err := s.Merge(nil)
	require.ErrorContains(t, err, "nothing to merge")
	_, err = s.Merge([]Part{part(1, 4), part(3, 4)})
	require.ErrorContains(t, err, "shards are missing: 2/4 4/4")
	_, err = s.Merge([]Part{part(1, 2), part(2, 2), part(2, 2)})
	require.ErrorContains(t, err, "dir-2 and dir-2 are the same shard, 2/2")
	_, err = s.Merge([]Part{part(1, 2), part(2, 3)})
	require.ErrorContains(t, err, "dir-2 is shard 2/3, but dir-1 is 1/2")

	short := part(2, 2)
	_, lines := s.do(t, nil)
	short.Entries = read(lines[1:2])
	_, err = s.Merge([]Part{part(1, 2), short})
	require.ErrorContains(t, err, "dir-2 has 1 of its 10 runs")
	short.Entries = read(lines[:2])
	_, err = s.Merge([]Part{part(1, 2), short})
	require.ErrorContains(t, err, "dir-2: turn 0, of seed 0000000000000007, is not the one that follows")
	short.Entries = read([]string{"{"})
	_, err = s.Merge([]Part{part(1, 2), short})
	require.ErrorContains(t, err, "dir-2: unexpected end")

	s.Past = read(lines[1:])
	_, err = s.Do()
	require.ErrorContains(t, err, "is not the one that follows")
}

// Every seed is in one shard, and all shards are as large as each other, but for one.
func TestShardsDealOutTheSeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of, count := rapid.IntRange(1, 40).Draw(t, "shards"), rapid.IntRange(0, 200).Draw(t, "seeds")
		seen := make([]int, count)
		for n := 1; n <= of; n++ {
			shard, err := ParseShard(fmt.Sprintf("%d/%d", n, of))
			require.NoError(t, err)
			require.Contains(t, []int{count / of, count/of + 1}, shard.share(count))
			for i := range shard.share(count) {
				seen[shard.seed(i)]++
			}
		}
		require.Equal(t, slices.Repeat([]int{1}, count), seen)
	})
	for _, bad := range []string{"", "3", "0/4", "5/4", "a/4", "-1/4", "1/0", "1/4/4", "1/99999999"} {
		_, err := ParseShard(bad)
		require.ErrorContains(t, err, "is not a shard", bad)
	}
}

// If this failed, a time that was added up in another order would be another time, or a year of weather a
// million times over would overflow.
func TestTimesAddUpInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOf(rapid.Float64Range(0, 1e14)).Draw(t, "seconds")
		var there, back span
		for i := range times {
			there.add(times[i])
			back.add(times[len(times)-1-i])
		}
		require.Equal(t, there, back)
	})
}

// The shards of a sweep without an end are as far as each of them came.
func TestShardsOfASweepThatTimeEnds(t *testing.T) {
	s := sky{Sweep{Base: 7, KeepGoing: true}, 1000, 1000}
	var parts []Part
	for n, runs := range []int{5, 3} {
		shard, left := s, runs
		shard.Shard, shard.Jobs = Shard{n + 1, 2}, 1
		shard.More = func() bool { left--; return left >= 0 }
		_, lines := shard.do(t, nil)
		require.Len(t, lines, runs)
		parts = append(parts, Part{Name: fmt.Sprint(n), Shard: shard.Shard, Entries: read(lines), Batch: &Batch{}})
	}
	merged, err := s.Merge(parts)
	require.NoError(t, err)
	require.Equal(t, 8, merged.Seeds)
}
