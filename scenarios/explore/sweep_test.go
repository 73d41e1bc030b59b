package explore

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/scenarios"
	"simrun/sim/luck"
)

// weather stands in for a world: what becomes of a seed is a function of the seed, how long it takes is not.
func weather(seed luck.Seed, verdict scenarios.Verdict) *scenarios.Result {
	for range luck.Mix(uint64(seed), 1) % 50 {
		runtime.Gosched()
	}
	return &scenarios.Result{Scenario: "weather", Seed: scenarios.FormatSeed(seed), Verdict: verdict, SimulatedSeconds: 10,
		Claims: []scenarios.ClaimResult{{Claim: "dry", Expect: scenarios.Holds, Verdict: verdict}}, Sometimes: map[string]int{}}
}

// If this failed, the same command would tell of another violation on a machine with more cores.
func TestASweepTellsTheSameOnAnyNumberOfCores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := luck.Seed(rapid.Uint64().Draw(t, "base"))
		count := rapid.IntRange(1, 60).Draw(t, "count")
		rare := rapid.Uint64Range(1, 40).Draw(t, "one seed in")
		keepGoing := rapid.Bool().Draw(t, "keep going")
		tell := func(jobs int) (told []string, batch *Batch) {
			batch, err := Sweep{Base: base, Count: count, Jobs: jobs, KeepGoing: keepGoing,
				Run: func(turn Turn) (*scenarios.Result, error) {
					if luck.Mix(uint64(turn.Seed), 2)%rare == 0 {
						return weather(turn.Seed, scenarios.Violated), nil
					}
					return weather(turn.Seed, scenarios.Holds), nil
				},
				Each: func(_ *Batch, e *Entry) { told = append(told, e.Seed) },
			}.Do()
			require.NoError(t, err)
			return told, batch
		}
		told, batch := tell(1)
		for _, jobs := range []int{2, 7} {
			again, same := tell(jobs)
			require.Equal(t, told, again)
			require.Equal(t, batch, same)
		}
		require.Len(t, told, batch.Seeds)
		for i, seed := range told {
			require.Equal(t, scenarios.FormatSeed(scenarios.SeedAt(base, i)), seed)
		}
		if batch.Verdict == scenarios.Holds || keepGoing {
			require.Equal(t, count, batch.Seeds)
		} else {
			require.Equal(t, told[len(told)-1], batch.Failures[0].Seed, "it stops at the first violation")
			require.Len(t, batch.Failures, 1)
		}
	})
}

// If this failed, --for would never end, or would throw away the seeds that were under way.
func TestASweepEndsWhenItsTimeIsUp(t *testing.T) {
	asked, ran := 0, 0
	batch, err := Sweep{Base: 1, Jobs: 3,
		More: func() bool { asked++; return asked <= 10 },
		Run:  func(turn Turn) (*scenarios.Result, error) { return weather(turn.Seed, scenarios.Holds), nil },
		Each: func(*Batch, *Entry) { ran++ },
	}.Do()
	require.NoError(t, err)
	require.Equal(t, 10, ran)
	require.Equal(t, 10, batch.Seeds)
	require.EqualValues(t, 100, batch.SimulatedSeconds)
}

func TestASweepNamesTheSeedThatCouldNotBeRun(t *testing.T) {
	broken := errors.New("no such plan")
	bad := scenarios.SeedAt(1, 5)
	batch, err := Sweep{Base: 1, Count: 40, Run: func(turn Turn) (*scenarios.Result, error) {
		if turn.Seed == bad {
			return nil, broken
		}
		return weather(turn.Seed, scenarios.Holds), nil
	}}.Do()
	require.ErrorIs(t, err, broken)
	require.Equal(t, 5, batch.Seeds)
}

