package repair

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/ring"
)

var start = time.Unix(1_700_000_000, 0).UTC()

func contents(h *Hints) (all []string) {
	for _, r := range h.Records() {
		all = append(all, fmt.Sprintf("%d for %d: %s=%s at %v", r.Hint.Number, r.Hint.For, r.Hint.Key, r.Hint.Known, r.Hint.Since.Sub(start)))
	}
	return all
}

// If this failed, a node that restarts would owe others something else than before, or forget that it owes anything.
func TestHintsAreTheFoldOfTheirRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := NewHints(HintOptions{Bytes: 2000, PerNode: 1200})
		held := map[string]string{} // the model: what is known of a key, by node and key
		var disk [][]byte
		write := func(r Record) { disk = append(disk, AppendRecord(nil, r)) }
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			node := ring.ID(rapid.IntRange(1, 3).Draw(t, "node"))
			switch rapid.SampledFrom([]string{"hold", "hold", "hold", "deliver", "expire", "release"}).Draw(t, "what") {
			case "hold":
				key := fmt.Sprint("k", rapid.IntRange(0, 4).Draw(t, "key"))
				known := fmt.Sprint(i)
				before := contents(h)
				r, err := h.Hold(Hint{For: node, Since: start.Add(time.Duration(i) * time.Hour), Key: []byte(key), Known: []byte(known)})
				if err != nil {
					require.ErrorIs(t, err, ErrFull)
					require.Equal(t, before, contents(h))
					break
				}
				write(r)
				held[fmt.Sprint(node, key)] = known
			case "deliver":
				var numbers []uint64
				for _, hint := range h.Next(node, rapid.IntRange(0, 500).Draw(t, "bytes")) {
					numbers = append(numbers, hint.Number)
					delete(held, fmt.Sprint(node, string(hint.Key)))
				}
				write(h.Drop(node, append(numbers, numbers...)))
			case "expire":
				rules := Rules{Window: 10 * time.Hour}
				now := start.Add(time.Duration(i) * time.Hour)
				for _, r := range h.Records() {
					if now.Sub(r.Hint.Since) > rules.Window {
						delete(held, fmt.Sprint(r.Hint.For, string(r.Hint.Key)))
					}
				}
				for _, r := range h.Expire(rules, now) {
					write(r)
				}
			case "release":
				owed, r := h.Release(node)
				for _, hint := range owed {
					delete(held, fmt.Sprint(node, string(hint.Key)))
				}
				require.Nil(t, h.Next(node, 1000))
				write(r)
			}
			again := NewHints(h.opts)
			for _, b := range disk {
				r, err := DecodeRecord(b)
				require.NoError(t, err)
				require.NoError(t, again.Replay(r))
			}
			require.Equal(t, contents(h), contents(again))
			require.Equal(t, h.Bytes(), again.Bytes())
			require.Len(t, held, h.Len())
			sum, of := 0, map[ring.ID]int{}
			for _, r := range h.Records() {
				sum += r.Hint.size()
				of[r.Hint.For] += r.Hint.size()
				require.Equal(t, held[fmt.Sprint(r.Hint.For, string(r.Hint.Key))], string(r.Hint.Known))
			}
			require.Equal(t, sum, h.Bytes())
			for _, w := range h.nodes {
				require.Equal(t, of[w.node], w.bytes)
				require.LessOrEqual(t, w.bytes, 1200)
			}
			require.LessOrEqual(t, sum, 2000)
		}
	})
}

// If this failed, what was written while hints were on their way would be dropped with them.
func TestWhatCameMeanwhileStays(t *testing.T) {
	h := NewHints(HintOptions{})
	hold := func(known string, after time.Duration) {
		_, err := h.Hold(Hint{For: 2, Since: start.Add(after), Key: []byte("k"), Known: []byte(known)})
		require.NoError(t, err)
	}
	hold("old", 0)
	sent := h.Next(2, 0)
	require.Len(t, sent, 1)
	hold("old and new", time.Hour)
	h.Drop(2, []uint64{sent[0].Number})
	left, held := h.Held(2, []byte("k"))
	require.True(t, held)
	require.Equal(t, "old and new", string(left.Known))
	require.Equal(t, start, left.Since, "it holds something that is as old")
	require.ErrorIs(t, h.Replay(Record{Hint: Hint{For: 2, Number: 1}}), ErrHint)
}

// If this failed, a damaged disk could bring a node down.
func FuzzDecodeRecord(f *testing.F) {
	f.Add(AppendRecord(nil, Record{Hint: Hint{Number: 3, For: 2, Since: start, Key: []byte("key"), Known: []byte("known")}}))
	f.Add(AppendRecord(nil, Record{Hint: Hint{For: 2}, Dropped: []uint64{1, 2, 7}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord(b)
		if err != nil {
			return
		}
		again, err := DecodeRecord(AppendRecord(nil, r))
		require.NoError(t, err)
		require.Equal(t, r, again)
		h := NewHints(HintOptions{})
		_ = h.Replay(r)
		_ = h.Replay(r)
	})
}

func BenchmarkHold(b *testing.B) {
	for _, keys := range []int{1, 10_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			h := NewHints(HintOptions{})
			known, names := make([]byte, 100), make([][]byte, keys)
			for i := range names {
				names[i] = fmt.Append(nil, "key", i)
			}
			for i := 0; b.Loop(); i++ {
				if _, err := h.Hold(Hint{For: 2, Since: start, Key: names[i%keys], Known: known}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
