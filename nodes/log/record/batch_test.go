package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

var all = []Compression{None, Gzip, Snappy, LZ4, Zstd}

// story is so many records that compress well.
func story(n int) (records []Record) {
	for i := range n {
		r := Record{Time: 1_000 + int64(i%7), Key: fmt.Appendf(nil, "key-%d", i%10), Value: []byte(strings.Repeat("once upon a time ", i%9))}
		if i%3 == 0 {
			r.Headers = []Header{{"h", []byte("v")}, {"none", nil}}
		}
		if i%5 == 0 {
			r.Value = nil
		}
		records = append(records, r)
	}
	return records
}

// foreign is the batch as the codec of franz-go writes it.
func foreign(records []Record, compression Compression, compress func([]byte) []byte) Batch {
	var body []byte
	maxTime := records[0].Time
	for i, r := range records {
		k := kmsg.Record{TimestampDelta64: r.Time - records[0].Time, OffsetDelta: int32(i), Key: r.Key, Value: r.Value}
		maxTime = max(maxTime, r.Time)
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Name, Value: h.Value})
		}
		k.Length = int32(len(k.AppendTo(nil)) - 1) // what follows the length, which is one byte while it is 0
		body = k.AppendTo(body)
	}
	if compress != nil {
		body = compress(body)
	}
	b := kmsg.RecordBatch{Length: int32(49 + len(body)), PartitionLeaderEpoch: -1, Magic: 2, Attributes: int16(compression),
		LastOffsetDelta: int32(len(records) - 1), FirstTimestamp: records[0].Time, MaxTimestamp: maxTime,
		ProducerID: 7, ProducerEpoch: 1, FirstSequence: 40, NumRecords: int32(len(records)), Records: body}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return Batch(raw)
}

func read(t require.TestingT, c *Codec, b Batch) (records []Record) {
	for r, err := range c.Records(b) {
		require.NoError(t, err)
		r.raw = nil
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		for i, h := range r.Headers {
			r.Headers[i].Value = bytes.Clone(h.Value)
		}
		records = append(records, r)
	}
	return records
}

func verify(c *Codec, b Batch) error {
	_, err := c.Verify(b)
	return err
}

func numbered(records []Record) []Record {
	records = slices.Clone(records)
	for i := range records {
		records[i].Offset = int64(i)
	}
	return records
}

// If this failed, no client in the world could produce here.
func TestBatchesOfOthersAreRead(t *testing.T) {
	blocks := func(body []byte) []byte { // as snappy-java does it
		out := append([]byte(xerial), 0, 0, 0, 1, 0, 0, 0, 1)
		for piece := range slices.Chunk(body, 100) {
			block := s2.EncodeSnappy(nil, piece)
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
		}
		return out
	}
	zipped := func(body []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(body)
		w.Close()
		return out.Bytes()
	}
	zw, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	records := story(100)
	for name, b := range map[string]Batch{
		"plain":        foreign(records, None, nil),
		"gzip":         foreign(records, Gzip, zipped),
		"snappy":       foreign(records, Snappy, func(b []byte) []byte { return s2.EncodeSnappy(nil, b) }),
		"snappy, java": foreign(records, Snappy, blocks),
		"lz4":          foreign(records, LZ4, func(b []byte) []byte { out, _ := new(Codec).lz4(nil, b); return out }),
		"zstd":         foreign(records, Zstd, func(b []byte) []byte { return zw.EncodeAll(b, nil) }),
	} {
		cut, rest, err := Cut(append(slices.Clone(b), "more"...))
		require.NoError(t, err, name)
		require.Equal(t, "more", string(rest), name)
		c := new(Codec)
		latest, err := c.Verify(cut)
		require.NoError(t, err, name)
		require.Equal(t, cut.MaxTime(), latest, name)
		require.Equal(t, Producer{7, 1, 40}, cut.Producer())
		require.Equal(t, numbered(records), read(t, c, cut), name)
	}
}

// If this failed, no client could consume what is made here.
func TestOthersReadWhatIsBuilt(t *testing.T) {
	records := story(20)
	b, err := new(Codec).Build(Builder{Producer: &Producer{7, 1, 40}, LeaderEpoch: -1}, records...)
	require.NoError(t, err)
	require.Equal(t, foreign(records, None, nil), b, "byte for byte")
	var k kmsg.RecordBatch
	require.NoError(t, k.ReadFrom(b))
	require.EqualValues(t, 20, k.NumRecords)
}

func drawRecords(t *rapid.T) []Record {
	blob := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 40), rapid.Map(rapid.IntRange(0, 5000), func(n int) []byte {
		return bytes.Repeat([]byte("again "), n/6)
	}))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Record {
		r := Record{Time: rapid.Int64Range(-1<<40, 1<<40).Draw(t, "time"), Key: blob.Draw(t, "key"), Value: blob.Draw(t, "value")}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			r.Headers = append(r.Headers, Header{rapid.String().Draw(t, "name"), blob.Draw(t, "header")})
		}
		return r
	}), 1, 12).Draw(t, "records")
}

