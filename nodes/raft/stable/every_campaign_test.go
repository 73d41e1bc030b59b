//go:build campaign

package stable_test

// rotEvery is how many bytes of a log lie between two that rot.
const rotEvery = 97
