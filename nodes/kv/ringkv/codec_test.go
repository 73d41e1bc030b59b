package ringkv

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
	"simrun/nodes/ring/merkle"
	"simrun/nodes/ring/repair"
	"simrun/nodes/ring/version"
)

// drawLore draws what somebody knows of a key, from writes of its own: no two drawn with other epochs have a dot in common.
func drawLore(t *rapid.T, v Versions, epoch uint64) lore {
	at := version.Stamp{Wall: rapid.Int64Range(0, 50).Draw(t, "wall"), Logical: rapid.Uint32Range(0, 3).Draw(t, "logical")}
	value := []byte(rapid.StringN(0, 4, 8).Draw(t, "value"))
	deleted := rapid.Bool().Draw(t, "deleted")
	if v != Vector {
		if deleted {
			value = nil
		}
		return lore{cell: version.Cell{At: at, By: ring.ID(rapid.Uint64Range(1, 3).Draw(t, "by")), Deleted: deleted, Value: value}}
	}
	var c version.Copy
	for range rapid.IntRange(1, 3).Draw(t, "writes") {
		node := ring.ID(rapid.Uint64Range(1, 3).Draw(t, "node"))
		var seen version.Vector
		if rapid.Bool().Draw(t, "knows") {
			seen = c.Seen
		}
		_, err := c.Write(version.Write{Node: node, Fresh: epoch, Context: seen, At: at, Deleted: deleted, Value: value}, limits)
		require.NoError(t, err)
		c.Epoch = epoch
	}
	return lore{set: c.Set}
}

// If this failed, copies would come to something else by the order in which they hear of writes, or lose what they know on
// the way to a disk or to another server.
func TestLoreMergesInAnyOrder(t *testing.T) {
	for _, v := range []Versions{Vector, Hybrid, LastWriteWins} {
		rapid.Check(t, func(t *rapid.T) {
			a, b, c := drawLore(t, v, 1), drawLore(t, v, 2), drawLore(t, v, 3)
			require.Equal(t, v.encode(v.merge(a, b)), v.encode(v.merge(b, a)))
			require.Equal(t, v.encode(v.merge(v.merge(a, b), c)), v.encode(v.merge(a, v.merge(b, c))))
			all := v.merge(a, b)
			require.True(t, v.covers(all, a) && v.covers(all, b))
			require.Equal(t, v.covers(a, b), string(v.encode(v.merge(a, b))) == string(v.encode(a)))
			again, err := v.decode(v.encode(a))
			require.NoError(t, err)
			require.Equal(t, v.encode(a), v.encode(again))
			seen, err := v.readToken([]byte(v.token(a)))
			require.NoError(t, err)
			require.Equal(t, v == Vector, seen.set.Seen != nil)
		})
	}
}

// If this failed, a page would leave out a key, tell it twice, or never come to an end.
func TestPagesOfAShelfTellEachKeyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newShelf(Hybrid, 1)
		keys := rapid.SliceOfNDistinct(rapid.StringN(1, 6, 6), 1, 40, rapid.ID[string]).Draw(t, "keys")
		for _, key := range keys {
			h.put([]byte(key), lore{cell: version.Cell{By: 1, Value: []byte(key)}}, 0)
		}
		within := ring.Range{After: rapid.Uint64().Draw(t, "after"), Through: rapid.Uint64().Draw(t, "through")}
		within.After = within.After>>52<<52 - 1 // as comparisons find them
		within.Through = within.Through>>52<<52 - 1
		if within.After > within.Through {
			within.After, within.Through = within.Through, within.After
		}
		want := 0
		for _, key := range keys {
			if within.Contains(ring.Position([]byte(key))) {
				want++
			}
		}
		got, after := 0, ""
		for {
			page := h.within(within, after)
			if len(page) == 0 {
				break
			}
			got++
			after = page[0].key // one to a page
			require.LessOrEqual(t, got, want)
		}
		require.Equal(t, want, got)
	})
}

