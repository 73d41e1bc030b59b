package netmodel

// ring holds a stretch of a stream, by its offsets. Its length is a power of two, or nothing.
type ring []byte

// put copies p to the offset. It must fit with what else is still wanted.
func (r ring) put(offset uint64, p []byte) {
	at := int(offset) & (len(r) - 1)
	n := copy(r[at:], p)
	copy(r, p[n:])
}

// get copies from the offset as much as p takes.
func (r ring) get(offset uint64, p []byte) {
	at := int(offset) & (len(r) - 1)
	n := copy(p, r[at:])
	copy(p[n:], r)
}
