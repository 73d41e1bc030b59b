package scenarios

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/sim/luck"
)

// If this failed, a seed that a run printed would be another one when pasted.
func TestASeedIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := luck.Seed(rapid.Uint64().Draw(t, "seed"))
		again, err := ParseSeed(FormatSeed(seed))
		require.NoError(t, err)
		require.Equal(t, seed, again)
	})
}

func TestSeedsArePeoplesNumbersHexAndCommits(t *testing.T) {
	for text, want := range map[string]luck.Seed{
		"7":                    7,
		"0":                    0,
		"18446744073709551615": 1<<64 - 1,
		"51c09be2770a4d13":     0x51c09be2770a4d13,
		"51C09BE2770A4D13":     0x51c09be2770a4d13,
		"0000000000000010":     16, // sixteen digits are hex, even if they look decimal
		"000000000000010":      10,
		"4be19d0c51c09be2770a4d134be19d0c51c09be2": 0x4be19d0c51c09be2,
	} {
		got, err := ParseSeed(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", " ", "-1", "+1", "0x10", "storm", "1e3", "18446744073709551616",
		"51c09be2770a4d1g", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"} {
		_, err := ParseSeed(text)
		require.Error(t, err, text)
	}
}

// If this failed, a batch would run a storm twice and call it two.
func TestTheSeedsOfABatchDiffer(t *testing.T) {
	seen := map[luck.Seed]int{}
	for i := range 20_000 {
		seed := SeedAt(7, i)
		before, twice := seen[seed]
		require.False(t, twice, "seeds %d and %d of the batch are both %s", before, i, FormatSeed(seed))
		seen[seed] = i
	}
	require.EqualValues(t, 7, SeedAt(7, 0))
	require.NotEqual(t, SeedAt(7, 1), SeedAt(8, 1))
}
