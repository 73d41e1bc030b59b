package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this fails, a bug that was never found counts as found, and guidance for better than it is.
func TestWhatIsNeverFoundCountsForMoreThanTheMost(t *testing.T) {
	c := &comparison{mutant: &mutant{name: "leak", scenario: "squalls"}, claim: "dry", most: 150, search: &search{}}
	for _, seeds := range []int{0, 20, 0, 150, 0} {
		c.Plain = append(c.Plain, hunt{Seeds: seeds})
	}
	for _, seeds := range []int{70, 20, 0, 90, 31} {
		c.Guided = append(c.Guided, hunt{Seeds: seeds})
	}
	require.Contains(t, c.String(), "plain  >150 of >150 20 >150 150 >150, guided    70 of 70 20 >150 90 31")
}
