package command

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, what sixteen machines came to would not be what one had come to.
func TestShardsMergeIntoTheSweep(t *testing.T) {
	for _, c := range []struct {
		name string
		code int
		args []string
		of   int
	}{
		{"all of them", Violated, []string{"--seeds", "50", "--keep-going"}, 3},
		{"to the first violation", Violated, []string{"--seeds", "50", "--seed", "5"}, 4},
		{"nothing wrong", Good, []string{"--seeds", "24", "--set", "nodes.die.with.brittle=0"}, 5},
		{"never a six", Unknown, []string{"--seeds", "44", "--set", "claims.six.check={sometimes: it stands on its edge}", "--set", "nodes.die.with.brittle=0"}, 2},
		{"more shards than seeds", Good, []string{"--seeds", "2", "--set", "nodes.die.with.brittle=0"}, 3},
		{"one shard", Violated, []string{"--seeds", "20", "--keep-going"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := sitDown(t)
			run := append([]string{"tiny.yaml", "--seed", "1"}, c.args...)
			whole := d.does(c.code, append(run, "--out", "whole", "--junit", "whole.xml")...)
			var dirs []string
			for n := c.of; n > 0; n-- {
				out := fmt.Sprint("out-", n)
				_, _, code := d.types(append(run, "--out", out, "--shard", fmt.Sprintf("%d/%d", n, c.of), "--quiet")...)
				require.Contains(t, []int{Good, Violated}, code, "what only the whole can say, no shard says")
				found, err := os.ReadDir(out + "/tiny")
				require.NoError(t, err)
				for _, e := range found {
					if strings.HasPrefix(e.Name(), "sweep-") {
						require.True(t, strings.HasSuffix(e.Name(), fmt.Sprintf("-%d-of-%d", n, c.of)), e.Name())
						dirs = append(dirs, out+"/tiny/"+e.Name())
					}
				}
			}
			require.Len(t, dirs, c.of)
			merged := d.does(c.code, append([]string{"merge", "--out", "merged", "--junit", "merged.xml"}, dirs...)...)
			dir := strings.Split(dirs[0][len("out-"):], "/sweep-")[1]
			dir = "/tiny/sweep-" + dir[:16]
			d.same("whole"+dir, "merged"+dir)
			require.Equal(t, table(whole), table(merged))
			require.Equal(t, d.file("whole.xml"), d.file("merged.xml"))
			require.Equal(t, d.unmeasured(d.file("merged"+dir+"/batch.json")), d.unmeasured(d.does(c.code, append([]string{"merge", "--json"}, dirs...)...)))
			d.does(c.code, "resume", "merged"+dir, "--quiet")
		})
	}
}

// table is what is told of a batch, without times and places.
func table(text string) (lines []string) {
	_, text, _ = strings.Cut(text, " seeds from ")
	for line := range strings.Lines(text) {
		if !strings.Contains(line, " simulated ") && !strings.Contains(line, "/sweep-") && !strings.HasPrefix(line, "  simrun ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (t typist) file(name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// If this failed, a batch of which a part is missing would be told of as the whole.
func TestWhatIsNoSweepIsNotMerged(t *testing.T) {
	d := sitDown(t)
	shard := func(n string, args ...string) string {
		d.types(append([]string{"tiny.yaml", "--seed", "1", "--seeds", "9", "--keep-going", "--shard", n, "--quiet"}, args...)...)
		return "runs/" + sweepDir + "-" + strings.Replace(n, "/", "-of-", 1)
	}
	a, b := shard("1/3"), shard("2/3")
	require.Contains(t, d.does(NoStart, "merge", a, b), "shards are missing: 3/3")
	require.Contains(t, d.does(NoStart, "merge", a, b, a), "are the same shard, 1/3")
	require.Contains(t, d.does(NoStart, "merge", a, shard("2/2")), "is shard 2/2, but runs/"+sweepDir+"-1-of-3 is 1/3")
	require.Contains(t, d.does(NoStart, "merge", a, b, shard("3/3", "--set", "play.lasts=90ms")), "--set differs: none and play.lasts=90ms")
	require.Contains(t, d.does(NoStart, "merge", a, b, shard("3/3", "--seeds", "10")), "--seeds differs: 9 and 10")

	last := shard("3/3")
	require.NoError(t, os.Remove(last+"/batch.json"))
	require.Contains(t, d.does(NoStart, "merge", a, b, last), "was interrupted; simrun resume "+last+" goes on")
	d.types("resume", last, "--quiet")
	d.does(Violated, "merge", a, b, last, "--quiet")
	require.Contains(t, d.does(NoStart, "merge", "runs/"+sweepDir), "is a whole sweep, and no shard of one")
	require.NoError(t, os.WriteFile("tiny.yaml", []byte(strings.Replace(tiny, "100ms", "101ms", 1)), 0o644))
	require.Contains(t, d.does(NoStart, "merge", a, b, last), "the text of tiny.yaml differs")
	require.Contains(t, d.does(NoStart, "merge", "."), "not the directory of a sweep")

	require.Contains(t, d.does(NoStart, "tiny.yaml", "--shard", "1/3"), "--shard needs --seed")
	require.Contains(t, d.does(NoStart, "tiny.yaml", "--seed", "1", "--shard", "0/3"), `"0/3" is not a shard: say 3/16`)
}
