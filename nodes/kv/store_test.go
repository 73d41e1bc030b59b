package kv

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/sim/simtest/golden"
)

func args(words ...string) (all [][]byte) {
	for _, w := range words {
		all = append(all, []byte(w))
	}
	return all
}

// told is a store with a clock of its own.
type told struct {
	*Store
	now int64
}

func newTold() *told { return &told{New(), 1_000_000} }

// do does a command and gives its answer on one line, as people write it.
func (s *told) do(line string) string {
	words := strings.Fields(line)
	request := args(words...)
	var answer []byte
	if r, problem := commands.Parse(request); problem == "" && r.Is(Read) {
		answer = s.Read(request, s.now, nil)
	} else {
		answer = s.Apply(Order{Now: s.now, Sessions: 3}, request, nil)
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(answer), "\r\n"), "\r\n", " ")
}

// If this failed, users of Redis would be told other things here than there.
func TestCommandsAnswerAsRedisDoes(t *testing.T) {
	const file = "testdata/commands.txt"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var got strings.Builder
	s := newTold()
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		command, _, _ := strings.Cut(line, " →")
		switch wait, sleeps := strings.CutPrefix(line, "sleep "); {
		case line == "":
			s = newTold()
		case sleeps:
			n, err := strconv.Atoi(wait)
			require.NoError(t, err)
			s.now += int64(n)
		case line[0] != '#':
			line = strings.TrimSpace(command + " → " + s.do(command))
		}
		got.WriteString(line + "\n")
	}
	golden.Equal(t, file, got.String())
}

// If this failed, a write whose answer was lost would be done twice, or a client be told another answer than it was.
func TestWhatIsSentAgainIsDoneOnce(t *testing.T) {
	s := newTold()
	require.Equal(t, ":1", s.do("ONCE OPEN"))
	for range 3 {
		require.Equal(t, ":1", s.do("ONCE 1 1 INCR n"))
	}
	require.Equal(t, ":2", s.do("ONCE 1 5 INCR n"))
	require.Equal(t, "-OVERTAKEN the session is at 5 already", s.do("ONCE 1 1 INCR n"))
	require.Equal(t, "*2 :3 :4", s.do("once 1 6 versioned incr n"))
	require.Equal(t, "-ERR value is not an integer or out of range", s.do("ONCE 1 7 INCRBY n x"))

	// Of more sessions than there may be, the one that was used longest ago goes: its retry is refused, not done.
	for _, want := range []string{":5", ":6"} {
		require.Equal(t, want, s.do("ONCE OPEN"))
	}
	require.Equal(t, "-ERR value is not an integer or out of range", s.do("ONCE 1 7 INCRBY n x"))
	require.Equal(t, ":7", s.do("ONCE OPEN"))
	require.Equal(t, "-"+errNoSession, s.do("ONCE 5 1 INCR n"))
	require.Equal(t, ":4", s.do("ONCE 1 8 INCR n"))
	require.Equal(t, 3, s.Sessions())
}

// command draws one that may write.
func command(t *rapid.T, sessions int) string {
	key := rapid.SampledFrom([]string{"a", "b", "c", "{a}b", "d", "e"}).Draw(t, "key")
	line := rapid.SampledFrom([]string{"set K 1", "set K 20 px 30", "incr K", "append K x", "del K a", "set K 7 ifeq 1", "expire K 1",
		"pexpire K 40 lt", "persist K", "getdel K", "mset K 3 a 4", "set K 9 nx get", "get K", "flushall", "once open", "scan 0"}).Draw(t, "line")
	line = strings.ReplaceAll(line, "K", key)
	if sessions > 0 && rapid.Bool().Draw(t, "once") && strings.Contains(line, key) && !strings.HasPrefix(line, "get ") {
		line = fmt.Sprintf("once %d %d %s", rapid.IntRange(1, 40).Draw(t, "session"), rapid.IntRange(1, 4).Draw(t, "sequence"), line)
	}
	return line
}

// If this failed, two copies of a store that were given the same commands would come apart, or one that was made of a
// snapshot would not be the same as the one it was taken of.
func TestCopiesComeToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, copied := newTold(), newTold()
		for range rapid.IntRange(1, 80).Draw(t, "commands") {
			line := command(t, 1)
			s.now += rapid.Int64Range(-5, 20).Draw(t, "passes")
			copied.now = s.now
			require.Equal(t, s.do(line), copied.do(line))
			if rapid.IntRange(0, 9).Draw(t, "restored") == 0 {
				restored, err := Decode(copied.Image().Append(nil))
				require.NoError(t, err)
				require.Equal(t, copied.String(), restored.String())
				copied.Store = restored
			}
			require.Equal(t, s.Image().Append(nil), copied.Image().Append(nil))
			checkSums(t, s.Store)
		}
	})
}

