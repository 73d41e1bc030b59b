//go:build clients

package shards_test

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/raftkv"
	"simrun/nodes/kv/single"
	"simrun/nodes/osenv"
	"simrun/sim/simtest/loopback"
)

// group is a group of servers on this machine.
type group struct {
	name    string
	clients []string // where clients reach them
}

// startGroups starts groups of three: one that keeps all slots, or two that have half each.
func startGroups(t *testing.T, names ...string) (groups []group) {
	slots := []string{""}
	if len(names) > 1 {
		slots = []string{"0-8191", "8192-16383"}
	}
	addresses := loopback.Addresses(t, 6*len(names))
	name := func(all []string) (names []nodes.NodeName) {
		for _, a := range all {
			names = append(names, nodes.NodeName(a))
		}
		return names
	}
	for i, n := range names {
		groups = append(groups, group{n, addresses[6*i : 6*i+3]})
	}
	for i, g := range groups {
		for j := range 3 {
			config := raftkv.DefaultConfig()
			config.Cluster, config.Slots = g.name, slots[i]
			config.Listen, config.PeerListen = g.clients[j], addresses[6*i+3+j]
			config.Servers = name(addresses[6*i+3 : 6*i+6])
			for _, other := range groups {
				if other.name != g.name {
					config.Others = append(config.Others, name(other.clients)...)
				}
			}
			config.Election, config.Poll = 300*time.Millisecond, 100*time.Millisecond
			loopback.Start(t, osenv.Options{Host: "test"}, raftkv.Server, config)
		}
	}
	return groups
}

// within tries until it succeeds, for half a minute.
func within(t *testing.T, what func() error) {
	var err error
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if err = what(); err == nil {
			return
		}
	}
	require.NoError(t, err)
}

