package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// A message in a stream is its size in four bytes, and so many more.

// headSize is the size of a size.
const headSize = 4

// leastMessage is the shortest message: that of an answer, which is a number to tell whose it is.
const leastMessage = 4

// claimed is how much memory a size alone is believed.
const claimed = 64 << 10

// Read reads one message of at most limit bytes, without its size. Memory is made as its bytes come, not for what it says it will
// be. Errors: those of the reader, io.EOF only before the first byte; ErrTooLarge, ErrMalformed.
func Read(in io.Reader, limit int) ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(head[:])))
	switch {
	case size < leastMessage:
		return nil, fmt.Errorf("%w: a message of %d bytes", ErrMalformed, size)
	case size > limit:
		return nil, fmt.Errorf("%w: %d bytes, where %d may be", ErrTooLarge, size, limit)
	}
	b := make([]byte, 0, min(size, claimed))
	for len(b) < size {
		had := len(b)
		more := min(size-had, max(claimed, had))
		b = slices.Grow(b, more)[:had+more]
		if _, err := io.ReadFull(in, b[had:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}

// appendSized appends what body appends, and its size before it.
func appendSized(dst []byte, body func([]byte) []byte) []byte {
	at := len(dst)
	dst = body(append(dst, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-headSize))
	return dst
}
