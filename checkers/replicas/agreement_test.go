package replicas

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// drawing is what makes one small history unlike another.
type drawing struct {
	*rand.Rand
	accesses []Access
	value    linear.Value
	deletes  bool
	repeats  bool
	told     int // in how many of ten accesses the store tells a version
	versions map[linear.Value]int64
}

// draw makes a history of up to most accesses by two clients to two keys, in which reads see what they like: mostly what
// is newest or near it.
func draw(seed uint64, most int) []Access {
	d := &drawing{Rand: rand.New(rand.NewPCG(seed, 2)), versions: map[linear.Value]int64{}}
	d.deletes, d.repeats = d.IntN(3) == 0, d.IntN(3) == 0
	d.told = []int{0, 10, d.IntN(11)}[d.IntN(3)]
	keys := 1 + d.IntN(2)
	clients := 1 + d.IntN(3)
	sequential := d.IntN(3) > 0
	free := make([]history.Time, clients)
	now := history.Time(0)
	for id := range uint64(1 + d.IntN(most)) {
		now += history.Time(d.IntN(3))
		c := d.IntN(clients)
		if sequential {
			now = max(now, free[c])
		}
		a := Access{Span: linear.Span{ID: id + 1, Client: int32(c), Call: now, Return: now + history.Time(d.IntN(4)), Outcome: history.Ok}, Key: linear.Value(d.IntN(keys))}
		free[c] = a.Return
		if d.IntN(5) == 0 {
			a.Outcome = []history.Outcome{history.Unknown, history.Pending, history.Fail}[d.IntN(3)]
		}
		d.do(&a)
		d.accesses = append(d.accesses, a)
	}
	d.Shuffle(len(d.accesses), func(i, j int) { d.accesses[i], d.accesses[j] = d.accesses[j], d.accesses[i] })
	return d.accesses
}

func (d *drawing) do(a *Access) {
	told := d.IntN(10) < d.told
	switch n := d.IntN(10); {
	case n < 4:
		d.value++
		a.Kind, a.Value = Write, d.value
		if d.repeats && d.IntN(2) == 0 {
			a.Value = max(1, d.value-2)
		}
		d.versions[a.Value] = int64(d.value)
		if d.IntN(4) == 0 {
			d.versions[a.Value] = int64(d.value) - int64(d.IntN(3)) // out of order, or one that is taken
		}
		a.Version, a.Told = d.versions[a.Value], told && a.Outcome == history.Ok
	case n < 6 && d.deletes:
		d.value++
		a.Kind, a.Value, a.Version, a.Told = []Kind{Delete, Write}[d.IntN(2)], linear.Nil, int64(d.value)-int64(d.IntN(3)*d.IntN(3)), told
	default:
		a.Kind, a.Value = Read, max(0, d.value-linear.Value(d.IntN(3)*d.IntN(3)))
		a.Version, a.Told = d.versions[a.Value], told
		if d.IntN(40) == 0 {
			a.Version++ // another than the value had elsewhere
		}
		if a.Value == 0 || d.IntN(8) == 0 {
			a.Value, a.Told = linear.Nil, false
		}
	}
}

func tell(accesses []Access) string {
	var b strings.Builder
	for _, a := range accesses {
		fmt.Fprintf(&b, "\n%d: client %d %d..%d %s: %s key %d value %d", a.ID, a.Client, a.Call, a.Return, a.Outcome, []string{"read", "write", "delete"}[a.Kind], a.Key, a.Value)
		if a.Told {
			fmt.Fprintf(&b, " version %d", a.Version)
		}
	}
	return b.String()
}

// plain is the definitions, one pair of accesses after another.
type plain []Access

// before says whether a client knew the outcome of one access when it made another.
func (p plain) before(i, j int) bool {
	a, b := &p[i], &p[j]
	earlier := a.Return < b.Call || a.Return == b.Call && (a.Call < b.Call || a.Call == b.Call && i < j)
	return i != j && a.Client == b.Client && a.Key == b.Key && a.Outcome == history.Ok && earlier
}

