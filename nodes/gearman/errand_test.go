package gearman

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// requestsOf makes so many jobs of one operation.
func requestsOf(t *testing.T, do, variant string, options *SubmitOptions, count int) (all []errand) {
	s := errands{client: "client-w/1", function: "work"}
	r := rand.New(rand.NewPCG(1, 2))
	for id := range count {
		e, err := s.make(nodes.Request{ID: uint64(id + 1), Do: do, Variant: variant, Options: options}, r, time.Unix(1000, 0))
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// If this failed, two jobs could be taken for one by those who judge the run.
func TestJobsAreUniqueUnlessTheyAreToCoalesce(t *testing.T) {
	uniques, payloads := map[string]bool{}, map[string]bool{}
	for _, e := range requestsOf(t, "submit", "", nil, 1000) {
		require.False(t, uniques[e.unique] || payloads[e.payload])
		require.NotEmpty(t, e.unique)
		uniques[e.unique], payloads[e.payload] = true, true
	}
}

// If this failed, a share in the scenario would not be the share in the run.
func TestSharesOfRepeatedAndUnnamedJobs(t *testing.T) {
	options := &SubmitOptions{Unique: nodes.PerMillion * 3 / 10, Unnamed: nodes.PerMillion / 5}
	last := map[string]int{}
	repeated, unnamed := 0, 0
	payload := map[string]string{}
	for i, e := range requestsOf(t, "submit-background", "", options, 10_000) {
		if e.unique == "" {
			unnamed++
			continue
		}
		if _, again := last[e.unique]; again {
			repeated++
			require.Equal(t, payload[e.unique], e.payload)
		} else {
			last[e.unique], payload[e.unique] = i, e.payload
		}
	}
	require.InDelta(t, 3000, repeated, 150)
	require.InDelta(t, 0.7*2000, unnamed, 120)
}

// If this failed, changing one share would change what becomes of every later request.
func TestAJobDrawsTheSameWhateverBecomesOfIt(t *testing.T) {
	plain := requestsOf(t, "submit", "high", nil, 50)
	varied := requestsOf(t, "submit", "high", &SubmitOptions{Unique: nodes.PerMillion / 2, Unnamed: nodes.PerMillion / 2, Payload: 1 << 10}, 50)
	fresh := 0
	for i := range plain {
		if varied[i].unique == "" || varied[i].unique == plain[i].unique {
			fresh++
			require.Equal(t, plain[i].payload, varied[i].payload[:len(plain[i].payload)])
			require.GreaterOrEqual(t, len(varied[i].payload), 1<<10)
		}
	}
	require.Greater(t, fresh, 10)
}

// If this failed, a variant would be submitted as something else.
func TestVariantsAreWhatTheyAreCalled(t *testing.T) {
	packets := map[string]Type{}
	for _, operation := range operations {
		for _, variant := range operation.Mix {
			e := requestsOf(t, operation.Name, variant, &SubmitOptions{Delay: time.Minute}, 1)[0]
			packets[operation.Name+" "+variant] = e.request
			require.Len(t, e.args(), forms[e.request].args)
			if e.request == SubmitJobEpoch {
				require.Equal(t, "1060", string(e.args()[2]))
			}
			if operation.Name == "submit-background" {
				require.True(t, e.background)
			}
		}
	}
	require.Equal(t, map[string]Type{
		"submit foreground": SubmitJob, "submit background": SubmitJobBG, "submit status": SubmitJobBG,
		"submit high": SubmitJobHigh, "submit low": SubmitJobLow, "submit background-high": SubmitJobHighBG,
		"submit background-low": SubmitJobLowBG, "submit epoch": SubmitJobEpoch, "submit reduce": SubmitReduceJob,
		"submit background-reduce": SubmitReduceJobBG, "submit-background background": SubmitJobBG,
		"submit-background status": SubmitJobBG, "submit-background high": SubmitJobHighBG,
		"submit-background low": SubmitJobLowBG, "submit-background epoch": SubmitJobEpoch,
		"submit-background reduce": SubmitReduceJobBG,
	}, packets)
	s := errands{}
	_, err := s.make(nodes.Request{Do: "submit", Variant: "sideways"}, rand.New(rand.NewPCG(1, 2)), time.Time{})
	require.ErrorContains(t, err, "sideways")
	_, err = s.make(nodes.Request{Do: "bake"}, rand.New(rand.NewPCG(1, 2)), time.Time{})
	require.ErrorContains(t, err, "bake")
}

// If this failed, a worker would compute something else than it says.
func TestResultsAreThoseOfTheFunctions(t *testing.T) {
	require.Equal(t, "3\n", string(Result("ann", "wc", []byte("a\nb\nc\n"))))
	require.Equal(t, "cba", string(Result("ann", "reverse", []byte("abc"))))
	require.Equal(t, "ann 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		string(Result("ann", "work", []byte("hello"))))
	require.Equal(t, "\ndc\nba", string(ReducedResult("ann", "reverse", "reverse", []byte("ba\ndc\n")))[:6])
}