// checkSums reckons anew what a store adds up as it goes.
func checkSums(t require.TestingT, s *Store) {
	var digest uint64
	var bytes int64
	expiring, count := 0, 0
	for _, it := range s.table.all() {
		digest += it.mark()
		bytes += it.size()
		if it.expiry != 0 {
			expiring++
			require.Same(t, it, s.expiries[it.place])
		}
	}
	for slot := range Slots {
		if s.slots[slot/slotPage] == nil {
			continue
		}
		_, n := s.SlotDigest(slot)
		require.Len(t, s.KeysInSlot(slot, 1000), n)
		count += n
	}
	require.Equal(t, s.Len(), count)
	require.Equal(t, digest, s.Digest())
	require.Equal(t, bytes, s.bytes)
	require.Len(t, s.expiries, expiring)
	var sessions int64
	for c := s.sessions.oldest; c != nil; c = c.newer {
		sessions += c.size()
	}
	require.Equal(t, sessions, s.sessions.bytes)
}

// If this failed, a digest would not tell stores apart, or would tell apart what is the same.
func TestDigestsTellWhatIsHeld(t *testing.T) {
	a, b := newTold(), newTold()
	a.do("mset x 1 y 2")
	b.do("set x 1")
	b.do("set y 2")
	require.Equal(t, a.Digest(), b.Digest())
	b.do("set y 2 px 5")
	require.NotEqual(t, a.Digest(), b.Digest())
	a.do("flushall")
	require.Zero(t, a.Digest())
}

// If this failed, a user who scans would miss keys that were there all the while, or meet them twice.
func TestAScanMeetsEachKeyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newTold()
		n := rapid.IntRange(0, 600).Draw(t, "keys")
		for i := range n {
			s.do(fmt.Sprintf("set stays-%d 1", i))
		}
		met := map[string]int{}
		cursor := "0"
		for {
			answer := strings.Fields(s.do(fmt.Sprintf("scan %s count %d", cursor, rapid.IntRange(1, 100).Draw(t, "count"))))
			for i := 5; i < len(answer); i += 2 {
				met[answer[i]]++
			}
			for range rapid.IntRange(0, 50).Draw(t, "changes") {
				s.do(fmt.Sprintf("%s goes-%d 1", rapid.SampledFrom([]string{"setnx", "del"}).Draw(t, "change"), rapid.IntRange(0, 500).Draw(t, "key")))
			}
			if cursor = answer[2]; cursor == "0" {
				break
			}
		}
		for i := range n {
			require.Equal(t, 1, met[fmt.Sprint("stays-", i)], "stays-%d", i)
		}
	})
}

// If this failed, keys would be lost or found under others' names, or a few that were chosen for it would take all memory.
func TestATableIsAMapInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newTable(), map[string]*item{}
		same := rapid.Uint64Range(0, 64).Draw(t, "same")
		for range rapid.IntRange(0, 400).Draw(t, "changes") {
			key := strconv.Itoa(rapid.IntRange(0, 300).Draw(t, "key"))
			it := &item{key: key, hash: hash(key, 0) >> same}
			if rapid.IntRange(0, 3).Draw(t, "removed") == 0 {
				table.remove(it)
				delete(want, key)
				continue
			}
			require.Equal(t, want[key], table.put(it))
			want[key] = it
		}
		require.Equal(t, len(want), table.count)
		require.LessOrEqual(t, len(table.pages), 4*(len(want)+400))
		all := table.all()
		require.Len(t, all, len(want))
		require.True(t, slices.IsSortedFunc(all, func(a, b *item) int {
			if a.hash != b.hash {
				return map[bool]int{true: -1, false: 1}[a.hash < b.hash]
			}
			return strings.Compare(a.key, b.key)
		}))
		for _, key := range slices.Sorted(maps.Keys(want)) {
			require.Same(t, want[key], table.get(want[key].hash, []byte(key)))
		}
	})
}

// If this failed, a cluster's clients would ask the wrong server. The figures are those of the specification's reference.
func TestSlotsAreThoseOfRedis(t *testing.T) {
	for key, slot := range map[string]int{"": 0, "123456789": 0x31C3, "foo": 12182, "{foo}bar": 12182, "a{foo}b{x}": 12182, "{}foo": Slot([]byte("{}foo")), "foo{": Slot([]byte("foo{"))} {
		require.Equal(t, slot, Slot([]byte(key)), key)
	}
	require.NotEqual(t, Slot([]byte("{}a")), Slot([]byte("{}b")))
	r, _ := commands.Parse(args("MSET", "{a}1", "x", "{a}2", "y"))
	slot, one := r.Slot(r.Args)
	require.True(t, one)
	require.Equal(t, Slot([]byte("a")), slot)
	_, one = r.Slot(args("MSET", "a", "x", "b", "y"))
	require.False(t, one)
}

