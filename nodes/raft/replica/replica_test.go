package replica_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
	"simrun/sim"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// list is a machine that remembers each command.
type list struct {
	items []string
	has   map[string]bool
}

func (l *list) Apply(command, dst []byte) []byte {
	l.items = append(l.items, string(command))
	l.has[string(command)] = true
	return fmt.Appendf(dst, "%d", len(l.items))
}

func (l *list) Image() func([]byte) []byte {
	items := l.items[:len(l.items):len(l.items)]
	return func(dst []byte) []byte {
		dst = binary.AppendUvarint(dst, uint64(len(items)))
		return append(dst, strings.Join(items, "\n")...)
	}
}

func (l *list) Restore(image []byte) error {
	n, used := binary.Uvarint(image)
	l.items = nil
	if n > 0 {
		l.items = strings.Split(string(image[used:]), "\n")
	}
	if uint64(len(l.items)) != n {
		return fmt.Errorf("%d items, not %d", len(l.items), n)
	}
	for _, item := range l.items {
		l.has[item] = true
	}
	return nil
}

// group is a world of servers, each of which proposes numbered commands while it leads.
type group struct {
	*sim.World
	t        *testing.T
	hosts    []*sim.Host
	machines []*list
	replicas []*replica.Replica // of the present lives
	errs     []error            // why lives ended
	acked    []string
	pace     time.Duration
	reads    int
	handle   func(request []byte, reply func([]byte)) // of calls
}

func newGroup(t *testing.T, n int, seed luck.Seed, change func(*replica.Options)) *group {
	g := &group{World: sim.New(sim.Options{Seed: seed}), t: t, machines: make([]*list, n), replicas: make([]*replica.Replica, n), pace: 5 * time.Millisecond,
		handle: func(request []byte, reply func([]byte)) { reply(bytes.ToUpper(request)) }}
	t.Cleanup(g.Close)
	site := g.AddSite("here", g.AddSupplier("grid"), 0)
	var peers []string
	for i := range n {
		peers = append(peers, fmt.Sprintf("s%d:9", i))
	}
	for i := range n {
		o := replica.Options{Self: peers[i], Client: fmt.Sprintf("s%d:1", i), Listen: ":9", Peers: peers, Cluster: "test", Rejoin: true,
			Raft: raft.Options{Election: 100 * time.Millisecond}, SnapshotEntries: 20,
			Journal: journal.Options{SegmentBytes: 4 << 10, GrowBytes: 1 << 10, CompactBytes: 8 << 10}}
		if change != nil {
			change(&o)
		}
		g.hosts = append(g.hosts, g.AddHost(sim.HostOptions{Name: fmt.Sprint("s", i), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error {
				err := g.serve(env, i, o)
				g.errs = append(g.errs, err)
				return err
			}}))
	}
	return g
}

// serve is a life of a server.
func (g *group) serve(env nodes.Env, i int, o replica.Options) error {
	m := &list{has: map[string]bool{}}
	g.machines[i] = m
	g.replicas[i] = nil
	r, err := replica.Open(env, o, m, func(_ string, request []byte, reply func([]byte)) { g.handle(request, reply) })
	if err != nil {
		return err
	}
	g.replicas[i] = r
	env.Go("propose", func() {
		for n := 0; ; n++ {
			command := fmt.Sprintf("%s.%d.%d", env.Host(), g.Now(), n)
			r.Propose([]byte(command), func(answer []byte, err error) {
				if err == nil {
					g.acked = append(g.acked, command)
					require.Equal(g.t, command, m.items[len(m.items)-1])
				}
			})
			before := len(g.acked)
			r.Read(func(err error) {
				if err == nil {
					g.reads++
					for _, item := range g.acked[max(before-100, 0):before] {
						require.True(g.t, m.has[item], "a read missed %s", item)
					}
				}
			})
			if env.Sleep(g.pace) != nil {
				return
			}
		}
	})
	_ = env.AwaitStop()
	return r.Close()
}

// agree says that all machines hold the same, and all that was acknowledged.
func (g *group) agree() {
	g.t.Helper()
	g.pace = time.Hour
	g.Run(g.Now() + 3*time.Second)
	all := strings.Join(g.machines[0].items, "\n")
	for i, m := range g.machines[1:] {
		require.Equal(g.t, all, strings.Join(m.items, "\n"), "server %d holds something else", i+1)
	}
	have := map[string]bool{}
	for _, item := range g.machines[0].items {
		require.False(g.t, have[item], "%s was done twice", item)
		have[item] = true
	}
	for _, command := range g.acked {
		require.True(g.t, have[command], "%s was acknowledged", command)
	}
	require.Empty(g.t, g.Findings())
}

