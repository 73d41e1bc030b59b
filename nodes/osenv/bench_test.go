package osenv

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// What one acknowledged durable request costs: a hundred bytes are read, written to a journal that one task
// syncs for all who wait, and answered. Beside it the same without the journal, and without the host.
func BenchmarkRequests(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("durable/%d", clients), func(b *testing.B) {
			benchmark(b, clients, func(env nodes.Env, l net.Listener) { serve(env, l, newJournal(b, env)) })
		})
		b.Run(fmt.Sprintf("echo/%d", clients), func(b *testing.B) {
			benchmark(b, clients, func(env nodes.Env, l net.Listener) { serve(env, l, nil) })
		})
		b.Run(fmt.Sprintf("bare/%d", clients), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go answer(c, nil)
				}
			}()
			load(b, clients, l.Addr().String())
		})
	}
}

// journal is the least group commit.
type journal struct {
	env             nodes.Env
	file            nodes.File
	pending         []byte
	written, synced int
	more, done      nodes.Cond
}

func newJournal(b *testing.B, env nodes.Env) *journal {
	file, err := env.FS().OpenFile("journal", os.O_CREATE|os.O_RDWR, 0o644)
	require.NoError(b, err)
	j := &journal{env: env, file: file, more: env.NewCond(), done: env.NewCond()}
	env.Go("journal", j.run)
	return j
}

func (j *journal) run() {
	var batch []byte
	var at int64
	for {
		for len(j.pending) == 0 {
			if j.more.Wait() != nil {
				return
			}
		}
		batch, j.pending = j.pending, batch[:0]
		written := j.written
		n, _ := j.file.WriteAt(batch, at%(1<<20))
		at += int64(n)
		j.file.Sync()
		j.synced = written
		j.done.Broadcast()
	}
}

func (j *journal) append(record []byte) {
	j.pending = append(j.pending, record...)
	j.written++
	mine := j.written
	j.more.Signal()
	for j.synced < mine {
		j.done.Wait()
	}
}

func serve(env nodes.Env, l net.Listener, j *journal) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		env.Go("connection", func() { answer(c, j) })
	}
}

func answer(c net.Conn, j *journal) {
	defer c.Close()
	request := make([]byte, 100)
	for {
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		if j != nil {
			j.append(request)
		}
		if _, err := c.Write(request[:30]); err != nil {
			return
		}
	}
}

func benchmark(b *testing.B, clients int, node func(nodes.Env, net.Listener)) {
	h := New(Options{DataDir: b.TempDir()})
	address := make(chan string, 1)
	go h.Run(func(env nodes.Env) error {
		l, err := env.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		address <- l.Addr().String()
		node(env, l)
		return nil
	})
	defer h.Kill()
	load(b, clients, <-address)
}

// load asks b.N times over so many connections, one request at a time on each.
func load(b *testing.B, clients int, address string) {
	var conns []net.Conn
	for range clients {
		c, err := net.Dial("tcp", address)
		require.NoError(b, err)
		defer c.Close()
		conns = append(conns, c)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			request, reply := make([]byte, 100), make([]byte, 30)
			for n := i; n < b.N; n += clients {
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, reply); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// What a probe costs on a real machine: it is left in the code, on the busiest ways too.
func BenchmarkProbe(b *testing.B) {
	var probes probe.Set
	line, rare, sound := probes.Reachable("line"), probes.Sometimes("rare"), probes.Always("sound")
	h := New(Options{Host: "a"})
	require.NoError(b, h.Run(func(env nodes.Env) error {
		record := env.Record()
		for name, f := range map[string]func(){
			"nothing":   func() {},
			"reach":     func() { record.Reach(line) },
			"sometimes": func() { record.Sometimes(rare, false) },
			"always":    func() { record.Always(sound, true) },
			"point":     func() { env.Point("rarer") },
		} {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		return nil
	}))
}
