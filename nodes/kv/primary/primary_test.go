package primary_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/primary"
	"simrun/nodes/resp"
	"simrun/sim"
)

// story is a group of three with three monitors, and a person who talks to it.
type story struct {
	*sim.World
	t     *testing.T
	hosts []*sim.Host
	pause func(time.Duration) error
	ask   func(server int, requests string) string
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
		_ = env.Sleep(2 * time.Second)
		s.pause = env.Sleep
		s.ask = func(server int, requests string) string {
			return converse(t, env, fmt.Sprintf("kv/%d:6379", server), requests)
		}
		talk(s)
		told = true
		return nil
	}})
	s.Run(60 * time.Second)
	require.Empty(t, s.Findings())
	require.True(t, told, "the story came to no end")
}

// converse opens a connection, makes requests and gives the last answer.
func converse(t *testing.T, env nodes.Env, address, requests string) (answer string) {
	c, err := env.Dial("tcp", address, time.Second)
	require.NoError(t, err)
	defer c.Close()
	in := resp.NewReader(c, resp.Limits{})
	for request := range strings.SplitSeq(requests, ";") {
		_, err = c.Write(resp.AppendCommand(nil, strings.Fields(request)...))
		require.NoError(t, err)
		v, err := in.ReadReply()
		require.NoError(t, err)
		answer = v.String()
	}
	return answer
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
