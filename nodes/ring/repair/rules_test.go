package repair

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/ring"
	"simrun/nodes/ring/version"
)

// replica is a node with its copy of the one key there is, and what it holds for others.
type replica struct {
	id       ring.ID
	copy     version.Copy
	hints    *Hints
	up       bool
	skew     time.Duration
	repaired time.Time // by its own clock
	lives    ring.ID
}

// mistakes are rules that somebody might find good enough.
type mistakes struct {
	young      bool // a tombstone goes as soon as all have it, whatever is under way
	unasked    bool // it goes once it is older than the window, whoever has it
	unreached  bool // those that cannot be reached are not asked
	comesBack  bool // who was away for longer than the grace comes back with what it had
	onlyStarts bool // only who starts looks how old its copies are, not who runs and cannot compare them
	oldHints   bool // hints are delivered however old they are
}

// keepers are nodes that keep one key, in weather.
type keepers struct {
	mistakes
	rules   Rules
	r       *rand.Rand
	now     time.Time
	apart   time.Time // until then nobody reaches anybody
	nodes   []*replica
	written int64
	epochs  uint64
	deletes []*deletion
	back    []int64 // writes that came back to somebody who had heard of their deletion
	purged  map[Verdict]int
}

// deletion is a delete, and who has heard of it. If all of them come back empty it is lost like any write that too few
// have, and what it replaced may be seen again.
type deletion struct {
	dot     version.Dot
	removed []int64
	heard   map[ring.ID]bool
}

const copiesKept = 3

func newKeepers(seed uint64, m mistakes) *keepers {
	k := &keepers{mistakes: m, r: rand.New(rand.NewPCG(seed, 3)), now: start, purged: map[Verdict]int{},
		rules: Rules{Window: 4 * time.Hour, Grace: 16 * time.Hour, MaxDrift: time.Hour}}
	for i := range copiesKept {
		n := &replica{id: ring.ID(i + 1), hints: NewHints(HintOptions{}), up: true,
			skew: time.Duration(k.r.IntN(3)-1) * 30 * time.Minute}
		n.repaired = k.clock(n)
		k.nodes = append(k.nodes, n)
	}
	return k
}

func (k *keepers) clock(n *replica) time.Time { return k.now.Add(n.skew) }

func (k *keepers) reach(a, b *replica) bool { return a.up && b.up && !k.now.Before(k.apart) }

func (k *keepers) someone() *replica { return k.nodes[k.r.IntN(len(k.nodes))] }

// step does something drawn. Who runs looks at its copies' age first, whatever comes.
func (k *keepers) step() {
	k.now = k.now.Add(time.Duration(k.r.IntN(40)) * time.Minute)
	for _, n := range k.nodes {
		if n.up && !k.onlyStarts {
			k.age(n)
		}
	}
	n := k.someone()
	switch p := k.r.IntN(100); {
	case p < 4:
		n.up = false
	case p < 16:
		if !n.up {
			n.up = true
			k.age(n)
		}
	case p < 17:
		k.apart = k.now.Add(time.Duration(k.r.IntN(24)) * time.Hour)
	case !n.up:
	case p < 24:
		k.write(n, k.r.IntN(2) == 0)
	case p < 60:
		k.exchange(n, k.someone())
	case p < 66:
		k.repair(n)
	case p < 70:
		k.handOver(n)
	default:
		for _, n := range k.nodes {
			if n.up {
				k.purge(n)
			}
		}
	}
}

// age is what a node does that finds its copies too old.
func (k *keepers) age(n *replica) {
	if !k.comesBack && k.rules.MustStartEmpty(n.repaired, k.clock(n)) {
		n.copy, n.hints = version.Copy{}, NewHints(HintOptions{})
		for _, d := range k.deletes {
			delete(d.heard, n.id)
		}
		n.lives++
		n.repaired = k.clock(n)
	}
}

