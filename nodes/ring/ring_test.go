package ring

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
)

// drawMembers is a membership: up to so many nodes, on a few sites or each on its own, of several weights.
func drawMembers(t *rapid.T, most int) []Member {
	ids := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 1<<40), 1, most, rapid.ID).Draw(t, "ids")
	sites := rapid.IntRange(1, 5).Draw(t, "sites")
	var all []Member
	for _, id := range ids {
		all = append(all, Member{ID(id), fmt.Sprint("site", rapid.IntRange(1, sites).Draw(t, "site")), rapid.IntRange(0, 3).Draw(t, "weight")})
	}
	return all
}

func drawOptions(t *rapid.T) Options {
	return Options{Copies: rapid.IntRange(1, 5).Draw(t, "copies"), Tokens: rapid.IntRange(1, 20).Draw(t, "tokens")}
}

func build(t require.TestingT, members []Member, o Options) *Ring {
	r, err := New(members, o)
	require.NoError(t, err)
	return r
}

// probes are positions at, just before and just after each token, and a few besides.
func probes(rings ...*Ring) (at []uint64) {
	for _, r := range rings {
		for _, t := range r.tokens {
			at = append(at, t.at-1, t.at, t.at+1)
		}
	}
	return append(at, 0, 1, 1<<63, ^uint64(0))
}

// If this failed, a key would have fewer copies than were asked for, or its copies would go dark together although
// there were other sites.
func TestEveryKeyHasDistinctOwnersSpreadOverSites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, o := drawMembers(t, 12), drawOptions(t)
		r := build(t, members, o)
		size := map[string]int{}
		for _, m := range members {
			size[m.Site]++
		}
		for _, at := range probes(r) {
			owners := r.Owners(at)
			require.Len(t, owners, min(o.Copies, len(members)))
			at := map[string]int{}
			for i, id := range owners {
				require.NotContains(t, owners[:i], id)
				at[r.members[r.index(id)].Site]++
			}
			for fewer := range size { // none could take over a copy of one that has two more
				for more := range size {
					require.False(t, at[more] > at[fewer]+1 && size[fewer] > at[fewer], "%v of sites %v", at, size)
				}
			}
		}
	})
}

// slow is the definition for a single site: the owners of the first tokens that follow, by looking at all of them.
func slow(members []Member, o Options, at uint64) (owners []ID) {
	type place struct {
		distance uint64
		id       ID
	}
	var places []place
	for _, m := range members {
		for k := range max(m.Weight, 1) * o.Tokens {
			places = append(places, place{tokenOf(m.ID, k) - at, m.ID})
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.distance < b.distance {
			return -1
		}
		return 1
	})
	for _, p := range places {
		if !slices.Contains(owners, p.id) && len(owners) < o.Copies {
			owners = append(owners, p.id)
		}
	}
	return owners
}

// If this failed, the search and the lists made beforehand would not be consistent hashing.
func TestOwnersAreTheNextNodesOnTheCircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, o := drawMembers(t, 8), drawOptions(t)
		for i := range members {
			members[i].Site = ""
		}
		r := build(t, members, o)
		for _, at := range probes(r) {
			require.Equal(t, slow(members, o, at), r.Owners(at))
			all := slices.Concat(r.Owners(at), r.Fallbacks(at))
			require.Equal(t, slow(members, Options{Copies: len(members), Tokens: o.Tokens}, at), all)
		}
	})
}

// If this failed, two nodes that know the same members would send a key's writes to different owners.
func TestTheOrderInWhichMembersWereLearnedDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, o := drawMembers(t, 10), drawOptions(t)
		a, b := build(t, members, o), build(t, rapid.Permutation(members).Draw(t, "order"), o)
		require.Equal(t, a, b)
	})
}

// If this failed, a node that joins would set data moving between others, and one that leaves would take more along
// than its own.
func TestOnlyWhatANodeGetsMovesWhenItJoins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, o := drawMembers(t, 10), drawOptions(t)
		before := build(t, members[:len(members)-1], o)
		after := build(t, members, o)
		joined := members[len(members)-1].ID
		for _, at := range probes(before, after) {
			was, is := before.Owners(at), after.Owners(at)
			if !slices.Contains(is, joined) {
				require.ElementsMatch(t, was, is, "at %x", at)
				continue
			}
			for _, id := range is {
				require.True(t, id == joined || slices.Contains(was, id), "%d got what is at %x because %d joined", id, at, joined)
			}
		}
		for _, m := range moves(before, after) {
			require.Equal(t, []ID{joined}, m.Gains)
		}
		for _, m := range moves(after, before) {
			require.Equal(t, []ID{joined}, m.Loses)
		}
	})
}

// If this failed, making a node heavier would move what it has already.
func TestAHeavierNodeKeepsWhatItHad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, o := drawMembers(t, 8), drawOptions(t)
		before := build(t, members, o)
		members[0].Weight = max(members[0].Weight, 1) + 2
		for _, m := range moves(before, build(t, members, o)) {
			require.Equal(t, []ID{members[0].ID}, m.Gains)
		}
	})
}

