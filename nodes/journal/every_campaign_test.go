//go:build campaign

package journal_test

// How many calls lie between two at which a server is killed, and how many bytes of its files between two that rot.
const killEvery, rotEvery = 1, 121
