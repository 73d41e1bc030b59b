package kv

import (
	"bytes"
)

// Slots is how many hash slots there are.
const Slots = 16384

// Slot is the hash slot of a key: CRC16 (XMODEM) of what stands between its first { and the next }, or of all of it
// where nothing does (Redis Cluster specification).
func Slot(key []byte) int {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if n := bytes.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	var crc uint16
	for _, c := range key {
		crc = crc<<8 ^ crc16[byte(crc>>8)^c]
	}
	return int(crc) % Slots
}

var crc16 = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			top := crc >> 15
			crc = crc<<1 ^ top*0x1021
		}
		table[i] = crc
	}
	return table
}()