// If this failed, a node that joins would not be given all that it has to keep, or a node would drop what it still has
// to keep.
func TestMovesAreExactlyWhatChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOptions(t)
		before, after := build(t, drawMembers(t, 8), o), build(t, drawMembers(t, 8), o)
		if rapid.Bool().Draw(t, "from nothing") {
			before = build(t, nil, o)
		}
		moves := moves(before, after)
		for _, at := range probes(before, after) {
			was, is := before.Owners(at), after.Owners(at)
			i := slices.IndexFunc(moves, func(m move) bool { return m.Contains(at) })
			if i < 0 {
				require.ElementsMatch(t, was, is)
				continue
			}
			require.Equal(t, without(is, was), moves[i].Gains)
			require.Equal(t, without(was, is), moves[i].Loses)
			require.False(t, slices.ContainsFunc(moves[i+1:], func(m move) bool { return m.Contains(at) }), "two moves of %x", at)
		}
	})
}

// If this failed, a node would look for its keys in the wrong places.
func TestRangesAreWhatANodeOwns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := build(t, drawMembers(t, 8), drawOptions(t))
		for _, m := range r.Members() {
			ranges := r.Ranges(m.ID)
			for _, at := range probes(r) {
				in := slices.IndexFunc(ranges, func(r Range) bool { return r.Contains(at) })
				require.Equal(t, r.Owns(m.ID, at), in >= 0)
				require.False(t, in >= 0 && slices.ContainsFunc(ranges[in+1:], func(r Range) bool { return r.Contains(at) }))
			}
		}
	})
}

// balanced says within which bounds a node's share of all first places lies, times what its weight says: six standard
// deviations of a sum of as many exponential gaps as it has tokens, which is 53 % at 128 of them.
const balanced = 0.53

// If this failed, some node would have to be far larger than others of its weight.
func TestSharesFollowWeights(t *testing.T) {
	worst := 0.0
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t, 20)
		r := build(t, members, Options{Copies: 1})
		total, sum := 0, nodes.Percent(0)
		for _, m := range r.Members() {
			total += m.Weight
		}
		for _, m := range r.Members() {
			share := r.Share(m.ID)
			sum += share
			off := float64(share)/float64(nodes.PerMillion)*float64(total)/float64(m.Weight) - 1
			worst = max(worst, off, -off)
			require.InDelta(t, 0, off, balanced, "node %d of weight %d in %d", m.ID, m.Weight, total)
		}
		require.InDelta(t, float64(nodes.PerMillion), float64(sum), float64(len(members)))
	})
	t.Logf("the farthest from its share: %.0f %%", 100*worst)
	// Positions are where keys are, so keys spread as ranges do.
	r := build(t, []Member{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}, {ID: 5}}, Options{})
	kept := map[ID]int{}
	for i := range 100_000 {
		for _, id := range r.Owners(Position(fmt.Appendf(nil, "key%d", i))) {
			kept[id]++
		}
	}
	for id, n := range kept {
		require.InDelta(t, float64(r.Share(id))/10, n, 1000)
	}
}

// If this failed, what a peer says of itself could exhaust this node's memory, or break it.
func TestWhatMakesNoRingIsRefused(t *testing.T) {
	for name, members := range map[string][]Member{
		"no ID":    {{ID: 0}},
		"twice":    {{ID: 7}, {ID: 8}, {ID: 7}},
		"weight":   {{ID: 7, Weight: MaxWeight + 1}},
		"negative": {{ID: 7, Weight: -1}},
	} {
		_, err := New(members, Options{})
		require.ErrorIs(t, err, ErrMembers, name)
	}
	_, err := New([]Member{{ID: 7}, {ID: 8}}, Options{Tokens: MaxTokens/2 + 1})
	require.ErrorIs(t, err, ErrMembers)
	empty := build(t, nil, Options{})
	require.Empty(t, empty.Owners(7))
	require.Empty(t, empty.Fallbacks(7))
	require.Empty(t, empty.Ranges(7))
}

// If this failed, nodes of two builds would keep the same key in different places.
func TestPositionsNeverChange(t *testing.T) {
	require.Equal(t, uint64(0xc3817c016ba4ff30), Position(nil))
	require.Equal(t, []ID{1, 3}, build(t, []Member{{ID: 1}, {ID: 2}, {ID: 3}}, Options{Copies: 2}).Owners(Position([]byte("apple"))))
}

func benchRing(b *testing.B, nodes int) []Member {
	var members []Member
	for i := range nodes {
		members = append(members, Member{ID: ID(i + 1), Site: fmt.Sprint(i % 5)})
	}
	return members
}

func BenchmarkOwners(b *testing.B) {
	r := build(b, benchRing(b, 100), Options{})
	random := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		if len(r.Owners(random.Uint64())) != 3 {
			b.Fatal("too few")
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, nodes := range []int{5, 100} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			members := benchRing(b, nodes)
			for b.Loop() {
				build(b, members, Options{})
			}
		})
	}
}
