package wording

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
)

// If this failed, verdicts would read as machines write them, and those of two runs could not be told apart by eye.
func TestFiguresReadAsPeopleWriteThem(t *testing.T) {
	require.Equal(t, []string{"1 job", "0 jobs", "2,214 jobs", "1,000,000 jobs"}, []string{Count(1, "job"), Count(0, "job"), Count(2214, "job"), Count(1_000_000, "job")})
	require.Equal(t, []string{"14.310s", "0.000s", "the end"}, []string{Stamp(14_310 * time.Millisecond), Stamp(0), Stamp(history.Never)})
	require.Equal(t, []string{"49h0m0s", "2.1s", "43ms"}, []string{Brief(49*time.Hour + time.Minute), Brief(2_149 * time.Millisecond), Brief(42_600 * time.Microsecond)})
	require.Equal(t, []string{"nobody", "a", "a, b", "a and 2 others"}, []string{Some(nil), Some([]string{"a"}), Some([]string{"a", "b"}), Some([]string{"a", "b", "c"})})
	require.Equal(t, "ä", Short("ä"))
	require.Len(t, []rune(Short(string(make([]rune, 100)))), 41)
}
