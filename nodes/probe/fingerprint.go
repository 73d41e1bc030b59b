package probe

import "math/bits"

// Fingerprint is what is telling of a node's protocol state, in one word: not how many jobs wait, but whether none, one, a
// few or many do. A search prefers runs that reach fingerprints that no run has reached before, so a good one has some
// hundreds of values: a role, a few flags, sizes by their magnitude, and how far two positions are apart rather than where they are.
//
//	probe.Fingerprint(0).Among(int(r.role), 3).Flag(r.lease).Size(r.last - r.commit)
//
// The parts are to be the same, in the same order, each time. Beyond 64 bits of them the first are hashed together.
type Fingerprint uint64

// Flag adds a condition.
func (f Fingerprint) Flag(yes bool) Fingerprint {
	if yes {
		return f.Among(1, 2)
	}
	return f.Among(0, 2)
}

// mostMagnitude is the magnitude of whatever is larger, too.
const mostMagnitude = 15

// Size adds a number by its magnitude: 0, 1, 2 or 3, 4 to 7, and so on; what is negative counts as 0.
func (f Fingerprint) Size(n int) Fingerprint {
	return f.Among(min(bits.Len(uint(max(n, 0))), mostMagnitude), mostMagnitude+1)
}

// Among adds which of so many it is, counted from 0.
func (f Fingerprint) Among(which, of int) Fingerprint {
	hi, lo := bits.Mul64(uint64(f), uint64(max(of, 1)))
	sum, carry := bits.Add64(lo, uint64(which), 0)
	if hi+carry != 0 { // no room is left: what is there is mixed, and the parts go on from that
		sum ^= bits.RotateLeft64((hi+carry)*0x9e3779b97f4a7c15, 31)
	}
	return Fingerprint(sum)
}