// led runs until somebody leads.
func (g *group) led() int {
	g.t.Helper()
	for range 1000 {
		g.Run(g.Now() + 10*time.Millisecond)
		for i, r := range g.replicas {
			if g.hosts[i].Running() && r != nil && r.Leads() {
				return i
			}
		}
	}
	for i, r := range g.replicas {
		g.t.Logf("s%d: id %d, %v", i, r.ID(), r)
	}
	g.t.Fatalf("nobody leads with seed %d", g.Seed())
	return 0
}

// If this failed, a new group would not come to be, or its members would not agree.
func TestAGroupBeginsAndAgrees(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5} {
		g := newGroup(t, n, 1, nil)
		g.led()
		g.Run(g.Now() + 2*time.Second)
		require.Greater(t, len(g.acked), 300)
		require.Greater(t, g.reads, 300)
		g.agree()
	}
}

// If this failed, the death of a leader would be the end of the group, or take what it had acknowledged.
func TestLeadersMayDie(t *testing.T) {
	g := newGroup(t, 3, 2, nil)
	for range 5 {
		crash := g.hosts[g.led()].CrashMachine()
		g.Run(g.Now() + 500*time.Millisecond)
		crash.End()
	}
	g.Run(g.Now() + time.Second)
	require.Greater(t, len(g.acked), 200)
	g.agree()
}

// If this failed, a server that lost its disk would vote a second time, or never come back.
func TestAServerThatLostItsDiskComesBackUnderAnotherID(t *testing.T) {
	for seed := range luck.Seed(lost) {
		g := newGroup(t, 3, seed, nil)
		at := (g.led() + int(seed)) % 3
		g.Run(g.Now() + 300*time.Millisecond)
		was := g.replicas[at].ID()
		crash := g.hosts[at].CrashMachine()
		g.hosts[at].Disk().Wipe(g.Now())
		crash.End()
		g.Run(g.Now() + 5*time.Second)
		r := g.replicas[at]
		require.NotEqual(t, was, r.ID())
		m := g.replicas[g.led()].Members()
		require.True(t, m.Votes(r.ID()), "seed %d: %s", seed, m)
		require.False(t, m.Has(was))
		require.Len(t, m.Voters, 3)
		g.agree()
	}
}

// If this failed, a server that comes back without its disk would be sent one snapshot after the other for ever, where a group
// makes them faster than it can send them.
func TestSnapshotsWaitForWhoIsBeingSentOne(t *testing.T) {
	g := newGroup(t, 3, 9, func(o *replica.Options) { o.SnapshotEntries, o.Raft.ChunkBytes = 5, 50 })
	g.Network().SetLink("here", "here", netmodel.LinkClass{Delay: nodes.Exactly(3 * time.Millisecond)})
	g.pace = 20 * time.Millisecond
	leader := g.led()
	g.Run(g.Now() + 3*time.Second)
	at := (leader + 1) % 3
	crash := g.hosts[at].CrashMachine()
	g.hosts[at].Disk().Wipe(g.Now())
	crash.End()
	g.Run(g.Now() + 5*time.Second)
	leads := g.replicas[g.led()]
	require.True(t, leads.Members().Votes(g.replicas[at].ID()), "%v", leads)
	g.agree()
}

// If this failed, a group of which a part was wiped before it had agreed on anything would never begin, or begin twice.
func TestWhoeverIsWipedInTheBeginningTheGroupBeginsOnce(t *testing.T) {
	for seed := luck.Seed(0); seed < 30; seed += beginningEvery {
		g := newGroup(t, 3, seed, nil)
		g.Run(time.Duration(seed) * 7 * time.Millisecond)
		for _, i := range []int{0, int(seed) % 3} {
			crash := g.hosts[i].CrashMachine()
			if i == 0 {
				g.hosts[i].Disk().Wipe(g.Now())
			}
			g.Run(g.Now() + 20*time.Millisecond)
			crash.End()
		}
		g.Run(g.Now() + 5*time.Second)
		g.led()
		require.NotEmpty(t, g.acked, "seed %d", seed)
		g.agree()
	}
}

// If this failed, damage of one disk would be served, or be the end of its server.
func TestADamagedLogIsPutAside(t *testing.T) {
	g := newGroup(t, 3, 4, nil)
	g.led()
	g.Run(g.Now() + 2*time.Second)
	crash := g.hosts[1].CrashMachine()
	was := g.replicas[1].ID()
	g.hosts[1].Disk().Corrupt(g.Now(), disk.Corruption{Prefix: "raft", Sectors: 10})
	crash.End()
	g.Run(g.Now() + 5*time.Second)
	require.NotEqual(t, was, g.replicas[1].ID())
	require.True(t, g.replicas[g.led()].Members().Votes(g.replicas[1].ID()))
	g.agree()
}