// counts says whether an access says anything.
func (a *Access) counts() bool {
	return a.Outcome == history.Ok || a.Kind != Read && a.Outcome != history.Fail
}

// deletes says whether an access does, by one word or the other.
func deletes(a Access) bool { return a.Kind != Read && a.Value == linear.Nil }

func (p plain) deleted(key linear.Value) bool {
	return slices.ContainsFunc(p, func(a Access) bool { return deletes(a) && a.Key == key && a.counts() })
}

// repeated says whether a value may have been written twice.
func (p plain) repeated(key, value linear.Value) bool {
	n := 0
	for _, a := range p {
		if a.Key == key && a.Value == value && a.Kind == Write && a.counts() {
			n++
		}
	}
	return n > 1 && value != linear.Nil
}

// version is that of what an access wrote or read, told to it or to another that wrote or read the same.
func (p plain) version(i int) (int64, bool) {
	a := &p[i]
	if a.Told {
		return a.Version, true
	}
	if a.Value == linear.Nil {
		return oldest, a.Kind == Read && !p.deleted(a.Key)
	}
	for _, b := range p {
		if b.Key == a.Key && b.Value == a.Value && b.Told && b.counts() && !p.repeated(a.Key, a.Value) {
			return b.Version, true
		}
	}
	return 0, false
}

// forks says whether a version of a key is told with two values or a value with two versions.
func (p plain) forks(key linear.Value) bool {
	for _, a := range p {
		for _, b := range p {
			if a.Key == key && b.Key == key && a.Told && b.Told && a.counts() && b.counts() && a.Value != linear.Nil && b.Value != linear.Nil &&
				(a.Value == b.Value) != (a.Version == b.Version) && !(a.Value == b.Value && p.repeated(key, a.Value)) {
				return true
			}
		}
	}
	return false
}

// sessions is the guarantees that are violated by versions.
func (p plain) sessions() (g Guarantee) {
	for i := range p {
		for j := range p {
			v, known := p.version(i)
			w, also := p.version(j)
			if p.forks(p[i].Key) || !p.before(i, j) || !known || !also || !p[j].counts() {
				continue
			}
			if p[j].Kind != Read && v >= w || v > w {
				g |= between(&p[i], &p[j])
			}
		}
	}
	return g
}

// allKnown says whether every version is known.
func (p plain) allKnown() bool {
	for i := range p {
		if _, known := p.version(i); p[i].counts() && !known {
			return false
		}
	}
	return true
}

// possible says whether the values of a key have an order that suits all sequential clients, and what is known of versions, by
// trying all.
func (p plain) possible(key linear.Value) bool {
	values := []linear.Value{}
	for i := range p {
		if p[i].Key == key && p[i].counts() && !slices.Contains(values, p[i].Value) {
			values = append(values, p[i].Value)
		}
	}
	place := map[linear.Value]int{}
	fits := func() bool {
		for i := range p {
			for j := range p {
				a, b := &p[i], &p[j]
				if a.Key != key || b.Key != key || !a.counts() || !b.counts() {
					continue
				}
				v, known := p.version(i)
				w, also := p.version(j)
				switch at, to := place[a.Value], place[b.Value]; {
				case known && also && v < w && at >= to:
					return false
				case a.Value == linear.Nil && a.Value != b.Value && at >= to:
					return false
				case p.before(i, j) && (b.Kind != Read && at >= to || at > to):
					return false
				}
			}
		}
		return true
	}
	var try func(n int) bool
	try = func(n int) bool {
		if n == len(values) {
			return fits()
		}
		for _, v := range values {
			if _, taken := place[v]; taken {
				continue
			}
			place[v] = n
			if try(n + 1) {
				return true
			}
			delete(place, v)
		}
		return false
	}
	return try(0)
}

