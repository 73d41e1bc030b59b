package command

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/scenarios"
)

const coin = `scenario: coin
sites:
  here: {}
nodes:
  thrower: {run: test.thrower, site: here}
phases:
  - phase: play
    lasts: 3s
claims:
  - claim: nothing-torn
    check: {sometimes: died with write unsynced}
`

// thrower is a node that reaches past its Env: what it does hangs on how often the process ran it before.
func thrower() nodes.Kind {
	lives := 0
	return nodes.Kind{Name: "test.thrower", Role: nodes.Server, Doc: "Cheats.", Main: func(env nodes.Env, _ any) error {
		lives++
		for i := range 100 {
			env.Record().Note("throw")
			pause := time.Millisecond
			if i == 50 {
				pause *= time.Duration(lives)
			}
			if err := env.Sleep(pause); err != nil {
				return err
			}
		}
		return env.AwaitStop()
	}}
}

// If this failed, a node that is not deterministic would be found out by nobody: its runs would be told as if
// they could be had again.
func TestANodeThatCheatsIsFoundOut(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("coin.yaml", []byte(coin), 0o644))
	run := func(args ...string) (string, int) {
		var out, errs bytes.Buffer
		code := Program{Catalog: scenarios.Catalog{Kinds: []nodes.Kind{thrower()}}, Args: args, Name: "simrun", Out: &out, Err: &errs}.Run()
		return out.String() + errs.String(), code
	}
	said, code := run("coin.yaml", "--seed", "1")
	require.Equal(t, Good, code, said)

	said, code = run("replay", "coin.yaml@2")
	require.Equal(t, Diverged, code, said)
	require.Contains(t, said, "coin diverged: the same seed took another course")
	require.Regexp(t, `✗ the two runs differ from step \d+ on, at 0\.05[0-2]s`, said)
	require.Regexp(t, `(?m)^  was  .*throw.*\n  is   .*throw`, said, "both sides of the first step that differs")

	said, code = run("coin.yaml", "--seed", "1", "--seeds", "20", "--jobs", "1")
	require.Equal(t, Diverged, code, said)
	require.Contains(t, said, "coin diverged in 1 of 20 runs")
	require.Contains(t, said, "✗ the two runs differ from step ")
	require.Contains(t, said, "\n  simrun replay coin@")
}