// If this failed, an administrator could not move leadership, nor take a member out.
func TestLeadershipAndMembersAreChanged(t *testing.T) {
	g := newGroup(t, 4, 5, nil)
	first := g.led()
	g.Run(g.Now() + 300*time.Millisecond)
	next := (first + 1) % 4
	require.NoError(t, g.replicas[first].Transfer(g.replicas[next].ID()))
	g.Run(g.Now() + 100*time.Millisecond)
	require.Equal(t, next, g.led())
	gone := (first + 2) % 4
	id := g.replicas[gone].ID()
	require.ErrorIs(t, g.replicas[first].Remove(id, 1), replica.ErrNotLeader)
	require.ErrorIs(t, g.replicas[next].Remove(id, 4), replica.ErrTooFew)
	require.NoError(t, g.replicas[next].Remove(id, 3))
	require.ErrorIs(t, g.replicas[next].Remove(99, 1), replica.ErrNoMember)
	g.Run(g.Now() + time.Second)
	require.Len(t, g.replicas[g.led()].Members().Voters, 3)
	require.False(t, g.replicas[g.led()].Members().Has(id))
}

// If this failed, an administrator could leave a group of which nobody can make anything again: while a server is dead, two of
// three live, and without one of those no change could be decided, not even one that takes the dead one out.
func TestNobodyIsTakenOutWhoCannotBeSpared(t *testing.T) {
	g := newGroup(t, 3, 8, nil)
	leader := g.led()
	g.Run(g.Now() + 300*time.Millisecond)
	dead, alive := (leader+1)%3, (leader+2)%3
	id := g.replicas[dead].ID()
	crash := g.hosts[dead].CrashMachine()
	g.Run(g.Now() + 3*time.Second)
	require.ErrorIs(t, g.replicas[leader].Remove(g.replicas[alive].ID(), 1), replica.ErrTooFew)
	require.ErrorIs(t, g.replicas[leader].Transfer(id), replica.ErrSilent)
	require.NoError(t, g.replicas[leader].Remove(id, 1))
	g.Run(g.Now() + time.Second)
	require.Len(t, g.replicas[g.led()].Members().Voters, 2)
	crash.End()
}

// If this failed, a request at a follower would be lost or go astray.
func TestCallsGoToTheLeader(t *testing.T) {
	g := newGroup(t, 3, 6, nil)
	leader := g.led()
	g.Run(g.Now() + 300*time.Millisecond)
	var got string
	g.replicas[(leader+1)%3].Call([]byte("hear me"), func(answer []byte, err error) { got = fmt.Sprint(string(answer), err) })
	g.Run(g.Now() + 100*time.Millisecond)
	require.Equal(t, "HEAR ME<nil>", got)
	g.replicas[leader].Call([]byte("hear me"), func(_ []byte, err error) { require.ErrorIs(t, err, replica.ErrNotLeader) })
	client, server := g.replicas[(leader+1)%3].Leader()
	require.Equal(t, fmt.Sprintf("s%d:1 s%d:9", leader, leader), client+" "+server)
}

// If this failed, a server would take the answer to a request of its life before for that to another one.
func TestAnswersToAnEarlierLifeAreNobodys(t *testing.T) {
	g := newGroup(t, 3, 7, nil)
	leader := g.led()
	at := (leader + 1) % 3
	g.Run(g.Now() + 300*time.Millisecond)
	var late []func()
	g.handle = func(request []byte, reply func([]byte)) {
		request = bytes.Clone(request)
		late = append(late, func() { reply(bytes.ToUpper(request)) })
	}
	g.replicas[at].Call([]byte("first"), func([]byte, error) {})
	g.Run(g.Now() + 50*time.Millisecond)
	g.hosts[at].Crash().End()
	g.Run(g.Now() + 500*time.Millisecond)
	var got string
	g.replicas[at].Call([]byte("second"), func(answer []byte, err error) { got = fmt.Sprint(string(answer), err) })
	g.Run(g.Now() + 50*time.Millisecond)
	require.Len(t, late, 2)
	for _, answer := range late {
		answer()
	}
	g.Run(g.Now() + 50*time.Millisecond)
	require.Equal(t, "SECOND<nil>", got)
}

// If this failed, a storm of crashes, power cuts and rare paths would find two truths.
func TestStorms(t *testing.T) {
	for seed := range luck.Seed(storms) {
		g := newGroup(t, 3+2*int(seed%2), seed, func(o *replica.Options) { o.SnapshotEntries = 5 })
		s := seed.Stream("storm")
		for range 20 {
			i := int(s.Uint64() % uint64(len(g.hosts)))
			var strike *sim.Strike
			switch s.Uint64() % 5 {
			case 0:
				strike = g.hosts[i].Crash()
			case 1:
				strike = g.hosts[i].CrashMachine()
			case 2:
				strike = g.hosts[i].PauseMachine()
			default:
				strike = g.hosts[i].Buggify(replica.Points, 100_000)
			}
			g.Run(g.Now() + time.Duration(s.Uint64()%400)*time.Millisecond)
			strike.End()
		}
		g.Run(g.Now() + 2*time.Second)
		g.led()
		g.Run(g.Now() + time.Second)
		require.NotEmpty(t, g.acked, "seed %d", seed)
		g.agree()
	}
}
