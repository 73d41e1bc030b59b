package primary_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/kv/primary"
	"simrun/nodes/resp"
	"simrun/sim"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// story is a group of three with three monitors, and a person who talks to it.
type story struct {
	*sim.World
	t     *testing.T
	hosts []*sim.Host
	pause func(time.Duration) error
	ask   func(server int, requests string) string

	converse func(address, requests string) string
	listen   func(address, requests string) (heard *[]string) // and what comes after their answers
}

// tell begins a group and lets a person talk. ask is requests to a server on one connection, as words, with a ; between, and the
// last answer as text.
func tell(t *testing.T, change func(*primary.Config), talk func(s *story)) {
	s := &story{World: sim.New(sim.Options{Seed: 3}), t: t}
	t.Cleanup(s.Close)
	site := s.AddSite("here", s.AddSupplier("grid"), 0)
	monitors := []nodes.NodeName{"monitor/1", "monitor/2", "monitor/3"}
	servers := []nodes.NodeName{"kv/1", "kv/2", "kv/3"}
	for _, name := range monitors {
		config := primary.DefaultMonitorConfig()
		config.Servers, config.Monitors, config.Lease, config.Election = servers, monitors, 200*time.Millisecond, 100*time.Millisecond
		s.AddHost(sim.HostOptions{Name: string(name), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return primary.Monitor.Main(env, config) }})
	}
	for _, name := range servers {
		config := primary.DefaultConfig()
		config.Servers, config.Monitors, config.Heartbeat = servers, monitors, 20*time.Millisecond
		if change != nil {
			change(config)
		}
		s.hosts = append(s.hosts, s.AddHost(sim.HostOptions{Name: string(name), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return primary.Server.Main(env, config) }}))
	}
	told := false
	s.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		_ = env.Sleep(time.Second)
		s.pause = env.Sleep
		s.ask = func(server int, requests string) string {
			return converse(env, fmt.Sprintf("kv/%d:6379", server), requests)
		}
		s.converse = func(address, requests string) string { return converse(env, address, requests) }
		s.listen = func(address, requests string) *[]string { return listen(env, address, requests) }
		talk(s)
		told = true
		return nil
	}})
	for !told && s.Now() < 60*time.Second {
		s.Run(s.Now() + 100*time.Millisecond)
	}
	require.Empty(t, s.Findings())
	require.True(t, told, "the story came to no end")
}