// lag is how old what a read saw was.
func (p plain) lag(i int) (versions int, age history.Time, known bool) {
	r := &p[i]
	if p.forks(r.Key) {
		return 0, 0, false
	}
	byVersion := true
	var writes []int
	for j := range p {
		if p[j].Key == r.Key && p[j].Kind != Read && p[j].Outcome == history.Ok {
			_, told := p.version(j)
			byVersion = byVersion && told
			writes = append(writes, j)
		}
	}
	saw, told := p.version(i)
	if byVersion && !told {
		return 0, 0, false
	}
	since, known := history.Time(oldest), r.Value == linear.Nil && !p.deleted(r.Key)
	for _, a := range p {
		if a.Kind == Write && !deletes(a) && a.Key == r.Key && a.Value == r.Value && a.counts() {
			since, known = a.End(), !p.repeated(a.Key, a.Value)
		}
	}
	for _, j := range writes {
		newer := p[j].Call > since
		if byVersion {
			v, _ := p.version(j)
			newer = v > saw
		}
		if newer && p[j].Return < r.Call {
			versions++
			age = max(age, r.Call-p[j].Return)
		}
	}
	return versions, age, known || byVersion
}

// undead is the kinds of values that were read although they were gone.
func (p plain) undead(after history.Time) (failed, deleted bool) {
	for _, r := range p {
		if r.Kind != Read || r.Outcome != history.Ok || r.Value == linear.Nil {
			continue
		}
		for i, w := range p {
			if w.Kind != Write || w.Key != r.Key || w.Value != r.Value {
				continue
			}
			again := slices.ContainsFunc(p, func(a Access) bool { return a.Kind == Write && a.Key == w.Key && a.Value == w.Value && a.counts() })
			failed = failed || w.Outcome == history.Fail && !again
			if p.repeated(w.Key, w.Value) || p.forks(w.Key) {
				continue
			}
			v, known := p.version(i)
			for _, d := range p {
				if !deletes(d) || d.Key != r.Key || d.Outcome != history.Ok || d.Return >= r.Call || r.Call < after || !w.Possible() {
					continue
				}
				later := d.Call > w.End()
				if known && d.Told {
					later = d.Version > v
				}
				deleted = deleted || later
			}
		}
	}
	return failed, deleted
}

// judge is what finds something in a history, rightly or wrongly.
type judge func([]Access) []Access

// disagreement compares what is found, after a judge has looked at the history, with the definitions.
func disagreement(see judge, accesses []Access) string {
	p := plain(accesses)
	seen := see(slices.Clone(accesses))
	found := map[string]bool{}
	for _, r := range Sessions(seen, All, nil) {
		found[r.Anomaly] = true
		if len(r.Witness) == 0 || len(r.Witness) > 4 && p.allKnown() {
			return fmt.Sprintf("%s has %d witnesses", r.Anomaly, len(r.Witness))
		}
	}
	broken := p.sessions()
	forked := false
	for key := range linear.Value(2) {
		forked = forked || p.forks(key)
	}
	for _, g := range []Guarantee{ReadYourWrites, MonotonicReads, MonotonicWrites, WritesFollowReads} {
		if is := broken&g != 0; is && !found[g.String()] || p.allKnown() && is != found[g.String()] {
			return fmt.Sprintf("%s violated: %v, found: %v", g, is, found)
		}
	}
	if forked != found["forked-version"] {
		return fmt.Sprintf("forked: %v, found %v", forked, found)
	}
	if !forked && !overlaps(p) && !slices.ContainsFunc(p, deletes) {
		once := slices.DeleteFunc(slices.Clone(p), func(a Access) bool { return p.repeated(a.Key, a.Value) })
		if may := once.possible(0) && once.possible(1); (may && broken == 0) != (len(found) == 0) {
			return fmt.Sprintf("an order of the values is possible: %v; found %v", may, found)
		}
	}
	lags, unknown := Staleness(seen)
	for i := range p {
		if p[i].Kind != Read || p[i].Outcome != history.Ok {
			continue
		}
		versions, age, known := p.lag(i)
		at := slices.IndexFunc(lags, func(l Lag) bool { return l.Read == p[i].ID })
		if known != (at >= 0) {
			return fmt.Sprintf("the lag of read %d is known: %v, told: %v", p[i].ID, known, at >= 0)
		}
		if known && (versions != lags[at].Versions || age != lags[at].Age) {
			return fmt.Sprintf("read %d lags by %d versions and %d, told: %+v", p[i].ID, versions, age, lags[at])
		}
		unknown -= map[bool]int{false: 1}[known]
	}
	if unknown != 0 {
		return fmt.Sprintf("%d reads too many are told to say nothing", unknown)
	}
	for _, after := range []history.Time{0, 6} {
		failed, deleted := p.undead(after)
		found := map[string]bool{}
		for _, r := range Resurrected(seen, after, nil) {
			found[r.Anomaly] = true
		}
		if failed != found["failed-value-read"] || deleted != found["deleted-value-read"] {
			return fmt.Sprintf("read after their end: failed %v, deleted %v; found %v", failed, deleted, found)
		}
	}
	return ""
}

