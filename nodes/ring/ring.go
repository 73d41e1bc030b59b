// Package ring answers which nodes keep a key, while nodes come and go (Karger et al., "Consistent Hashing and Random
// Trees", 1997; DeCandia et al., "Dynamo", 2007, §4.2 and §6.2).
//
// Keys and nodes are given positions on one circle: a key by a hash of its bytes, a node at as many places, its tokens,
// as its weight says. A key is kept by the first nodes that follow it. So a node that comes or goes changes the owners
// of what lies just before its tokens and of nothing else, and because there are many tokens it shares that with
// everybody.
//
// The packages below are the other parts of a quorum ring that need neither a network nor a clock: versions of a value
// (version), which keys of two copies differ (merkle), who belongs to the ring and who of them is alive (gossip), and
// what copies owe each other that were away (repair).
package ring

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// ID names a node for good: one that has lost its disk comes back under another. Zero is nobody.
type ID uint64

// Member is a node as far as it matters to where keys are kept.
type Member struct {
	ID     ID
	Site   string // what fails together; the copies of a key are spread over sites as evenly as their nodes allow
	Weight int    // how much it keeps beside others, 1 to MaxWeight; 0 is 1
}

// MaxWeight is the most that a node may weigh, and MaxTokens the most tokens of a ring, lest what others say of themselves
// take all memory. A thousand nodes of the greatest weight have less than half of that, by default.
const (
	MaxWeight = 16
	MaxTokens = 1 << 22
)

// Options of a Ring.
type Options struct {
	// Copies is how many nodes keep each key, if there are so many. Default 3.
	Copies int
	// Tokens is how many a node of weight one has. What nodes of equal weight are first in line for differs by a
	// standard deviation of 1/√Tokens. Default 128.
	Tokens int
}

func (o Options) withDefaults() Options {
	if o.Copies <= 0 {
		o.Copies = 3
	}
	if o.Tokens <= 0 {
		o.Tokens = 128
	}
	return o
}

// ErrMembers is wrapped by what is said of members that make no ring.
var ErrMembers = errors.New("ring: no such set of members")

// token is one place of a node on the circle. It ends the range of positions after the token before it.
type token struct {
	at    uint64
	owner int32 // in members
}

// Ring is who keeps what, for one set of members. It does not change, and is the same whatever the order in which the
// members were learned.
//
// Invariants: members is sorted by ID and has none twice; tokens is sorted by position, of which no two are the same;
// owners has copies entries for each token, all different.
type Ring struct {
	opts    Options
	members []Member
	tokens  []token
	copies  int  // Options.Copies, or the number of members if that is less
	owners  []ID // of the range that each token ends, in the order of preference
}

// New is the ring of these members. Errors: an ID is zero or is there twice, a weight is out of bounds, or there are
// more than MaxTokens.
func New(members []Member, o Options) (*Ring, error) {
	r := &Ring{opts: o.withDefaults(), members: slices.Clone(members)}
	slices.SortFunc(r.members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	total := 0
	for i := range r.members {
		m := &r.members[i]
		if m.Weight == 0 {
			m.Weight = 1
		}
		switch {
		case m.ID == 0:
			return nil, fmt.Errorf("%w: a node without an ID", ErrMembers)
		case i > 0 && r.members[i-1].ID == m.ID:
			return nil, fmt.Errorf("%w: node %d twice", ErrMembers, m.ID)
		case m.Weight < 0 || m.Weight > MaxWeight:
			return nil, fmt.Errorf("%w: node %d weighs %d", ErrMembers, m.ID, m.Weight)
		case m.Weight > (MaxTokens-total)/r.opts.Tokens:
			return nil, fmt.Errorf("%w: more than %d tokens", ErrMembers, MaxTokens)
		}
		total += m.Weight * r.opts.Tokens
	}
	r.copies = min(r.opts.Copies, len(r.members))
	r.tokens = make([]token, 0, total)
	for i, m := range r.members {
		for k := range m.Weight * r.opts.Tokens {
			r.tokens = append(r.tokens, token{tokenOf(m.ID, k), int32(i)})
		}
	}
	slices.SortFunc(r.tokens, func(a, b token) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.owner, b.owner))
	})
	r.tokens = slices.CompactFunc(r.tokens, func(a, b token) bool { return a.at == b.at })
	r.prefer()
	return r, nil
}

// Members are all, by ID. They are not to be changed.
func (r *Ring) Members() []Member { return r.members }

// Copies is how many nodes keep each key.
func (r *Ring) Copies() int { return r.copies }

// Owners are the nodes that keep what is at a position, in the order in which they are asked. They are not to be
// changed. An empty ring has none.
func (r *Ring) Owners(position uint64) []ID {
	return r.ownersOf(r.find(position))
}

// Owns says whether a node keeps what is at a position.
func (r *Ring) Owns(node ID, position uint64) bool {
	return slices.Contains(r.Owners(position), node)
}

// Fallbacks are all other nodes, in the order in which they take the place of an owner that cannot be reached
// ("Dynamo", §4.6). It costs a walk along the circle.
func (r *Ring) Fallbacks(position uint64) []ID {
	if len(r.members) == r.copies {
		return nil
	}
	seen := make([]bool, len(r.members))
	first := r.find(position)
	for _, id := range r.ownersOf(first) {
		seen[r.index(id)] = true
	}
	var others []ID
	for i := 0; len(others) < len(r.members)-r.copies; i++ {
		if o := r.tokens[(first+i)%len(r.tokens)].owner; !seen[o] {
			seen[o] = true
			others = append(others, r.members[o].ID)
		}
	}
	return others
}

// String is the ring on one line.
func (r *Ring) String() string {
	return fmt.Sprintf("%d nodes, %d tokens, %d copies", len(r.members), len(r.tokens), r.copies)
}

// find is the token that ends the range of a position.
func (r *Ring) find(position uint64) int {
	i := sort.Search(len(r.tokens), func(i int) bool { return r.tokens[i].at >= position })
	if i == len(r.tokens) {
		return 0
	}
	return i
}

func (r *Ring) ownersOf(token int) []ID {
	if r.copies == 0 {
		return nil
	}
	at := token * r.copies
	return r.owners[at : at+r.copies : at+r.copies]
}

func (r *Ring) index(node ID) int {
	i, _ := slices.BinarySearchFunc(r.members, node, func(m Member, id ID) int { return cmp.Compare(m.ID, id) })
	return i
}

// Position is the place of a key on the circle: FNV-1a, and a last step after which each bit depends on all of them.
// It is part of what nodes agree in, and never changes.
func Position(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return mix(h)
}

// tokenOf is a token's place: a function of its node and number alone, so that nobody has to be told.
func tokenOf(node ID, number int) uint64 {
	return mix(mix(uint64(node)) + uint64(number)*0x9e3779b97f4a7c15)
}

// mix is the last step of splitmix64 (Steele, Lea & Flood, 2014).
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
