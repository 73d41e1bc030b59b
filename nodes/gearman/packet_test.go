package gearman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, a packet would arrive as another than was sent.
func TestPacketsArriveAsTheyWereSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[^\x00]{0,20}`)
		var stream []byte
		var want []Args
		var types []Type
		for range rapid.IntRange(1, 5).Draw(t, "packets") {
			kind := Type(rapid.Uint32Range(1, typeCount-1).Draw(t, "type"))
			if !kind.Known() {
				continue
			}
			var args Args
			for i := range forms[kind].args {
				args[i] = []byte(word.Draw(t, "arg"))
			}
			if last := forms[kind].args - 1; last >= 0 {
				args[last] = rapid.SliceOfN(rapid.Byte(), 0, 3*readBuffer).Draw(t, "data")
			}
			stream = Append(stream, Request, kind, args[:forms[kind].args]...)
			want, types = append(want, args), append(types, kind)
		}
		in := NewReader(bytes.NewReader(stream), 0)
		for i := range want {
			p, err := in.ReadPacket()
			require.NoError(t, err)
			require.Equal(t, types[i], p.Type)
			args, err := p.Args()
			require.NoError(t, err)
			for j := range args {
				require.True(t, bytes.Equal(want[i][j], args[j]), "argument %d of %s", j, p.Type)
			}
		}
		_, err := in.ReadPacket()
		require.Equal(t, io.EOF, err)
	})
}

// If this failed, four bytes from a stranger could make a server ask for 4 GiB.
func TestAClaimedLengthCostsNothing(t *testing.T) {
	header := Append(nil, Request, EchoReq)
	binary.BigEndian.PutUint32(header[8:], 1<<32-1)

	_, err := NewReader(bytes.NewReader(header), 0).ReadPacket()
	var size *SizeError
	require.True(t, errors.As(err, &size))
	require.EqualError(t, err, "gearman: ECHO_REQ of 4294967295 bytes, more than the limit of 67108864")

	in := NewReader(bytes.NewReader(append(header, "some"...)), 1<<40)
	_, err = in.ReadPacket()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.LessOrEqual(t, cap(in.large), 8*readBuffer)
}

// If this failed, a stream of something else would be taken for packets.
func TestOtherMagicsAreRefused(t *testing.T) {
	_, err := NewReader(strings.NewReader("\x00REX\x00\x00\x00\x01\x00\x00\x00\x00"), 0).ReadPacket()
	require.Equal(t, ErrMagic, err)
	_, err = NewReader(strings.NewReader("\x00REQ\x00"), 0).ReadPacket()
	require.Equal(t, io.ErrUnexpectedEOF, err)
}

// If this failed, a client could not be told which of its arguments are missing.
func TestMissingArgumentsAreTold(t *testing.T) {
	_, err := Packet{Type: SubmitJob, Data: []byte("wc\x00unique")}.Args()
	require.Equal(t, ErrArguments, err)
	args, err := Packet{Type: SubmitJob, Data: []byte("wc\x00\x00a\x00b")}.Args()
	require.NoError(t, err)
	require.Equal(t, "a\x00b", string(args[2]))
}

// If this failed, lines and packets could not share a port.
func TestLinesAndPacketsShareAStream(t *testing.T) {
	stream := append([]byte("status\r\n"), Append(nil, Request, GrabJob)...)
	in := NewReader(bytes.NewReader(append(stream, "version\n"...)), 0)

	text, err := in.AtText()
	require.NoError(t, err)
	require.True(t, text)
	line, err := in.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "status", string(line))

	text, err = in.AtText()
	require.NoError(t, err)
	require.False(t, text)
	p, err := in.ReadPacket()
	require.NoError(t, err)
	require.Equal(t, GrabJob, p.Type)

	line, err = in.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "version", string(line))
	require.False(t, in.Buffered())
}

// Whatever bytes come, a reader returns packets within its limit or an error, and stops.
func FuzzReader(f *testing.F) {
	f.Add(Append(nil, Request, SubmitJob, []byte("f"), []byte("u"), []byte("data")))
	f.Add([]byte("\x00RES\x00\x00\x00\x13\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := NewReader(bytes.NewReader(stream), 1<<10)
		for {
			p, err := in.ReadPacket()
			if err != nil {
				return
			}
			require.LessOrEqual(t, len(p.Data), 1<<10)
			args, err := p.Args()
			if err == nil && p.Type.Known() {
				again := Append(nil, p.Magic, p.Type, args[:forms[p.Type].args]...)
				if forms[p.Type].args > 0 {
					require.Equal(t, p.Data, again[HeaderSize:])
				}
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	handle, data := []byte("H:host:1.1"), make([]byte, 100)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = Append(out[:0], Response, WorkComplete, handle, data)
	}
}

func BenchmarkReader(b *testing.B) {
	stream := bytes.Repeat(Append(nil, Request, SubmitJob, []byte("reverse"), []byte("u"), make([]byte, 100)), 100)
	source := bytes.NewReader(stream)
	in := NewReader(source, 0)
	b.ReportAllocs()
	for b.Loop() {
		p, err := in.ReadPacket()
		if err == io.EOF {
			source.Reset(stream)
			continue
		}
		if _, err := p.Args(); err != nil {
			b.Fatal(err)
		}
	}
}