// write goes to those who can be reached, now and then to fewer; for the others somebody holds a hint.
func (k *keepers) write(at *replica, deleted bool) {
	var removed []int64
	for _, one := range at.copy.Siblings {
		removed = append(removed, one.At.Wall)
	}
	context := at.copy.Seen
	if !deleted && k.r.IntN(2) == 0 {
		context = nil
	}
	k.written++
	k.epochs++
	stamp := version.Stamp{Wall: k.clock(at).UnixNano() + k.written} // the written-th write has a stamp of its own
	node := at.id + 10*at.lives
	dot, err := at.copy.Write(version.Write{Node: node, Fresh: k.epochs, Context: context, At: stamp, Deleted: deleted}, version.Limits{})
	if err != nil {
		return
	}
	if deleted {
		k.deletes = append(k.deletes, &deletion{dot, removed, map[ring.ID]bool{at.id: true}})
	}
	for _, n := range k.nodes {
		switch {
		case n == at || k.r.IntN(4) == 0:
		case k.reach(at, n):
			k.receive(n, at.copy.Set)
		default:
			holder := k.someone()
			if holder == at || k.reach(at, holder) && holder != n {
				_, err := holder.hints.Hold(Hint{For: n.id, Since: k.clock(at), Key: []byte("key"), Known: version.AppendSet(nil, at.copy.Set)})
				if err != nil {
					panic(err)
				}
			}
		}
	}
}

func (k *keepers) receive(n *replica, s version.Set) {
	n.copy.Receive(n.id+10*n.lives, s, version.Limits{})
	for _, d := range k.deletes {
		if n.copy.Seen.Has(d.dot) {
			d.heard[n.id] = true
		}
		for _, one := range n.copy.Siblings {
			if d.heard[n.id] && !one.Deleted && slices.Contains(d.removed, one.At.Wall) {
				k.back = append(k.back, one.At.Wall)
			}
		}
	}
}

func (k *keepers) exchange(a, b *replica) {
	if k.reach(a, b) {
		k.receive(a, b.copy.Set)
		k.receive(b, a.copy.Set)
	}
}

// repair compares a node's copies with all others', if all can be reached.
func (k *keepers) repair(n *replica) {
	all := true
	for _, o := range k.nodes {
		k.exchange(n, o)
		all = all && k.reach(n, o)
	}
	if all {
		n.repaired = k.clock(n)
	}
}

func (k *keepers) handOver(n *replica) {
	if !k.oldHints {
		n.hints.Expire(k.rules, k.clock(n))
	}
	for _, o := range k.nodes {
		for _, hint := range n.hints.Next(o.id, 1<<20) {
			if k.reach(n, o) {
				known, err := version.DecodeSet(hint.Known)
				if err != nil {
					panic(err)
				}
				k.receive(o, known)
				n.hints.Drop(o.id, []uint64{hint.Number})
			}
		}
	}
}

// purge drops a node's tombstone if that may go.
func (k *keepers) purge(n *replica) {
	if !n.copy.IsTombstone() {
		return
	}
	newest, _ := n.copy.Newest()
	stone := Tombstone{Deleted: newest.At}
	for _, o := range k.nodes {
		reached := o == n || k.reach(n, o)
		if reached || !k.unreached {
			stone.Holders = append(stone.Holders, o.id)
		}
		if reached && o.copy.Covers(n.copy.Set) {
			stone.Confirmed = append(stone.Confirmed, o.id)
		}
	}
	rules, now := k.rules, k.clock(n)
	verdict := rules.Judge(stone, now)
	switch {
	case k.young && rules.isConfirmed(stone):
		verdict = Everywhere
	case k.unasked && verdict == Awaited:
		verdict = Outlived
	}
	if !verdict.MayGo() {
		return
	}
	k.purged[verdict]++
	for _, o := range k.nodes { // if everybody has it, everybody is told
		if o != n && verdict == Everywhere && k.reach(n, o) && version.Compare(n.copy.Set, o.copy.Set) == version.Equal {
			o.copy = version.Copy{}
		}
	}
	n.copy = version.Copy{}
}

