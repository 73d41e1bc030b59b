package kv

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, what a slot holds would arrive elsewhere as something else.
func TestParcelsMakeTwoStoresAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		here, there, held := New(), New(), NewInventory()
		do := func(words ...string) {
			args := make([][]byte, len(words))
			for i, w := range words {
				args[i] = []byte(w)
			}
			here.Apply(Order{Now: 1}, args, nil)
		}
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			for range rapid.IntRange(0, 10).Draw(t, "writes") {
				key := fmt.Sprintf("key-%d", rapid.IntRange(1, 5).Draw(t, "key"))
				switch rapid.IntRange(0, 4).Draw(t, "what") {
				case 0:
					do("DEL", key)
				case 1:
					do("ONCE", "OPEN", key)
				case 2:
					do("ONCE", fmt.Sprint(rapid.IntRange(1, 20).Draw(t, "session")), fmt.Sprint(rapid.IntRange(1, 5).Draw(t, "sequence")), "INCR", key)
				case 3:
					do("SET", key, "v", "PX", "100000")
				default:
					do("SET", key, fmt.Sprint(here.Version()))
				}
			}
			if rapid.Bool().Draw(t, "forgets") { // and asks what is held
				held = NewInventory()
				list, next := there.List(0, Slots-1, 1<<20, nil)
				require.Equal(t, Slots, next)
				require.NoError(t, held.Note(list))
			}
			most := rapid.SampledFrom([]int{1, 60, 10_000}).Draw(t, "most")
			for n := 1; n <= 5; {
				parcel, whole := held.Pack(here, Slot(fmt.Appendf(nil, "key-%d", n)), most, nil)
				if len(parcel) > 0 {
					require.NoError(t, there.Unpack(parcel, 0, Slots-1))
					require.NoError(t, held.Note(parcel))
				}
				if whole {
					n++
				}
			}
			require.Equal(t, here.Contents(0, Slots-1), there.Contents(0, Slots-1))
		}
		third := New()
		third.Adopt(there, here.Version(), here.Now())
		require.Equal(t, here.Contents(0, Slots-1), third.Contents(0, Slots-1))
		require.Equal(t, here.Version(), third.Version())
		require.Zero(t, there.Len()+there.Sessions())
		again, err := Decode(third.Image().Append(nil))
		require.NoError(t, err)
		require.Equal(t, third.Contents(0, Slots-1), again.Contents(0, Slots-1))
		third.Discard(0, Slots-1)
		require.Zero(t, third.Len()+third.Sessions())
		require.Zero(t, third.Contents(0, Slots-1))
	})
}

// If this failed, keys of other slots could be brought in with those that are meant.
func TestAParcelIsOfItsSlots(t *testing.T) {
	s := New()
	s.Apply(Order{}, [][]byte{[]byte("SET"), []byte("k"), []byte("v")}, nil)
	parcel, _ := NewInventory().Pack(s, 7629, 1000, nil)
	require.ErrorIs(t, New().Unpack(parcel, 0, 7628), ErrParcel)
	require.NoError(t, New().Unpack(parcel, 7629, 7629))
	list, _ := s.List(7629, 7629, 1000, nil)
	require.ErrorIs(t, New().Unpack(list, 0, Slots-1), ErrParcel, "a list carries nothing")
	require.ErrorIs(t, New().Unpack(append(parcel, '?'), 0, Slots-1), ErrParcel)
}

// FuzzParcel: no parcel makes a panic, and one that is refused changes nothing.
func FuzzParcel(f *testing.F) {
	s := New()
	for _, words := range [][]string{{"SET", "k", "v"}, {"ONCE", "OPEN", "k"}, {"ONCE", "2", "1", "INCR", "{k}n"}} {
		args := make([][]byte, len(words))
		for i, w := range words {
			args[i] = []byte(w)
		}
		s.Apply(Order{Now: 1}, args, nil)
	}
	parcel, _ := NewInventory().Pack(s, 7629, 1000, nil)
	f.Add(parcel)
	f.Add([]byte("d\x01kx\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New()
		if err := s.Unpack(b, 0, Slots-1); err != nil {
			require.ErrorIs(t, err, ErrParcel)
			require.Zero(t, s.Len()+s.Sessions())
		}
		v := NewInventory()
		_ = v.Note(b)
		for slot := range 3 {
			_, _ = v.Pack(s, slot, 100, nil)
		}
		_, err := Decode(s.Image().Append(nil))
		require.NoError(t, err)
	})
}
