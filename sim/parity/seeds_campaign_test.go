//go:build campaign

package parity

// seeds is in how many worlds each scene is played.
const seeds = 300
