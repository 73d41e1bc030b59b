//go:build clients

package primary_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/primary"
	"simrun/nodes/osenv"
	"simrun/sim/simtest/loopback"
)

// startGroup starts three servers and three monitors. It returns where clients reach them, and what ends each server.
func startGroup(t *testing.T) (servers, monitors []string, end []func()) {
	free := loopback.Addresses(t, 15)
	servers, monitors = free[:3], free[3:6]
	var kvs, watchers []nodes.NodeName
	peers := map[string]string{}
	for i := range 3 {
		kvs, watchers = append(kvs, nodes.NodeName(fmt.Sprintf("kv-%d", i))), append(watchers, nodes.NodeName(fmt.Sprintf("m-%d", i)))
		peers[fmt.Sprintf("kv-%d:16379", i)] = free[6+i]
		peers[fmt.Sprintf("m-%d:26380", i)] = free[9+i]
		peers[fmt.Sprintf("m-%d:16379", i)] = free[12+i]
	}
	for i := range 3 {
		watch := primary.DefaultMonitorConfig()
		watch.Listen, watch.WatchListen, watch.PeerListen = monitors[i], free[9+i], free[12+i]
		watch.Servers, watch.Monitors, watch.Lease, watch.Election = kvs, watchers, 500*time.Millisecond, 200*time.Millisecond
		loopback.Start(t, osenv.Options{Host: string(watchers[i]), Peers: peers}, primary.Monitor, watch)
	}
	for i := range 3 {
		config := primary.DefaultConfig()
		config.Listen, config.PeerListen = servers[i], free[6+i]
		config.Servers, config.Monitors, config.Acknowledge, config.Heartbeat = kvs, watchers, 1, 50*time.Millisecond
		end = append(end, loopback.Start(t, osenv.Options{Host: string(kvs[i]), Peers: peers}, primary.Server, config))
	}
	return servers, monitors, end
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

// If this failed, a program that finds its Redis through Sentinel, with go-redis, could not use a group of ours, or would go on
// asking a primary that is none any more.
func TestGoRedisFollowsThePrimary(t *testing.T) {
	ctx := context.Background()
	servers, monitors, end := startGroup(t)
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "kv", SentinelAddrs: monitors[:1]})
	defer c.Close()
	within(t, func() error { return c.Set(ctx, "k", "v", 0).Err() })

	sentinel := redis.NewSentinelClient(&redis.Options{Addr: monitors[2]})
	defer sentinel.Close()
	others, err := sentinel.Sentinels(ctx, "kv").Result()
	require.NoError(t, err)
	var found []string
	for _, other := range others {
		found = append(found, net.JoinHostPort(other["ip"], other["port"]))
	}
	require.ElementsMatch(t, monitors[:2], found)
	listens := sentinel.Subscribe(ctx, "+switch-master")
	defer listens.Close()
	_, err = listens.Receive(ctx)
	require.NoError(t, err)

	was, err := sentinel.GetMasterAddrByName(ctx, "kv").Result()
	require.NoError(t, err)
	for i, server := range servers {
		if server == net.JoinHostPort(was[0], was[1]) {
			end[i]()
		}
	}
	message, err := listens.ReceiveMessage(ctx)
	require.NoError(t, err)
	is, err := sentinel.GetMasterAddrByName(ctx, "kv").Result()
	require.NoError(t, err)
	require.NotEqual(t, was, is)
	require.Equal(t, fmt.Sprintf("kv %s %s %s %s", was[0], was[1], is[0], is[1]), message.Payload)
	within(t, func() error { return c.Set(ctx, "k", "w", 0).Err() })
	require.Equal(t, "w", c.Get(ctx, "k").Val())

	// Reads that any server may answer go to the replicas.
	readers := redis.NewFailoverClusterClient(&redis.FailoverOptions{MasterName: "kv", SentinelAddrs: monitors, RouteRandomly: true})
	defer readers.Close()
	within(t, func() error {
		for range 20 {
			if got, err := readers.Get(ctx, "k").Result(); err != nil || got != "w" {
				return fmt.Errorf("k is %q, %v", got, err)
			}
		}
		return nil
	})
}
