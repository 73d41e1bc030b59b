package primary

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// copyOf is a log of a server, as who ordered each entry, and as it says so itself.
type copyOf struct {
	ids     []uint64
	lineage lineage
}

func (c *copyOf) end() uint64 { return uint64(len(c.ids)) }

// lead lets the copy's server be the primary of an epoch and order some entries.
func (c *copyOf) lead(epoch, id uint64, entries int) {
	c.lineage = c.lineage.until(c.end()).with(span{epoch, id, c.end() + 1})
	for range entries {
		c.ids = append(c.ids, id)
	}
}

// follow lets the copy go on from where it agrees with another, up to an offset.
func (c *copyOf) follow(other *copyOf, fork, upTo uint64) {
	c.ids = append(slices.Clone(c.ids[:fork]), other.ids[fork:max(fork, upTo)]...)
	c.lineage = other.lineage
}

// agrees is how far two copies agree, looked up entry by entry.
func agrees(a, b *copyOf) (n uint64) {
	for n < min(a.end(), b.end()) && a.ids[n] == b.ids[n] {
		n++
	}
	return n
}

// If this failed, a replica would keep what the primary does not have, or discard what both do.
func TestLineagesSayHowFarTwoLogsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		copies := []*copyOf{{}, {}, {}}
		for epoch := range uint64(rapid.IntRange(1, 12).Draw(t, "epochs")) {
			p := copies[rapid.IntRange(0, 2).Draw(t, "primary")]
			p.lead(epoch+1, 1000+epoch, rapid.IntRange(0, 4).Draw(t, "entries"))
			for _, r := range copies {
				if r == p || rapid.Bool().Draw(t, "cut off") {
					continue
				}
				at, known := fork(p.lineage, p.end(), r.lineage.until(r.end()), r.end())
				if !known {
					require.Zero(t, agrees(p, r))
					at = 0
				}
				require.Equal(t, agrees(p, r), at)
				r.follow(p, at, uint64(rapid.IntRange(0, int(p.end())).Draw(t, "up to")))
			}
		}
		for _, a := range copies {
			for _, b := range copies {
				at, known := fork(a.lineage.until(a.end()), a.end(), b.lineage.until(b.end()), b.end())
				require.Equal(t, agrees(a, b), at, "%v and %v", a, b)
				require.True(t, known || at == 0)
			}
		}
	})
}

// If this failed, a lineage would grow for ever, or a log that goes back further than it would seem to agree.
func TestALineageForgetsItsBeginning(t *testing.T) {
	var c copyOf
	for epoch := range uint64(3 * mostSpans) {
		c.lead(epoch+1, 1000+epoch, 1)
	}
	require.Len(t, c.lineage, mostSpans)
	old := copyOf{ids: c.ids[:1], lineage: lineage{{1, 1000, 1}}}
	_, known := fork(c.lineage, c.end(), old.lineage, old.end())
	require.False(t, known)
}
