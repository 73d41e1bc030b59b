package primary_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/primary"
	"simrun/sim"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// rot crashes a server's machine and lets its journal rot. What it returns ends the crash.
func (s *story) rot(server int) (crash *sim.Strike) {
	h := s.hosts[server-1]
	s.strike(func() {
		crash = h.CrashMachine()
		h.Disk().Corrupt(s.Now(), disk.Corruption{Prefix: "journal/", Sectors: 100})
	})
	return crash
}

// If this failed, a server whose journal has rotted would need somebody's help, or count before it has everything again.
func TestADamagedJournalIsPutAside(t *testing.T) {
	for _, what := range []string{"replica", "primary"} {
		t.Run(what, func(t *testing.T) {
			tell(t, func(c *primary.Config) { c.Acknowledge, c.ChunkBytes, c.BatchBytes, c.Window = 1, 64, 1, 1 }, func(s *story) {
				p := s.primaryIs()
				struck, _ := others(p)
				if what == "primary" {
					struck = p
				}
				require.Equal(t, "2", s.ask(p, "SET a 1;WAIT 2 0"))
				if what == "replica" { // the primary sends it one after the other
					for i := range 200 {
						require.Equal(t, "+OK", s.ask(p, fmt.Sprintf("SET b%d 1", i)))
					}
				}
				s.strike(s.rot(struck).End)
				answer := "-"
				for until := s.Now() + 5*time.Second; answer[0] == '-' && s.Now() < until; _ = s.pause(200 * time.Microsecond) {
					answer = s.ask(struck, "READONLY;GET a")
				}
				require.Equal(t, `"1"`, answer, "it answers with what it has no more")
				require.Contains(t, s.ask(struck, "INFO"), "journal_put_aside:1")
				p = s.primaryIs()
				require.NotEqual(t, struck, p)
				require.Equal(t, "2", s.ask(p, "SET a 2;WAIT 2 0"))
				_ = s.pause(300 * time.Millisecond)
				require.Contains(t, s.ask(struck, "INFO"), "repl_whole:1")

				// Of the three it is one of the two now without which there is no primary.
				third := 6 - p - struck
				var crash *sim.Strike
				s.strike(func() { crash = s.hosts[third-1].CrashMachine() })
				_ = s.pause(100 * time.Millisecond)
				s.strike(func() { s.hosts[p-1].Crash().End() })
				s.eventually(s.primaryIs(), "GET a", `"2"`)
				s.strike(crash.End)
			})
		})
	}
}

// If this failed, a group of which too many servers have rotted would go on with less than was acknowledged, rather than with nothing;
// or a person could not have it go on with what one server has.
func TestNobodyIsPrimaryWithoutWhatHasRotted(t *testing.T) {
	for _, n := range []int{0, 1} {
		t.Run(fmt.Sprint("acknowledge ", n), func(t *testing.T) {
			var configs []*primary.Config
			change := func(c *primary.Config) { c.Acknowledge, configs = n, append(configs, c) }
			tell(t, change, func(s *story) {
				p := s.primaryIs()
				require.Equal(t, "2", s.ask(p, "SET a 1;WAIT 2 0"))
				rotten := []int{1, 2, 3}
				if n == 1 { // what only these two had might be missing
					rotten = []int{p, p%3 + 1}
				}
				var crashes []*sim.Strike
				for _, server := range rotten {
					crashes = append(crashes, s.rot(server))
				}
				s.strike(func() {
					for _, crash := range crashes {
						crash.End()
					}
				})
				for range 30 {
					_ = s.pause(100 * time.Millisecond)
					for server := 1; server <= 3; server++ {
						require.Regexp(t, "^-(CLUSTERDOWN|MOVED)", s.ask(server, "GET a"), "server %d", server)
						require.Contains(t, s.ask(server, "ROLE"), "slave")
					}
				}
				for _, server := range rotten {
					require.Contains(t, s.ask(server, "INFO"), "repl_whole:0")
				}
				if n == 0 {
					return
				}
				for i, c := range configs {
					c.Acknowledge = 0
					s.strike(func() { s.hosts[i].Crash().End() })
				}
				third := s.primaryIs()
				require.NotContains(t, rotten, third)
				require.Equal(t, "2", s.ask(third, "SET b 1;WAIT 2 0"))
				require.Equal(t, `"1"`, s.ask(third, "GET a"))
				s.eventually(p, "READONLY;GET a", `"1"`)
			})
		})
	}
}

