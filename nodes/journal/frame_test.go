package journal

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, a frame would not be read as it was written, or one would be believed that has rotted, or that lies
// elsewhere or in another segment than it was written for.
func TestFramesAreReadAsTheyAreWrittenWhereTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payloads := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 0, 6).Draw(t, "payloads")
		buf := make([]byte, frameHead)
		for _, p := range payloads {
			buf = append(binary.AppendUvarint(buf, uint64(len(p))), p...)
		}
		salt, offset := rapid.Uint64().Draw(t, "salt"), frameAlign*rapid.Int64Range(headerSize/frameAlign, 1<<37).Draw(t, "offset")
		f := frame{length: uint32(len(buf) - frameHead), first: rapid.Uint64().Draw(t, "first"), count: uint32(len(payloads)),
			durable: rapid.Int64Range(headerSize, offset).Draw(t, "durable"), chain: rapid.Uint32().Draw(t, "chain"), kind: kindBatch}
		written, sum := seal(buf, f, salt, offset)
		require.EqualValues(t, span(int64(f.length)), len(written))

		read, ok := openHead(written, salt, offset)
		require.True(t, ok)
		f.sum, f.body, f.zeros = sum, read.body, zeros(written[frameHead:], offset+frameHead)
		require.Equal(t, f, read)
		var got [][]byte
		whole, err := records(written[frameHead:frameHead+int(f.length)], f.count, func(_ uint64, p []byte) error {
			got = append(got, bytes.Clone(p))
			return nil
		})
		require.NoError(t, err)
		require.True(t, whole)
		require.Len(t, got, len(payloads))
		for i := range got {
			require.True(t, bytes.Equal(payloads[i], got[i]))
		}

		_, ok = openHead(written, salt+1, offset)
		require.False(t, ok, "in another segment")
		_, ok = openHead(written, salt, offset+8)
		require.False(t, ok, "at another place")
		require.True(t, isWritten(written, offset))
		written[rapid.IntRange(0, frameHead-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, ok = openHead(written, salt, offset)
		require.False(t, ok, "rotten")
	})
}
