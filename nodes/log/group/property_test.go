package group

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// judge holds what clients are told to what a coordinator promises.
type judge struct {
	*world
	lives     int               // of coordinators and groups: who is forgotten begins anew
	leaders   map[string]string // of a generation of a life
	protocols map[string]string
	assigned  map[string]string // what the leader of a generation said for a member
}

func (j *judge) generation(g string, n int32) string {
	return fmt.Sprintf("%s generation %d of life %d", g, n, j.lives)
}

func (j *judge) hears(by *client, asked kmsg.Request, answer kmsg.Response) {
	switch a := answer.(type) {
	case *kmsg.JoinGroupResponse:
		if a.ErrorCode != 0 {
			return
		}
		which := j.generation(by.group, a.Generation)
		if was, told := j.protocols[which]; told {
			require.Equal(j.t, was, *a.Protocol, which)
		}
		j.protocols[which] = *a.Protocol
		if len(a.Members) == 0 {
			return
		}
		require.Equal(j.t, a.LeaderID, a.MemberID, "only the leader is told who is in %s", which)
		if was, told := j.leaders[which]; told {
			require.Equal(j.t, was, a.MemberID, "%s has two leaders", which)
		}
		j.leaders[which] = a.MemberID
	case *kmsg.SyncGroupResponse:
		if r := asked.(*kmsg.SyncGroupRequest); a.ErrorCode == 0 {
			require.Equal(j.t, j.core.groups[r.Group].generation, r.Generation)
			if by.instance == "" { // others may have had another ID when it was assigned
				require.Equal(j.t, j.assigned[fmt.Sprint(r.Generation, r.MemberID)], string(a.MemberAssignment), "%s of %s", r.MemberID, r.Group)
			}
		}
	case *kmsg.HeartbeatResponse:
		if r := asked.(*kmsg.HeartbeatRequest); a.ErrorCode == 0 {
			require.Equal(j.t, j.core.groups[r.Group].generation, r.Generation)
		}
	}
}

// current is the client's generation, if it is that of its group.
func (j *judge) current(c *client) bool {
	g := j.core.groups[c.group]
	return g != nil && g.generation == c.generation && g.member(c.id) != nil
}

// If this failed, two leaders would assign in one generation, a member would be given what nobody assigned, one that was left behind
// would commit, an offset that was acknowledged would be forgotten, or a call would never be answered.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, Options{InitialDelay: time.Duration(rapid.IntRange(-1, 2).Draw(t, "delay")) * time.Second, Retention: time.Hour})
		j := &judge{world: w, leaders: map[string]string{}, protocols: map[string]string{}, assigned: map[string]string{}}
		w.told = j.hears
		w.changed = func(c Change) {
			if c.To == Dead {
				j.lives++
			}
		}
		for i := range 4 {
			c := w.client(fmt.Sprint("c", i))
			c.group = fmt.Sprint("g", i/3)
			if rapid.IntRange(0, 3).Draw(t, "static") == 0 {
				c.instance = "i" + c.name
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			j.step(t)
			for _, g := range w.core.sorted() {
				g.check()
			}
		}
		w.hold = false
		if len(w.under) > 0 {
			w.commit(len(w.under))
			w.take()
		}
		j.calm()
		j.restart(t)
		w.resign(0)
		require.Empty(t, w.waits, "calls that nobody answered")
	})
}

// restart has another coordinator take over, which must know all offsets that the last one knew, and every stable generation.
func (j *judge) restart(t *rapid.T) {
	before := j.core
	groups := before.groups
	j.world.start()
	j.lives++
	for id := range j.core.groups {
		require.Contains(t, groups, id)
	}
	for id, g := range groups {
		is := j.core.groups[id]
		if is == nil {
			is = &group{offsets: newOffsets()}
		}
		require.LessOrEqual(t, is.generation, g.generation)
		require.Equal(t, len(g.offsets.committed), len(is.offsets.committed))
		for p, o := range g.offsets.committed {
			require.Equal(t, o.at, is.offsets.committed[p].at, "%s %v", id, p)
		}
		require.Equal(t, len(g.offsets.open), len(is.offsets.open))
		if g.state == Stable {
			g.pending = nil // who was only given an ID must ask for another
			require.Equal(t, g.String(), is.String())
			for _, m := range g.members {
				require.Equal(t, string(m.assignment), string(is.member(m.id).assignment))
			}
		}
	}
	j.core = before
	before.Resign()
	j.take()
	j.world.start()
}

