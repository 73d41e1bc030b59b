package ringkv_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/ringkv"
	"simrun/nodes/osenv"
	"simrun/nodes/resp"
	"simrun/sim/simtest/loopback"
)

// say makes one request of a real server.
func say(address string, words ...string) (string, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(resp.AppendCommand(nil, words...)); err != nil {
		return "", err
	}
	v, err := resp.NewReader(c, resp.Limits{}).ReadReply()
	return v.String(), err
}

// eventually asks until the answer is as expected.
func eventually(t *testing.T, expected, address string, words ...string) {
	t.Helper()
	last := ""
	for range 2400 {
		if last, _ = say(address, words...); last == expected {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	require.Equal(t, expected, last)
}

// If this failed, what works in a world would not on sockets and files.
func TestThreeServersOnLoopback(t *testing.T) {
	free := loopback.Addresses(t, 6)
	clients, peers := free[:3], free[3:]
	for i := range 3 {
		config := ringkv.DefaultConfig()
		for _, p := range peers {
			config.Servers = append(config.Servers, nodes.NodeName(p))
		}
		config.Listen, config.PeerListen = clients[i], peers[i]
		config.Gossip, config.AntiEntropy, config.Timeout = 50*time.Millisecond, 200*time.Millisecond, time.Second
		loopback.Start(t, osenv.Options{Host: fmt.Sprint("kv-", i+1)}, ringkv.Server, config)
	}
	eventually(t, "+OK", clients[0], "quorum", "2", "3", "set", "k", "v")
	eventually(t, `"v"`, clients[1], "get", "k")
	eventually(t, `"v"`, clients[2], "quorum", "1", "1", "get", "k")
	eventually(t, "1", clients[2], "del", "k")
	eventually(t, "(nil)", clients[0], "get", "k")
}
