//go:build !campaign

package raft

// Which weathers of a long time are tried, and how many: among these is the one of the first 800 in which it shows that entries of
// former terms were committed by counting them.
const firstWeather, longWeathers = 500, 300
