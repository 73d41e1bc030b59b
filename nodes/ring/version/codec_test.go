package version

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, what a node writes would not be what another reads.
func TestEncodingsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c := drawSet(t), drawCell(t)
		set, err := DecodeSet(AppendSet(nil, s))
		require.NoError(t, err)
		require.Equal(t, s.String(), set.String())
		vector, err := DecodeVector(AppendVector(nil, s.Seen))
		require.NoError(t, err)
		require.Equal(t, s.Seen, vector)
		cell, err := DecodeCell(AppendCell(nil, c))
		require.NoError(t, err)
		require.Zero(t, c.Compare(cell))
		for b := AppendSet(nil, s); len(b) > 0; {
			b = b[:len(b)-1]
			_, err := DecodeSet(b)
			require.Error(t, err, "%d bytes of it", len(b))
		}
		for b := AppendCell(nil, c); len(b) > 0; {
			b = b[:len(b)-1]
			_, err := DecodeCell(b)
			require.Error(t, err, "%d bytes of it", len(b))
		}
	})
}

// If this failed, what breaks an invariant could be brought in from outside.
func TestWhatBreaksAnInvariantIsRefused(t *testing.T) {
	a, b := Dot{Actor{1, 1}, 2}, Dot{Actor{2, 1}, 1}
	for name, v := range map[string]Vector{
		"order": {b, a}, "twice": {a, a}, "no count": {{Actor{1, 1}, 0}}, "no node": {{Actor{0, 1}, 1}},
		"no epoch": {{Actor{1, 0}, 1}}, "count": {{Actor{1, 1}, mostCount + 1}},
	} {
		_, err := DecodeVector(AppendVector(nil, v))
		require.Error(t, err, name)
	}
	for name, s := range map[string]Set{
		"unseen": {Vector{a}, []Sibling{{Dot: Dot{Actor{1, 1}, 3}}}},
		"order":  {Vector{a, b}, []Sibling{{Dot: b}, {Dot: a}}},
		"twice":  {Vector{a}, []Sibling{{Dot: a}, {Dot: a}}},
		"zeroth": {Vector{a}, []Sibling{{Dot: Dot{Actor{1, 1}, 0}}}},
		"wall":   {Vector{a}, []Sibling{{Dot: a, At: Stamp{Wall: mostWall + 1}}}},
	} {
		_, err := DecodeSet(AppendSet(nil, s))
		require.Error(t, err, name)
	}
	require.Panics(t, func() { AppendSet(nil, Set{Siblings: []Sibling{{Dot: a}}}) })
}

func seeds() (all [][]byte) {
	var c Copy
	for range 3 {
		_, _ = c.Write(Write{Node: 3, Fresh: 7, Value: []byte("value"), At: Stamp{17, 4}}, Limits{})
	}
	_, _ = c.Write(Write{Node: 3, Fresh: 7, Deleted: true}, Limits{})
	return [][]byte{nil, AppendSet(nil, c.Set), AppendVector(nil, c.Seen), AppendCell(nil, Cell{At: Stamp{17, 4}, By: 3, Value: []byte("value")})}
}

// If this failed, a peer could bring a node down, or bring in what it would not write itself.
func FuzzDecodeSet(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSet(b)
		if err != nil {
			return
		}
		require.True(t, Compare(s, s) == Equal && Merge(s, Set{}).Covers(s))
		again, err := DecodeSet(AppendSet(nil, s))
		require.NoError(t, err)
		require.Equal(t, AppendSet(nil, s), AppendSet(nil, again))
		c := Copy{Set: s}
		if _, err := c.Write(Write{Node: 1, Fresh: 1, Context: s.Seen}, Limits{}); err == nil {
			require.True(t, c.Covers(s))
		}
	})
}

// If this failed, a client could bring a node down by the context of a write.
func FuzzDecodeVector(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeVector(b)
		if err != nil {
			return
		}
		require.True(t, v.Covers(v) && v.Merge(v).Covers(v))
		again, err := DecodeVector(AppendVector(nil, v))
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}

// If this failed, a peer could bring a node down.
func FuzzDecodeCell(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCell(b)
		if err != nil {
			return
		}
		again, err := DecodeCell(AppendCell(nil, c))
		require.NoError(t, err)
		require.True(t, c.Compare(again) == 0 && bytes.Equal(c.Value, again.Value))
	})
}
