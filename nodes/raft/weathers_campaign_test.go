//go:build campaign

package raft

// Which weathers of a long time are tried, and how many.
const firstWeather, longWeathers = 0, 800