// If this failed, a server that is to be left alone when it is damaged would go on all the same, or take the others with it.
func TestADamagedServerThatMayNotRejoinDoesNotStart(t *testing.T) {
	tell(t, func(c *primary.Config) { c.Acknowledge, c.Rejoin = 1, false }, func(s *story) {
		p := s.primaryIs()
		struck, _ := others(p)
		require.Equal(t, "2", s.ask(p, "SET a 1;WAIT 2 0"))
		s.strike(s.rot(struck).End)
		_ = s.pause(2 * time.Second)
		require.True(t, strings.HasPrefix(s.ask(struck, "PING"), "-"), "it serves")
		require.Equal(t, "1", s.ask(p, "SET a 2;WAIT 2 200"))
	})
}

// If this failed, monitors that have lost everything could not begin anew, or would begin with a server that lacks what was
// acknowledged.
func TestMonitorsThatLostEverythingAskAllServers(t *testing.T) {
	tell(t, func(c *primary.Config) { c.Acknowledge = 1 }, func(s *story) {
		p := s.primaryIs()
		a, b := others(p)
		require.Equal(t, "2", s.ask(p, "SET a 1;WAIT 2 0"))
		var behind *sim.Strike
		s.strike(func() { behind = s.hosts[a-1].CrashMachine() })
		require.Equal(t, "1", s.ask(p, "SET a 2;WAIT 1 0"))
		s.strike(func() {
			for i := 1; i <= 3; i++ {
				monitor := s.Host(fmt.Sprintf("monitor/%d", i))
				crash := monitor.CrashMachine()
				monitor.Disk().Wipe(s.Now())
				crash.End()
			}
			s.hosts[p-1].Crash().End()
			s.hosts[b-1].Crash().End()
		})
		_ = s.pause(2 * time.Second)
		for _, server := range []int{p, b} {
			require.Equal(t, "-CLUSTERDOWN no primary is known", s.ask(server, "SET a 3"), "one has not answered")
		}
		s.strike(behind.End)
		p = s.primaryIs()
		require.NotEqual(t, a, p)
		require.Equal(t, `"2"`, s.ask(p, "GET a"))
		require.Equal(t, "2", s.ask(p, "SET a 3;WAIT 2 0"))
	})
}

// If this failed, a monitor that is alone would forget whom it made primary, or not say what is to be done.
func TestAnOnlyMonitorThatIsDamagedDoesNotStart(t *testing.T) {
	w := sim.New(sim.Options{Seed: 3})
	t.Cleanup(w.Close)
	config := primary.DefaultMonitorConfig()
	config.Servers, config.Monitors = []nodes.NodeName{"kv/1"}, []nodes.NodeName{"monitor"}
	var ended error
	h := w.AddHost(sim.HostOptions{Name: "monitor", Site: w.AddSite("here", w.AddSupplier("grid"), 0), Restart: 50 * time.Millisecond,
		Main: func(env nodes.Env) error { ended = primary.Monitor.Main(env, config); return ended }})
	w.Run(3 * time.Second)
	crash := h.CrashMachine()
	h.Disk().Corrupt(w.Now(), disk.Corruption{Prefix: "raft/", Sectors: 20})
	crash.End()
	w.Run(w.Now() + time.Second)
	require.ErrorContains(t, ended, "begin with an empty directory: journal: ")
	crash = h.CrashMachine()
	h.Disk().Wipe(w.Now())
	crash.End()
	w.Run(w.Now() + time.Second)
	require.True(t, h.Running())
}

// If this failed, one server's rot, over and over in a storm, would lose what was acknowledged, or leave a server that never counts
// again.
func TestStormsOfAGroupWithARottingServer(t *testing.T) {
	for seed := range luck.Seed(5) {
		g := newGroup(t, seed, 1)
		s := seed.Stream("storm")
		rotten := g.hosts[s.Uint64()%3]
		for range 15 {
			h := g.hosts[s.Uint64()%3]
			var strike *sim.Strike
			switch s.Uint64() % 4 {
			case 0:
				strike = h.Crash()
			case 1:
				strike = h.PauseMachine()
			case 2:
				strike = h.CrashMachine()
			default:
				strike = rotten.CrashMachine()
				rotten.Disk().Corrupt(g.Now(), disk.Corruption{Prefix: "journal/", Sectors: int(1 + s.Uint64()%20)})
			}
			g.Run(g.Now() + time.Duration(s.Uint64()%400)*time.Millisecond)
			strike.End()
		}
		g.Run(g.Now() + 3*time.Second)
		require.Empty(t, g.Findings(), "seed %d", seed)
		require.NotEmpty(t, g.acked)
		g.check(seed)
		g.Close()
	}
}
