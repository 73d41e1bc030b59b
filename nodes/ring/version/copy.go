package version

import (
	"slices"

	"simrun/nodes/ring"
)

// Copy is a node's own copy of a key: what it knows, and the epoch in which it counts its writes. The epoch stays with
// the copy, on the node's disk; it is never sent, and ends with the copy.
type Copy struct {
	Set
	Epoch uint64 // 0 while the node has written nothing
}

// Write is what a node is asked to write to its copy.
type Write struct {
	Node ring.ID
	// Fresh is an epoch that the node has never used for this key. It is used if the copy has none. Vectors forget
	// those of the lowest epochs first, so a number that grows with time is best; a Stamp's wall is one, if the clock's
	// floor is durable.
	Fresh   uint64
	Context Vector // what the writer had seen: it is replaced
	At      Stamp
	Deleted bool
	Value   []byte // kept as it is
}

// Write puts a value in the place of all that its writer had seen, beside all that it had not. Errors: ErrSiblings,
// ErrCount; then nothing has changed.
func (c *Copy) Write(w Write, l Limits) (Dot, error) {
	if w.Node == 0 || w.Fresh == 0 {
		panic("version: a write needs a node and an epoch")
	}
	var kept []Sibling
	for _, one := range c.Siblings {
		if !w.Context.Has(one.Dot) {
			kept = append(kept, one)
		}
	}
	if len(kept) >= l.withDefaults().Siblings {
		return Dot{}, ErrSiblings
	}
	actor := Actor{w.Node, c.Epoch}
	if c.Epoch == 0 {
		actor.Epoch = w.Fresh
	}
	seen := c.Seen.Merge(w.Context)
	dot := Dot{actor, seen.Count(actor) + 1}
	if dot.Count > mostCount {
		return Dot{}, ErrCount
	}
	one := Sibling{Dot: dot, At: w.At, Deleted: w.Deleted, Value: w.Value}
	if w.Deleted {
		one.Value = nil
	}
	c.Set = Set{seen.with(dot), kept}
	at, _ := c.find(dot)
	c.Siblings = slices.Insert(kept, at, one)
	c.Epoch = actor.Epoch
	c.Set = c.Prune(l)
	return dot, nil
}

// Receive takes over what another copy knows, and says whether that was anything new.
func (c *Copy) Receive(node ring.ID, o Set, l Limits) bool {
	if c.Covers(o) {
		return false
	}
	c.Set = Merge(c.Set, o).Prune(l)
	if c.Seen.Count(Actor{node, c.Epoch}) == 0 {
		c.Epoch = 0 // how far it had counted is forgotten, and may come back from somebody who knows less
	}
	return true
}