// If this failed, the digests of two servers that have the same would differ, or trees would not say what is on the shelf.
func TestAShelfAddsUp(t *testing.T) {
	members := []ring.Member{{ID: 1}, {ID: 2}, {ID: 3}}
	rapid.Check(t, func(t *rapid.T) {
		r, err := ring.New(members, ring.Options{Copies: 2, Tokens: 8})
		require.NoError(t, err)
		h := newShelf(Vector, 7)
		h.arrange(1, r)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			key := []byte(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "key"))
			if it := h.find(key); it != nil && rapid.IntRange(0, 3).Draw(t, "drop") == 0 {
				h.drop(it)
				continue
			}
			h.put(key, drawLore(t, Vector, 1), 0)
		}
		again := newShelf(Vector, 7)
		for _, it := range h.all() {
			again.put([]byte(it.key), h.read(it), it.epoch)
		}
		again.arrange(1, r)
		require.Equal(t, again.digest, h.digest)
		require.Equal(t, again.bytes, h.bytes)
		require.Equal(t, again.count, h.count)
		require.Len(t, h.tombs, len(again.tombs))
		require.Len(t, h.strays, len(again.strays))
		for _, id := range []ring.ID{2, 3} {
			require.Equal(t, again.trees[id].Root(), h.trees[id].Root())
		}
	})
}

// What another server sends may be anything: it is read or refused, and what is read is written again as it was.
func FuzzFrame(f *testing.F) {
	l := lore{cell: version.Cell{By: 1, Value: []byte("v")}}
	head := appendEnvelope(nil, envelope{putVerb, 3, 1, 2, done})
	f.Add(append(head, appendEntries(nil, []entry{{[]byte("k"), Hybrid.encode(l)}})...))
	f.Add(append(appendEnvelope(nil, envelope{confirmVerb, 3, 1, 2, done}), appendMarks(nil, 5, []mark{{[]byte("k"), 6}})...))
	f.Add(append(appendEnvelope(nil, envelope{pageVerb, 3, 1, 2, done}), appendPage(nil, ring.Range{After: 1, Through: 2}, "k")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, body, err := openEnvelope(b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(appendEnvelope(nil, e)), len(b)-len(body)) // a number may be written longer than it needs
		for _, v := range []Versions{Vector, Hybrid} {
			d := decode(body)
			if entries, known := d.entries(v); !d.Failed() {
				require.Len(t, known, len(entries))
			}
		}
		d := decode(body)
		_, marks := d.marks()
		require.LessOrEqual(t, len(marks), len(body))
	})
}

// A journal's sum does not say that who wrote it was of sound mind.
func FuzzRecord(f *testing.F) {
	hint, err := repair.NewHints(repair.HintOptions{}).Hold(repair.Hint{For: 2, Key: []byte("k"), Known: []byte("x")})
	require.NoError(f, err)
	member := gossip.Member{Address: "a:1"}
	member.ID = 3
	for _, record := range [][]byte{
		appendSelf(nil, identity{id: 1, versions: Vector}), appendItem(nil, "k", 1, Hybrid.encode(lore{cell: version.Cell{By: 1}})), appendDropped(nil, "k"),
		appendHint(nil, hint), appendMembers(nil, []gossip.Member{member}), appendNotes(nil, marks{epoch: 3}),
	} {
		f.Add(record)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []Versions{Vector, Hybrid} {
			r := recovered{versions: v, items: map[string]saved{}, hints: repair.NewHints(repair.HintOptions{})}
			if r.take(b) == nil {
				for _, one := range r.items {
					_, err := v.decode(one.known)
					require.NoError(t, err)
				}
			}
		}
	})
}

// A datagram may come from anybody.
func FuzzDatagram(f *testing.F) {
	f.Add(datagram("kv", []byte("message")))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		if message, err := openDatagram("kv", b); err == nil {
			require.Equal(t, b, datagram("kv", message))
			_, err := openDatagram("other", b)
			require.Error(t, err)
		}
	})
}

// A client may say that it has seen anything.
func FuzzToken(f *testing.F) {
	f.Add([]byte(Vector.token(lore{})))
	f.Add([]byte(Hybrid.token(lore{cell: version.Cell{By: 1}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []Versions{Vector, Hybrid} {
			_, _ = v.readToken(b)
		}
	})
}

// If this failed, a question of another server could cost more than it is worth.
func TestQuestionsOfOthersAreBounded(t *testing.T) {
	_, err := merkle.DecodeQuestion([]byte{200, 1, 1, 1})
	require.Error(t, err)
	d := decode([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	entries, _ := d.entries(Vector)
	require.Empty(t, entries)
	require.True(t, d.Failed())
}
