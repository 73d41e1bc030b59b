package shards_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/raftkv"
	"simrun/nodes/resp"
	"simrun/sim"
)

// story is two groups of three, and a person who talks to them.
type story struct {
	*sim.World
	t     *testing.T
	env   nodes.Env
	hosts map[string]*sim.Host
}

// tell begins the groups a and b, each with half of the slots, and c with none, and lets a person talk.
func tell(t *testing.T, change func(*raftkv.Config), talk func(s *story)) {
	s := &story{World: sim.New(sim.Options{Seed: 3}), t: t, hosts: map[string]*sim.Host{}}
	t.Cleanup(s.Close)
	site := s.AddSite("here", s.AddSupplier("grid"), 0)
	slots := map[string]string{"a": "0-8191", "b": "8192-16383", "c": "none"}
	for _, group := range []string{"a", "b", "c"} {
		for i := range 3 {
			config := raftkv.DefaultConfig()
			for _, other := range []string{"a", "b", "c"} {
				for j := range 3 {
					name := nodes.NodeName(fmt.Sprintf("%s/%d", other, j+1))
					if other == group {
						config.Servers = append(config.Servers, name)
					} else {
						config.Others = append(config.Others, name)
					}
				}
			}
			config.Election, config.Poll = 100*time.Millisecond, 50*time.Millisecond
			config.Cluster, config.Slots = group, slots[group]
			if change != nil {
				change(config)
			}
			name := fmt.Sprintf("%s/%d", group, i+1)
			s.hosts[name] = s.AddHost(sim.HostOptions{Name: name, Site: site, Restart: 50 * time.Millisecond,
				Main: func(env nodes.Env) error { return raftkv.Server.Main(env, config) }})
		}
	}
	told := false
	s.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		_ = env.Sleep(time.Second)
		s.env = env
		talk(s)
		told = true
		return nil
	}})
	s.Run(60 * time.Second)
	require.Empty(t, s.Findings())
	require.True(t, told, "the story came to no end")
}

// ask makes a request of one server and gives the answer. After a semicolon others follow on the same connection.
func (s *story) ask(server, requests string) (answer string) {
	c, err := s.env.Dial("tcp", server, time.Second)
	require.NoError(s.t, err)
	defer c.Close()
	in := resp.NewReader(c, resp.Limits{})
	for request := range strings.SplitSeq(requests, ";") {
		_, err = c.Write(resp.AppendCommand(nil, strings.Fields(request)...))
		require.NoError(s.t, err)
		_ = c.SetReadDeadline(s.env.Now().Add(5 * time.Second))
		v, err := in.ReadReply()
		require.NoError(s.t, err, "%s of %s", request, server)
		answer = v.String()
	}
	return answer
}

// follow asks as a client of a cluster does: it goes where it is sent, and tries again where it is told to.
func (s *story) follow(server, request string) string {
	asking := ""
	for range 200 {
		answer := s.ask(server+":6379", asking+request)
		words := strings.Fields(answer)
		asking = ""
		switch words[0] {
		case "-MOVED":
			server, _, _ = strings.Cut(words[2], ":")
		case "-ASK":
			server, _, _ = strings.Cut(words[2], ":")
			asking = "ASKING;"
		case "-TRYAGAIN", "-CLUSTERDOWN", "-UNCERTAIN":
			s.pause(20 * time.Millisecond)
		default:
			return answer
		}
	}
	s.t.Fatalf("%s came to nothing", request)
	return ""
}

func (s *story) pause(d time.Duration) { require.NoError(s.t, s.env.Sleep(d)) }

// until waits for an answer.
func (s *story) until(server, request, want string) {
	answer := ""
	for range 200 {
		if answer = s.ask(server+":6379", request); strings.Contains(answer, want) {
			return
		}
		s.pause(20 * time.Millisecond)
	}
	require.Contains(s.t, answer, want, "%s of %s", request, server)
}

// leader is which server of a group leads.
func (s *story) leader(group string) string {
	for range 200 {
		for i := range 3 {
			name := fmt.Sprintf("%s/%d", group, i+1)
			if strings.Contains(s.ask(name+":6379", "RAFT STATUS"), "leader of term") {
				return name
			}
		}
		s.pause(20 * time.Millisecond)
	}
	s.t.Fatal("nobody leads")
	return ""
}

// If this failed, a slot could not move: its keys would be lost or be in two places, or clients would not find them.
func TestASlotMoves(t *testing.T) {
	tell(t, nil, func(s *story) {
		a, b := s.leader("a"), s.leader("b")
		require.Equal(t, "+OK", s.follow("a/1", "SET k here PX 100000")) // k is in slot 7629
		require.Contains(t, s.ask(b+":6379", "GET k"), "-MOVED 7629 a/")
		require.Contains(t, s.ask(a+":6379", "SET {k}1 x"), "OK")
		require.Contains(t, s.ask(a+":6379", "MGET k x"), "-CROSSSLOT")
		version := s.follow("a/1", "VERSIONED GET k")
		session := s.follow("b/1", "ONCE OPEN k")
		require.Equal(t, "1", s.follow("a/1", "ONCE "+session+" 1 INCR {k}n"))

		require.Equal(t, "8192", s.follow("b/2", "SHARDS MOVE 0-8191 b"))
		s.until(b, "CLUSTER INFO", "cluster_my_epoch:2")
		require.Equal(t, `"here"`, s.ask(b+":6379", "GET k"))
		s.until(a, "GET k", "-MOVED 7629 b/")
		require.Equal(t, version, s.ask(b+":6379", "VERSIONED GET k"))
		require.NotEqual(t, "-1", s.ask(b+":6379", "PTTL k"), "it expires there too")
		require.Equal(t, "1", s.follow("a/1", "ONCE "+session+" 1 INCR {k}n"), "what was done there is not done again here")
		require.Equal(t, "2", s.follow("a/1", "ONCE "+session+" 2 INCR {k}n"))
		require.Equal(t, "0", s.ask(a+":6379", "DBSIZE"))
		require.Contains(t, s.ask(a+":6379", "SHARDS STATUS"), "owns 0 slots")
		s.until("c/2", "CLUSTER SLOTS", `[[0 16383 ["b/`)

		require.Equal(t, "1", s.follow("a/1", "SHARDS MOVE 7629 c"))
		s.until("a/3", "GET k", "-MOVED 7629 c/")
		require.Equal(t, `"here"`, s.follow("a/1", "GET k"))
		require.Equal(t, "3", s.follow("a/1", "ONCE "+session+" 3 INCR {k}n"))
		require.Equal(t, "1", s.follow("a/1", "SHARDS MOVE 7629 a"), "and back to where it was")
		s.until(a, "GET k", "here")
		require.Equal(t, "3", s.follow("c/1", "ONCE "+session+" 3 INCR {k}n"))
		s.until("c/1", "SHARDS STATUS", "owns 0 slots")
		s.until("c/1", "CLUSTER NODES", "connected 0-7628 7630-16383")
		require.Contains(t, s.ask("c/1:6379", "CLUSTER NODES"), "connected 7629\\n")
	})
}