// step is something that may happen.
func (j *judge) step(t *rapid.T) {
	c := j.clients[rapid.IntRange(0, 3).Draw(t, "client")]
	producer := int64(rapid.IntRange(1, 2).Draw(t, "producer"))
	switch rapid.SampledFrom([]string{"join", "join", "join", "sync", "sync", "beat", "commit", "commit", "transaction", "end", "leave", "forget", "pass", "hold",
		"release", "refuse", "restart", "lose", "fetch", "delete"}).Draw(t, "what") {
	case "join":
		j.join(c, 10*time.Second, 20*time.Second, rapid.SampledFrom([][]string{{"range"}, {"range", "sticky"}, {"sticky", "range"}}).Draw(t, "protocols")...)
	case "sync":
		said := map[string]string{}
		for _, id := range c.members {
			said[id] = fmt.Sprint(id, " gets ", j.calls)
		}
		j.says(c, said)
		j.sync(c, said)
	case "beat":
		j.beat(c)
	case "commit":
		j.tryCommit(t, c)
	case "transaction":
		j.commitInTransaction(c, producer, "orders", int32(rapid.IntRange(0, 1).Draw(t, "partition")), int64(j.calls))
	case "end":
		if j.hold = false; len(j.under) > 0 { // a marker stands behind what was written before
			j.commit(len(j.under))
		}
		j.take()
		j.end(producer, rapid.Bool().Draw(t, "commit"))
	case "leave":
		j.leave(c)
	case "forget":
		c.id, c.generation, c.members = "", -1, nil
	case "pass":
		j.pass(time.Duration(rapid.SampledFrom([]int{1, 4, 11, 30, 3600}).Draw(t, "seconds")) * time.Second)
	case "hold":
		j.hold = true
	case "release":
		j.hold = false
		j.take()
	case "refuse":
		if len(j.under) > 0 {
			last := len(j.under) - 1
			u := j.under[last]
			j.under = j.under[:last]
			j.core.Refused(j.now, u.Number, wire.NotEnoughReplicas)
			j.take()
			j.lives++ // a group of which nothing was written begins anew
		}
	case "restart":
		if len(j.under) == 0 {
			j.restart(t)
		}
	case "lose":
		j.resign(rapid.IntRange(0, 2).Draw(t, "committed"))
		j.lives++
		j.start()
	case "fetch":
		j.fetch(c, rapid.Bool().Draw(t, "stable"), nil)
	case "delete":
		r := kmsg.NewPtrDeleteGroupsRequest()
		r.Version, r.Groups = 2, []string{c.group}
		j.ask(c, r)
	}
}

// says notes what a leader assigns, if it will be asked.
func (j *judge) says(c *client, said map[string]string) {
	g := j.core.groups[c.group]
	if !j.current(c) || g.leader != c.id || g.state != Completing || g.storing {
		return
	}
	for _, m := range g.members {
		j.assigned[fmt.Sprint(g.generation, m.id)] = said[m.id]
	}
}

// calm has clients do what they should for a minute. Then all of them are in a stable generation.
func (j *judge) calm() {
	for range 60 {
		for _, c := range j.clients {
			said := map[string]string{}
			for _, id := range c.members {
				said[id] = "all"
			}
			switch {
			case slices.ContainsFunc(slices.Collect(maps.Values(j.waits)), func(w waits) bool { return w.by == c }):
			case !c.joined:
				j.join(c, 10*time.Second, 20*time.Second, "range", "sticky") // what was written down of others knows but one
			case !c.synced:
				j.says(c, said)
				j.sync(c, said)
			default:
				j.beat(c)
			}
		}
		j.pass(time.Second)
	}
	for _, c := range j.clients {
		g := j.core.groups[c.group]
		require.True(j.t, c.joined && c.synced && g.state == Stable && g.generation == c.generation, "%s of generation %d finds %s", c.name, c.generation, g)
	}
}

// tryCommit commits an offset, which is to be taken only from a member of this generation, or where there are no members.
func (j *judge) tryCommit(t *rapid.T, c *client) {
	g := j.core.groups[c.group]
	may := j.current(c) || c.generation < 0 && (g == nil || g.state == Empty)
	writes := len(j.under) + len(j.log)
	at := int64(j.calls)
	j.commitOffset(c, "orders", int32(rapid.IntRange(0, 1).Draw(t, "partition")), at)
	if !may {
		require.Equal(t, writes, len(j.under)+len(j.log), "%s of generation %d commits to %s", c.name, c.generation, g)
	}
}

// A million members, offsets, groups or bytes are refused; nothing that a record says does more than be an error.
func FuzzReplay(f *testing.F) {
	w := newWorld(f, Options{InitialDelay: -1})
	a := w.client("a")
	a.group = "g"
	w.join(a, 10*time.Second, 20*time.Second, "range")
	w.join(a, 10*time.Second, 20*time.Second, "range")
	w.sync(a, map[string]string{a.id: "all"})
	w.commitOffset(a, "orders", 0, 1)
	w.leave(a)
	for _, e := range w.log {
		for _, r := range e.Records {
			f.Add(r.Key, r.Value, false)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte, transactional bool) {
		c := New(Options{Rand: rand.New(rand.NewPCG(1, 2))})
		e := coordinator.Entry{Records: []coordinator.Record{{Key: key, Value: value}, {Key: key}, {Key: key, Value: value}}}
		if transactional {
			e.Transaction = &coordinator.Producer{ID: 1}
		}
		if err := c.Replay(e); err != nil {
			require.ErrorIs(t, err, ErrRecord)
		}
		now := coordinator.Time{Mark: nodes.Instant(time.Hour), Wall: time.UnixMilli(1)}
		c.Serve(now)
		for range 100 {
			if c.Deadline() == coordinator.Never {
				break
			}
			now.Mark = max(now.Mark, c.Deadline())
			c.Tick(now)
			for _, u := range c.Output().Writes {
				c.Committed(now, u.Number)
			}
		}
	})
}
