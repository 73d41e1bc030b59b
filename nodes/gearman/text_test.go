package gearman

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, a line of the text protocol or a packet would be lost or torn where they follow each other on one
// stream, in whichever pieces they arrive.
func TestLinesAndPacketsArriveInAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type thing struct {
			text bool
			data []byte
		}
		var things []thing
		var stream []byte
		for range rapid.IntRange(1, 8).Draw(t, "things") {
			if rapid.Bool().Draw(t, "is text") {
				line := []byte(rapid.StringMatching(`[^\x00\r\n][^\r\n]{0,60}`).Draw(t, "line"))
				things = append(things, thing{true, line})
				stream = append(append(stream, line...), rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")...)
				continue
			}
			data := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "data")
			things = append(things, thing{false, data})
			stream = Append(stream, Request, EchoReq, data)
		}
		pieces := rapid.SampledFrom([]func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader}).Draw(t, "pieces")
		in := NewReader(pieces(bytes.NewReader(stream)), 0)
		for _, want := range things {
			text, err := in.AtText()
			require.NoError(t, err)
			require.Equal(t, want.text, text)
			if want.text {
				line, err := in.ReadLine()
				require.NoError(t, err)
				require.Equal(t, string(want.data), string(line))
				continue
			}
			p, err := in.ReadPacket()
			require.NoError(t, err)
			require.Equal(t, EchoReq, p.Type)
			require.True(t, bytes.Equal(want.data, p.Data))
		}
		_, err := in.ReadPacket()
		require.Equal(t, io.EOF, err)
	})
}
