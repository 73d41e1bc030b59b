//go:build !campaign

package replica_test

// How many storms a group stands, how many of its disks are lost, and how far apart the moments are at which its beginning is disturbed.
const storms, lost, beginningEvery = 4, 3, 4
