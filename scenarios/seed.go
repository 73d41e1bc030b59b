package scenarios

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"simrun/sim/luck"
)

// ParseSeed reads a seed as a person gives it: 16 hex digits as a run prints them, the 40 of a git commit
// (its first 16 count, so that CI gets a new storm per commit and can still name it), else a decimal
// number.
func ParseSeed(text string) (luck.Seed, error) {
	digits := strings.TrimSpace(text)
	base := 10
	switch len(digits) {
	case 40:
		if strings.Trim(strings.ToLower(digits), "0123456789abcdef") == "" {
			digits, base = digits[:16], 16
		}
	case 16:
		base = 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || digits[0] == '+' {
		return 0, fmt.Errorf("%q is not a seed: give 16 hex digits, a git commit of 40, or a decimal number", text)
	}
	return luck.Seed(n), nil
}

// FormatSeed writes a seed as ParseSeed reads it back: 16 hex digits.
func FormatSeed(s luck.Seed) string { return fmt.Sprintf("%016x", uint64(s)) }

// FreshSeed draws a seed that nobody chose.
func FreshSeed() luck.Seed {
	var b [8]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return luck.Seed(binary.LittleEndian.Uint64(b[:]))
}

// SeedAt is the i-th seed of the batch that starts at base. The first is base itself, so that a batch of
// one is a run.
func SeedAt(base luck.Seed, i int) luck.Seed {
	if i == 0 {
		return base
	}
	return luck.Seed(luck.Mix(uint64(base), uint64(i)))
}
