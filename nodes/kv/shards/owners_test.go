package shards

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/kv"
)

// world is three groups, each one store, and all that one of them has ever said to another, which may come again at any time.
type world struct {
	t       *rapid.T
	groups  []string
	stores  map[string]*Store
	terms   map[string]uint64
	said    []change
	counted uint64 // what was said
	now     int64

	values   map[string]string // what each key holds, as those who wrote know
	versions map[string]uint64
	writes   int
	sessions map[string]string // one for each key
	last     map[string]string // the last command of each key's session, and its answer
	answers  map[string]string
	sequence map[string]int
}

var keys = []string{"a", "b", "{a}2"}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, groups: []string{"one", "two", "three"}, stores: map[string]*Store{}, terms: map[string]uint64{}, now: 1000, values: map[string]string{},
		versions: map[string]uint64{}, sessions: map[string]string{}, last: map[string]string{}, answers: map[string]string{}, sequence: map[string]int{}}
	for i, group := range w.groups {
		w.stores[group] = New()
		w.terms[group] = 1
		slots := []string{"0-9999", "10000-16383", "none"}[i]
		require.Equal(t, "+OK", w.change(group, change{step: foundStep, from: group, records: []byte(slots)}))
	}
	return w
}

// change has a group do a step, as it comes over a log.
func (w *world) change(group string, c change) string {
	answer, err := w.stores[group].ApplyEntry(c.append(nil), nil)
	require.NoError(w.t, err)
	return strings.TrimSpace(string(answer))
}

// command has a group do a command.
func (w *world) command(group, words string) string {
	var args [][]byte
	for word := range strings.FieldsSeq(words) {
		args = append(args, []byte(word))
	}
	w.now++
	answer, err := w.stores[group].ApplyEntry(kv.AppendEntry(nil, kv.Order{Now: w.now}, args), nil)
	require.NoError(w.t, err)
	return strings.TrimSpace(string(answer))
}

// server is who serves a key; empty if nobody does.
func (w *world) server(key string) (server string) {
	for _, group := range w.groups {
		if w.stores[group].serves(kv.Slot([]byte(key))) {
			require.Empty(w.t, server, "%s and %s serve %s", server, group, key)
			server = group
		}
	}
	return server
}

// say is a step of the handover that a group is at, said to the other group; or to nobody, as a message that is late.
func (w *world) say(group string, what change, arrives bool) string {
	h := w.stores[group].moving
	w.counted++
	what.from, what.to, what.first, what.last, what.epoch = group, h.to, h.first, h.last, h.epoch
	what.term, what.sequence = w.terms[group], w.counted
	w.said = append(w.said, what)
	if !arrives {
		return ""
	}
	return w.change(h.to, what)
}

// bring sends what the other group lacks, and says whether nothing is lacking.
func (w *world) bring(group string, most int, lost func() bool) bool {
	s, held := w.stores[group], kv.NewInventory()
	if a := w.stores[s.moving.to].arrivalFor(&change{from: group, first: s.moving.first, last: s.moving.last, epoch: s.moving.epoch}); a != nil {
		list, next := a.held.List(a.first, a.last, 1<<20, nil)
		require.Equal(w.t, a.last+1, next)
		require.NoError(w.t, held.Note(list))
	}
	for slot := s.moving.first; slot <= s.moving.last; {
		parcel, whole := held.Pack(s.Store, slot, most, nil)
		if len(parcel) > 0 {
			if arrives := !lost(); w.say(group, change{step: putStep, records: parcel}, arrives) != "+OK" {
				return false
			}
			require.NoError(w.t, held.Note(parcel))
		}
		if whole {
			slot++
		}
	}
	return true
}

// If this failed, there would be an order of steps, with any of them said twice or too late, after which two groups serve a key, a write
// is lost or done twice, or a slot is nobody's for ever.
func TestASlotIsAToken(t *testing.T) {
	for n := range 5 {
		t.Run(fmt.Sprint(n), rapid.MakeCheck(tryTokens))
	}
}

