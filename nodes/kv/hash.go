package kv

import (
	"encoding/binary"
	"math/bits"
)

// hash is a number for a string that is the same on every machine, for ever: snapshots and cursors know it. Words are
// folded in by the two halves of a product, as wyhash and its kin do.
func hash[S ~string | ~[]byte](s S, seed uint64) uint64 {
	h := fold(seed^0x9e3779b97f4a7c15, uint64(len(s))^0xe7037ed1a0b428db)
	for ; len(s) >= 8; s = s[8:] {
		h = fold(h^word(s), 0xa0761d6478bd642f)
	}
	var last [8]byte
	copy(last[:], s)
	return fold(h^binary.LittleEndian.Uint64(last[:]), 0x8ebc6af09c88c6e3)
}

func word[S ~string | ~[]byte](s S) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
