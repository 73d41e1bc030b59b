// Package merkle answers in which ranges of keys two copies differ, without either telling all that it has
// ("Dynamo", 2007, §4.7; after Merkle, 1987).
//
// A Tree has sixteen branches at each level and is of a fixed depth, so its memory does not depend on how many keys there
// are. A hash at any level is the sum of the digests of all below (AdHash: Bellare & Micciancio, "A New Paradigm for
// Collision-Free Hashing", 1997), so that a change of a key costs one addition a level, and needs neither the neighbours
// nor an order. Two sets of digests that differ have the same sum once in 2⁶⁴; for nobody to make that happen on purpose
// digests are salted with what only the nodes of a ring know.
//
// A node has a tree for each other node, of what both keep; where they disagree about who keeps what, the keys in
// question differ, and are told like others.
package merkle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"simrun/nodes/ring"
)

// bits of a position that choose a branch, and how many branches there are.
const (
	bits = 4
	fan  = 1 << bits
)

// MaxDepth is that of a tree of a million leaves, which takes 9 MB.
const MaxDepth = 5

// DefaultDepth is that of a tree of 4,096 leaves, which takes 35 KB.
const DefaultDepth = 3

// Tree is the hashes of what one copy has.
//
// Invariant: each hash of a level is the sum of its sixteen in the level below.
type Tree struct {
	levels [][]uint64 // the root first, the leaves last
}

// New is a tree without a key. Depth is DefaultDepth if it is zero, and at most MaxDepth.
func New(depth int) *Tree {
	if depth == 0 {
		depth = DefaultDepth
	}
	if depth < 1 || depth > MaxDepth {
		panic(fmt.Sprintf("merkle: a tree of depth %d", depth))
	}
	t := &Tree{make([][]uint64, depth+1)}
	for level := range t.levels {
		t.levels[level] = make([]uint64, 1<<(bits*level))
	}
	return t
}

// Depth is the number of levels below the root.
func (t *Tree) Depth() int { return len(t.levels) - 1 }

// Root is the hash of all that the copy has. Trees without a key have zero.
func (t *Tree) Root() uint64 { return t.levels[0][0] }

// Add says that the copy has something with this digest at a position.
func (t *Tree) Add(position, digest uint64) {
	for level := range t.levels {
		t.levels[level][branch(position, level)] += digest
	}
}

// Remove says that the copy no longer has what Add told of.
func (t *Tree) Remove(position, digest uint64) { t.Add(position, -digest) }

// Replace says that in place of one digest there is another now.
func (t *Tree) Replace(position, old, digest uint64) { t.Add(position, digest-old) }

// Clear forgets all keys.
func (t *Tree) Clear() {
	for _, hashes := range t.levels {
		clear(hashes)
	}
}

// branch is the number of a position's hash at a level.
func branch(position uint64, level int) uint64 {
	return position >> (64 - bits*level) // which is zero at the root
}

// Digest is what stands for a key and what a copy knows of it. It is never zero, which would stand for nothing.
func Digest(salt uint64, key, known []byte) uint64 {
	var room [256]byte
	b := binary.LittleEndian.AppendUint64(room[:0], salt)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(append(b, key...), known...)
	sum := sha256.Sum256(b)
	return max(binary.LittleEndian.Uint64(sum[:]), 1)
}

// leaf is the range of positions of one.
func (t *Tree) leaf(number uint64) ring.Range {
	shift := 64 - bits*t.Depth()
	return ring.Range{After: number<<shift - 1, Through: (number+1)<<shift - 1}
}
