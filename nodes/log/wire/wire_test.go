package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"simrun/nodes/log/wire"
)

// fill gives every field of a message a value: lists of up to three, short strings, some of them null.
func fill(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.String && r.IntN(4) == 0 || v.Type().Elem().Kind() == reflect.Struct {
			return // structs behind pointers are tagged fields
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), r)
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name == "UnknownTags" {
				if r.IntN(4) == 0 {
					v.Field(i).Addr().Interface().(*kmsg.Tags).Set(uint32(100+r.IntN(100)), []byte("tag"))
				}
			} else if name != "Version" && v.Field(i).CanSet() {
				fill(v.Field(i), r)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes")[:r.IntN(5)])
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			fill(v.Index(i), r)
		}
	case reflect.String:
		v.SetString("string"[:r.IntN(6)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.IntN(35))) // below the code that an answer for versions is of version 0 with
	}
}

// each calls f with every API in every version.
func each(f func(api wire.API, version int16)) {
	for _, api := range wire.Spoken() {
		for version := api.Least; version <= api.Most; version++ {
			f(api, version)
		}
	}
}

// If this failed, a layout would not be its message's, and clients with that version would be refused; or a message that is a byte
// short or long would be taken.
func TestEveryMessageInEveryVersionIsReadAsItWasWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	each(func(api wire.API, version int16) {
		for range 30 {
			asked := wire.New(api.Key, version)
			fill(reflect.ValueOf(asked).Elem(), r)
			sent := wire.AppendRequest(nil, 7, "me", asked)
			body, err := wire.Read(bytes.NewReader(sent), 1<<20)
			require.NoError(t, err)
			h, got, err := wire.DecodeRequest(body)
			require.NoError(t, err, "%s of version %d", api.Name, version)
			require.Equal(t, wire.Header{Key: api.Key, Version: version, Correlation: 7, Client: "me"}, h)
			require.Equal(t, sent, wire.AppendRequest(nil, 7, "me", got), "%s of version %d", api.Name, version)
			_, _, err = wire.DecodeRequest(body[:len(body)-1])
			require.Error(t, err, "%s of version %d is taken without its last byte", api.Name, version)
			_, _, err = wire.DecodeRequest(append(body, 0))
			require.ErrorIs(t, err, wire.ErrMalformed, "%s of version %d is taken with a byte too many", api.Name, version)

			answer := asked.ResponseKind()
			fill(reflect.ValueOf(answer).Elem(), r)
			sent = wire.AppendAnswer(nil, 8, answer)
			told, err := wire.DecodeAnswer(sent[4:], api.Key, version)
			require.NoError(t, err, "answer of %s in version %d", api.Name, version)
			require.Equal(t, sent, wire.AppendAnswer(nil, 8, told), "answer of %s in version %d", api.Name, version)
			_, err = wire.DecodeAnswer(sent[4:len(sent)-1], api.Key, version)
			require.ErrorIs(t, err, wire.ErrMalformed, "answer of %s in version %d is taken without its last byte", api.Name, version)
		}
	})
}

// If this failed, a few bytes could keep a broker busy for a minute, or fill its memory: by a count of tags or of topics that
// are not there.
func TestCountsAreNotBelieved(t *testing.T) {
	tags := append(wire.AppendRequest(nil, 1, "", wire.New(wire.ApiVersions, 3))[4:], 0)
	tags = append(tags[:len(tags)-2], 0xff, 0xff, 0xff, 0xff, 0x0f)
	_, _, err := wire.DecodeRequest(tags)
	require.ErrorIs(t, err, wire.ErrMalformed)

	produce := wire.New(wire.Produce, 9)
	many := wire.AppendRequest(nil, 1, "", produce)[4:]
	many = append(append(many[:len(many)-2], 0xff, 0xff, 0x3f), make([]byte, 1<<20-1)...) // a million topics in a million bytes
	require.Less(t, testing.AllocsPerRun(1, func() { _, _, err = wire.DecodeRequest(many) }), 20.0)
	require.ErrorIs(t, err, wire.ErrMalformed)
}

