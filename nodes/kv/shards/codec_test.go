package shards

import (
	"bytes"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes/kv"
)

// seal gives bytes that were made up a sum that fits, so that what is behind it is reached.
func seal(b []byte) []byte {
	sum := crc32.Checksum(b, castagnoli)
	return append(bytes.Clone(b), byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
}

// FuzzChange: nothing that another server or a disk can say makes a panic, and what is read is written the same.
func FuzzChange(f *testing.F) {
	c := change{step: putStep, from: "a", to: "b", first: 3, last: 9, epoch: 2, term: 5, sequence: 7, records: []byte("d\x01k")}
	whole := c.append(nil)
	f.Add(whole[:len(whole)-4])
	f.Add((&change{step: takeStep, from: "a", to: "b", version: 1 << 60, now: 1, digest: 1 << 63}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeChange(b)
		sealed := seal(b)
		c, err := decodeChange(sealed)
		if err != nil {
			require.ErrorIs(t, err, ErrChange)
			return
		}
		again, err := decodeChange(c.append(nil))
		require.NoError(t, err)
		require.Equal(t, c.append(nil), again.append(nil))
		s := New()
		_ = s.change(&change{step: foundStep, from: "b", records: []byte("0-99")}, nil)
		_, err = s.ApplyEntry(sealed, nil)
		require.NoError(t, err)
	})
}

// FuzzAccount is the same of what servers tell of their groups.
func FuzzAccount(f *testing.F) {
	a := account{"a", []Server{{ID: 1, Client: "a/1:6379", Leads: true}, {ID: 2, Client: "a/2:6379", Online: true}}, []Span{{0, 99, "a", 1}, {200, 300, "a", 4}}}
	whole := a.append(nil)
	f.Add(whole[:len(whole)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeAccount(b)
		got, err := decodeAccount(seal(b))
		if err != nil {
			require.ErrorIs(t, err, ErrChange)
			return
		}
		again, err := decodeAccount(got.append(nil))
		require.NoError(t, err)
		require.Equal(t, got, again)
		atlas := atlas{groups: map[string][]Server{}}
		atlas.learn(&got)
		_ = atlas.leader(got.group)
	})
}

// FuzzImage is the same of snapshots.
func FuzzImage(f *testing.F) {
	s := New()
	s.change(&change{step: foundStep, from: "b", records: []byte("0-99,8000-16383")}, nil)
	s.change(&change{step: offerStep, from: "a", to: "b", first: 100, last: 200, epoch: 2, term: 1}, nil)
	s.change(&change{step: beginStep, from: "b", to: "a", first: 0, last: 50}, nil)
	s.change(&change{step: wantStep, from: "b", to: "a", records: []byte("60")}, nil)
	f.Add(s.Image()(nil))
	f.Add(kv.New().Image().Append(nil))
	f.Fuzz(func(t *testing.T, image []byte) {
		got, err := Decode(image)
		if err != nil {
			require.ErrorIs(t, err, kv.ErrSnapshot)
			return
		}
		again, err := Decode(got.Image()(nil))
		require.NoError(t, err)
		require.Equal(t, got.String(), again.String())
		_ = got.readHead(image)
	})
}

// If this failed, a server that restarts, or is sent a snapshot, would own other slots than its group says.
func TestASnapshotHasEverything(t *testing.T) {
	s := New()
	for _, c := range []change{
		{step: foundStep, from: "b", records: []byte("0-99,8000-16383")},
		{step: offerStep, from: "a", to: "b", first: 100, last: 200, epoch: 2, term: 4, sequence: 3},
		{step: beginStep, from: "b", to: "a", first: 0, last: 50},
		{step: freezeStep, from: "b", to: "a", first: 0, last: 50, epoch: 2},
		{step: wantStep, from: "b", to: "c", records: []byte("60")},
	} {
		require.NotContains(t, string(s.change(&c, nil)), "-", "step %d", c.step)
	}
	restored, err := Decode(s.Image()(nil))
	require.NoError(t, err)
	require.Equal(t, s.moving, restored.moving)
	require.Equal(t, s.table, restored.table)
	require.Equal(t, s.wanted, restored.wanted)
	require.Len(t, restored.imports, 1)
	require.Equal(t, s.imports[0].term, restored.imports[0].term)
	image := s.Image()(nil)
	for cut := range len(image) {
		_, err := Decode(image[:cut])
		require.Error(t, err, "cut to %d bytes", cut)
	}
}