// If this failed, some record would not be the same when it is read.
func TestWhatIsBuiltIsReadAgain(t *testing.T) {
	c := new(Codec)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		compression := rapid.SampledFrom(all).Draw(t, "compression")
		b, err := c.Build(Builder{Compression: compression, Producer: &Producer{3, 0, 9}, Transactional: rapid.Bool().Draw(t, "tx")}, records...)
		require.NoError(t, err)
		base, epoch := rapid.Int64Range(0, 1<<60).Draw(t, "base"), rapid.Int32Range(0, 99).Draw(t, "epoch")
		b.SetBaseOffset(base)
		b.SetLeaderEpoch(epoch)
		cut, rest, err := Cut(b)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.NoError(t, verify(c, cut))
		want := numbered(records)
		for i := range want {
			want[i].Offset += base
			if len(want[i].Key) == 0 && want[i].Key != nil {
				want[i].Key = []byte{}
			}
		}
		got := read(t, c, cut)
		for i := range got {
			require.Equal(t, want[i].Key == nil, got[i].Key == nil)
			require.Equal(t, want[i].Value == nil, got[i].Value == nil)
			require.Equal(t, fmt.Sprint(want[i]), fmt.Sprint(got[i]))
		}
		fresh, err := new(Codec).Build(Builder{Compression: compression, Producer: &Producer{3, 0, 9}, Transactional: b.Attributes().Transactional()}, records...)
		require.NoError(t, err)
		require.Equal(t, fresh.Body(), b.Body(), "a codec that was used before compresses to other bytes")
	})
}

// If this failed, compaction would change records that it keeps, or their offsets.
func TestRetainedRecordsStayWhatTheyAre(t *testing.T) {
	c := new(Codec)
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		b, err := c.Build(Builder{Compression: rapid.SampledFrom(all).Draw(t, "compression"), LeaderEpoch: 4}, records...)
		require.NoError(t, err)
		b.SetBaseOffset(100)
		mask := rapid.Uint16().Draw(t, "mask")
		keep := func(r Record) bool { return mask>>(r.Offset-100)&1 == 1 }
		var want []Record
		for _, r := range read(t, c, b) {
			if keep(r) {
				want = append(want, r)
			}
		}
		left, n, err := c.Retain(b, keep)
		require.NoError(t, err)
		require.NoError(t, left.Check())
		require.Equal(t, want, read(t, c, left))
		require.Len(t, want, n)
		require.Equal(t, b.NextOffset(), left.NextOffset())
		require.Equal(t, b.LeaderEpoch(), left.LeaderEpoch())
	})
}

// If this failed, a bit that turned over on the way would be stored and told as somebody's word.
func TestEveryBitThatTurnsIsSeen(t *testing.T) {
	b, err := new(Codec).Build(Builder{}, story(3)...)
	require.NoError(t, err)
	for bit := range len(b) * 8 {
		at := bit / 8
		if at < atLength || at >= atLeaderEpoch && at < atMagic {
			continue // the broker's own, outside the checksum
		}
		rotten := slices.Clone(b)
		rotten[at] ^= 1 << (bit % 8)
		cut, _, err := Cut(rotten)
		if err == nil {
			err = cut.Check()
		}
		require.Error(t, err, "bit %d", bit)
	}
}

// If this failed, a batch that says what it does not hold would be kept, and consumers would stumble over it for ever.
func TestWhatABatchSaysMustBeTrue(t *testing.T) {
	sealed := func(change func(b Batch)) Batch {
		b, err := new(Codec).Build(Builder{Producer: &Producer{1, 0, 0}}, story(3)...)
		require.NoError(t, err)
		change(b)
		b.seal()
		return b
	}
	put32 := func(at int, v int32) func(Batch) {
		return func(b Batch) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
	}
	for name, change := range map[string]func(Batch){
		"more records":        func(b Batch) { put32(atCount, 4)(b); put32(atLastDelta, 3)(b) },
		"fewer records":       func(b Batch) { put32(atCount, 2)(b); put32(atLastDelta, 1)(b) },
		"no record":           func(b Batch) { put32(atCount, 0)(b); put32(atLastDelta, 0)(b) },
		"negative count":      put32(atCount, -3),
		"negative offset":     put32(atLastDelta, -1),
		"offsets beyond":      put32(atLastDelta, 7),
		"sequence":            put32(atBaseSequence, -1),
		"control":             func(b Batch) { b[atAttributes+1] |= byte(controlBit) },
		"unknown attributes":  func(b Batch) { b[atAttributes] |= 0x40 },
		"unknown compression": func(b Batch) { b[atAttributes+1] |= 5 },
		"not compressed":      func(b Batch) { b[atAttributes+1] |= byte(Gzip) },
		"the record's length": func(b Batch) { b[HeadSize] += 2 },
	} {
		require.Error(t, verify(new(Codec), sealed(change)), name)
	}
	require.NoError(t, verify(new(Codec), sealed(func(Batch) {})))
	late, err := new(Codec).Verify(sealed(func(b Batch) { binary.BigEndian.PutUint64(b[atMaxTime:], 5) }))
	require.NoError(t, err, "some clients do not say which time is the latest")
	require.EqualValues(t, 1_002, late)
	old := sealed(func(Batch) {})
	old[atMagic] = 1
	_, _, err = Cut(old)
	require.ErrorIs(t, err, ErrFormat)
	_, _, err = Cut(old[:atMagic+1])
	require.ErrorIs(t, err, ErrFormat, "a message set may be shorter than a batch's head")
	_, _, err = Cut(sealed(func(Batch) {})[:HeadSize+3])
	require.ErrorIs(t, err, ErrShort)
}