// If this failed, a client that is newer than the broker could not find out what it speaks.
func TestATooNewRequestForTheVersionsIsAnsweredSoThatEverybodyCanReadIt(t *testing.T) {
	newer := kmsg.NewPtrApiVersionsRequest()
	newer.SetVersion(4)
	h, _, err := wire.DecodeRequest(wire.AppendRequest(nil, 3, "newer", newer)[4:])
	require.ErrorIs(t, err, wire.ErrUnspoken)
	require.Equal(t, wire.ApiVersions, h.Key)
	answer := wire.AppendAnswer(nil, h.Correlation, wire.Versions(h.Version))[4:]
	require.Equal(t, uint16(35), binary.BigEndian.Uint16(answer[4:]))
	told, err := wire.DecodeAnswer(answer, wire.ApiVersions, 3)
	require.NoError(t, err)
	require.Len(t, told.(*kmsg.ApiVersionsResponse).ApiKeys, len(wire.Spoken()))
}

// If this failed, a size alone would cost memory, or a stream that ends would not be told from one that ends in the
// middle of a message.
func TestStreamsEndWhereMessagesDo(t *testing.T) {
	_, err := wire.Read(bytes.NewReader(nil), 100)
	require.Equal(t, io.EOF, err)
	_, err = wire.Read(bytes.NewReader([]byte{0, 0, 0, 9, 1}), 100)
	require.Equal(t, io.ErrUnexpectedEOF, err)
	_, err = wire.Read(bytes.NewReader([]byte{0, 0, 0, 9}), 100)
	require.Equal(t, io.ErrUnexpectedEOF, err)
	_, err = wire.Read(bytes.NewReader([]byte{0, 0, 1, 0}), 100)
	require.ErrorIs(t, err, wire.ErrTooLarge)
	_, err = wire.Read(bytes.NewReader([]byte{255, 0, 1, 0}), 100)
	require.ErrorIs(t, err, wire.ErrMalformed)
	long := append([]byte{0, 3, 0, 0}, make([]byte, 3<<16)...)
	b, err := wire.Read(iotest.HalfReader(bytes.NewReader(long)), 1<<20)
	require.NoError(t, err)
	require.Len(t, b, 3<<16)
}

// If this failed, a byte that changed on its way would be more than an error.
func TestDamagedMessagesAreErrorsAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		api := rapid.SampledFrom(wire.Spoken()).Draw(t, "api")
		version := rapid.Int16Range(api.Least, api.Most).Draw(t, "version")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		asked := wire.New(api.Key, version)
		fill(reflect.ValueOf(asked).Elem(), r)
		body := wire.AppendRequest(nil, 1, "me", asked)[4:]
		body[rapid.IntRange(0, len(body)-1).Draw(t, "place")] = rapid.Byte().Draw(t, "byte")
		if _, _, err := wire.DecodeRequest(body); err != nil && !errors.Is(err, wire.ErrMalformed) && !errors.Is(err, wire.ErrUnspoken) {
			t.Fatal(err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	each(func(api wire.API, version int16) {
		asked := wire.New(api.Key, version)
		fill(reflect.ValueOf(asked).Elem(), r)
		f.Add(wire.AppendRequest(nil, 1, "fuzz", asked)[4:])
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, asked, err := wire.DecodeRequest(b)
		if err != nil {
			return
		}
		again, same, err := wire.DecodeRequest(wire.AppendRequest(nil, h.Correlation, h.Client, asked)[4:])
		require.NoError(t, err)
		require.Equal(t, h, again)
		require.Equal(t, asked.AppendTo(nil), same.AppendTo(nil))
	})
}

func FuzzAnswer(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	each(func(api wire.API, version int16) {
		answer := wire.New(api.Key, version).ResponseKind()
		fill(reflect.ValueOf(answer).Elem(), r)
		f.Add(wire.AppendAnswer(nil, 1, answer)[4:], api.Key, version)
	})
	f.Fuzz(func(t *testing.T, b []byte, key, version int16) {
		if api := wire.Find(key); api == nil || version < api.Least || version > api.Most {
			return
		}
		_, _ = wire.DecodeAnswer(b, key, version)
	})
}
