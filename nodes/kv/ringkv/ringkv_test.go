package ringkv_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/kv/ringkv"
	"simrun/nodes/resp"
	"simrun/sim"
	"simrun/sim/disk"
)

// story is a ring of servers, and a person who talks to it between whatever else happens.
type story struct {
	*sim.World
	t     *testing.T
	hosts []*sim.Host
	wish  func(env nodes.Env) // what the person does next; nil when it has done so
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
	s.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		for env.Sleep(time.Millisecond) == nil {
			if s.wish != nil {
				s.wish(env)
				s.wish = nil
			}
		}
		return nil
	}})
	s.pause(3 * time.Second)
	talk(s, func(server int, request string) (answer string) {
		s.wish = func(env nodes.Env) { answer = ask(t, env, fmt.Sprintf("kv/%d:6379", server), request) }
		for range 1000 {
			if s.pause(5 * time.Millisecond); s.wish == nil {
				return answer
			}
		}
		require.Fail(t, "no answer", "%s of server %d", request, server)
		return ""
	})
	require.Empty(t, s.Findings())
}

// pause lets time pass.
func (s *story) pause(d time.Duration) { s.Run(s.Now() + d) }

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

// If this failed, one of two writes that did not know of each other would be lost, or a client could not say which is to stay.
func TestSiblingsAreKeptUntilSomebodyHasSeenThem(t *testing.T) {
	tell(t, 3, nil, func(s *story, ask asks) {
		require.Equal(t, "+OK", ask(1, "set k first"))
		_, token := versioned(t, ask(1, "versioned get k"))
		require.Equal(t, "+OK", ask(1, "context "+token+" set k left"))
		require.Equal(t, "+OK", ask(2, "context "+token+" set k right"))
		values, token := versioned(t, ask(3, "versioned get k"))
		require.Contains(t, values, `"left"`)
		require.Contains(t, values, `"right"`)
		require.Equal(t, `"right"`, ask(1, "get k"), "a plain client sees the later")
		require.Equal(t, "1", ask(2, "context "+token+" del k"))
		require.Equal(t, "(nil)", ask(1, "get k"))
		require.Equal(t, "-ERR invalid context", ask(1, "context !!! set k v"))
	})
}

// versioned is an answer, and the context that came with it.
func versioned(t *testing.T, answer string) (value, token string) {
	t.Helper()
	answer = strings.TrimSuffix(strings.TrimPrefix(answer, "["), "]")
	at := strings.LastIndex(answer, " ")
	require.Positive(t, at, answer)
	return answer[:at], strings.Trim(answer[at+1:], `"`)
}

// hasty lets tombstones go after seconds.
func hasty(c *ringkv.Config) {
	c.Silence, c.Window, c.Grace, c.MaxDrift = 500*time.Millisecond, time.Second, 5*time.Second, 100*time.Millisecond
}

// If this failed, servers that were dark together for longer than tombstones wait would discard what nobody else has.
func TestServersThatWereAllDarkLoseNothing(t *testing.T) {
	tell(t, 3, hasty, func(s *story, ask asks) {
		require.Equal(t, "+OK", ask(1, "set k v"))
		var dark []*sim.Strike
		for _, h := range s.hosts {
			dark = append(dark, h.Crash())
		}
		s.pause(time.Minute)
		dark[0].End()
		s.pause(3 * time.Second)
		require.Contains(t, ask(1, "quorum 1 1 get k"), "-TRYAGAIN the copies may be too old")
		dark[1].End()
		dark[2].End()
		s.pause(3 * time.Second)
		require.Equal(t, `"v"`, ask(2, "get k"))
	})
}

// If this failed, servers that all went dark before any had compared its copies with the others' would be in doubt for ever: none
// is whole, and who is in doubt shows nobody anything by which one could become so.
func TestServersInDoubtDoNotWaitForEachOther(t *testing.T) {
	tell(t, 3, hasty, func(s *story, ask asks) {
		dark := func(between func()) {
			var strikes []*sim.Strike
			for _, h := range s.hosts {
				strikes = append(strikes, h.Crash())
			}
			between()
			for _, strike := range strikes {
				strike.End()
			}
		}
		dark(func() {
			for _, h := range s.hosts {
				h.Disk().Wipe(s.Now())
			}
		})
		s.pause(20 * time.Millisecond)
		require.Equal(t, "+OK", ask(1, "quorum 3 3 set k v"))
		for n := 1; n <= 3; n++ {
			require.Contains(t, ask(n, "info replication"), "ring_whole:false")
		}
		dark(func() { s.pause(time.Minute) })
		s.pause(3 * time.Second)
		require.Equal(t, `"v"`, ask(3, "get k"))
	})
}