// If this failed, SCAN's users would be shown keys that they did not ask for.
func TestPatternsMatchAsTheirRegularExpressionsDo(t *testing.T) {
	for _, c := range []struct{ pattern, expression string }{
		{"*", ".*"}, {"a*b", "a.*b"}, {"?", "."}, {"[ab]*", "[ab].*"}, {"[^a]", "[^a]"}, {"[a-b]b", "[ab]b"}, {`\*a`, `\*a`}, {"**b**", ".*b.*"}, {"a", "a"}, {"", ""}, {"[", "$x"}, {"a[", "$x"},
	} {
		want := regexp.MustCompile("^(?s:" + c.expression + ")$")
		for _, name := range []string{"", "a", "b", "ab", "aab", "bb", "*a", "abc", "c", "ba"} {
			require.Equal(t, want.MatchString(name), Matches(c.pattern, name), "%q %q", c.pattern, name)
		}
	}
	Matches(strings.Repeat("*a", 5000), strings.Repeat("a", 9999)+"b") // and it ends
}

// If this failed, a damaged snapshot would be taken for a store.
func TestADamagedSnapshotIsNone(t *testing.T) {
	s := newTold()
	for i := range 50 {
		s.do(fmt.Sprintf("set key-%d %d", i, i))
	}
	s.do("once open")
	whole := s.Image().Append(nil)
	for at := range whole {
		damaged := slices.Clone(whole)
		damaged[at] ^= 4
		_, err := Decode(damaged)
		require.ErrorIs(t, err, ErrSnapshot, "byte %d", at)
		_, err = Decode(whole[:at])
		require.ErrorIs(t, err, ErrSnapshot, "cut at %d", at)
	}
	_, err := Decode(append(slices.Clone(whole), whole...))
	require.ErrorIs(t, err, ErrSnapshot)
}

// If this failed, a store could be made to hold what cannot be sent, or to answer without end.
func TestSizesAreBounded(t *testing.T) {
	s := newTold()
	large := strings.Repeat("x", MaxValue)
	require.Equal(t, "+OK", s.do("set a "+large))
	require.Equal(t, "-"+errTooLong, s.do("append a x"))
	require.Equal(t, "-"+errTooLong, s.do("set a x"+large))
	require.Equal(t, "-"+errKeyLong, s.do("set "+strings.Repeat("k", MaxKey+1)+" 1"))
	require.Equal(t, "-"+errReplyLong, s.do("mget"+strings.Repeat(" a", 5)))
	restored, err := Decode(s.Image().Append(nil))
	require.NoError(t, err)
	require.Equal(t, s.Digest(), restored.Digest())
}

// Whatever an entry is, it is applied or is an error, and the same twice.
func FuzzApplyEntry(f *testing.F) {
	f.Add(AppendEntry(nil, Order{Now: 7}, args("SET", "a", "1", "PX", "5")))
	f.Add(AppendEntry(nil, Order{Now: 9, Sessions: 1}, args("ONCE", "OPEN")))
	f.Fuzz(func(t *testing.T, entry []byte) {
		a, b := newTold(), newTold()
		for _, s := range []*told{a, b} {
			s.do("set a 1")
			s.do("once open")
		}
		first, err := a.ApplyEntry(entry, nil)
		second, again := b.ApplyEntry(entry, nil)
		require.Equal(t, err, again)
		require.Equal(t, first, second)
		require.Equal(t, a.Image().Append(nil), b.Image().Append(nil))
		if err != nil {
			require.ErrorIs(t, err, ErrEntry)
			return
		}
		checkSums(t, a.Store)
		_, err = Decode(a.Image().Append(nil))
		require.NoError(t, err)
	})
}

// Whatever a snapshot is, it is a store that is the same again, or an error.
func FuzzDecode(f *testing.F) {
	s := newTold()
	s.do("mset a 1 b 2")
	s.do("once open")
	f.Add(s.Image().Append(nil))
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		s, err := Decode(snapshot)
		if err != nil {
			require.ErrorIs(t, err, ErrSnapshot)
			return
		}
		checkSums(t, s)
	})
}

func BenchmarkApplySet(b *testing.B) {
	s, out := New(), []byte(nil)
	request := args("SET", "key:000000000000", "a value of some length")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		copy(request[1][4:], fmt.Appendf(nil, "%012d", n%100_000))
		out = s.Apply(Order{Now: 1}, request, out[:0])
	}
}

func BenchmarkReadGet(b *testing.B) {
	s, out := New(), []byte(nil)
	request := args("SET", "key:000000000000", "a value of some length")
	for n := range 100_000 {
		copy(request[1][4:], fmt.Appendf(nil, "%012d", n))
		s.Apply(Order{Now: 1}, request, nil)
	}
	get := args("GET", "key:000000000777")
	b.ReportAllocs()
	for b.Loop() {
		out = s.Read(get, 1, out[:0])
	}
}

func BenchmarkImage(b *testing.B) {
	s := New()
	for n := range 100_000 {
		s.Apply(Order{Now: 1}, args("SET", fmt.Sprint("key:", n), "a value of some length"), nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		size := 0
		for chunk := range s.Image().Chunks() {
			size += len(chunk)
		}
		b.SetBytes(int64(size))
	}
}
