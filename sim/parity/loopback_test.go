//go:build linux

package parity

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// TestMain is also the main of the process that a scene kills.
func TestMain(m *testing.M) {
	if name := os.Getenv("PARITY_SCENE"); name != "" {
		victim(name)
		return
	}
	os.Exit(m.Run())
}

// loopback is the real machine: two hosts of this process, or one and a process of its own.
type loopback struct {
	port  chan string
	child *exec.Cmd
}

func (l *loopback) controlPort() string { return "0" }

func (l *loopback) publish(port string) { l.port <- port }

func (l *loopback) cue() string { return <-l.port }

func (l *loopback) settle() time.Duration { return 20 * time.Millisecond }

func (l *loopback) killPeer(*side) {
	l.child.Process.Signal(syscall.SIGKILL)
	l.child.Wait()
}

func (l *loopback) shorten(listener net.Listener, backlog int) {
	raw, err := listener.(syscall.Conn).SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), backlog) })
	}
	if err != nil {
		panic(err)
	}
}

func realHost(name, dir string) *osenv.Host {
	return osenv.New(osenv.Options{Host: name, DataDir: dir, Peers: map[string]string{"server": "127.0.0.1", "client": "127.0.0.1"}})
}

// If this failed, testdata/linux.txt would not be what the kernel does, and the simulator would be held to a fiction.
func TestLoopback(t *testing.T) {
	var taken sync.Map
	t.Run("scenes", func(t *testing.T) {
		for _, sc := range scenes {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				lines := playForReal(t, sc)
				if *rewrite {
					require.NotContains(t, written(lines), "SCENE BROKEN")
					taken.Store(sc.name, written(lines))
					return
				}
				compare(t, sc, lines)
			})
		}
	})
	if *rewrite {
		var text strings.Builder
		for _, sc := range scenes {
			if lines, ok := taken.Load(sc.name); ok {
				fmt.Fprintf(&text, "=== %s\n%s\n\n", sc.name, lines)
			}
		}
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o644))
	}
}

func playForReal(t *testing.T, sc scene) map[string][]string {
	stage := &loopback{port: make(chan string, 1)}
	var server, client []string
	var hosts []*osenv.Host
	var wg sync.WaitGroup
	for _, name := range []string{"server", "client"} {
		transcript := &server
		if name == "client" {
			transcript = &client
		}
		if name == sc.victim {
			stage.startVictim(t, sc)
			continue
		}
		h := realHost(name, t.TempDir())
		hosts = append(hosts, h)
		wg.Go(func() {
			h.Run(func(env nodes.Env) error { return play(env, stage, sc, name, transcript) })
		})
	}
	watchdog := time.AfterFunc(time.Minute, func() {
		for _, h := range hosts {
			h.Kill()
		}
	})
	wg.Wait()
	require.True(t, watchdog.Stop(), "the scene did not end: server %q, client %q", server, client)
	if stage.child != nil {
		stage.child.Process.Kill()
		stage.child.Wait()
	}
	return map[string][]string{"server": server, "client": client}
}

// startVictim starts a process for the side that is to be killed. What it publishes it says on its standard output; what
// it is told comes by its standard input.
func (l *loopback) startVictim(t *testing.T, sc scene) {
	l.child = exec.Command(os.Args[0])
	l.child.Env = append(os.Environ(), "PARITY_SCENE="+sc.name)
	l.child.Stderr = os.Stderr
	in, err := l.child.StdinPipe()
	require.NoError(t, err)
	out, err := l.child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.child.Start())
	if sc.victim == "server" {
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		l.port <- strings.TrimSpace(line)
		return
	}
	go func() { fmt.Fprintln(in, <-l.port) }()
}

// victim plays a side until it is killed.
func victim(name string) {
	stage := &loopback{port: make(chan string, 1)}
	for _, sc := range scenes {
		if sc.name != name {
			continue
		}
		if sc.victim == "server" {
			go func() { fmt.Println(<-stage.port) }()
		} else {
			go func() {
				line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
				stage.port <- strings.TrimSpace(line)
			}()
		}
		var transcript []string
		err := realHost(sc.victim, "").Run(func(env nodes.Env) error { return play(env, stage, sc, sc.victim, &transcript) })
		fmt.Fprintln(os.Stderr, "parity: the victim ended before it was killed:", err, transcript)
		os.Exit(1)
	}
}
