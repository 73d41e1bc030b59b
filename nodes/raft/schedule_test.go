package raft

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// weather draws what happens next to a cluster: messages late, lost, repeated and out of order, disks that are slow,
// crashes that lose what is not durable, clocks that run apart, servers that are cut off, replaced and lose their disks.
type weather struct {
	*cluster
	mood
	draw   func(n int) int
	reads  uint64
	passed int // chances to write or to arrive
	values int
	next   ID

	side  map[ID]bool // on which side of a cut
	keeps bool        // the cut delays what it does not let through
	kept  []Message

	seen struct{ joint, promoted, chunks, snapshots, wiped, reads int }
	hit  map[string]int // crashes, by what the server was doing
}

// mood is drawn once for a storm.
type mood struct {
	prompt int // of a hundred writes, how many are durable before anything else happens
	loss   int // of a hundred messages, how many are lost
	reach  int // how many messages another may overtake
	brutal int // of a hundred votes, how many are followed by a crash
}

// storm lets a cluster go through so many steps of weather, and then sees it recover.
func storm(t require.TestingT, draw func(int) int, seed uint64, steps int, story *[]string) *weather {
	w := &weather{draw: draw, side: map[ID]bool{}, next: 100, hit: map[string]int{}}
	w.mood = mood{prompt: w.pick(95, 60, 20), loss: w.pick(0, 2, 15), reach: w.pick(1, 3, 8, 40), brutal: w.pick(0, 0, 10, 50)}
	drift := nodes.Percent(w.pick(0, 20_000, 20_000))
	options := Options{Election: 300 * time.Millisecond, Heartbeat: time.Duration(20+draw(100)) * time.Millisecond, Drift: drift,
		BatchBytes: 1 + draw(200), BatchEntries: w.pick(1, 1, 1000), Window: 1 + draw(4), ChunkBytes: w.pick(1, 10, 100, 1000)}
	w.cluster = newCluster(t, options, w.pick(1, 3, 3, 3, 5, 5), seed)
	w.story, w.uneven = story, draw(2) == 0
	w.drift(drift)
	for done := 0; done < steps; {
		done += w.step()
	}
	w.recover()
	return w
}

func (w *weather) pick(among ...int) int { return among[w.draw(len(among))] }

// step does one thing, or a series of things, and says how many they were.
func (w *weather) step() int {
	if p := w.draw(100); p < 4 {
		return w.squall()
	}
	m := w.someone()
	if leader := w.leader(); leader != nil && w.draw(2) == 0 {
		m = leader // where it hurts
	}
	switch p := w.draw(1000); {
	case p < 600:
		w.pass(1)
	case p < 700:
		w.now += time.Duration(w.draw(60)) * time.Millisecond
		w.tick(w.someone())
	case p < 730:
		w.wait(w.someone())
	case p < 800:
		w.propose(m)
	case p < 850:
		w.read(m)
	case p < 860:
		w.repeat()
	case p < 885:
		w.compact(w.someone())
	case p < 895:
		w.strike(m)
	case p < 925:
		w.revive(w.someone())
	case p < 940:
		w.change(m)
	case p < 942:
		w.wipe(w.someone())
	case p < 957:
		w.cut(m)
	case p < 980:
		w.mend()
	case p < 985:
		if m.up {
			w.tell("%d campaigns before its time", m.id)
			m.Campaign(m.clock(w.now))
			w.look(m)
		}
	default:
		if m.up && m.Role() == Leader {
			to := w.someone().id
			w.tell("%d hands over to %d", m.id, to)
			_ = m.Transfer(m.clock(w.now), to)
			w.look(m)
		}
	}
	return 1
}

// someone is any server that is not gone for good.
func (w *weather) someone() *machine {
	for {
		if m := w.machines[w.draw(len(w.machines))]; !m.gone {
			return m
		}
	}
}

// pass lets so many writes end and messages arrive.
func (w *weather) pass(n int) {
	w.passed += n
	for range n {
		writers := slices.DeleteFunc(slices.Clone(w.machines), func(m *machine) bool { return !m.up || len(m.writing) == 0 })
		if len(writers) > 0 && w.draw(100) < w.prompt {
			w.save(writers[w.draw(len(writers))])
		} else if len(w.flight) > 0 {
			w.hand(w.draw(min(len(w.flight), w.reach)))
		}
	}
	if len(w.flight) > 80 {
		w.flight = slices.Delete(w.flight, 0, len(w.flight)-80)
	}
}