// meet brings all together, and says which deleted writes were back anywhere.
func (k *keepers) meet() []int64 {
	k.now = k.now.Add(time.Minute)
	k.apart = k.now
	for _, n := range k.nodes {
		if !n.up || !k.onlyStarts {
			k.age(n)
		}
		n.up = true
	}
	for range 2 {
		for _, n := range k.nodes {
			k.handOver(n)
			k.repair(n)
		}
	}
	return k.back
}

// resurrections runs so many seeds of weather, and says in how many something deleted came back.
func resurrections(seeds uint64, m mistakes) (seen int, purged map[Verdict]int) {
	purged = map[Verdict]int{}
	for seed := range seeds {
		k := newKeepers(seed, m)
		for range 200 {
			k.step()
		}
		if len(k.meet()) > 0 {
			seen++
		}
		for _, v := range []Verdict{Everywhere, Outlived} {
			purged[v] += k.purged[v]
		}
	}
	return seen, purged
}

// If this failed, what was deleted would be back one day.
func TestWhatIsDeletedStaysSo(t *testing.T) {
	const seeds = 1500
	seen, purged := resurrections(seeds, mistakes{})
	require.Zero(t, seen)
	require.Greater(t, purged[Everywhere], seeds/10, "few tombstones went")
	require.Greater(t, purged[Outlived], seeds/50, "few tombstones went")
	t.Logf("of %d seeds: %v tombstones went", seeds, purged)
}

// If this failed, the test above would not see what it is there to see. What hints and islands do is rarer; the stories below
// tell it.
func TestWithoutTheRulesTheDeletedComeBack(t *testing.T) {
	for name, m := range map[string]mistakes{
		"nobody is asked":           {unasked: true},
		"the dark are not asked":    {unreached: true},
		"who was dark comes back":   {comesBack: true},
		"none of it, as one may do": {true, true, true, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			seen, _ := resurrections(1500, m)
			t.Logf("in %d of 1500 seeds", seen)
			require.Positive(t, seen)
		})
	}
}

// story begins with a value that all three have heard of.
func story(m mistakes) (k *keepers, a, b, c *replica) {
	k = newKeepers(1, m)
	a, b, c = k.nodes[0], k.nodes[1], k.nodes[2]
	k.must(version.Write{Node: a.id, Fresh: 1, At: version.AtWall(k.now), Value: []byte("value")})
	k.repair(a)
	return k, a, b, c
}

// must writes to the first node alone.
func (k *keepers) must(w version.Write) {
	if _, err := k.nodes[0].copy.Write(w, version.Limits{}); err != nil {
		panic(err)
	}
}

// remove deletes the value at the first node alone.
func (k *keepers) remove() {
	a := k.nodes[0]
	newest, _ := a.copy.Newest()
	k.must(version.Write{Node: a.id, Fresh: 1, Context: a.copy.Seen, At: version.AtWall(k.now), Deleted: true})
	tombstone, _ := a.copy.Newest()
	k.deletes = append(k.deletes, &deletion{tombstone.Dot, []int64{newest.At.Wall}, map[ring.ID]bool{a.id: true}})
}

// sweep lets so much time pass, and every node that runs drop the tombstones that may go.
func (k *keepers) sweep(after time.Duration) {
	k.now = k.now.Add(after)
	for _, n := range k.nodes {
		if n.up {
			k.purge(n)
		}
	}
}

// both tells a story with the rules and without one of them.
func both(t *testing.T, broken mistakes, tell func(m mistakes) *keepers) {
	require.Empty(t, tell(mistakes{}).meet())
	require.NotEmpty(t, tell(broken).meet())
}

// A node is dark for longer than the grace, and brings back what was deleted meanwhile.
func TestTheDarkReplica(t *testing.T) {
	both(t, mistakes{comesBack: true}, func(m mistakes) *keepers {
		k, a, b, c := story(m)
		c.up = false
		k.remove()
		k.exchange(a, b)
		k.sweep(15 * time.Hour)
		require.True(t, a.copy.IsTombstone() && b.copy.IsTombstone(), "they wait for the third")
		a.repaired, b.repaired = k.clock(a), k.clock(b) // with whoever keeps the keys in the third's place
		k.sweep(3 * time.Hour)
		require.Empty(t, append(a.copy.Siblings, b.copy.Siblings...), "outlived")
		return k
	})
}