// If this failed, a batch would pass in which the storm never struck, or fail one that was too small to say.
func TestABatchDecidesWhatNoRunCanDecideAlone(t *testing.T) {
	type claims = []scenarios.ClaimResult
	seen := claims{{Claim: "bites", Expect: scenarios.Holds, Verdict: scenarios.Holds}}
	unseen := claims{{Claim: "bites", Expect: scenarios.Holds, Verdict: scenarios.Unknown, State: "vacuous"}}
	weak := claims{{Claim: "weak", Expect: scenarios.Violated, Verdict: scenarios.Violated}}
	strong := claims{{Claim: "weak", Expect: scenarios.Violated, Verdict: scenarios.Holds}}
	holds := claims{{Claim: "dry", Expect: scenarios.Holds, Verdict: scenarios.Holds}}
	wet := claims{{Claim: "dry", Expect: scenarios.Holds, Verdict: scenarios.Violated}}
	vacuous := claims{{Claim: "dry", Expect: scenarios.Holds, Verdict: scenarios.Unknown, State: "vacuous"}}
	exhausted := claims{{Claim: "dry", Expect: scenarios.Holds, Verdict: scenarios.Unknown}}
	for _, c := range []struct {
		name  string
		seeds int
		most  claims // of every seed but the last
		last  claims
		run   scenarios.Verdict // of the last seed alone
		batch scenarios.Verdict
	}{
		{"a sometimes that came once", 20, unseen, seen, scenarios.Holds, scenarios.Holds},
		{"a sometimes that never came", 20, unseen, unseen, scenarios.Holds, scenarios.Unknown},
		{"too few seeds for a sometimes", 19, unseen, unseen, scenarios.Holds, scenarios.Holds},
		{"a known weakness that showed", 20, strong, weak, scenarios.Holds, scenarios.Holds},
		{"a known weakness that never showed", 20, strong, strong, scenarios.Holds, scenarios.Unknown},
		{"too few seeds for a weakness", 19, strong, strong, scenarios.Holds, scenarios.Holds},
		{"decided in one seed", 20, vacuous, holds, scenarios.Holds, scenarios.Holds},
		{"decided in none", 20, vacuous, vacuous, scenarios.Holds, scenarios.Unknown},
		{"decided in none of too few", 19, vacuous, vacuous, scenarios.Holds, scenarios.Holds},
		{"a budget that ran out", 2, holds, exhausted, scenarios.Unknown, scenarios.Unknown},
		{"a violation", 20, holds, wet, scenarios.Violated, scenarios.Violated},
		{"a violation besides a budget that ran out", 2, exhausted, wet, scenarios.Violated, scenarios.Violated},
	} {
		b := NewBatch(1, nil)
		var result *scenarios.Result
		for i := range c.seeds {
			claims := c.most
			if i == c.seeds-1 {
				claims = c.last
			}
			result = &scenarios.Result{Seed: scenarios.FormatSeed(scenarios.SeedAt(1, i)), Claims: claims, Sometimes: map[string]int{"bites": 0}}
			b.Add(result)
		}
		b.conclude()
		require.Equal(t, c.run, result.Judge(), c.name)
		require.Equal(t, c.batch, b.Verdict, c.name)
	}
}

// If this failed, a weakness that one value of a matrix is expected to show would be held against the others, or hide theirs.
func TestValuesOfAMatrixMayExpectDifferentThings(t *testing.T) {
	judged := func(synced, unsynced scenarios.Verdict) scenarios.Verdict {
		b := NewBatch(1, nil)
		for i := range 20 {
			seed := scenarios.FormatSeed(scenarios.SeedAt(1, i))
			b.Add(&scenarios.Result{Seed: seed, Value: "synced", Claims: []scenarios.ClaimResult{{Claim: "dry", Expect: scenarios.Holds, Verdict: synced}}})
			b.Add(&scenarios.Result{Seed: seed, Value: "unsynced", Claims: []scenarios.ClaimResult{{Claim: "dry", Expect: scenarios.Violated, Verdict: unsynced}}})
		}
		b.conclude()
		require.Len(t, b.ByClaim(), 2)
		return b.Verdict
	}
	require.Equal(t, scenarios.Holds, judged(scenarios.Holds, scenarios.Violated))
	require.Equal(t, scenarios.Violated, judged(scenarios.Violated, scenarios.Violated))
	require.Equal(t, scenarios.Unknown, judged(scenarios.Holds, scenarios.Holds), "the weakness never showed")
}

// If this failed, a fault that touches nothing would pass for one that was tried.
func TestABatchAddsUpTheLedger(t *testing.T) {
	b := NewBatch(1, nil)
	b.Add(&scenarios.Result{Seed: "a", Sometimes: map[string]int{}, Claims: []scenarios.ClaimResult{{Claim: "dry", Expect: scenarios.Holds, Verdict: scenarios.Violated}},
		Faults: []scenarios.FaultResult{{Verb: "pause", Armed: 1, Fired: 1, Effects: 3}, {Verb: "crash", Armed: 1}, {Verb: "pause", Armed: 1, Fired: 1, Effects: 9}}})
	b.Add(&scenarios.Result{Seed: "b", Sometimes: map[string]int{}, Findings: []scenarios.Finding{{Kind: "node panic"}, {Kind: "node panic"}},
		Faults: []scenarios.FaultResult{{Verb: "pause", Armed: 2, Fired: 1}}})
	b.conclude()
	require.Equal(t, []BatchFault{{Verb: "crash", Armed: 1, Runs: map[scenarios.Verdict]int{}},
		{Verb: "pause", Armed: 4, Fired: 3, WithEffect: 2, Runs: map[scenarios.Verdict]int{scenarios.Violated: 1}}}, b.Faults)
	require.Equal(t, []string{"crash"}, b.WithoutEffect)
	require.Equal(t, []Failure{{Seed: "a", Verdict: scenarios.Violated, Claims: []string{"dry"}},
		{Seed: "b", Verdict: scenarios.Violated, Claims: []string{}, Findings: []string{"node panic"}}}, b.Failures)
}

