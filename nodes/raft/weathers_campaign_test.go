//go:build campaign

package raft

// longWeathers is how many weathers of a long time are tried.
const longWeathers = 800
