package raftkv_test

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

// story is a group of three, and a person who talks to it.
type story struct {
	*sim.World
	t     *testing.T
	hosts []*sim.Host
	pause func(time.Duration) error
}

// tell begins a group and lets a person talk. ask is a request to a server, as words, and its answer as text.
func tell(t *testing.T, change func(*raftkv.Config), talk func(s *story, ask func(server int, request string) string)) {
	s := &story{World: sim.New(sim.Options{Seed: 3}), t: t}
	t.Cleanup(s.Close)
	site := s.AddSite("here", s.AddSupplier("grid"), 0)
	for i := range 3 {
		config := raftkv.DefaultConfig()
		config.Servers = []nodes.NodeName{"kv/1", "kv/2", "kv/3"}
		config.Election = 100 * time.Millisecond
		if change != nil {
			change(config)
		}
		s.hosts = append(s.hosts, s.AddHost(sim.HostOptions{Name: fmt.Sprintf("kv/%d", i+1), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return raftkv.Server.Main(env, config) }}))
	}
	told := false
	s.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		_ = env.Sleep(time.Second)
		s.pause = env.Sleep
		talk(s, func(server int, request string) string {
			return ask(t, env, fmt.Sprintf("kv/%d:6379", server), request)
		})
		told = true
		return nil
	}})
	s.Run(30 * time.Second)
	require.Empty(t, s.Findings())
	require.True(t, told, "the story came to no end")
}

// ask opens a connection, makes a request and gives the answer. After a pause in the words, others follow on the same.
func ask(t *testing.T, env nodes.Env, address, requests string) (answer string) {
	c, err := env.Dial("tcp", address, time.Second)
	require.NoError(t, err)
	defer c.Close()
	in := resp.NewReader(c, resp.Limits{})
	for request := range strings.SplitSeq(requests, ";") {
		var args [][]byte
		for word := range strings.FieldsSeq(request) {
			args = append(args, []byte(word))
		}
		_, err = c.Write(resp.AppendCommand(nil, args...))
		require.NoError(t, err)
		_ = c.SetReadDeadline(env.Now().Add(3 * time.Second))
		v, err := in.ReadReply()
		require.NoError(t, err, "%s of %s", request, address)
		answer = v.String()
	}
	return answer
}

// leader is which of the servers leads, by what they say.
func leader(ask func(int, string) string) int {
	for i := range 3 {
		if strings.Contains(ask(i+1, "RAFT STATUS"), "leader of term") {
			return i + 1
		}
	}
	return 0
}

// If this failed, a client would not find its way to the leader, or be served by whom it should not.
func TestTheLeaderServesAndTheOthersTellWhereItIs(t *testing.T) {
	tell(t, nil, func(s *story, ask func(int, string) string) {
		at := leader(ask)
		require.NotZero(t, at)
		other := at%3 + 1
		require.Contains(t, ask(at, "SET k v"), "OK")
		require.Contains(t, ask(at, "GET k"), "v")
		require.Contains(t, ask(other, "GET k"), fmt.Sprintf("MOVED 7629 kv/%d:6379", at))
		require.Contains(t, ask(other, "SET k w"), fmt.Sprintf("MOVED 7629 kv/%d:6379", at))
		require.Contains(t, ask(other, "READONLY;GET k"), "v")
		require.Contains(t, ask(other, "CLUSTER SLOTS"), "16383")
		require.Contains(t, ask(other, "CLUSTER NODES"), "myself,slave")
		require.Contains(t, ask(at, "CLUSTER SHARDS"), "endpoint")
		require.Contains(t, ask(at, "CLUSTER INFO"), "cluster_state:ok")
		require.Contains(t, ask(at, "WAIT 2 100"), "2")
		require.Contains(t, ask(at, "INFO replication"), "raft_term:")
		require.Contains(t, ask(at, "RAFT MEMBERS"), "voter")
	})
}

// If this failed, a client that knows one server only would be lost, although that server knows the leader.
func TestRequestsAreForwarded(t *testing.T) {
	tell(t, func(c *raftkv.Config) { c.Redirect = raftkv.Forward }, func(s *story, ask func(int, string) string) {
		at := leader(ask)
		other := at%3 + 1
		require.Contains(t, ask(other, "SET k v"), "OK")
		require.Contains(t, ask(other, "GET k"), "v")
		require.Contains(t, ask(other, "VERSIONED GET k"), "1")
		require.Contains(t, ask(other, "GET k k"), "wrong number")
		require.Contains(t, ask(at, "GET k"), "v")
	})
}

// If this failed, leadership could not be moved, nor a member be taken out.
func TestWhoRunsTheGroupChangesIt(t *testing.T) {
	tell(t, nil, func(s *story, ask func(int, string) string) {
		at := leader(ask)
		next := at%3 + 1
		require.Contains(t, ask(next, "RAFT TRANSFER kv/1:6379"), "MOVED")
		require.Contains(t, ask(at, "RAFT TRANSFER nobody"), "no such member")
		require.Contains(t, ask(at, fmt.Sprintf("RAFT TRANSFER kv/%d:6379", next)), "OK")
		require.NoError(t, s.pause(100*time.Millisecond))
		require.Equal(t, next, leader(ask))
		require.Contains(t, ask(next, fmt.Sprintf("RAFT REMOVE kv/%d:16379", at)), "OK")
		require.Contains(t, ask(next, "RAFT"), "wrong number")
		require.Contains(t, ask(next, "SET a b"), "OK")
	})
}

// If this failed, what a group has acknowledged would be lost with its leader, or with its electricity.
func TestWhatWasWrittenOutlivesTheLeader(t *testing.T) {
	tell(t, func(c *raftkv.Config) { c.SnapshotEvery, c.Reads, c.MaxDrift = 5, raftkv.LeaseReads, 1000 }, func(s *story, ask func(int, string) string) {
		at := leader(ask)
		for i := range 30 {
			require.Contains(t, ask(at, fmt.Sprintf("SET k%d v%d", i%7, i)), "OK")
		}
		s.At(s.Now(), func() { s.hosts[at-1].CrashMachine() })
		require.NoError(t, s.pause(time.Second))
		now := 0
		for i := 1; i <= 3; i++ {
			if i != at && strings.Contains(ask(i, "RAFT STATUS"), "leader of term") {
				now = i
			}
		}
		require.NotZero(t, now)
		require.Contains(t, ask(now, "GET k1"), "v29")
	})
}
