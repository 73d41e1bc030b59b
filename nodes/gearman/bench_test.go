package gearman

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// The servers that are measured, each as a process of its own on loopback and with a fresh disk, under the
// same load. Rows of gearmand are left out where Debian's gearman-job-server is not installed. To compare:
//
//	go test ./nodes/gearman -run - -bench 'Background|Foreground' -benchtime 20000x -count 5
var measured = []struct {
	name  string
	start func(b *testing.B, port, dir string) *exec.Cmd
}{
	{"journal", func(b *testing.B, port, dir string) *exec.Cmd { return itself(port, dir, JournalQueue) }},
	{"memory", func(b *testing.B, port, dir string) *exec.Cmd { return itself(port, dir, MemoryQueue) }},
	{"gearmand", func(b *testing.B, port, dir string) *exec.Cmd { return gearmand(b, port) }},
	{"gearmand-sqlite", func(b *testing.B, port, dir string) *exec.Cmd {
		return gearmand(b, port, "-q", "libsqlite3", "--libsqlite3-db="+filepath.Join(dir, "queue.db"))
	}},
}

// serveVariable makes the test's binary a server.
const serveVariable = "GEARMAN_BENCHMARK_SERVER"

func itself(port, dir string, queue Queue) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s", serveVariable, port, queue, dir))
	return cmd
}

func gearmand(b *testing.B, port string, more ...string) *exec.Cmd {
	binary, err := exec.LookPath("gearmand")
	if err != nil {
		b.Skip("gearmand is not installed")
	}
	args := append([]string{"-L", "127.0.0.1", "-p", port, "-l", "stderr", "--verbose", "FATAL", "-u", "root"}, more...)
	return exec.Command(binary, args...)
}

func TestMain(m *testing.M) {
	var port, queue, dir string
	if _, err := fmt.Sscan(os.Getenv(serveVariable), &port, &queue, &dir); err != nil {
		os.Exit(m.Run())
	}
	config := DefaultServerConfig()
	config.Listen, config.Queue = "127.0.0.1:"+port, Queue(queue)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	host := osenv.New(osenv.Options{Host: "benchmark", DataDir: dir, Log: log})
	stop := profiled()
	err := osenv.Serve(context.Background(), host, func(env nodes.Env) error { return Server.Main(env, config) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// subject is a server that is measured.
type subject struct {
	b       *testing.B
	address string
	pid     int
	spent   time.Duration // of the processor, before the measurement
}

// begin starts the measurement.
func (s *subject) begin() {
	s.spent = cpuTime(s.pid)
	s.b.ResetTimer()
}

// end tells what was done in a second, and what of a processor's time the server took for each: the load is as
// heavy as the server, and so is whatever else the machine does.
func (s *subject) end(unit string) {
	s.b.StopTimer()
	s.b.ReportMetric(float64(s.b.N)/s.b.Elapsed().Seconds(), unit+"/s")
	s.b.ReportMetric(float64((cpuTime(s.pid)-s.spent).Microseconds())/float64(s.b.N), "server-µs/op")
}

// cpuTime is the processor time that a process has taken, by /proc, in steps of 10 ms.
func cpuTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// underLoad runs a server for one measurement.
func underLoad(b *testing.B, start func(b *testing.B, port, dir string) *exec.Cmd) *subject {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := free.Addr().String()
	require.NoError(b, free.Close())
	_, port, _ := net.SplitHostPort(address)
	cmd := start(b, port, b.TempDir())
	cmd.Stderr = os.Stderr
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		gone := make(chan error, 1)
		go func() { gone <- cmd.Wait() }()
		select {
		case <-gone:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-gone
		}
	})
	for range 500 {
		stream, err := net.Dial("tcp", address)
		if err == nil {
			stream.Close()
			return &subject{b: b, address: address, pid: cmd.Process.Pid}
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatalf("nobody listens on %s", address)
	return nil
}

// Background jobs, acknowledged one by one on each of so many connections.
func BenchmarkBackground(b *testing.B) {
	for _, server := range measured {
		for _, connections := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/connections=%d", server.name, connections), func(b *testing.B) {
				subject := underLoad(b, server.start)
				payload := make([]byte, 100)
				var clients []*peer
				for range connections {
					clients = append(clients, dialFor(b, subject.address))
				}
				subject.begin()
				each(b, clients, func(client *peer, n int64) {
					client.mustWrite(SubmitJobBG, []byte("work"), strconv.AppendInt([]byte("u"), n, 10), payload)
					client.await(JobCreated)
				})
				subject.end("acks")
			})
		}
	}
}