// If this failed, code that no run has ever come to would not be told from code that was tried.
func TestABatchSaysWhatWasNeverReached(t *testing.T) {
	reached := [][]string{{"a tail was torn", "two jobs coalesced"}, {"two jobs coalesced"}, {}}
	sweep := func(seeds int) *Batch {
		n := 0
		b, err := Sweep{Base: 7, Count: seeds, Jobs: 1, Probes: []string{"two jobs coalesced", "a store was full", "a tail was torn"},
			Run: func(turn Turn) (*scenarios.Result, error) {
				n++
				return &scenarios.Result{Seed: scenarios.FormatSeed(turn.Seed), Sometimes: map[string]int{}, Reached: reached[turn.Index%3]}, nil
			}}.Do()
		require.NoError(t, err)
		return b
	}
	first, second := scenarios.FormatSeed(scenarios.SeedAt(7, 0)), scenarios.FormatSeed(scenarios.SeedAt(7, 1))
	require.NotEqual(t, first, second)
	b := sweep(6)
	require.Equal(t, []BatchProbe{{"a store was full", 0, ""}, {"a tail was torn", 2, first}, {"two jobs coalesced", 4, first}}, b.Probes)
	require.Equal(t, []string{"a store was full"}, b.NeverReached())
	require.Equal(t, scenarios.Holds, b.Verdict, "it is told, and nothing is judged by it")
}

// arithmetic is a check that only a batch can decide: whether figures add up over all values of a matrix.
type arithmetic struct{ least float64 }

func (arithmetic) Judge(*evidence.Evidence) checkers.Judgement { panic("not asked here") }

func (a arithmetic) JudgeBatch(points []checkers.Point) checkers.Judgement {
	sum, text := 0.0, ""
	for _, p := range points {
		text += p.Value + ":"
		for _, run := range p.Runs {
			sum += run.Data["n"]
			text += fmt.Sprintf(" %v", run.Data["n"])
		}
		text += ";"
	}
	if sum < a.least {
		return checkers.Judgement{Verdict: checkers.Violated, Figure: text, Reason: "too little"}
	}
	return checkers.Judgement{Verdict: checkers.Holds, Figure: text}
}

// If this failed, a claim about a whole matrix would be judged by one of its points.
func TestAClaimAboutManyRunsIsJudgedOverAllOfThem(t *testing.T) {
	for least, want := range map[float64]scenarios.Verdict{20: scenarios.Holds, 22: scenarios.Violated} {
		batch, err := Sweep{Base: 1, Count: 2, Values: 3,
			Claims: []scenarios.Claim{{Name: "sum", Config: arithmetic{least}}},
			Run: func(turn Turn) (*scenarios.Result, error) {
				return &scenarios.Result{Seed: scenarios.FormatSeed(turn.Seed), Value: fmt.Sprint("v", turn.Value), Claims: []scenarios.ClaimResult{
					{Claim: "dry", Expect: scenarios.Holds, Verdict: scenarios.Holds},
					{Claim: "sum", Expect: scenarios.Holds, Verdict: scenarios.Unknown, State: "vacuous", Data: map[string]float64{"n": float64(turn.Index*turn.Value*10) / 1.5}},
				}}, nil
			}}.Do()
		require.NoError(t, err)
		require.Equal(t, want, batch.Verdict)
		require.Equal(t, 2, batch.Seeds)
		require.Len(t, batch.Claims, 4, "dry at three values, and the sum once")
		sum := batch.Claims[1]
		require.True(t, sum.Overall)
		require.Equal(t, want, sum.Verdict)
		require.Equal(t, 6, sum.Unknown)
		require.Equal(t, "v0: 0 0;v1: 0 6.666666666666667;v2: 0 13.333333333333334;", sum.Figure)
	}
}
