package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Compression is how the records of a batch are compressed.
type Compression int8

// The compressions, with the numbers that they have in a head.
const (
	None Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

var compressions = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

// Values are the names of the compressions.
func Values() []string { return compressions[:] }

// String is the name that clients' settings have for it.
func (c Compression) String() string {
	if c < 0 || int(c) >= len(compressions) {
		return fmt.Sprintf("compression %d", int8(c))
	}
	return compressions[c]
}

// Named is the compression of that name.
func Named(name string) (Compression, bool) {
	for i, n := range compressions {
		if n == name {
			return Compression(i), true
		}
	}
	return None, false
}

// DefaultLimit is what the records of one batch may take when decompressed, unless Codec.Limit says otherwise.
const DefaultLimit = 64 << 20

// Codec compresses and decompresses. Its zero value is ready; it keeps what the libraries would make anew for each batch, some
// hundred kilobytes once it is used. It is for the tasks of one process: no codec is shared by two worlds. No call of it gives
// way, and none starts a goroutine.
//
// What it compresses is the same bytes on every machine: of a library's encoders only those are used that have no assembly of
// their own.
type Codec struct {
	// Limit is how many bytes the records of one batch may take when decompressed. Zero means DefaultLimit.
	Limit int

	spare   []byte
	source  bytes.Reader
	gzipR   *gzip.Reader
	gzipW   *gzip.Writer
	lz4R    *lz4.Reader
	lz4W    *lz4.Writer
	zstdR   *zstd.Decoder
	zstdW   *zstd.Encoder
	zstdMax int // the limit that zstdR was made with
}

func (c *Codec) limit() int {
	if c.Limit <= 0 {
		return DefaultLimit
	}
	return c.Limit
}

// expand is the body of a batch, decompressed into memory that is in use until free is called.
func (c *Codec) expand(b Batch) (body []byte, free func(), err error) {
	compression := b.Attributes().Compression()
	if compression == None || b.Count() == 0 {
		if len(b.Body()) > c.limit() {
			return nil, nil, ErrTooLarge
		}
		return b.Body(), func() {}, nil
	}
	into := c.spare
	c.spare = nil
	body, err = c.decompress(compression, into[:0], b.Body())
	free = func() {
		if cap(body) > cap(c.spare) && cap(body) <= 4<<20 {
			c.spare = body[:0]
		}
	}
	if err != nil {
		free()
		return nil, nil, err
	}
	return body, free, nil
}

// decompress appends what the compressed bytes stand for. Errors: ErrInvalid, ErrCompression, ErrTooLarge.
func (c *Codec) decompress(by Compression, into, data []byte) ([]byte, error) {
	switch by {
	case Gzip:
		return c.gunzip(into, data)
	case Snappy:
		return unsnap(into, data, c.limit())
	case LZ4:
		return c.unlz4(into, data)
	case Zstd:
		return c.unzstd(into, data)
	}
	return into, fmt.Errorf("%w: %d", ErrCompression, int8(by))
}

// mangled is the error for compressed bytes that nobody can decompress.
func mangled(by Compression) error { return fmt.Errorf("%w: its %s is mangled", ErrInvalid, by) }

// drain reads all that a decompressor gives, up to the limit.
func (c *Codec) drain(by Compression, into []byte, r io.Reader) ([]byte, error) {
	limit := c.limit()
	for {
		if len(into) == cap(into) {
			into = append(into, 0)[:len(into)]
		}
		n, err := r.Read(into[len(into):cap(into)])
		into = into[:len(into)+n]
		switch {
		case len(into) > limit:
			return into, ErrTooLarge
		case err == io.EOF:
			return into, nil
		case err != nil:
			return into, mangled(by)
		}
	}
}

func (c *Codec) gunzip(into, data []byte) ([]byte, error) {
	c.source.Reset(data)
	if c.gzipR == nil {
		c.gzipR = new(gzip.Reader)
	}
	if c.gzipR.Reset(&c.source) != nil {
		return into, mangled(Gzip)
	}
	return c.drain(Gzip, into, c.gzipR)
}

func (c *Codec) unlz4(into, data []byte) ([]byte, error) {
	c.source.Reset(data)
	if c.lz4R == nil {
		c.lz4R = lz4.NewReader(nil) // it decompresses one block at a time unless told otherwise
	}
	c.lz4R.Reset(&c.source)
	return c.drain(LZ4, into, c.lz4R)
}

func (c *Codec) unzstd(into, data []byte) ([]byte, error) {
	if c.zstdR == nil || c.zstdMax != c.limit() {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(uint64(c.limit())))
		if err != nil {
			return into, mangled(Zstd)
		}
		c.zstdR, c.zstdMax = r, c.limit()
	}
	out, err := c.zstdR.DecodeAll(data, into)
	switch {
	case err == zstd.ErrDecoderSizeExceeded || err == zstd.ErrWindowSizeExceeded || len(out) > c.limit():
		return into, ErrTooLarge
	case err != nil:
		return into, mangled(Zstd)
	}
	return out, nil
}

