package merkle

import (
	"errors"
	"fmt"
	"slices"

	"simrun/nodes/ring"
)

// Question asks for hashes of another copy's tree: those of one level, below so many hashes of the level above. At
// level 0 that is the root, which is below none.
type Question struct {
	Depth, Level int
	Above        []uint32 // in order
}

// Answer is the hashes that were asked for, in order.
type Answer struct {
	Hashes []uint64
}

// ErrShape is wrapped by what is said of a question about another kind of tree, and of an answer to another question.
var ErrShape = errors.New("merkle: not of this shape")

// DefaultLimit is how many hashes of a level are asked about at once, if nobody says otherwise: an answer has sixteen
// times as many, and takes 32 KiB.
const DefaultLimit = 256

// Answer answers a question about the tree. The error is ErrShape.
func (t *Tree) Answer(q Question) (Answer, error) {
	if q.Depth != t.Depth() || q.Level < 0 || q.Level > q.Depth || (q.Level == 0) != (len(q.Above) == 0) {
		return Answer{}, fmt.Errorf("%w: level %d of %d, below %d", ErrShape, q.Level, q.Depth, len(q.Above))
	}
	if q.Level == 0 {
		return Answer{[]uint64{t.Root()}}, nil
	}
	// A question that names a hash twice is none, or a short one could have an answer without end.
	for i, above := range q.Above {
		if int(above) >= len(t.levels[q.Level-1]) || i > 0 && above <= q.Above[i-1] {
			return Answer{}, fmt.Errorf("%w: below %d of level %d", ErrShape, above, q.Level-1)
		}
	}
	hashes := make([]uint64, 0, len(q.Above)*fan)
	for _, above := range q.Above {
		hashes = append(hashes, t.below(q.Level, above)...)
	}
	return Answer{hashes}, nil
}

// below are the sixteen hashes of a level that make up one of the level above.
func (t *Tree) below(level int, above uint32) []uint64 {
	return t.levels[level][int(above)*fan : (int(above)+1)*fan]
}

// Comparison finds out where another copy's tree differs, by asking. Only what differs is looked at more closely, and
// the deepest first, so that what is still to be asked stays small. Either tree may change meanwhile: then what
// changed may be found to differ, or not.
//
// Invariant: what waits at a level is at most sixteen times what is asked at once.
type Comparison struct {
	tree    *Tree
	limit   int
	waiting [][]uint32 // by level: hashes that differ, in order
	opened  bool
	asked   Question
	open    bool
	leaves  []uint64
}

// Compare begins a comparison that asks about at most so many hashes at once; DefaultLimit if that is zero.
func (t *Tree) Compare(limit int) *Comparison {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Comparison{tree: t, limit: limit, waiting: make([][]uint32, t.Depth())}
}

// Next is what to ask now. It is the same question until Take has had the answer, and there is none once all
// differences are known.
func (c *Comparison) Next() (q Question, more bool) {
	switch {
	case c.open:
		return c.asked, true
	case !c.opened:
		c.opened = true
		return c.ask(0, nil), true
	}
	for level := c.tree.Depth() - 1; level >= 0; level-- {
		if w := c.waiting[level]; len(w) > 0 {
			n := min(c.limit, len(w))
			c.waiting[level] = w[n:]
			return c.ask(level+1, w[:n]), true
		}
	}
	return Question{}, false
}

func (c *Comparison) ask(level int, above []uint32) Question {
	c.asked, c.open = Question{c.tree.Depth(), level, above}, true
	return c.asked
}

// Take takes the answer to what Next asked. The error is ErrShape, and then the question still stands.
func (c *Comparison) Take(a Answer) error {
	if !c.open || len(a.Hashes) != max(1, len(c.asked.Above)*fan) {
		return fmt.Errorf("%w: an answer with %d hashes to %d", ErrShape, len(a.Hashes), len(c.asked.Above))
	}
	c.open = false
	if c.asked.Level == 0 {
		if a.Hashes[0] != c.tree.Root() {
			c.differs(0, 0)
		}
		return nil
	}
	for i, above := range c.asked.Above {
		for k, mine := range c.tree.below(c.asked.Level, above) {
			if mine != a.Hashes[i*fan+k] {
				c.differs(c.asked.Level, above*fan+uint32(k))
			}
		}
	}
	return nil
}

func (c *Comparison) differs(level int, number uint32) {
	if level == c.tree.Depth() {
		c.leaves = append(c.leaves, uint64(number))
		return
	}
	c.waiting[level] = append(c.waiting[level], number)
}

// Differences are the ranges in which the copies are known to differ so far, in order, and none touches another. In each
// sixteenth of a sixteenth, and so on down to the leaves, that is in none of them, both had the same.
func (c *Comparison) Differences() (ranges []ring.Range) {
	slices.Sort(c.leaves)
	for _, number := range c.leaves {
		r := c.tree.leaf(number)
		if n := len(ranges); n > 0 && ranges[n-1].Through == r.After {
			ranges[n-1].Through = r.Through
			continue
		}
		ranges = append(ranges, r)
	}
	return ranges
}
