//go:build campaign

package journal_test

// killEvery is how many calls lie between two at which a server is killed.
const killEvery = 1
