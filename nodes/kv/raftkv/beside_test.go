//go:build clients

package raftkv_test

import (
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkBesideRedis is how many SETs a second three servers on one machine acknowledge, each of them synced by a
// majority, beside one redis-server with `appendfsync always` on the same disk. Both are asked in turn by redis-benchmark
// with 50 connections, three times, so that what else the machine does strikes both; told are medians, and the ratio.
func BenchmarkBesideRedis(b *testing.B) {
	group, redis := startGroup(b), startRedis(b)
	for _, pipeline := range []int{1, 16} {
		b.Run(fmt.Sprintf("pipelines of %d", pipeline), func(b *testing.B) {
			for b.Loop() {
				var ours, theirs []float64
				for range 3 {
					ours = append(ours, setsPerSecond(b, group, pipeline))
					theirs = append(theirs, setsPerSecond(b, redis, pipeline))
				}
				slices.Sort(ours)
				slices.Sort(theirs)
				b.ReportMetric(ours[1], "group-sets/s")
				b.ReportMetric(theirs[1], "redis-sets/s")
				b.ReportMetric(ours[1]/theirs[1], "ratio")
			}
		})
	}
}

// setsPerSecond is what redis-benchmark says of one round.
func setsPerSecond(b *testing.B, port string, pipeline int) float64 {
	out, err := exec.Command("redis-benchmark", "-h", "127.0.0.1", "-p", port, "-t", "set", "-c", "50", "-r", "100000",
		"-n", fmt.Sprint(20_000*pipeline), "-P", fmt.Sprint(pipeline), "--csv").Output()
	require.NoError(b, err)
	rows, err := csv.NewReader(strings.NewReader(string(out[strings.Index(string(out), `"test"`):]))).ReadAll()
	require.NoError(b, err)
	rate, err := strconv.ParseFloat(rows[1][1], 64)
	require.NoError(b, err)
	return rate
}

// startGroup starts three processes, and says the leader's port.
func startGroup(b *testing.B) string {
	simrun := filepath.Join(b.TempDir(), "simrun")
	out, err := exec.Command("go", "build", "-o", simrun, "simrun/cmd/simrun").CombinedOutput()
	require.NoError(b, err, string(out))
	ports, peers := freePorts(b, 6), []string{}
	for i := range 3 {
		peers = append(peers, fmt.Sprintf("kv-%d=127.0.0.1:%s", i+1, ports[3+i]))
	}
	for i := range 3 {
		launch(b, exec.Command(simrun, "serve", "kv.raft", "--name", fmt.Sprintf("kv-%d", i+1), "--listen", "127.0.0.1:"+ports[i],
			"--data", b.TempDir(), "--peers", strings.Join(peers, ","), "--set", "peer-listen=127.0.0.1:"+ports[3+i],
			"--set", "servers=[kv-1,kv-2,kv-3]"))
	}
	for range 200 {
		for _, port := range ports[:3] {
			said, _ := exec.Command("redis-cli", "-h", "127.0.0.1", "-p", port, "raft", "status").Output()
			if strings.HasPrefix(string(said), "leader of term") {
				return port
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Fail(b, "nobody leads")
	return ""
}

func startRedis(b *testing.B) string {
	port := freePorts(b, 1)[0]
	launch(b, exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", b.TempDir(), "--save", "",
		"--appendonly", "yes", "--appendfsync", "always"))
	for range 200 {
		if said, _ := exec.Command("redis-cli", "-h", "127.0.0.1", "-p", port, "ping").Output(); strings.HasPrefix(string(said), "PONG") {
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Fail(b, "redis-server does not answer")
	return ""
}

// launch starts a process that ends with the benchmark.
func launch(b *testing.B, command *exec.Cmd) {
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	})
}

// freePorts are ports that nobody listened on a moment ago.
func freePorts(b *testing.B, n int) (ports []string) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		require.NoError(b, err)
		ports = append(ports, port)
	}
	return ports
}