// xerial is how clients in Java begin snappy of several blocks: a magic and two versions, then each block with its length.
const (
	xerial       = "\x82SNAPPY\x00"
	xerialHeader = len(xerial) + 8
)

// unsnap takes snappy both as one block and as the blocks that clients in Java and librdkafka send.
func unsnap(into, data []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(xerial)) {
		return unsnapBlock(into, data, limit)
	}
	if len(data) < xerialHeader {
		return into, mangled(Snappy)
	}
	for data = data[xerialHeader:]; len(data) > 0; {
		if len(data) < 4 {
			return into, mangled(Snappy)
		}
		length := int(int32(binary.BigEndian.Uint32(data)))
		if data = data[4:]; length < 0 || length > len(data) {
			return into, mangled(Snappy)
		}
		var err error
		if into, err = unsnapBlock(into, data[:length], limit); err != nil {
			return into, err
		}
		data = data[length:]
	}
	return into, nil
}

func unsnapBlock(into, block []byte, limit int) ([]byte, error) {
	size, err := s2.DecodedLen(block)
	switch {
	case err != nil:
		return into, mangled(Snappy)
	case size > limit-len(into):
		return into, ErrTooLarge
	}
	before := len(into)
	into = append(into, make([]byte, size)...)
	if _, err := s2.Decode(into[before:before:len(into)], block); err != nil {
		return into[:before], mangled(Snappy)
	}
	return into, nil
}

// compress appends the compressed data.
func (c *Codec) compress(by Compression, into, data []byte) ([]byte, error) {
	switch by {
	case None:
		return append(into, data...), nil
	case Gzip:
		return c.zip(into, data)
	case Snappy:
		return append(into, s2.EncodeSnappyBest(nil, data)...), nil
	case LZ4:
		return c.lz4(into, data)
	case Zstd:
		if c.zstdW == nil {
			w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
			if err != nil {
				return into, err
			}
			c.zstdW = w
		}
		return c.zstdW.EncodeAll(data, into), nil
	}
	return into, fmt.Errorf("%w: %d", ErrCompression, int8(by))
}

func (c *Codec) zip(into, data []byte) ([]byte, error) {
	out := bytes.NewBuffer(into)
	if c.gzipW == nil {
		c.gzipW = gzip.NewWriter(out)
	}
	c.gzipW.Reset(out)
	if _, err := c.gzipW.Write(data); err != nil {
		return into, err
	}
	err := c.gzipW.Close()
	return out.Bytes(), err
}

func (c *Codec) lz4(into, data []byte) ([]byte, error) {
	out := bytes.NewBuffer(into)
	if c.lz4W == nil {
		c.lz4W = lz4.NewWriter(out)
		if err := c.lz4W.Apply(lz4.ConcurrencyOption(1), lz4.BlockSizeOption(lz4.Block64Kb)); err != nil {
			return into, err
		}
	}
	c.lz4W.Reset(out)
	if _, err := c.lz4W.Write(data); err != nil {
		return into, err
	}
	err := c.lz4W.Close()
	return out.Bytes(), err
}