// overlaps says whether a client has two accesses to a key under way at once.
func overlaps(p plain) bool {
	for i := range p {
		for j := range p {
			if i != j && p[i].Client == p[j].Client && p[i].Key == p[j].Key && p[i].counts() && p[j].counts() && p[i].Certain() &&
				!p.before(i, j) && p[i].Call <= p[j].Call && (p[i].Call < p[j].Call || i < j) {
				return true
			}
		}
	}
	return false
}

const campaign = 10_000

func right(accesses []Access) []Access { return accesses }

// If this fails, a guarantee is found broken that holds, or the other way round; or a read is told older or younger than it was.
func TestAgreesWithTheDefinitions(t *testing.T) {
	verdicts := map[string]int{}
	for seed := range uint64(campaign) {
		accesses := draw(seed, 9)
		require.Empty(t, disagreement(right, accesses), "seed %d%s", seed, tell(accesses))
		results := append(Sessions(accesses, All, nil), Resurrected(accesses, 0, nil)...)
		for _, r := range results {
			verdicts[r.Anomaly]++
		}
		if len(results) == 0 {
			verdicts["nothing"]++
		}
	}
	for _, kind := range []string{"read-your-writes", "monotonic-reads", "monotonic-writes", "writes-follow-reads", "forked-version",
		"session-guarantees", "failed-value-read", "deleted-value-read"} {
		require.Greater(t, verdicts[kind], campaign/500, "%v", verdicts)
	}
	require.Greater(t, verdicts["nothing"], campaign/5, "%v", verdicts)
}

// wrongs are ways in which such a checker goes wrong, each a plausible one: what it would take an access for.
var wrongs = []struct {
	name string
	sees func(a *Access)
}{
	{"takes a lost answer for a success", func(a *Access) {
		if a.Outcome != history.Fail {
			a.Outcome, a.Return = history.Ok, max(a.Call, a.Return)
		}
	}},
	{"takes a lost answer for a failure", func(a *Access) {
		if a.Outcome != history.Ok {
			a.Outcome = history.Fail
		}
	}},
	{"takes a failure for a lost answer", func(a *Access) {
		if a.Outcome == history.Fail {
			a.Outcome = history.Unknown
		}
	}},
	{"takes an access for over before it is", func(a *Access) { a.Return = max(a.Call, a.Return-1) }},
	{"takes an access for under way after it is over", func(a *Access) { a.Return++ }},
	{"takes all clients for one", func(a *Access) { a.Client = 0 }},
	{"takes each access for a client's only one", func(a *Access) { a.Client = int32(a.ID) }},
	{"takes all keys for one", func(a *Access) { a.Key = 0 }},
	{"does not know versions", func(a *Access) { a.Told = false }},
	{"takes values for versions", func(a *Access) { a.Told, a.Version = a.Value != linear.Nil, int64(a.Value) }},
	{"overlooks reads of nothing", func(a *Access) {
		if a.Kind == Read && a.Value == linear.Nil {
			a.Outcome = history.Unknown
		}
	}},
	{"overlooks deletes", func(a *Access) {
		if a.Kind == Delete {
			a.Outcome = history.Fail
		}
	}},
	{"takes deletes for reads of nothing", func(a *Access) {
		if a.Kind == Delete {
			a.Kind = Read
		}
	}},
	{"takes writes for reads", func(a *Access) { a.Kind = Read }},
}

