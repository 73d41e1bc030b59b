package link

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a peer could bring a server down, or have it take for said what nobody said.
func FuzzReadFrame(f *testing.F) {
	whole := appendHello(nil, hello{"c", "a:1"})
	whole = appendFrame(whole, pingFrame, nil)
	whole = appendFrame(whole, dataFrame, []byte("something"))
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, byte(dataFrame)})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(b), 64)
		for at := 0; ; {
			k, payload, err := readFrame(in, 1<<16)
			if err != nil {
				return
			}
			again := appendFrame(nil, k, payload)
			require.Equal(t, b[at:at+len(again)], again, "a frame that was read is the one that was written")
			at += len(again)
			if h, err := decodeHello(payload); err == nil {
				_, twice, err := readFrame(bufio.NewReader(bytes.NewReader(appendHello(nil, h))), helloBytes*100)
				require.NoError(t, err)
				h2, err := decodeHello(twice)
				require.NoError(t, err)
				require.Equal(t, h, h2)
			}
		}
	})
}

// If this failed, a flipped bit that TCP let through would be taken for a peer's word.
func TestEveryFlippedBitIsSeen(t *testing.T) {
	whole := appendFrame(nil, dataFrame, []byte("vote for me"))
	for bit := range len(whole) * 8 {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		_, _, err := readFrame(bufio.NewReader(bytes.NewReader(b)), 1<<16)
		require.Error(t, err, "bit %d", bit)
	}
}

// If this failed, a peer could make a server set memory aside for what never comes.
func TestAClaimedSizeCostsNothing(t *testing.T) {
	head := appendFrame(nil, dataFrame, nil)
	head[2] = 0xf0 // 15 MiB
	in := bufio.NewReader(bytes.NewReader(append(head, "short"...)))
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _, err := readFrame(in, 64<<20)
			require.Error(b, err)
		}
	}).AllocedBytesPerOp()
	require.Less(t, allocated, int64(1<<20))
}
