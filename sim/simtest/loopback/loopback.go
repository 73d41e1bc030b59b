// Package loopback answers how servers are run for real in a test: as they are, in this process, on this machine.
package loopback

import (
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// Addresses are some at which nobody listened a moment ago.
func Addresses(t testing.TB, n int) (addresses []string) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// Start runs a node until the test is over, or whoever calls what it returns ends it. Where no folder is said it has one of its own.
func Start(t testing.TB, o osenv.Options, kind nodes.Kind, config any) (end func()) {
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	o.Log = slog.New(slog.DiscardHandler)
	host := osenv.New(o)
	ended := make(chan error, 1)
	go func() { ended <- host.Run(func(env nodes.Env) error { return kind.Main(env, config) }) }()
	running := true
	end = func() {
		if running {
			running = false
			host.Stop()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(end)
	return end
}
