//go:build campaign

package raft

import "testing"

// If this failed, there would be a storm that servers do not survive, though not among those that every test run tries.
// It takes about a minute and a half: go test -tags campaign -run Campaign ./nodes/raft
func TestWeatherCampaign(t *testing.T) {
	weathers(t, 1_000_000, 20_000, 3000, func(*weather) {})
}