// If this failed, a server that was outlived would bring back what was deleted, or one that was not would come back empty.
func TestWhoWasOutlivedComesBackEmpty(t *testing.T) {
	for _, deleted := range []bool{true, false} {
		tell(t, 3, hasty, func(s *story, ask asks) {
			require.Equal(t, "+OK", ask(1, "quorum 2 3 set k v"))
			before := ask(3, "cluster myid")
			dark := s.hosts[2].Crash()
			s.pause(time.Second)
			if deleted {
				require.Equal(t, "1", ask(1, "del k"))
				require.Contains(t, ask(1, "info replication"), "ring_tombstones:1")
			}
			s.pause(20 * time.Second)
			require.Contains(t, ask(1, "info replication"), "ring_tombstones:0")
			dark.End()
			s.pause(5 * time.Second)
			require.Equal(t, deleted, before != ask(3, "cluster myid"))
			require.Equal(t, map[bool]string{true: "(nil)", false: `"v"`}[deleted], ask(3, "quorum 1 1 get k"))
		})
	}
}

// If this failed, a ring could be configured in which what is under way outlives the tombstone that it is older than.
func TestTimesThatCannotBeSafeAreRefused(t *testing.T) {
	for problem, change := range map[string]func(c *ringkv.Config){
		"hint-window: 1s is not longer":           func(c *ringkv.Config) { c.Window = time.Second },
		"a grace of 3h0m0s beside a window of 3h": func(c *ringkv.Config) { c.Grace = c.Window },
	} {
		config := ringkv.DefaultConfig()
		require.NoError(t, config.Validate())
		change(config)
		require.ErrorContains(t, config.Validate(), problem)
	}
}

// If this failed, a client would wait for something that never comes, or believe in an order that there is not.
func TestWhatARingCannotDoItRefuses(t *testing.T) {
	tell(t, 3, nil, func(s *story, ask asks) {
		for request, problem := range map[string]string{
			"incr n":                    "-ERR a ring cannot INCR: its copies agree in no order of what clients ask",
			"set k v nx":                "-ERR a ring's SET has no options",
			"once open":                 "-ERR a ring keeps no sessions",
			"expire k 10":               "-ERR a ring cannot EXPIRE",
			"quorum 4 1 get k":          "-ERR QUORUM: there are 3 copies of each key",
			"quorum 0 1 get k":          "-ERR QUORUM wants two numbers",
			"context x get k":           "-ERR CONTEXT is for a write of one key",
			"versioned mget a b":        "-ERR VERSIONED is for commands with one key",
			"cluster forget nobody":     "-ERR Unknown node nobody",
			"cluster forget kv/2:16379": "-ERR it is not dead",
		} {
			require.Contains(t, ask(1, request), problem, request)
		}
		require.Equal(t, "+OK", ask(1, "mset a 1 b 2"))
		require.Equal(t, `["1" "2" (nil)]`, ask(2, "mget a b c"))
		require.Equal(t, "2", ask(3, "exists a b c"))
		require.Equal(t, "+string", ask(3, "type a"))
		require.Equal(t, "2", ask(1, "del a b"))
		require.Equal(t, "1", ask(1, "wait 1 100"))
		require.Contains(t, ask(1, "cluster slots"), "16383")
		require.Contains(t, ask(1, "cluster shards"), "endpoint")
		require.Contains(t, ask(1, "cluster nodes"), "myself,master")
		require.Contains(t, ask(1, "cluster owners a"), "kv/")
		require.Contains(t, ask(1, "info replication"), "ring_whole:true")
	})
}