// Nodes run all the time and cannot reach each other for longer than the grace.
func TestTheIslands(t *testing.T) {
	both(t, mistakes{onlyStarts: true}, func(m mistakes) *keepers {
		k, a, _, _ := story(m)
		k.apart = k.now.Add(100 * time.Hour)
		k.remove()
		k.sweep(18 * time.Hour)
		require.Empty(t, a.copy.Siblings, "outlived")
		return k
	})
}

// late is a hint from before the delete that is handed over after everybody has confirmed it.
func late(t *testing.T, m mistakes, gone, delivered time.Duration) *keepers {
	k, a, b, c := story(m)
	_, err := b.hints.Hold(Hint{For: c.id, Since: k.clock(b), Key: []byte("key"), Known: version.AppendSet(nil, b.copy.Set)})
	require.NoError(t, err)
	k.remove()
	k.repair(a)
	k.sweep(gone)
	require.Equal(t, m.young || gone > 5*time.Hour, len(c.copy.Siblings) == 0)
	k.now = k.now.Add(delivered)
	k.handOver(b)
	return k
}

// All have the tombstone and drop it at once, while a hint of the value is still under way.
func TestTheHintUnderWay(t *testing.T) {
	both(t, mistakes{young: true}, func(m mistakes) *keepers { return late(t, m, time.Hour, 30*time.Minute) })
}

// All have waited for the window, but whoever holds a hint has not.
func TestTheHintThatCameTooLate(t *testing.T) {
	both(t, mistakes{oldHints: true}, func(m mistakes) *keepers { return late(t, m, 6*time.Hour, time.Hour) })
}

// If this failed, the verdicts would turn at other moments than is said.
func TestVerdicts(t *testing.T) {
	rules := Rules{Window: 2 * time.Hour, Grace: 10 * time.Hour, MaxDrift: time.Hour}
	stone := Tombstone{Deleted: version.AtWall(start), Holders: []ring.ID{1, 2, 3}, Confirmed: []ring.ID{2, 1}}
	everybody := stone
	everybody.Confirmed = []ring.ID{3, 2, 1, 7}
	for _, c := range []struct {
		stone Tombstone
		age   time.Duration
		want  Verdict
	}{
		{stone, 0, Young}, {everybody, 3 * time.Hour, Young}, {everybody, 3*time.Hour + 1, Everywhere}, {stone, 3*time.Hour + 1, Awaited},
		{stone, 11 * time.Hour, Awaited}, {stone, 11*time.Hour + 1, Outlived}, {everybody, 11*time.Hour + 1, Everywhere}, {stone, -time.Hour, Young},
	} {
		require.Equal(t, c.want, rules.Judge(c.stone, start.Add(c.age)), "%v", c.age)
		require.Equal(t, c.want >= Everywhere, c.want.MayGo())
	}
	require.False(t, rules.MustStartEmpty(start, start.Add(7*time.Hour)))
	require.True(t, rules.MustStartEmpty(start, start.Add(7*time.Hour+1)))
	require.True(t, rules.MayDeliver(Hint{Since: start}, start.Add(time.Hour)))
	require.False(t, rules.MayDeliver(Hint{Since: start}, start.Add(time.Hour+1)))
	for _, wrong := range []Rules{{Window: -1}, {Grace: time.Hour}, {Window: time.Hour, MaxDrift: time.Hour}, {Grace: 3*time.Hour + 1}} {
		_, err := wrong.WithDefaults()
		require.ErrorIs(t, err, ErrRules, fmt.Sprint(wrong))
	}
	standard, err := Rules{}.WithDefaults()
	require.NoError(t, err)
	require.False(t, slices.Contains([]time.Duration{standard.Window, standard.Grace, standard.MaxDrift}, 0))
}
