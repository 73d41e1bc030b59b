package ask

import "strconv"

// Pad makes what is asked for at least size bytes long, by hexadecimal noise in pieces that are set off by a mark.
func Pad(value string, noise uint64, size int, mark byte) string {
	if len(value) >= size {
		return value
	}
	padded := append(make([]byte, 0, size+17), value...)
	for len(padded) < size {
		noise = noise*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		padded = append(padded, mark)
		padded = strconv.AppendUint(padded, noise, 16)
	}
	return string(padded)
}
