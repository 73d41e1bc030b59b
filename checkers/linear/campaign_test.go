//go:build campaign

package linear

// histories are how many each algorithm is tried on.
const histories = 1_000_000