func tryTokens(t *rapid.T) {
	w := newWorld(t)
	group := func(t *rapid.T) string { return rapid.SampledFrom(w.groups).Draw(t, "group") }
	moving := func(t *rapid.T) (string, *Store) {
		g := group(t)
		if w.stores[g].moving.to == "" {
			t.Skip("nothing is being handed over")
		}
		return g, w.stores[g]
	}
	actions := map[string]func(*rapid.T){
		"write": func(t *rapid.T) { w.write(rapid.SampledFrom(keys).Draw(t, "key"), group(t)) },
		"repeat": func(t *rapid.T) {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			if w.last[key] == "" {
				t.Skip("nothing was written")
			}
			if answer := w.command(group(t), w.last[key]); !strings.HasPrefix(answer, "-ELSEWHERE") {
				require.Equal(t, w.answers[key], answer, "%s was done twice", w.last[key])
			}
		},
		"delete": func(t *rapid.T) {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			if server := w.server(key); server != "" {
				w.command(server, "DEL "+key)
				delete(w.values, key)
			}
		},
		"want": func(t *rapid.T) {
			slot := kv.Slot([]byte(rapid.SampledFrom(keys).Draw(t, "key")))
			g, wide := group(t), rapid.SampledFrom([]int{0, 0, 3000}).Draw(t, "wide")
			w.change(g, change{step: wantStep, from: g, to: group(t), records: fmt.Appendf(nil, "%d-%d", slot, min(slot+wide, kv.Slots-1))})
		},
		"begin": func(t *rapid.T) {
			g := group(t)
			if s := w.stores[g]; s.moving.to == "" && len(s.wanted.spans) > 0 {
				next := s.wanted.spans[0]
				w.change(g, change{step: beginStep, from: g, to: next.Group, first: next.First, last: next.Last})
			}
		},
		"offer": func(t *rapid.T) {
			if g, s := moving(t); w.say(g, change{step: offerStep}, true) == "+TAKEN" {
				w.change(g, *aboutGone(s, g))
			}
		},
		"bring": func(t *rapid.T) {
			g, _ := moving(t)
			w.bring(g, rapid.SampledFrom([]int{1, 100, 10_000}).Draw(t, "most"), func() bool { return rapid.IntRange(0, 3).Draw(t, "lost") == 0 })
		},
		"freeze": func(t *rapid.T) {
			g, s := moving(t)
			c := aboutGone(s, g)
			c.step = freezeStep
			w.change(g, *c)
		},
		"take": func(t *rapid.T) {
			g, s := moving(t)
			if !s.moving.frozen {
				t.Skip("it is served")
			}
			c := change{step: takeStep, version: s.Version(), now: s.Now(), digest: s.Contents(s.moving.first, s.moving.last)}
			answer := w.say(g, c, rapid.Bool().Draw(t, "arrives"))
			if heard := rapid.Bool().Draw(t, "heard"); heard && (answer == "+OK" || answer == "+TAKEN") {
				w.change(g, *aboutGone(s, g))
			}
		},
		"say again": func(t *rapid.T) {
			if len(w.said) > 0 {
				late := rapid.SampledFrom(w.said).Draw(t, "late")
				w.change(late.to, late)
			}
		},
		"go": func(t *rapid.T) { // from wish to end
			slot := kv.Slot([]byte(rapid.SampledFrom(keys).Draw(t, "key")))
			for _, g := range w.groups {
				if s := w.stores[g]; s.serves(slot) && s.moving.to == "" {
					w.change(g, change{step: beginStep, from: g, to: group(t), first: slot, last: slot})
					w.pursue(g)
				}
			}
		},
		"elect":   func(t *rapid.T) { w.terms[group(t)]++ },
		"restore": func(t *rapid.T) { w.restore(group(t)) },
		"":        func(t *rapid.T) { w.check() },
	}
	for range 5 {
		t.Repeat(actions)
	}
	w.finish()
}

// aboutGone is the last step of the handover that a group is at.
func aboutGone(s *Store, group string) *change {
	h := s.moving
	return &change{step: goneStep, from: group, to: h.to, first: h.first, last: h.last, epoch: h.epoch}
}

// write writes a key once, in a session, through a group that may not have it.
func (w *world) write(key, group string) {
	if w.server(key) != group {
		require.Contains(w.t, w.command(group, "SET "+key+" wrong"), "-ELSEWHERE")
		return
	}
	if w.sessions[key] == "" {
		w.sessions[key] = strings.TrimPrefix(w.command(group, "ONCE OPEN "+key), ":")
	}
	w.writes++
	w.sequence[key]++
	value := strconv.Itoa(w.writes)
	w.last[key] = fmt.Sprintf("ONCE %s %d VERSIONED SET %s %s GET", w.sessions[key], w.sequence[key], key, value)
	w.answers[key] = w.command(group, w.last[key])
	require.NotContains(w.t, w.answers[key], "NOSESSION")
	w.values[key] = value
	parts := strings.Split(w.answers[key], ":")
	version, err := strconv.ParseUint(parts[len(parts)-1], 10, 64)
	require.NoError(w.t, err, w.answers[key])
	require.Greater(w.t, version, w.versions[key], "the versions of %s go back", key)
	w.versions[key] = version
}

// restore makes a store what its snapshot says.
func (w *world) restore(group string) {
	restored, err := Decode(w.stores[group].Image()(nil))
	require.NoError(w.t, err)
	require.Equal(w.t, w.stores[group].String(), restored.String())
	w.stores[group] = restored
}

// check looks at each key where it is served.
func (w *world) check() {
	for _, key := range keys {
		server := w.server(key)
		if server == "" {
			continue
		}
		want := "$-1"
		if v, is := w.values[key]; is {
			want = fmt.Sprintf("$%d\r\n%s", len(v), v)
		}
		got := string(w.stores[server].Read([][]byte{[]byte("GET"), []byte(key)}, w.now, nil))
		require.Equal(w.t, want, strings.TrimSpace(got), "%s of %s", key, server)
	}
}

// finish lets all that has begun come to its end.
func (w *world) finish() {
	for range 100 {
		for _, g := range w.groups {
			w.pursue(g)
		}
	}
	for _, key := range keys {
		require.NotEmpty(w.t, w.server(key), "nobody serves %s", key)
	}
	w.check()
}

// pursue does what a new leader of a group does whose word arrives.
func (w *world) pursue(g string) {
	s := w.stores[g]
	if s.moving.to == "" {
		return
	}
	w.terms[g]++
	answer := w.say(g, change{step: offerStep}, true)
	freeze := aboutGone(s, g)
	freeze.step = freezeStep
	w.change(g, *freeze)
	if answer == "+TAKEN" || answer == "+OK" && w.bring(g, 1000, func() bool { return false }) &&
		w.say(g, change{step: takeStep, version: s.Version(), now: s.Now(), digest: s.Contents(s.moving.first, s.moving.last)}, true) == "+OK" {
		w.change(g, *aboutGone(s, g))
	}
}