// Background jobs, with two hundred under way on one connection.
func BenchmarkBackgroundPipelined(b *testing.B) {
	for _, server := range measured {
		b.Run(server.name, func(b *testing.B) {
			if server.name == "gearmand-sqlite" {
				b.Skip("as slow as one by one")
			}
			subject := underLoad(b, server.start)
			client := dialFor(b, subject.address)
			payload := make([]byte, 100)
			credit := make(chan struct{}, 200)
			subject.begin()
			go func() {
				var out []byte
				for n := range b.N {
					credit <- struct{}{}
					out = Append(out, Request, SubmitJobBG, []byte("work"), strconv.AppendInt([]byte("u"), int64(n), 10), payload)
					if len(out) > 8<<10 || len(credit) == cap(credit) {
						_, _ = client.Conn.Conn.Write(out)
						out = out[:0]
					}
				}
				_, _ = client.Conn.Conn.Write(out)
			}()
			for range b.N {
				client.await(JobCreated)
				<-credit
			}
			subject.end("acks")
		})
	}
}

// Foreground jobs: eight clients, each with one under way, and four workers.
func BenchmarkForeground(b *testing.B) {
	for _, server := range measured {
		b.Run(server.name, func(b *testing.B) {
			if server.name == "gearmand-sqlite" {
				b.Skip("no queue is written for foreground jobs")
			}
			subject := underLoad(b, server.start)
			for range 4 {
				go workForever(dialFor(b, subject.address))
			}
			payload := make([]byte, 100)
			var clients []*peer
			for range 8 {
				clients = append(clients, dialFor(b, subject.address))
			}
			subject.begin()
			each(b, clients, func(client *peer, n int64) {
				client.mustWrite(SubmitJob, []byte("work"), nil, payload)
				client.await(JobCreated)
				client.await(WorkComplete)
			})
			subject.end("jobs")
		})
	}
}

// each lets the clients share b.N rounds.
func each(b *testing.B, clients []*peer, round func(client *peer, n int64)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for _, client := range clients {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				round(client, n)
			}
		})
	}
	all.Wait()
}

func dialFor(b *testing.B, address string) *peer {
	stream, err := net.Dial("tcp", address)
	require.NoError(b, err)
	b.Cleanup(func() { stream.Close() })
	return &peer{t: b, Conn: NewConn(stream, nil, 0)}
}

func (p *peer) mustWrite(t Type, args ...[]byte) {
	if err := p.WriteRequest(t, args...); err != nil {
		p.t.Error(err)
	}
}

func (p *peer) await(want Type) {
	got, err := p.ReadPacket()
	if err != nil || got.Type != want {
		p.t.Errorf("%s instead of %s: %q %v", got.Type, want, got.Data, err)
	}
}

// workForever is a worker that answers each job with its payload.
func workForever(p *peer) {
	if p.WriteRequest(CanDo, []byte("work")) != nil || p.WriteRequest(GrabJob) != nil {
		return
	}
	for {
		packet, err := p.ReadPacket()
		if err != nil {
			return
		}
		switch packet.Type {
		case JobAssign:
			args, _ := packet.Args()
			if p.WriteRequest(WorkComplete, args[0], args[2]) != nil || p.WriteRequest(GrabJob) != nil {
				return
			}
		case NoJob:
			if p.WriteRequest(PreSleep) != nil {
				return
			}
		case Noop:
			if p.WriteRequest(GrabJob) != nil {
				return
			}
		}
	}
}

// What a connection costs that nobody speaks on.
func BenchmarkIdleConnections(b *testing.B) {
	const connections = 5000
	for _, server := range measured {
		b.Run(server.name, func(b *testing.B) {
			subject := underLoad(b, server.start)
			before := residentMemory(subject.pid)
			for b.Loop() {
				for range connections {
					dialFor(b, subject.address)
				}
			}
			last := dialFor(b, subject.address)
			last.mustWrite(EchoReq, []byte("are all accepted?"))
			last.await(EchoRes)
			b.ReportMetric(float64(residentMemory(subject.pid)-before)/connections/float64(b.N), "B/connection")
		})
	}
}

// residentMemory is what a process holds in memory, in bytes, by /proc.
func residentMemory(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}
