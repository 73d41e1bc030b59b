package link

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A frame is a head of 9 bytes, little-endian, and its payload:
//
//	0  length of the payload
//	4  CRC-32C of all but itself
//	8  kind
//
// TCP's own checksum is 16 bits wide and lets about one in 65,000 damaged segments pass.
const headSize = 9

// kind is what a frame is for.
type kind byte

const (
	helloFrame  kind = iota + 1 // the first of each direction
	pingFrame                   // a sign of life, answered by another
	dataFrame                   // what Send was given
	refuseFrame                 // in the place of a hello: why not
)

// version is that of hello and of everything after it.
const version = 1

// helloBytes bounds what is read before it is known who speaks.
const helloBytes = 4 << 10

// ErrFrame is wrapped by what is said of bytes that are no frame.
var ErrFrame = errors.New("link: not a frame")

var errHello = errors.New("link: not welcome")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame adds a frame to b.
func appendFrame(b []byte, k kind, payload []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, 0, 0, 0, 0, byte(k))
	b = append(b, payload...)
	binary.LittleEndian.PutUint32(b[at+4:], frameSum(b[at:at+headSize], payload))
	return b
}

func frameSum(head, payload []byte) uint32 { return crc32.Update(headSum(head), castagnoli, payload) }

// headSum is the checksum of a head, with which that of the payload goes on.
func headSum(head []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[:4], castagnoli), castagnoli, head[8:headSize])
}

// readFrame reads a frame of at most so many bytes, into memory of its own that grows as bytes arrive: a peer that
// claims much and sends little costs little. Errors: ErrFrame; io.EOF between two frames; those of the stream.
func readFrame(in *bufio.Reader, most int64) (kind, []byte, error) {
	head, err := in.Peek(headSize)
	if err != nil {
		if err == io.EOF && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	size, told, k, sum := int64(binary.LittleEndian.Uint32(head)), binary.LittleEndian.Uint32(head[4:]), kind(head[8]), headSum(head)
	_, _ = in.Discard(headSize) // it was peeked
	if size > most {
		return 0, nil, fmt.Errorf("%w: of %d bytes", ErrFrame, size)
	}
	payload, err := gather(in, int(size))
	if err != nil {
		return 0, nil, err
	}
	if crc32.Update(sum, castagnoli, payload) != told {
		return 0, nil, fmt.Errorf("%w: its checksum is wrong", ErrFrame)
	}
	return k, payload, nil
}

// gather reads so many bytes.
func gather(in *bufio.Reader, size int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, 0, min(size, step))
	for len(b) < size {
		from := len(b)
		more := min(size-from, max(from, step))
		if cap(b) < from+more {
			b = append(b, make([]byte, more)...)
		}
		b = b[:from+more]
		if _, err := io.ReadFull(in, b[from:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}

// hello is who speaks.
type hello struct{ cluster, self string }

const helloMagic = "simrunL"

func appendHello(b []byte, h hello) []byte {
	payload := append([]byte(helloMagic), version)
	for _, text := range []string{h.cluster, h.self} {
		payload = binary.AppendUvarint(payload, uint64(len(text)))
		payload = append(payload, text...)
	}
	return appendFrame(b, helloFrame, payload)
}

// decodeHello reads a hello's payload. Of later versions it knows only that they are.
func decodeHello(b []byte) (h hello, err error) {
	if len(b) <= len(helloMagic) || string(b[:len(helloMagic)]) != helloMagic {
		return h, fmt.Errorf("%w: that is no hello", errHello)
	}
	if v := b[len(helloMagic)]; v != version {
		return h, fmt.Errorf("%w: it speaks version %d, known is %d", errHello, v, version)
	}
	b = b[len(helloMagic)+1:]
	for _, field := range []*string{&h.cluster, &h.self} {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return hello{}, fmt.Errorf("%w: its hello is cut short", errHello)
		}
		*field = string(b[used : used+int(n)])
		b = b[used+int(n):]
	}
	if len(b) > 0 || h.self == "" {
		return hello{}, fmt.Errorf("%w: its hello is malformed", errHello)
	}
	return h, nil
}

// isSilence says that a read or a write took too long.
func isSilence(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
