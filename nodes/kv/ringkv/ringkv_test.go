package ringkv_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/ringkv"
	"simrun/nodes/resp"
	"simrun/sim"
)

// story is a ring of servers, and a person who talks to it.
type story struct {
	*sim.World
	t     *testing.T
	hosts []*sim.Host
	pause func(time.Duration) error
}

// asks is a request to a server, as words, and its answer as text.
type asks func(server int, request string) string

// tell begins a ring of so many servers and lets a person talk.
func tell(t *testing.T, servers int, change func(*ringkv.Config), talk func(s *story, ask asks)) {
	s := &story{World: sim.New(sim.Options{Seed: 3}), t: t}
	t.Cleanup(s.Close)
	site := s.AddSite("here", s.AddSupplier("grid"), 0)
	for i := range servers {
		config := ringkv.DefaultConfig()
		for n := range servers {
			config.Servers = append(config.Servers, nodes.NodeName(fmt.Sprintf("kv/%d", n+1)))
		}
		config.Gossip, config.AntiEntropy, config.Timeout = 100*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond
		if change != nil {
			change(config)
		}
		s.hosts = append(s.hosts, s.AddHost(sim.HostOptions{Name: fmt.Sprintf("kv/%d", i+1), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return ringkv.Server.Main(env, config) }}))
	}
	told := false
	s.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		_ = env.Sleep(3 * time.Second)
		s.pause = env.Sleep
		talk(s, func(server int, request string) string {
			return ask(t, env, fmt.Sprintf("kv/%d:6379", server), request)
		})
		told = true
		return nil
	}})
	s.Run(60 * time.Second)
	require.Empty(t, s.Findings())
	require.True(t, told, "the story came to no end")
}

// ask opens a connection, makes requests, which semicolons part, and gives the answers.
func ask(t *testing.T, env nodes.Env, address, requests string) (answer string) {
	c, err := env.Dial("tcp", address, time.Second)
	require.NoError(t, err)
	defer c.Close()
	in := resp.NewReader(c, resp.Limits{})
	for request := range strings.SplitSeq(requests, ";") {
		var words [][]byte
		for _, w := range strings.Fields(request) {
			words = append(words, []byte(w))
		}
		_, err = c.Write(resp.AppendCommand(nil, words...))
		require.NoError(t, err)
		v, err := in.ReadReply()
		require.NoError(t, err)
		answer = v.String()
	}
	return answer
}

// If this fails, what is written at one server is not there at another.
func TestAnyServerCoordinates(t *testing.T) {
	for _, versions := range []ringkv.Versions{ringkv.Vector, ringkv.Hybrid, ringkv.LastWriteWins} {
		for _, servers := range []int{3, 5} {
			t.Run(fmt.Sprint(versions, servers), func(t *testing.T) {
				tell(t, servers, func(c *ringkv.Config) { c.Versions = versions }, func(s *story, ask asks) {
					for n := range 10 {
						key := fmt.Sprint("key-", n)
						require.Equal(t, "+OK", ask(n%servers+1, "set "+key+" a"))
						require.Equal(t, "+OK", ask((n+1)%servers+1, "set "+key+" b"))
						require.Equal(t, `"b"`, ask((n+2)%servers+1, "get "+key))
						require.Equal(t, "1", ask(n%servers+1, "del "+key))
						require.Equal(t, "(nil)", ask((n+1)%servers+1, "get "+key))
					}
				})
			})
		}
	}
}