// hand delivers a message, unless it is lost or has to pass a cut.
func (w *weather) hand(i int) {
	m := w.flight[i]
	to := w.machine(m.To)
	switch {
	case w.side[m.From] != w.side[m.To]:
		w.flight = slices.Delete(w.flight, i, i+1)
		if w.keeps && len(w.kept) < 40 {
			w.kept = append(w.kept, m)
		}
		return
	case w.draw(100) < w.loss:
		w.flight = slices.Delete(w.flight, i, i+1)
		return
	case m.Type == InstallSnapshot:
		w.seen.chunks++
	}
	w.deliver(i)
	if m.Type == Vote && to != nil && to.up && to.vote == m.From && w.draw(100) < w.brutal {
		w.crash(to)
		w.start(to)
	}
}

func (w *weather) repeat() {
	if len(w.flight) > 0 {
		w.flight = append(w.flight, w.flight[w.draw(len(w.flight))])
	}
}

// wait jumps to when a server wants to do something, and lets it.
func (w *weather) wait(m *machine) {
	if !m.up {
		return
	}
	if left := time.Duration(m.Deadline() - m.clock(w.now)); left > 0 {
		w.now += left + left/30 + 1
	}
	w.tick(m)
}

// cut parts a server, and perhaps others with it, from the rest.
func (w *weather) cut(m *machine) {
	w.mend()
	w.keeps = w.draw(2) == 0
	w.side[m.id] = true
	for _, o := range w.machines {
		if o != m && w.draw(4) == 0 {
			w.side[o.id] = true
		}
	}
	w.tell("cut off: %v", w.side)
}

func (w *weather) mend() {
	clear(w.side)
	w.flight = append(w.flight, w.kept...)
	w.kept = w.kept[:0]
}

// strike crashes a server, for a while or not.
func (w *weather) strike(m *machine) {
	if !m.up {
		return
	}
	doing := m.Role().String()
	if m.incoming != nil {
		doing = "installing"
	}
	w.hit[doing]++
	w.crash(m)
	if w.draw(2) == 0 {
		w.start(m)
	}
}

func (w *weather) revive(m *machine) {
	if !m.up && !m.gone {
		w.start(m)
	}
}

func (w *weather) propose(m *machine) {
	if !m.up || m.Role() != Leader {
		return
	}
	w.values++
	if _, err := m.Propose(m.clock(w.now), fmt.Appendf(nil, "v%d", w.values)); err == nil {
		w.tell("%d proposes v%d", m.id, w.values)
		w.look(m)
	}
}

func (w *weather) read(m *machine) {
	if !m.up || m.Role() != Leader {
		return
	}
	now := m.clock(w.now)
	if index, ok := m.LeaseRead(now); ok {
		require.GreaterOrEqual(w.t, index, w.highest, "server %d answers by a lease that does not hold", m.id)
		w.seen.reads++
	}
	w.reads++
	w.asked[w.reads] = w.highest
	if m.Read(now, w.reads) == nil {
		w.look(m)
	}
}

// change asks for other members: a new server as a learner, a learner as a voter, or any set of those that there are.
func (w *weather) change(m *machine) {
	if !m.up || m.Role() != Leader {
		return
	}
	was := m.Members()
	voters, learners := slices.Clone(was.Voters), slices.Clone(was.Learners)
	voters = slices.DeleteFunc(voters, func(o Member) bool { return w.machine(o.ID).gone })
	learners = slices.DeleteFunc(learners, func(o Member) bool { return w.machine(o.ID).gone })
	promoted := 0
	switch w.draw(3) {
	case 0:
		if len(w.machines) < 8 {
			w.next++
			w.add(w.next, State{})
			learners = append(learners, Member{ID: w.next})
		}
	case 1:
		if len(learners) > 0 {
			voters, learners, promoted = append(voters, learners[0]), learners[1:], 1
		}
	default:
		voters, learners = nil, nil
		for _, o := range w.machines {
			switch member := (Member{ID: o.id}); {
			case o.gone:
			case w.draw(4) == 0:
			case w.draw(4) == 0:
				learners = append(learners, member)
			default:
				voters = append(voters, member)
			}
		}
	}
	begun := m.begun
	if m.Change(m.clock(w.now), voters, learners) != nil {
		return
	}
	require.GreaterOrEqual(w.t, m.Commit(), begun, "members are changed before it is known which they are")
	w.seen.promoted += promoted
	if m.Members().Joint() {
		w.seen.joint++
	}
	w.tell("%d changes: %s", m.id, m.Core)
	w.look(m)
}

