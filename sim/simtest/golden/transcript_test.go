package golden

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a transcript would show what came of its lines yesterday, or lose what its author says.
func TestWhatComesOfALineStandsBelowIt(t *testing.T) {
	var done []string
	got := played("# a story\n\nrise\n  of yesterday\nfall\n\n", func(line string) []string {
		done = append(done, line)
		return map[string][]string{"rise": {"up", "and\nup"}}[line]
	})
	require.Equal(t, []string{"rise", "fall"}, done)
	require.Equal(t, "# a story\n\nrise\n  up\n  and\n  up\nfall\n", got)
	again := played(got, func(line string) []string { return map[string][]string{"rise": {"up", "and", "up"}}[line] })
	require.Equal(t, got, again, "a transcript that is played twice is the same")
}