// converse opens a connection, makes requests and gives the last answer; if there is none, why.
func converse(env nodes.Env, address, requests string) (answer string) {
	c, err := env.Dial("tcp", address, time.Second)
	if err != nil {
		return "-" + err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(env.Now().Add(10 * time.Second))
	in := resp.NewReader(c, resp.Limits{})
	for request := range strings.SplitSeq(requests, ";") {
		if _, err = c.Write(resp.AppendCommand(nil, strings.Fields(request)...)); err != nil {
			return "-" + err.Error()
		}
		v, err := in.ReadReply()
		if err != nil {
			return "-" + err.Error()
		}
		answer = v.String()
	}
	return answer
}

// listen makes requests on a connection of its own, and goes on hearing.
func listen(env nodes.Env, address, requests string) (heard *[]string) {
	heard = new([]string)
	owed := len(strings.Split(requests, ";"))
	env.Go("listen", func() {
		c, err := env.Dial("tcp", address, time.Second)
		if err != nil {
			return
		}
		in := resp.NewReader(c, resp.Limits{})
		for request := range strings.SplitSeq(requests, ";") {
			_, _ = c.Write(resp.AppendCommand(nil, strings.Fields(request)...))
		}
		for n := 0; ; n++ {
			v, err := in.ReadReply()
			if err != nil {
				return
			}
			if n >= owed {
				*heard = append(*heard, v.String())
			}
		}
	})
	return heard
}

// primaryIs is which server is the primary.
func (s *story) primaryIs() int {
	for range 400 {
		for i := range s.hosts {
			if s.hosts[i].Running() && strings.Contains(s.ask(i+1, "ROLE"), `"master"`) && s.ask(i+1, "GET x")[0] != '-' {
				return i + 1
			}
		}
		_ = s.pause(20 * time.Millisecond)
	}
	s.t.Fatal("nobody is the primary")
	return 0
}

// If this failed, a group would not begin, or its replicas would not come to know what is written.
func TestReplicasKnowWhatThePrimaryWrote(t *testing.T) {
	for _, n := range []int{0, 1, 2} {
		tell(t, func(c *primary.Config) { c.Acknowledge = n }, func(s *story) {
			p := s.primaryIs()
			require.Equal(t, "+OK", s.ask(p, "SET a 1"))
			require.Equal(t, "2", s.ask(p, "INCR a;WAIT 2 0"))
			other := p%3 + 1
			require.Equal(t, fmt.Sprintf("-MOVED 15495 kv/%d:6379", p), s.ask(other, "SET a 2"))
			require.Equal(t, fmt.Sprintf("-MOVED 15495 kv/%d:6379", p), s.ask(other, "GET a"))
			_ = s.pause(100 * time.Millisecond)
			require.Equal(t, `"2"`, s.ask(other, "READONLY;GET a"))
			require.Equal(t, `["slave" "kv/`+fmt.Sprint(p)+`" 6379 "connected" 3]`, s.ask(other, "ROLE"))
			require.Contains(t, s.ask(p, "INFO replication"), "role:master")
		})
	}
}

// If this failed, the death of a primary would be the end of the group, or, where replicas acknowledge, take what was acknowledged.
func TestAnotherTakesOver(t *testing.T) {
	tell(t, func(c *primary.Config) { c.Acknowledge = 1 }, func(s *story) {
		for i := range 5 {
			p := s.primaryIs()
			require.Equal(t, "+OK", s.ask(p, fmt.Sprintf("SET k%d v%d", i, i)))
			var crash *sim.Strike
			s.At(s.Now()+1, func() { crash = s.hosts[p-1].CrashMachine() })
			_ = s.pause(time.Millisecond)
			other := s.primaryIs()
			require.NotEqual(t, p, other)
			for j := range i + 1 {
				require.Equal(t, fmt.Sprintf("%q", fmt.Sprintf("v%d", j)), s.ask(other, fmt.Sprintf("GET k%d", j)))
			}
			s.At(s.Now()+1, crash.End)
			_ = s.pause(500 * time.Millisecond)
		}
	})
}

// strike does something to the world, from outside of it.
func (s *story) strike(f func()) {
	s.At(s.Now()+1, f)
	_ = s.pause(time.Millisecond)
}

// others are the servers but one.
func others(p int) (int, int) { return p%3 + 1, (p+1)%3 + 1 }

// eventually asks until the answer is as wanted.
func (s *story) eventually(server int, requests, want string) {
	s.t.Helper()
	answer := ""
	for range 400 {
		if answer = s.ask(server, requests); answer == want {
			return
		}
		_ = s.pause(10 * time.Millisecond)
	}
	require.Equal(s.t, want, answer, requests)
}

// If this failed, a primary would acknowledge what no replica has, or refuse for ever, and WAIT would count who has nothing.
func TestWritesWaitForReplicas(t *testing.T) {
	tell(t, func(c *primary.Config) { c.Acknowledge = 1 }, func(s *story) {
		p := s.primaryIs()
		a, b := others(p)
		require.Equal(t, "2", s.ask(p, "SET a 1;WAIT 2 1000"))
		var down [2]*sim.Strike
		s.strike(func() { down[0] = s.hosts[a-1].PauseMachine() })
		_ = s.pause(300 * time.Millisecond)
		require.Equal(t, "1", s.ask(p, "SET a 2;WAIT 2 50"))
		require.Equal(t, "1", s.ask(p, "SET a 3;WAIT 1 0"))
		s.strike(func() { down[1] = s.hosts[b-1].PauseMachine() })
		_ = s.pause(300 * time.Millisecond)
		require.Equal(t, "-NOREPLICAS Not enough good replicas to write.", s.ask(p, "SET a 4"))
		require.Equal(t, `"3"`, s.ask(p, "GET a"))
		s.strike(func() { down[0].End(); down[1].End() })
		s.eventually(s.primaryIs(), "SET a 5", "+OK")
		require.Equal(t, "-ERR value is not an integer or out of range", s.ask(s.primaryIs(), "WAIT x 0"))
	})
}

// If this failed, replicas would answer with what is older than they may be behind, or not say no to a write.
func TestReplicasSayWhatTheyCannotAnswer(t *testing.T) {
	tell(t, func(c *primary.Config) { c.MaxLag, c.Redirect = 100*time.Millisecond, primary.Refuse }, func(s *story) {
		p := s.primaryIs()
		a, _ := others(p)
		require.Equal(t, "-READONLY You can't write against a read only replica.", s.ask(a, "SET a 1"))
		require.Equal(t, "-READONLY You can't write against a read only replica.", s.ask(a, "GET a"))
		require.Equal(t, "+OK", s.ask(p, "SET a 1;WAIT 2 0;SET a 2"))
		s.eventually(a, "READONLY;GET a", `"2"`)
		position := strings.Trim(strings.Fields(s.ask(p, "SINCE 0 GET a"))[1], "]")
		require.Equal(t, `["2" `+position+`]`, s.ask(a, "READONLY;SINCE "+position+" GET a"))
		require.Equal(t, "-BEHIND this replica does not know yet what the client has seen", s.ask(a, "READONLY;SINCE 9000000000000000000 GET a"))
		require.Equal(t, "-ERR SINCE is for commands that read", s.ask(p, "SINCE 0 SET a 1"))
		var cut *sim.Strike
		s.strike(func() { cut = s.hosts[p-1].CrashMachine() })
		_ = s.pause(100 * time.Millisecond)
		require.Equal(t, "-MASTERDOWN this replica may be behind by more than max-lag", s.ask(a, "READONLY;GET a"))
		s.strike(cut.End)
		s.primaryIs()
		s.eventually(a, "READONLY;GET a", `"2"`)
	})
}

// If this failed, a group that lost its power everywhere would need somebody's help to come back, or come back with less.
func TestAGroupComesBackAfterALossOfPower(t *testing.T) {
	for _, n := range []int{0, 1, 2} {
		tell(t, func(c *primary.Config) { c.Acknowledge, c.Segment, c.Compact = n, 1<<10, 1<<10 }, func(s *story) {
			p := s.primaryIs()
			for i := range 40 {
				s.eventually(p, fmt.Sprintf("SET k%d v%d", i%7, i), "+OK")
			}
			require.Equal(t, "2", s.ask(p, "WAIT 2 0"))
			var dark []*sim.Strike
			s.strike(func() {
				for _, h := range s.hosts {
					dark = append(dark, h.CrashMachine())
				}
			})
			_ = s.pause(300 * time.Millisecond)
			s.strike(func() {
				for _, d := range dark {
					d.End()
				}
			})
			p = s.primaryIs()
			require.Equal(t, `"v39"`, s.ask(p, "GET k4"))
			s.eventually(p, "SET k4 more", "+OK")
		})
	}
}

// If this failed, a server that lost its disk would count as one that has everything, or never again.
func TestAServerThatLostItsDiskIsSentEverything(t *testing.T) {
	tell(t, func(c *primary.Config) { c.Acknowledge, c.ChunkBytes, c.Window = 1, 64, 2 }, func(s *story) {
		p := s.primaryIs()
		a, b := others(p)
		require.Equal(t, "2", s.ask(p, "SET a 1;WAIT 2 0"))
		var crash *sim.Strike
		s.strike(func() { crash = s.hosts[a-1].CrashMachine(); s.hosts[a-1].Disk().Wipe(s.Now()) })
		s.strike(crash.End)
		s.eventually(a, "READONLY;GET a", `"1"`)
		require.Equal(t, "2", s.ask(p, "SET a 2;WAIT 2 0"))
		_ = s.pause(300 * time.Millisecond)
		s.strike(func() { crash = s.hosts[b-1].CrashMachine() })
		_ = s.pause(100 * time.Millisecond)
		s.strike(func() { s.hosts[p-1].Crash().End() })
		s.eventually(s.primaryIs(), "GET a", `"2"`)
		s.strike(crash.End)
	})
}

// If this failed, a program that was told where the primary is would not hear that another is, or not find the monitors and replicas.
func TestAMonitorAnswersAsASentinel(t *testing.T) {
	tell(t, func(c *primary.Config) { c.Acknowledge = 1 }, func(s *story) {
		p := s.primaryIs()
		say := func(requests string) string { return s.converse("monitor/2:26379", requests) }
		address := fmt.Sprintf(`"kv/%d" "6379"`, p)
		require.Equal(t, "["+address+"]", say("SENTINEL get-master-addr-by-name kv"))
		require.Contains(t, say("SENTINEL MASTER kv"), fmt.Sprintf(`"ip" "kv/%d" "port" "6379"`, p))
		require.Contains(t, say("SENTINEL MASTERS"), `"num-slaves" "2" "num-other-sentinels" "2" "quorum" "2"`)
		a, b := others(p)
		replicas := say("SENTINEL REPLICAS kv")
		require.Contains(t, replicas, fmt.Sprintf(`"ip" "kv/%d" "port" "6379"`, a))
		require.Contains(t, replicas, fmt.Sprintf(`"ip" "kv/%d" "port" "6379"`, b))
		require.Equal(t, 2, strings.Count(replicas, `"flags" "slave"`))
		sentinels := say("SENTINEL SENTINELS kv")
		require.Contains(t, sentinels, `"ip" "monitor/1" "port" "26379"`)
		require.Contains(t, sentinels, `"ip" "monitor/3" "port" "26379"`)
		require.NotContains(t, sentinels, "monitor/2")
		require.Equal(t, "-ERR No such master with that name", say("SENTINEL REPLICAS other"))
		require.Equal(t, "(nil)", say("SENTINEL get-master-addr-by-name other"))
		require.Equal(t, "-ERR wrong number of arguments for 'sentinel|masters' command", say("SENTINEL MASTERS kv"))
		require.Equal(t, "-ERR unknown subcommand 'GUESS' of SENTINEL", say("SENTINEL GUESS"))
		require.Equal(t, `["sentinel" ["kv"]]`, say("ROLE"))

		require.Equal(t, `["punsubscribe" (nil) 1]`, say("SUBSCRIBE x;PUNSUBSCRIBE"))
		require.Equal(t, `["unsubscribe" "x" 1]`, say("PSUBSCRIBE x*;SUBSCRIBE x;UNSUBSCRIBE"))
		require.Contains(t, say("SUBSCRIBE "+strings.Repeat("x", 300)), "-ERR too many channels")
		heard := s.listen("monitor/2:26379", "SUBSCRIBE +switch-master;PSUBSCRIBE +switch*")
		s.strike(func() { s.hosts[p-1].CrashMachine() })
		from, to := address, fmt.Sprintf(`"kv/%d" "6379"`, s.primaryIs())
		_ = s.pause(200 * time.Millisecond)
		said := strings.ReplaceAll(`"kv `+from+" "+to+`"`, `"`, "")
		require.Equal(t, []string{`["message" "+switch-master" "` + said + `"]`, `["pmessage" "+switch*" "+switch-master" "` + said + `"]`}, *heard)
	})
}

// If this failed, a group whose first primary was chosen a moment before the power failed would have no primary ever after: all
// said that they had everything, and none of them had written it down.
func TestAGroupBeginsWheneverThePowerFails(t *testing.T) {
	for seed := range luck.Seed(30) {
		cut := 740*time.Millisecond + time.Duration(seed%3)*30*time.Millisecond
		g := newGroup(t, seed, 1)
		g.Network().SetLink("here", "here", netmodel.LinkClass{Delay: nodes.Spread{Lo: 5 * time.Millisecond, Hi: 15 * time.Millisecond}})
		var slow []*disk.Fault
		for _, h := range g.hosts {
			slow = append(slow, h.Disk().Slow(0, 1000, 150*time.Millisecond))
		}
		g.Run(cut)
		var dark []*sim.Strike
		for i, h := range g.hosts {
			dark = append(dark, h.CrashMachine())
			slow[i].Lift(g.Now())
		}
		g.Run(g.Now() + 50*time.Millisecond)
		for _, d := range dark {
			d.End()
		}
		g.Run(g.Now() + 3*time.Second)
		require.Empty(t, g.Findings(), "seed %d, power cut at %s", seed, cut)
		require.NotEmpty(t, g.acked, "seed %d: nothing was written after a power cut at %s", seed, cut)
		g.Close()
	}
}

// If this failed, some order of crashes, pauses and rare paths would lose what was acknowledged, or leave copies apart.
func TestStormsOfAGroup(t *testing.T) {
	for seed := range luck.Seed(3) {
		g := newGroup(t, seed, 1)
		s := seed.Stream("storm")
		for range 15 {
			h := g.hosts[s.Uint64()%3]
			var strike *sim.Strike
			switch s.Uint64() % 5 {
			case 0:
				strike = h.Crash()
			case 1:
				strike = h.CrashMachine()
			case 2:
				strike = h.PauseMachine()
			default:
				strike = h.Buggify(primary.Server.Points, 100_000)
			}
			g.Run(g.Now() + time.Duration(s.Uint64()%400)*time.Millisecond)
			strike.End()
		}
		g.Run(g.Now() + 3*time.Second)
		require.Empty(t, g.Findings(), "seed %d", seed)
		require.NotEmpty(t, g.acked)
		g.check(seed)
	}
}

// group is a world of three servers, three monitors, and a writer.
type group struct {
	*sim.World
	t     *testing.T
	hosts []*sim.Host
	acked map[string]string
	held  []map[string]string // by the servers in the end
	whole int                 // servers that say then that they have everything
}

func newGroup(t *testing.T, seed luck.Seed, acknowledge int, changes ...func(*primary.Config)) *group {
	g := &group{World: sim.New(sim.Options{Seed: seed}), t: t, acked: map[string]string{}}
	t.Cleanup(g.Close)
	site := g.AddSite("here", g.AddSupplier("grid"), 0)
	monitors := []nodes.NodeName{"monitor/1", "monitor/2", "monitor/3"}
	servers := []nodes.NodeName{"kv/1", "kv/2", "kv/3"}
	for i := range 3 {
		watch := primary.DefaultMonitorConfig()
		watch.Servers, watch.Monitors, watch.Lease, watch.Election = servers, monitors, 200*time.Millisecond, 100*time.Millisecond
		g.AddHost(sim.HostOptions{Name: string(monitors[i]), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return primary.Monitor.Main(env, watch) }})
		config := primary.DefaultConfig()
		config.Servers, config.Monitors, config.Heartbeat, config.Acknowledge = servers, monitors, 20*time.Millisecond, acknowledge
		config.Backlog, config.BatchBytes, config.ChunkBytes, config.Segment, config.Compact = 256, 64, 64, 1<<10, 1<<10
		for _, change := range changes {
			change(config)
		}
		g.hosts = append(g.hosts, g.AddHost(sim.HostOptions{Name: string(servers[i]), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return primary.Server.Main(env, config) }}))
	}
	g.AddHost(sim.HostOptions{Name: "writer", Site: site, NeverRestart: true, Main: g.write})
	return g
}