// If this fails, the comparison with the definitions would let a wrong checker pass.
func TestWrongCheckersAreCaught(t *testing.T) {
	for _, wrong := range wrongs {
		sees := func(accesses []Access) []Access {
			for i := range accesses {
				wrong.sees(&accesses[i])
			}
			return accesses
		}
		caught := false
		for seed := uint64(0); seed < campaign && !caught; seed++ {
			caught = disagreement(sees, draw(seed, 9)) != ""
		}
		require.True(t, caught, "a checker that %s agrees with the definitions", wrong.name)
	}
}

// If this fails, a violation is shown by more than it takes.
func TestWitnessesAreLeast(t *testing.T) {
	at := func(id uint64, client int32, kind Kind, value linear.Value, version int64) Access {
		return Access{Span: linear.Span{ID: id, Client: client, Outcome: history.Ok, Call: history.Time(10 * id), Return: history.Time(10*id + 5)},
			Kind: kind, Value: value, Version: version, Told: version != 0}
	}
	for _, c := range []struct {
		g       Guarantee
		witness []uint64
		all     []Access
	}{
		{ReadYourWrites, []uint64{2, 3}, []Access{at(1, 1, Write, 1, 1), at(2, 2, Write, 2, 2), at(3, 2, Read, 1, 1)}},
		{ReadYourWrites, []uint64{1, 2}, []Access{at(1, 1, Write, 1, 1), at(2, 1, Read, linear.Nil, 0)}},
		{ReadYourWrites, []uint64{1, 2, 3}, []Access{at(1, 1, Write, 1, 0), at(2, 1, Read, 2, 4), at(3, 2, Read, 1, 6)}},
		{MonotonicReads, []uint64{3, 4}, []Access{at(1, 1, Write, 1, 1), at(2, 2, Write, 2, 2), at(3, 3, Read, 2, 2), at(4, 3, Read, 1, 1)}},
		{MonotonicWrites, []uint64{1, 2}, []Access{at(1, 1, Write, 1, 2), at(2, 1, Write, 2, 1)}},
		{WritesFollowReads, []uint64{1, 2}, []Access{at(1, 1, Read, 1, 2), at(2, 1, Write, 2, 1)}},
		{MonotonicReads, []uint64{1, 2, 3, 4}, []Access{at(1, 1, Read, 1, 0), at(2, 1, Read, 2, 0), at(3, 2, Read, 2, 0), at(4, 2, Read, 1, 0)}},
		{MonotonicReads, []uint64{1, 2, 3}, []Access{at(1, 1, Read, 1, 0), at(2, 1, Read, 2, 0), at(3, 1, Read, 1, 0)}},
	} {
		found := Sessions(c.all, All, nil)
		require.Len(t, found, 1, "%+v", found)
		require.Equal(t, c.g.String(), found[0].Anomaly)
		require.Equal(t, c.witness, found[0].Witness, found[0].Reason)
		require.Empty(t, Sessions(c.all, All&^c.g, nil), "what nobody asked for is no violation")
	}
}

// If this fails, a history exists over which the checkers break.
func FuzzAccesses(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, data []byte) {
		var all []Access
		for ; len(data) >= 9 && len(all) < 200; data = data[9:] {
			a := Access{Span: linear.Span{ID: uint64(data[0]), Client: int32(data[1] % 4), Outcome: history.Outcome(data[2] % 4), Call: history.Time(data[3]),
				Return: history.Time(data[4])}, Key: linear.Value(data[5] % 3), Kind: Kind(data[6] % 3), Value: linear.Value(data[7] % 8), Version: int64(data[8] % 8), Told: data[8] > 99}
			if a.Kind == Delete || a.Value == 0 {
				a.Value = linear.Nil
			}
			all = append(all, a)
		}
		for _, r := range append(Sessions(all, All, nil), Resurrected(all, 0, nil)...) {
			require.NotEmpty(t, r.Witness)
			require.NotEmpty(t, r.Reason)
		}
		Staleness(all)
	})
}