// If this failed, a server that lost its disk would answer with nothing, or stay without what it is to have.
func TestADiskThatIsLostOrDamagedIsFilledAgain(t *testing.T) {
	for name, spoil := range map[string]func(s *story){
		"lost": func(s *story) { s.hosts[1].Disk().Wipe(s.Now()) },
		"damaged": func(s *story) {
			s.hosts[1].Disk().Corrupt(s.Now(), disk.Corruption{Sectors: 200})
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, 3, nil, func(s *story, ask asks) {
				for n := range 20 {
					require.Equal(t, "+OK", ask(n%3+1, fmt.Sprintf("quorum 2 3 set key-%d %d", n, n)))
				}
				before := ask(2, "cluster myid")
				crash := s.hosts[1].Crash()
				spoil(s)
				s.pause(100 * time.Millisecond)
				crash.End()
				s.pause(5 * time.Second)
				require.NotEqual(t, before, ask(2, "cluster myid"))
				require.Contains(t, ask(2, "info replication"), "ring_whole:true")
				require.Equal(t, 3, strings.Count(ask(1, "cluster nodes"), "connected"), "who it was before is gone")
				for n := range 20 {
					require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(n)), ask(2, fmt.Sprintf("quorum 1 1 get key-%d", n)))
				}
			})
		})
	}
}

// If this failed, a server that leaves would take with it what nobody else has.
func TestWhoLeavesHandsOverWhatItHas(t *testing.T) {
	tell(t, 4, func(c *ringkv.Config) { c.Copies, c.Read, c.Write = 1, 1, 1 }, func(s *story, ask asks) {
		for n := range 40 {
			require.Equal(t, "+OK", ask(n%4+1, fmt.Sprintf("set key-%d %d", n, n)))
		}
		require.Equal(t, "+OK", ask(4, "cluster leave"))
		s.pause(5 * time.Second)
		require.NotContains(t, ask(1, "cluster nodes"), "fail")
		require.Equal(t, 3, strings.Count(ask(1, "cluster nodes"), "connected"))
		for n := range 40 {
			require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(n)), ask(n%3+1, fmt.Sprintf("get key-%d", n)))
		}
	})
}

// If this failed, a server that was away would miss what was written meanwhile until somebody compares copies.
func TestHintsAreHeldAcrossACrashAndDelivered(t *testing.T) {
	tell(t, 3, func(c *ringkv.Config) { c.AntiEntropy = time.Hour }, func(s *story, ask asks) {
		away := s.hosts[2].Crash()
		s.pause(500 * time.Millisecond)
		for n := range 10 {
			require.Equal(t, "+OK", ask(1, fmt.Sprintf("set key-%d %d", n, n)))
		}
		s.pause(time.Second)
		require.Contains(t, ask(1, "info replication"), "ring_hints:10")
		s.hosts[0].Crash().End()
		s.pause(time.Second)
		require.Contains(t, ask(1, "info replication"), "ring_hints:10")
		away.End()
		s.pause(3 * time.Second)
		require.Contains(t, ask(1, "info replication"), "ring_hints:0")
		for n := range 10 {
			require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(n)), ask(3, fmt.Sprintf("quorum 1 1 get key-%d", n)))
		}
	})
}

// If this failed, what is written while somebody is silent whom nobody believes dead yet would be held for nobody: those who stand in
// may be silent, too.
func TestWhatNobodyElseHoldsTheCoordinatorDoes(t *testing.T) {
	for _, write := range []int{1, 2} {
		tell(t, 5, func(c *ringkv.Config) {
			c.Copies, c.Read, c.Write, c.Sloppy, c.Versions = 2, 1, write, true, ringkv.LastWriteWins
			c.AntiEntropy, c.Silence = time.Hour, 500*time.Millisecond
		}, func(s *story, ask asks) {
			var keys []string
			for n := range 60 {
				key := fmt.Sprint("key-", n)
				if owners := ask(1, "cluster owners "+key); !strings.Contains(owners, "kv/1:") && !strings.Contains(owners, "kv/2:") {
					keys = append(keys, key)
				}
			}
			require.Greater(t, len(keys), 5)
			for _, key := range keys[:5] {
				cut, err := s.Network().Install(netmodel.Rule{Name: "cut", Verb: netmodel.Cut,
					Links: netmodel.Links{From: []string{"kv/1", "kv/2", "person"}, To: []string{"kv/3", "kv/4", "kv/5"}, Both: true}})
				require.NoError(t, err)
				require.Equal(t, "+OK", ask(1, "set "+key+" v"))
				s.pause(2 * time.Second) // what is on its way is given up
				s.Network().Remove(cut)
				s.pause(3 * time.Second)
				for owner := 3; owner <= 5; owner++ {
					if strings.Contains(ask(1, "cluster owners "+key), fmt.Sprintf("kv/%d:", owner)) {
						require.Equal(t, `"v"`, ask(owner, "quorum 1 1 get "+key), "%s at server %d", key, owner)
					}
				}
			}
		})
	}
}

