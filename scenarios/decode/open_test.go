package decode

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// ajar reads a line of which everything may be left open, with one variate for all of it.
func ajar(t *testing.T, text string, u uint64) (e everything, opened []Opened, problems Problems) {
	t.Helper()
	n := Parse("f.yaml", []byte(text), &problems)
	require.NotNil(t, n)
	d := &Decoder{Problems: &problems, Open: true, Luck: func(string) uint64 { return u }}
	d.Struct(n, "", nil, &e)
	problems.Sort()
	return e, d.Opened, problems
}

// If this fails, a plan has a value that the file does not allow, or one that no seed ever draws.
func TestOpenValues(t *testing.T) {
	const text = `{on: [yes, no], number: 1..4, wait: 1ms..10s, size: [1KiB, 64KiB], share: 0%..10%, colour: [red, green],
		spread: [1ms..2ms, ~1s, 5s], large: 5, nodes: [a, b], colours: [red, green], inner: {depth: 2..3}, small: 1..200}`
	low, opened, problems := ajar(t, text, 0)
	require.Empty(t, problems)
	high, _, _ := ajar(t, text, math.MaxUint64)
	require.True(t, low.On)
	require.False(t, high.On)
	require.Equal(t, []int{1, 4}, []int{low.Number, high.Number})
	require.Equal(t, []time.Duration{time.Millisecond, 9990 * time.Millisecond}, []time.Duration{low.Wait, high.Wait.Truncate(10 * time.Millisecond)})
	require.Equal(t, []nodes.Bytes{1 << 10, 64 << 10}, []nodes.Bytes{low.Size, high.Size})
	require.Equal(t, []nodes.Percent{0, 100_000}, []nodes.Percent{low.Share, high.Share})
	require.Equal(t, []colour{"red", "green"}, []colour{low.Colour, high.Colour})
	require.Equal(t, nodes.Spread{Lo: time.Millisecond, Hi: 2 * time.Millisecond}, low.Spread)
	require.Equal(t, nodes.Exactly(5*time.Second), high.Spread)
	require.Equal(t, []int{2, 3}, []int{low.Inner.Depth, high.Inner.Depth})
	require.Equal(t, []uint8{1, 200}, []uint8{low.Small, high.Small})
	require.Len(t, low.Nodes, 2, "a list where one is wanted is a list")
	require.Len(t, low.Colours, 2)
	require.Len(t, opened, 9)

	for _, o := range opened { // each end is what it stands for, and no two are the same
		seen := map[any]bool{}
		for _, u := range o.Ends {
			e, _, _ := ajar(t, text, u)
			seen[[9]any{e.On, e.Number, e.Wait, e.Size, e.Share, e.Colour, e.Spread.String(), e.Inner, e.Small}] = true
		}
		require.Len(t, seen, len(o.Ends), o.Path)
	}

	middle, _, _ := ajar(t, "{wait: 1ms..10s}", 1<<63)
	require.InEpsilon(t, 100*time.Millisecond, middle.Wait, 0.02, "a wide range is drawn by ratio")

	// What nobody may leave open is not.
	var e everything
	require.ErrorContains(t, read(t, "{number: 1..4, colour: [red, green]}", &e), `number: "1..4" is not a whole number`)
}

// If this fails, one of several values is wrong and nobody is told, or at another place.
func TestOpenMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"{colour: [red, gren]}":       "f.yaml:1:16: colour[1]: no such word \"gren\"",
		"{number: [1, 2000]}":         "f.yaml:1:14: number[1]: 2000 is out of bounds; it must be at most 1000",
		"{number: 4..1}":              "f.yaml:1:10: number: the range 4..1 runs backwards; write 1..4",
		"{number: 1..5000}":           "f.yaml:1:10: number: 5000 is out of bounds; it must be at most 1000",
		"{wait: 1s..x}":               "f.yaml:1:8: wait: \"x\" is not a duration such as 20s",
		"{wait: []}":                  "f.yaml:1:8: wait: this list is empty",
		"{wait: [1s, {}]}":            "f.yaml:1:13: wait[1]: a single value is wanted here, not a mapping",
		"{wait: [1s, [2s]]}":          "f.yaml:1:13: wait[1]: a single value is wanted here, not a list",
		"{word: [a, b]}":              "f.yaml:1:8: word: a single value is wanted here, not a list",
		"{node: [a, b]}":              "f.yaml:1:8: node: a single value is wanted here, not a list",
		"{spread: [1s..2s, 3s..1s]}":  "f.yaml:1:19: spread[1]: the range 3s..1s runs backwards; write 1s..3s",
		"{ratio: 0.1..0.5}":           "f.yaml:1:9: ratio: \"0.1..0.5\" is not a number",
		"{on: yes..no}":               "f.yaml:1:6: on: \"yes..no\" is not yes or no",
		"{inner: {depth: [1, 2, 10]}": "f.yaml",
	} {
		var problems Problems
		if n := Parse("f.yaml", []byte(text), &problems); n != nil {
			_, _, problems = ajar(t, text, 7)
		}
		require.NotEmpty(t, problems, text)
		require.ErrorContains(t, problems, want, text)
	}
}
