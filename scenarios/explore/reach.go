package explore

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// Reach is what a run came to, for a guided sweep to prefer what few runs came to: the probes in nodes' code, what the
// scenario claims to be seen sometimes, the states of nodes' protocols by their fingerprints, and pairs of such a state with
// a verb: one that was under way when it was entered, and one that struck in it.
//
// Invariant: sorted by What, each once.
type Reach []Sight

// Sight is one thing that a run came to. What is a hash; two things with the same are taken for one, which costs a search
// little.
type Sight struct {
	What uint32
	At   time.Duration // when first, in whole milliseconds; zero of what is not a state
}

// sort is what kind of thing it is: the highest bits of What say so.
type sort uint32

const (
	aProbe sort = iota
	aState
	aPair
	aStrike
	sorts
)

func (s *Sight) sort() sort { return sort(s.What >> 30) }

func (r *Reach) see(s sort, at time.Duration, hash uint64) {
	*r = append(*r, Sight{uint32(s)<<30 | uint32(hash>>34), at.Truncate(time.Millisecond)})
}

// reachOf is what the run of that result came to.
func reachOf(r *scenarios.Result) Reach {
	all := make(Reach, 0, len(r.Reached)+len(r.Sometimes)+4*len(r.States))
	for _, name := range r.Reached {
		all.see(aProbe, 0, hashOf("probe", name))
	}
	for claim, seen := range r.Sometimes { // sorted below
		if seen > 0 {
			all.see(aProbe, 0, hashOf("sometimes", claim))
		}
	}
	for i := range r.States {
		s := &r.States[i]
		state := luck.Mix(hashOf("state", s.Kind), uint64(s.Fingerprint))
		all.see(aState, s.At, state)
		for _, verb := range s.Under.Verbs() {
			all.see(aPair, 0, luck.Mix(state, hashOf("under", string(verb))))
		}
		for _, verb := range s.Struck.Verbs() {
			all.see(aStrike, 0, luck.Mix(state, hashOf("struck", string(verb))))
		}
	}
	slices.SortFunc(all, func(a, b Sight) int { return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.At, b.At)) })
	return slices.CompactFunc(all, func(a, b Sight) bool { return a.What == b.What })
}

func hashOf(name ...string) uint64 {
	s := luck.Seed(0).Stream(name...)
	return s.Uint64()
}

// MarshalText writes it in few bytes: a line of a sweep's results has a few hundred sights.
func (r Reach) MarshalText() ([]byte, error) {
	var b []byte
	last := uint32(0)
	for _, s := range r {
		b = binary.AppendUvarint(b, uint64(s.What-last))
		b = binary.AppendUvarint(b, uint64(s.At/time.Millisecond))
		last = s.What
	}
	return base64.RawStdEncoding.AppendEncode(nil, b), nil
}

var errReach = errors.New("this is not what a run came to")

// UnmarshalText reads what MarshalText wrote.
func (r *Reach) UnmarshalText(text []byte) error {
	b, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return errReach
	}
	*r = Reach{}
	last := uint64(0)
	for len(b) > 0 {
		more, n := binary.Uvarint(b)
		if n <= 0 {
			return errReach
		}
		at, m := binary.Uvarint(b[n:])
		if m <= 0 || more > 1<<32 || at > uint64(1<<62/time.Millisecond) {
			return errReach
		}
		if last += more; last >= uint64(sorts)<<30 || more == 0 && len(*r) > 0 {
			return errReach
		}
		*r = append(*r, Sight{uint32(last), time.Duration(at) * time.Millisecond})
		b = b[n+m:]
	}
	return nil
}