// If this failed, two servers would never compare their copies, so that neither is ever told what it missed and nobody held for it,
// and both would come to doubt copies that are as good as any.
func TestEveryServerComparesItsCopiesWithAllOthers(t *testing.T) {
	for _, servers := range []int{2, 3, 4, 5} {
		for _, every := range []time.Duration{70 * time.Millisecond, 100 * time.Millisecond, 130 * time.Millisecond, 250 * time.Millisecond} {
			tell(t, servers, func(c *ringkv.Config) {
				hasty(c)
				c.Copies, c.Read, c.Write = 2, 1, 1
				c.AntiEntropy = time.Duration(servers-1) * every
			}, func(s *story, ask asks) {
				repaired := func(server int) string {
					_, after, _ := strings.Cut(ask(server, "info replication"), "ring_repaired:")
					return after[:len("2006-01-02T15:04:05Z")]
				}
				for server := 1; server <= servers; server++ {
					before := repaired(server)
					s.pause(4 * time.Second)
					require.Less(t, before, repaired(server), "server %d of %d, one comparison in %v", server, servers, every)
				}
			})
		}
	}
}

// If this failed, a server that is back at once would take what its life before was told of one key for what is known of
// another.
func TestAnAnswerToALifeBeforeIsNone(t *testing.T) {
	tell(t, 4, func(c *ringkv.Config) {
		c.Versions, c.Timeout, c.AntiEntropy = ringkv.LastWriteWins, time.Second, time.Hour
	}, func(s *story, ask asks) {
		// The first server keeps some of the keys, and asks two others for those and three for the rest: its calls have all numbers.
		twenty := func(server int, request, answer string) {
			for n := range 20 {
				require.Equal(t, answer, ask(server, strings.ReplaceAll(request, "#", fmt.Sprint(n))))
			}
		}
		s.hosts[2].StepClock(time.Hour) // what it writes wins over what others do
		stall := s.hosts[1].Disk().Stall(s.Now())
		twenty(3, "set before-# x", "+OK")
		twenty(4, "set after-# y", "+OK")
		twenty(1, "get before-#", `"x"`) // the second server tells nothing of either yet, for it is not on its disk
		s.hosts[0].Crash().End()
		s.pause(200 * time.Millisecond)
		twenty(1, "get after-#", `"y"`)
		stall.Lift(s.Now())
		s.pause(3 * time.Second)
		twenty(1, "get after-#", `"y"`)
	})
}

// If this failed, a quorum that is not sloppy would count whom it should not, or a sloppy one refuse where somebody lives.
func TestWhoIsAloneIsStrictOrSloppy(t *testing.T) {
	for _, sloppy := range []bool{false, true} {
		tell(t, 3, func(c *ringkv.Config) { c.Sloppy, c.Read, c.Write = sloppy, 1, 1 }, func(s *story, ask asks) {
			require.Equal(t, "+OK", ask(1, "set k v"))
			_, _ = s.hosts[1].Crash(), s.hosts[2].Crash()
			s.pause(2 * time.Second)
			require.Equal(t, "+OK", ask(1, "set k w"))
			require.Equal(t, `"w"`, ask(1, "get k"))
			require.Contains(t, ask(1, "quorum 2 2 get k"), "-TRYAGAIN not enough servers")
			require.Contains(t, ask(1, "quorum 1 2 set k x"), "-TRYAGAIN not enough servers")
			require.Equal(t, `"w"`, ask(1, "get k"))
		})
	}
}
