package jepsen_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/checks"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/nodes/history"
	"simrun/nodes/history/jepsen"
	"simrun/scenarios"
)

// If this failed, a run that is judged from its file would be another run: each check of each scenario must come to
// the same, to the last word of its story.
func TestARunIsJudgedTheSameFromItsFile(t *testing.T) {
	violated := 0
	for _, name := range []string{"thunderstorm", "every-weather", "no-journal", "flaky-workers", "bad-disks", "calm-day"} {
		s, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: []nodes.Kind{gearman.Server, gearman.Worker, gearman.Client}}})
		require.NoError(t, err, name)
		run := scenarios.Draw(s.Specs[0], scenarios.SeedAt(3, 0)).Run(scenarios.RunOptions{})
		var file bytes.Buffer
		require.NoError(t, jepsen.Write(&file, run.History))
		again, err := jepsen.Read(bytes.NewReader(file.Bytes()), jepsen.Options{Name: name})
		require.NoError(t, err)
		live, filed := evidence.Gather(run.History), evidence.Gather(again.History)
		for _, claim := range run.Plan.Claims {
			j := claim.Config.Judge(live)
			require.Equal(t, j, claim.Config.Judge(filed), "%s of %s", claim.Name, name)
		}
		for _, d := range checks.All() {
			j := asked(d).Judge(live)
			require.Equal(t, j, asked(d).Judge(filed), "%s of %s", d.Name, name)
			if j.Verdict == checkers.Violated {
				violated++
			}
		}
	}
	require.NotZero(t, violated, "what is violated tells the most")
}

// asked is a check with its defaults, about what the operations of these scenarios are.
func asked(d checkers.Definition) checkers.Check {
	c := d.New()
	if of := reflect.ValueOf(c).Elem().FieldByName("Of"); of.IsValid() && of.Type() == reflect.TypeFor[string]() {
		of.SetString("submit")
	}
	return c
}

// What a file of a run says in its first lines is what a reader wants to know first.
func TestAFileBeginsWithTheWorld(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, jepsen.Write(&file, &history.History{Scenario: "calm-day", Seed: "7", End: 3}))
	require.True(t, strings.HasPrefix(file.String(), `{"index":0,"time":0,"type":"info","process":"setup","f":"run","value":{"scenario":"calm-day","seed":"7","end":3}}`))
}