// leader is a client of a group's leader.
func leader(t *testing.T, g group) *redis.Client {
	var found string
	within(t, func() error {
		for _, address := range g.clients {
			c := redis.NewClient(&redis.Options{Addr: address})
			said, err := c.Do(context.Background(), "RAFT", "STATUS").Text()
			_ = c.Close()
			if err == nil && strings.HasPrefix(said, "leader of term") {
				found = address
				return nil
			}
		}
		return errors.New("nobody leads")
	})
	c := redis.NewClient(&redis.Options{Addr: found})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// cluster is a client of all groups, once every slot has a leader.
func cluster(t *testing.T, groups []group, change func(*redis.ClusterOptions)) *redis.ClusterClient {
	for _, g := range groups {
		leader(t, g)
	}
	o := &redis.ClusterOptions{MaxRedirects: 32}
	for _, g := range groups {
		o.Addrs = append(o.Addrs, g.clients...)
	}
	if change != nil {
		change(o)
	}
	c := redis.NewClusterClient(o)
	t.Cleanup(func() { _ = c.Close() })
	within(t, func() error {
		for i := range 50 {
			if err := c.Set(context.Background(), fmt.Sprintf("warm-%d", i), 1, 0).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return c
}

// If this failed, programs that use go-redis could not use one of our servers.
func TestGoRedisUsesOneServer(t *testing.T) {
	config := single.DefaultConfig()
	config.Listen = loopback.Addresses(t, 1)[0]
	loopback.Start(t, osenv.Options{Host: "test"}, single.Server, config)
	one := redis.NewClient(&redis.Options{Addr: config.Listen})
	defer one.Close()
	within(t, func() error { return one.Ping(context.Background()).Err() })
	for name, c := range map[string]*redis.Client{"kv.single": one, "kv.raft": leader(t, startGroups(t, "alone")[0])} {
		t.Run(name, func(t *testing.T) { useServer(t, c) })
	}
}

func useServer(t *testing.T, c *redis.Client) {
	ctx := context.Background()
	require.NoError(t, c.Set(ctx, "k", "v", time.Minute).Err())
	require.Equal(t, "v", c.Get(ctx, "k").Val())
	require.Greater(t, c.TTL(ctx, "k").Val(), 50*time.Second)
	require.ErrorIs(t, c.Get(ctx, "nothing").Err(), redis.Nil)
	require.False(t, c.SetNX(ctx, "k", "w", 0).Val())
	require.EqualValues(t, 5, c.IncrBy(ctx, "n", 5).Val())
	require.EqualValues(t, 4, c.Decr(ctx, "n").Val())
	require.EqualValues(t, 2, c.Append(ctx, "k", "w").Val())
	require.NoError(t, c.MSet(ctx, "a", 1, "b", 2).Err())
	require.Equal(t, []any{"1", "2", nil}, c.MGet(ctx, "a", "b", "c").Val())
	require.Equal(t, "vw", c.GetDel(ctx, "k").Val())
	require.EqualValues(t, 2, c.Exists(ctx, "a", "b", "k").Val())
	require.True(t, c.PExpire(ctx, "a", time.Hour).Val())
	require.True(t, c.Persist(ctx, "a").Val())
	require.EqualValues(t, 2, c.Del(ctx, "a", "b").Val())

	pipe := c.Pipeline()
	for i := range 500 {
		pipe.Set(ctx, fmt.Sprintf("scan:%d", i), i, 0)
	}
	answers, err := pipe.Exec(ctx)
	require.NoError(t, err)
	require.Len(t, answers, 500)
	seen := map[string]int{}
	all := c.Scan(ctx, 0, "scan:*", 50).Iterator()
	for all.Next(ctx) {
		seen[all.Val()]++
	}
	require.NoError(t, all.Err())
	require.Len(t, seen, 500)
	require.EqualValues(t, 501, c.DBSize(ctx).Val())
	require.NoError(t, c.FlushAll(ctx).Err())
	require.Zero(t, c.DBSize(ctx).Val())

	session, err := c.Do(ctx, "ONCE", "OPEN").Int64()
	require.NoError(t, err)
	for range 3 {
		n, err := c.Do(ctx, "ONCE", session, 1, "INCR", "once").Int64()
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	}
}

// If this failed, go-redis would not find a group's leader, or its replicas.
func TestGoRedisUsesAGroup(t *testing.T) {
	ctx := context.Background()
	groups := startGroups(t, "alone")
	c := cluster(t, groups, nil)
	pipe := c.Pipeline()
	for i := range 300 {
		pipe.Set(ctx, fmt.Sprintf("k-%d", i), i, 0)
	}
	_, err := pipe.Exec(ctx)
	require.NoError(t, err)
	require.Equal(t, "299", c.Get(ctx, "k-299").Val())
	waited, err := leader(t, groups[0]).Wait(ctx, 2, 10*time.Second).Result()
	require.NoError(t, err)
	require.EqualValues(t, 2, waited)

	// Replicas answer whoever said READONLY, which this client does.
	readers := cluster(t, groups, func(o *redis.ClusterOptions) { o.ReadOnly, o.RouteRandomly = true, true })
	within(t, func() error {
		for i := range 300 {
			if got, err := readers.Get(ctx, fmt.Sprintf("k-%d", i)).Int(); err != nil || got != i {
				return fmt.Errorf("k-%d is %d, %v", i, got, err)
			}
		}
		return nil
	})
	replicas := atomic.Int64{}
	require.NoError(t, readers.ForEachSlave(ctx, func(ctx context.Context, c *redis.Client) error {
		replicas.Add(1)
		return c.Ping(ctx).Err()
	}))
	require.EqualValues(t, 2, replicas.Load())
}

// If this failed, a program that uses go-redis would lose writes, or have them done twice, while slots move under it.
func TestGoRedisFollowsSlots(t *testing.T) {
	ctx := context.Background()
	groups := startGroups(t, "a", "b")
	c := cluster(t, groups, nil)
	const workers, keys = 4, 8
	var counted [keys]atomic.Int64
	var wrong sync.Map
	enough := make(chan struct{})
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-enough:
					return
				default:
				}
				if i%5 == 0 { // a pipeline over all keys, in all groups
					pipe := c.Pipeline()
					for k := range keys {
						pipe.Incr(ctx, fmt.Sprintf("count-%d", k))
					}
					answers, _ := pipe.Exec(ctx)
					for k, a := range answers {
						if a.Err() == nil {
							counted[k].Add(1)
						} else {
							wrong.Store(a.Err().Error(), true)
						}
					}
					continue
				}
				k := (i + w) % keys
				if err := c.Incr(ctx, fmt.Sprintf("count-%d", k)).Err(); err != nil {
					wrong.Store(err.Error(), true)
					continue
				}
				counted[k].Add(1)
			}
		})
	}
	moves := 0
	for round := range 6 {
		for k := range keys {
			slot := c.ClusterKeySlot(ctx, fmt.Sprintf("count-%d", k)).Val()
			to := groups[(round+k)%2]
			within(t, func() error {
				// Whoever owns the slot answers how many it has to give; who has none to give says who does.
				return ask(groups, fmt.Sprintf("SHARDS MOVE %d-%d %s", slot, min(slot+20, 16383), to.name))
			})
			moves++
		}
		time.Sleep(100 * time.Millisecond)
	}
	close(enough)
	done.Wait()
	wrong.Range(func(what, _ any) bool {
		t.Errorf("after %d moves: %s", moves, what)
		return true
	})
	total := int64(0)
	for k := range keys {
		got, err := c.Get(ctx, fmt.Sprintf("count-%d", k)).Int64()
		require.NoError(t, err)
		require.Equal(t, counted[k].Load(), got, "count-%d", k)
		total += got
	}
	require.Greater(t, total, int64(100))

	// Every group scans its own, and together they have every key once.
	within(t, func() error {
		var seen []string
		var mu sync.Mutex
		err := c.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error {
			all := c.Scan(ctx, 0, "count-*", 3).Iterator()
			for all.Next(ctx) {
				mu.Lock()
				seen = append(seen, all.Val())
				mu.Unlock()
			}
			return all.Err()
		})
		sort.Strings(seen)
		if want := fmt.Sprintf("%d", keys); err != nil || fmt.Sprint(len(seen)) != want {
			return fmt.Errorf("%v, %w", seen, err)
		}
		return nil
	})
}

// ask asks servers until one does it, as an administrator would.
func ask(groups []group, words string) (err error) {
	args := []any{}
	for word := range strings.FieldsSeq(words) {
		args = append(args, word)
	}
	for _, g := range groups {
		for _, address := range g.clients {
			c := redis.NewClient(&redis.Options{Addr: address})
			err = c.Do(context.Background(), args...).Err()
			_ = c.Close()
			if err == nil {
				return nil
			}
		}
	}
	return err
}
