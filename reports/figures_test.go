package reports

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
)

// If this failed, a person would misread a figure by a unit.
func TestFiguresAreWrittenAsPeopleReadThem(t *testing.T) {
	require.Equal(t, "0", Count(0))
	require.Equal(t, "999", Count(999))
	require.Equal(t, "41,802", Count(41_802))
	require.Equal(t, "-1,284,406", Count(-1_284_406))
	require.Equal(t, "1 seed", Counted(1, "seed"))
	require.Equal(t, "1,000 seeds", Counted(1_000, "seed"))

	for seconds, want := range map[float64]string{0: "0s", 5e-6: "5µs", 0.0825: "82.5ms", 0.9: "900ms", 0.9999: "1s", 18.2: "18.2s",
		59.99: "1m", 60: "1m", 75: "1m15s", 66_000: "18h20m", 3_600: "1h", 86_400: "24h", 172_800: "2d", 500_000: "5d18h",
		31_536_000: "365d", 1e9: "31y259d", 31_536_000_000: "1,000y", -75: "-1m15s"} {
		require.Equal(t, want, Span(seconds), "%v seconds", seconds)
	}
	require.Equal(t, "?", Span(math.NaN()))

	require.Equal(t, "7.310s", At(7.31))
	require.Equal(t, "2h03m20s", At(7400))
	require.Equal(t, "41d 03h20m", At(41*86400+12000))

	for rate, want := range map[float64]string{0: "0", 0.35: "0.35", 8.2: "8.2", 160.4: "160", 12_345: "12,300", 9_123_456: "9,120,000"} {
		require.Equal(t, want, Rate(rate))
	}
}

func TestTextIsWrappedAndClippedByCharacters(t *testing.T) {
	require.Equal(t, []string{"✓ über", "✓ alles"}, wrap("✓ über  ✓\n alles", 7))
	require.Equal(t, []string{"a", "thunderstorm", "b"}, wrap("a thunderstorm b", 5))
	require.Empty(t, wrap(" ", 5))
	require.Equal(t, "größ…", clip("größer als", 5))
	require.Equal(t, "größe", clip("größe", 5))
}

// If this failed, a fault's effects would be counted in nothing.
func TestEveryVerbHasANounForWhatItTouches(t *testing.T) {
	for _, v := range scenarios.Verbs() {
		require.NotEmpty(t, touched(string(v.Verb)), v.Verb)
	}
}