// wipe takes a voter's disk, and so the voter: who comes in its place is somebody else. More than one at a time nobody
// promised to survive, nor one while it is in dispute who votes: a learner may have been told last what only the lost
// server knew besides, and is then neither elected nor outvoted.
func (w *weather) wipe(m *machine) {
	voters := m.members.Voters
	for _, o := range w.machines {
		switch {
		case o.gone:
		case !o.up, o.members.Joint(), o.settings[len(o.settings)-1].index > min(o.Commit(), o.log.stable):
			return
		case len(o.members.Voters) > 0 && !slices.Equal(o.members.Voters, voters):
			return
		}
	}
	if find(voters, m.id) && len(voters) < 3 || slices.ContainsFunc(voters, func(v Member) bool { return w.machine(v.ID).gone }) {
		return
	}
	w.tell("%d loses its disk", m.id)
	w.crash(m)
	m.gone = true
	w.seen.wiped++
	// What is on the way could make a configuration count in which it is missed more.
	w.flight, w.kept = w.flight[:0], w.kept[:0]
}

// drift gives every machine a clock that keeps within the bound of leases.
func (w *weather) drift(within nodes.Percent) {
	for i, m := range w.machines {
		rate := int64(w.draw(int(2*within)+1)) - int64(within)
		start := int64(i) * int64(time.Hour)
		m.clock = func(now time.Duration) nodes.Instant {
			return nodes.Instant(start + int64(now) + int64(now)/int64(nodes.PerMillion)*rate)
		}
		w.start(m)
	}
}

// recover ends the weather, and sees that the cluster works again: there is a leader, and all members have what it has.
func (w *weather) recover() {
	w.mend()
	for _, m := range w.machines {
		w.revive(m)
	}
	for range 100 {
		w.settle(200 * time.Millisecond)
		if w.behind() == "" {
			break
		}
	}
	require.Empty(w.t, w.behind(), "twenty seconds after the weather: %v", w.machines)
	for _, m := range w.machines {
		if m.FirstIndex() > 1 {
			w.seen.snapshots++
		}
	}
}

// behind says who has not caught up.
func (w *weather) behind() string {
	leader := w.leader()
	if leader == nil {
		return "there is no leader"
	}
	if leader.Members().Joint() || leader.Commit() < leader.LastIndex() {
		return fmt.Sprintf("%s has not done with it", leader.Core)
	}
	for _, m := range w.machines {
		if leader.Members().Has(m.id) && !m.gone && len(m.applied) < len(leader.applied) {
			return fmt.Sprintf("%s lags", m.Core)
		}
	}
	return ""
}

// failure is how a storm ends in which something is wrong.
type failure struct{ text string }

type failing struct{ text string }

func (f *failing) Errorf(format string, args ...any) { f.text += fmt.Sprintf(format, args...) }
func (f *failing) FailNow()                          { panic(failure{f.text}) }

// tryStorm is the storm of a seed, and what is wrong with it.
func tryStorm(seed uint64, steps int, story *[]string) (w *weather, wrong string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			wrong = r.text
		default:
			wrong = fmt.Sprintf("%v\n%s", r, debug.Stack())
		}
	}()
	r := rand.New(rand.NewPCG(seed, 7))
	return storm(&failing{}, r.IntN, seed, steps, story), ""
}

// weathers tries many seeds. One in which something is wrong is told with what happened last.
func weathers(t *testing.T, first, seeds uint64, steps int, each func(*weather)) {
	t.Helper()
	for seed := first; seed < first+seeds; seed++ {
		w, wrong := tryStorm(seed, steps, nil)
		if wrong != "" {
			var story []string
			tryStorm(seed, steps, &story)
			t.Fatalf("in the storm of seed %d: %s\nbefore that:\n%s", seed, wrong, strings.Join(story[max(0, len(story)-60):], "\n"))
		}
		each(w)
	}
}

// If this failed, servers would tell their clients different stories.
func TestNoWeatherBreaksTheProtocol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "draw") }
		storm(t, draw, rapid.Uint64().Draw(t, "seed"), 150, nil)
	})
}

// The same with longer storms, whose draws rapid could not shrink anyway. What is rare has to come.
func TestLongWeather(t *testing.T) {
	counts := map[string]int{}
	weathers(t, firstWeather, longWeathers, 2000, func(w *weather) {
		for what, n := range map[string]int{"terms": len(w.leaders), "entries": len(w.committed), "reads confirmed": w.confirmed,
			"reads by lease": w.seen.reads, "joint configurations": w.seen.joint, "learners promoted": w.seen.promoted,
			"chunks": w.seen.chunks, "servers with a snapshot": w.seen.snapshots, "disks lost": w.seen.wiped} {
			counts[what] += n
		}
		for doing, n := range w.hit {
			counts["crashes of a server that was "+doing] += n
		}
	})
	t.Log(counts)
	require.Len(t, counts, 14)
	for what, n := range counts {
		require.Greater(t, n, 40, what)
	}
}
