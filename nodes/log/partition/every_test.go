//go:build !campaign

package partition_test

// How many calls lie between two at which a broker is killed, and how many bytes of its files between two that rot.
const killEvery, rotEvery = 21, 31