// write writes keys of their own to whoever takes them.
func (g *group) write(env nodes.Env) error {
	for n := 0; ; n++ {
		if env.Sleep(5*time.Millisecond) != nil {
			return nil
		}
		c, err := env.Dial("tcp", fmt.Sprintf("kv/%d:6379", n%3+1), 50*time.Millisecond)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(env.Now().Add(200 * time.Millisecond))
		key, value := fmt.Sprintf("k%d", n%40), fmt.Sprint(n)
		if _, err = c.Write(resp.AppendCommand(nil, "SET", key, value)); err == nil {
			if v, err := resp.NewReader(c, resp.Limits{}).ReadReply(); err == nil && v.String() == "+OK" {
				g.acked[key] = value
			}
		}
		_ = c.Close()
	}
}

// check reads everything everywhere: no key is older than what was acknowledged, and all servers hold the same, and count.
func (g *group) check(seed luck.Seed) {
	g.held, g.whole = nil, 0
	site := g.AddSite("desk", g.AddSupplier("battery"), 0)
	g.AddHost(sim.HostOptions{Name: "reader", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		_ = env.Sleep(500 * time.Millisecond)
		for i := range 3 {
			held := map[string]string{}
			for n := range 40 {
				key := fmt.Sprintf("k%d", n)
				held[key] = converse(env, fmt.Sprintf("kv/%d:6379", i+1), "READONLY;GET "+key)
			}
			g.held = append(g.held, held)
			if strings.Contains(converse(env, fmt.Sprintf("kv/%d:6379", i+1), "INFO replication"), "repl_whole:1") {
				g.whole++
			}
		}
		return nil
	}})
	writer := g.Host("writer").Pause()
	g.Run(g.Now() + 2*time.Second)
	writer.End()
	require.Len(g.t, g.held, 3, "seed %d", seed)
	require.Equal(g.t, 3, g.whole, "seed %d: servers that count", seed)
	require.Equal(g.t, g.held[0], g.held[1], "seed %d", seed)
	require.Equal(g.t, g.held[0], g.held[2], "seed %d", seed)
	for key, value := range g.acked {
		had, err := strconv.Atoi(strings.Trim(g.held[0][key], `"`))
		require.NoError(g.t, err, "seed %d: %s", seed, key)
		wrote, _ := strconv.Atoi(value)
		require.GreaterOrEqual(g.t, had, wrote, "seed %d: %s was acknowledged", seed, key)
	}
}
