package gearman_test

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/nodes/history"
)

// foreignServer runs Debian's gearmand, or skips the test.
func foreignServer(t *testing.T) (host, port string) {
	program, err := exec.LookPath("gearmand")
	if err != nil {
		t.Skip("gearmand (Debian's gearman-job-server) is not installed")
	}
	address := freePort(t)
	host, port, err = net.SplitHostPort(address)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, program, "--listen", host, "--port", port,
		"--log-file", filepath.Join(t.TempDir(), "log"), "--pid-file", filepath.Join(t.TempDir(), "pid"))
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		cancel()
		_ = server.Wait() // killed
	})
	require.Eventually(t, func() bool {
		stream, err := net.Dial("tcp", address)
		if err == nil {
			stream.Close()
		}
		return err == nil
	}, longEnough, 5*time.Millisecond)
	return host, port
}

// If this failed, our worker and our client would speak a Gearman of their own.
func TestWorkerAndClientServeAForeignServer(t *testing.T) {
	host, port := foreignServer(t)
	address := net.JoinHostPort(host, port)
	worker := workerAt(t, "ann", func(c *gearman.WorkerConfig) {
		c.Functions = []string{"work", "wc", "reverse"}
		c.Concurrency = 2
		c.Steps = 3
	}, address)
	if program, err := exec.LookPath("gearman"); err == nil {
		foreign := exec.Command(program, "-h", host, "-p", port, "-f", "wc")
		foreign.Stdin = bytes.NewBufferString("a\nb\nc\n")
		out, err := foreign.Output()
		require.NoError(t, err, "%s", out)
		require.Equal(t, "3\n33% Complete\n66% Complete\n100% Complete\n", string(out)) // the result as wc -l has it, and the worker's three steps
	} else {
		t.Log("gearman (Debian's gearman-tools) is not installed")
	}
	client := clientAt(t, "client", nil, address)
	// Not reduce: gearmand 1.1.20 dies of it.
	variants := []string{"foreground", "background", "status", "high", "low", "background-high", "background-low", "epoch"}
	for i := range 80 {
		client.Feed(nodes.Request{ID: uint64(i + 1), Do: "submit", Variant: variants[i%len(variants)],
			Options: &gearman.SubmitOptions{Payload: 200, Unnamed: nodes.PerMillion / 4}})
	}
	client.settle(80)
	asked := client.stop()
	made := map[string]string{}
	drained(t, address)
	for _, o := range of(worker.stop(), "execute") {
		require.Equal(t, history.Ok, o.Outcome)
		made[o.Input("handle").String()] = o.Output("result").String()
	}
	submitted := of(asked, "submit")
	require.Len(t, submitted, 80)
	for _, o := range submitted {
		require.Equal(t, history.Ok, o.Outcome, o)
		result, done := made[o.Output("handle").String()]
		require.True(t, done, o)
		if !o.Input("background").Bool() {
			require.Equal(t, result, o.Output("result").String())
		}
	}
}
