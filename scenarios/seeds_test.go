//go:build !campaign

package scenarios_test

// How often each scenario that is built in is varied, and how many runs of a service may take its rare paths: those that are made
// anyway, and the most until each path was taken.
const variations, rareAnyway, rareRuns = 3, 1, 6
