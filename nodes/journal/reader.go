package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"simrun/nodes"
)

// chunk is how much is read at once.
const chunk = 4 << 20

// reader reads a file of the journal from front to back. It holds one chunk of it, or one frame where
// that is larger, and never more than the file's size.
type reader struct {
	file   nodes.File
	name   string
	header header
	size   int64
	buf    []byte
	at     int64 // the file's offset of buf[0]
}

// ending is where reading frames came to its end, and why.
type ending struct {
	offset   int64
	chain    uint32
	next     uint64 // the number after the last record's
	durable  int64  // what is before is proven to have been durable
	marked   bool   // the last frame is a mark
	complete bool   // the last frame is a snapshot's end
	rotten   bool   // what follows was written as a whole, and has changed since
	why      string
}

func (r *reader) corrupt(offset int64, what string) *Corruption {
	return &Corruption{File: r.name, Offset: offset, What: what}
}

func (r *reader) readHeader(sequence uint64, isSnapshot bool) (err error) {
	if r.size, err = r.file.Size(); err != nil {
		return err
	}
	head, err := r.bytes(0, min(headerSize, r.size))
	if err != nil {
		return err
	}
	h, why := decodeHeader(head)
	if why != "" {
		return r.corrupt(0, why)
	}
	if h.sequence != sequence || h.snapshot != isSnapshot {
		return r.corrupt(0, "the header is that of another file")
	}
	r.header = h
	return nil
}

// bytes are n bytes of the file, which must be within its size. They are valid until the next call.
func (r *reader) bytes(offset, n int64) ([]byte, error) {
	if offset < r.at || offset+n > r.at+int64(len(r.buf)) {
		length := min(max(n, chunk), r.size-offset)
		if int64(cap(r.buf)) < length {
			r.buf = make([]byte, length)
		}
		r.buf, r.at = r.buf[:length], offset
		if got, err := r.file.ReadAt(r.buf, offset); int64(got) < length {
			r.buf = r.buf[:0]
			if err == io.EOF || err == nil {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return r.buf[offset-r.at:][:n], nil
}

// frames reads intact frames, each the successor of the one before, and ends before the first that is
// not.
func (r *reader) frames(yield func(f frame, body []byte) error) (ending, error) {
	end := ending{offset: headerSize, chain: r.header.sum(), next: r.header.first, durable: headerSize}
	for !end.complete {
		f, body, err := r.frame(&end)
		if err != nil || end.why != "" {
			return end, err
		}
		if err := yield(f, body); err != nil {
			return end, err
		}
		end.offset += span(int64(f.length))
		end.chain = f.sum
		end.durable = f.durable
		end.marked = f.kind == kindMark
		end.complete = f.kind == kindEnd
		if !r.header.snapshot {
			end.next = f.first + uint64(f.count)
		}
	}
	end.why = "bytes follow the end"
	return end, nil
}

// frame reads the frame at the end of what was read, or says in end.why that there is none.
func (r *reader) frame(end *ending) (f frame, body []byte, err error) {
	if r.size-end.offset < frameHead {
		end.why = "the file ends"
		return f, nil, nil
	}
	head, err := r.bytes(end.offset, frameHead)
	if err != nil {
		return f, nil, err
	}
	f, ok := openHead(head, r.header.salt, end.offset)
	switch {
	case !ok && isWritten(head, end.offset):
		end.why, end.rotten = "the head of a frame is not what was written", true
	case !ok:
		end.why = "there is no frame"
	case f.chain != end.chain || f.first < end.next:
		end.why = "the frame does not follow the one before it"
	case span(int64(f.length)) > r.size-end.offset:
		end.why = "the frame is cut short"
	}
	if end.why != "" {
		return f, nil, nil
	}
	whole, err := r.bytes(end.offset, frameHead+int64(f.length))
	if err != nil {
		return f, nil, err
	}
	body = whole[frameHead:]
	if crc32.Checksum(body, castagnoli) != f.body {
		end.why = "the frame's checksum is wrong"
		padded, err := r.bytes(end.offset+frameHead, span(int64(f.length))-frameHead)
		if err != nil {
			return f, nil, err
		}
		end.rotten = zeros(padded, end.offset+frameHead) <= f.zeros
	} else if fits, _ := records(body, f.count, nil); !fits {
		end.why = "the frame's records do not fill it"
	}
	return f, body, nil
}

// disprove looks for proof that what is broken at the end of the last segment is no torn tail: all of it was written, or
// it was durable once.
func (r *reader) disprove(end ending) error {
	if end.rotten {
		return r.corrupt(end.offset, end.why+", though no sector of it is missing")
	}
	for at := end.offset + frameAlign; at+frameHead <= r.size; at += frameAlign {
		head, err := r.bytes(at, frameHead)
		if err != nil {
			return err
		}
		if int64(binary.LittleEndian.Uint64(head[24:])) <= end.offset {
			continue
		}
		if f, ok := openHead(head, r.header.salt, at); ok {
			return r.corrupt(end.offset, end.why+fmt.Sprintf(", though the frame at %d proves that all before %d was durable", at, f.durable))
		}
	}
	return nil
}

// isZero says whether the file is zeros from the offset on.
func (r *reader) isZero(offset int64) (bool, error) {
	for offset < r.size {
		b, err := r.bytes(offset, min(chunk, r.size-offset))
		if err != nil || !isZeroed(b) {
			return false, err
		}
		offset += int64(len(b))
	}
	return true, nil
}
