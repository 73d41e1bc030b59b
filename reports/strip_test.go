package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/reports/internal/looked"
	"simrun/sim/simtest/golden"
)

// A build's log alone tells what happened: the story, with what the disks were told, and who said what to whom when.
func TestALogAloneTellsWhatHappened(t *testing.T) {
	r, err := looked.At("internal/looked/forgetful.yaml", "2", "nodes.server.with.queue=journal", "nodes.server.with.sync=interval")
	require.NoError(t, err)
	for _, width := range []int{80, 100} {
		var b bytes.Buffer
		require.NoError(t, (&Terminal{Out: &b, Command: "simrun", Width: width}).Violation(r.Result, Kept{Told: r}))
		for line := range strings.Lines(b.String()) {
			require.LessOrEqual(t, runes(strings.TrimRight(line, "\n")), width, line)
		}
		if width == 80 {
			golden.Equal(t, "testdata/strip.txt", b.String())
		}
	}
}

// However many take part, and however narrow the terminal, no line is too long and the verdict is drawn.
func TestAStripFitsAnyTerminal(t *testing.T) {
	r, err := looked.At("no-journal", "e3bb0a1e6572c98a", "claims.no-job-lost.expect=holds")
	require.NoError(t, err)
	slice := r.Slice()
	slice.Hosts = nil
	for _, h := range r.History.Hosts {
		slice.Hosts = append(slice.Hosts, h.Name)
	}
	for width := 40; width <= 100; width += 7 {
		var b bytes.Buffer
		p := (&Terminal{Out: &b, Width: width}).page()
		p.strip(r, slice, r.Tale(slice))
		require.NoError(t, p.flush())
		require.Contains(t, b.String(), "✗ no-")
		require.Contains(t, b.String(), "without ")
		for line := range strings.Lines(b.String()) {
			if !strings.Contains(line, "without ") {
				require.LessOrEqual(t, runes(strings.TrimRight(line, "\n")), width, line)
			}
		}
	}
}
