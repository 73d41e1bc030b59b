package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this fails, a bug that was never found counts as found, and guidance for better than it is.
func TestWhatIsNeverFoundCountsForMoreThanTheMost(t *testing.T) {
	c := &comparison{mutant: &mutant{name: "leak", scenario: "squalls"}, claim: "dry", most: 150}
	for _, seeds := range []int{0, 20, 0, 150, 0} {
		c.plain = append(c.plain, c.orNever(sighting{seeds: seeds}))
	}
	for _, seeds := range []int{70, 20, 0, 90, 31} {
		c.guided = append(c.guided, c.orNever(sighting{seeds: seeds}))
	}
	require.Equal(t, 151, median(c.plain))
	require.Equal(t, 70, median(c.guided))
	require.Contains(t, comparisonPage([]*comparison{c}),
		"| leak | squalls | dry | >150 | >150 20 >150 150 >150 | 70 | 70 20 >150 90 31 |\n")
}