// If this failed, a few kilobytes from a client could take all of a broker's memory.
func TestABatchExpandsToItsLimit(t *testing.T) {
	for _, compression := range all {
		b, err := new(Codec).Build(Builder{Compression: compression}, Record{Value: make([]byte, 1<<20)})
		require.NoError(t, err)
		if compression != None {
			require.Less(t, len(b), 1<<17, compression)
		}
		c := &Codec{Limit: 1 << 19}
		require.ErrorIs(t, verify(c, b), ErrTooLarge, compression)
		require.LessOrEqual(t, cap(c.spare), 1<<20, compression)
		small, err := new(Codec).Build(Builder{Compression: compression}, story(10)...)
		require.NoError(t, err)
		require.NoError(t, verify(c, small), "%v: after one that was too large", compression)
		require.NoError(t, verify(&Codec{Limit: 2 << 20}, b), compression)
	}
}

// If this failed, a task of a simulated world would wait for a goroutine that the world knows nothing of, and runs would differ.
func TestCodecsStartNoGoroutine(t *testing.T) {
	sample := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	created := func() uint64 {
		metrics.Read(sample)
		if sample[0].Value.Kind() == metrics.KindBad {
			t.Skip("this runtime does not count goroutines")
		}
		return sample[0].Value.Uint64()
	}
	c := new(Codec)
	records := append(story(100), Record{Value: bytes.Repeat([]byte("a long one "), 100_000)})
	use := func() {
		for _, compression := range all {
			b, err := c.Build(Builder{Compression: compression}, records...)
			require.NoError(t, err)
			require.NoError(t, verify(c, b))
		}
	}
	runtime.GC() // it starts its own, once
	before := created()
	use()
	require.Zero(t, created()-before)
	go func() {}()
	require.NotZero(t, created()-before, "this would see none")
}

// If this failed, transactions would end otherwise than their coordinator decided.
func TestMarkersSayWhatTheySay(t *testing.T) {
	for _, m := range []Marker{{Commit: true, CoordinatorEpoch: 3}, {CoordinatorEpoch: math.MaxInt32}} {
		b := BuildMarker(m, 5, 2, 99)
		require.NoError(t, b.Check())
		require.True(t, b.Attributes().Control())
		got, err := b.Marker()
		require.NoError(t, err)
		require.Equal(t, m, got)
		var k kmsg.RecordBatch
		require.NoError(t, k.ReadFrom(b))
		var r kmsg.Record
		require.NoError(t, r.ReadFrom(k.Records))
		var key kmsg.ControlRecordKey
		require.NoError(t, key.ReadFrom(r.Key))
		require.Equal(t, m.Commit, key.Type == kmsg.ControlRecordKeyTypeCommit)
		var value kmsg.EndTxnMarker
		require.NoError(t, value.ReadFrom(r.Value))
		require.Equal(t, m.CoordinatorEpoch, value.CoordinatorEpoch)
		require.Error(t, verify(new(Codec), b), "no producer's")
	}
	plain, err := new(Codec).Build(Builder{}, Record{})
	require.NoError(t, err)
	_, err = plain.Marker()
	require.ErrorIs(t, err, ErrInvalid)
}

// If this failed, what compaction leaves would have holes in which a reader is lost.
func TestAHoleStandsForItsOffsets(t *testing.T) {
	b := Hole(10, 1<<31+9, 4)
	require.NoError(t, b.Check())
	require.EqualValues(t, 10, b.BaseOffset())
	require.EqualValues(t, 1<<31+10, b.NextOffset())
	require.Zero(t, b.Count())
	require.Empty(t, read(t, new(Codec), b))
	require.Equal(t, "offsets 10..2147483657 epoch 4 records 0 bytes 61 none", b.String())
}
