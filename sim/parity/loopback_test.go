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
	// Scenes mostly wait, so many go on side by side: more than t.Parallel would let.
	performances := make([]*performance, len(scenes))
	turns := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for i, sc := range scenes {
		p := &performance{dirs: map[string]string{"server": t.TempDir(), "client": t.TempDir()}}
		performances[i] = p
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			p.perform(sc)
		})
	}
	wg.Wait()
	var text strings.Builder
	for i, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			require.NoError(t, performances[i].err)
			if *rewrite {
				require.NotContains(t, written(performances[i].lines), "SCENE BROKEN")
				fmt.Fprintf(&text, "=== %s\n%s\n\n", sc.name, written(performances[i].lines))
				return
			}
			compare(t, sc, performances[i].lines)
		})
	}
	if *rewrite && !t.Failed() {
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o644))
	}
}

// performance is a scene played for real.
type performance struct {
	dirs  map[string]string
	lines map[string][]string
	err   error
}

func (p *performance) perform(sc scene) {
	stage := &loopback{port: make(chan string, 1)}
	if sc.victim != "" {
		if p.err = stage.startVictim(sc); p.err != nil {
			return
		}
		defer stage.killPeer(nil)
	}
	var hosts []*osenv.Host
	var wg sync.WaitGroup
	transcripts := map[string]*[]string{}
	for _, name := range []string{"server", "client"} {
		if name == sc.victim {
			continue
		}
		h, transcript := realHost(name, p.dirs[name]), new([]string)
		hosts, transcripts[name] = append(hosts, h), transcript
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
	p.lines = map[string][]string{}
	for name, transcript := range transcripts {
		p.lines[name] = *transcript
	}
	if !watchdog.Stop() {
		p.err = fmt.Errorf("the scene did not end: %q", p.lines)
	}
}

// startVictim starts a process for the side that is to be killed. What it publishes it says on its standard output; what
// it is told comes by its standard input.
func (l *loopback) startVictim(sc scene) error {
	l.child = exec.Command(os.Args[0])
	l.child.Env = append(os.Environ(), "PARITY_SCENE="+sc.name)
	l.child.Stderr = os.Stderr
	in, err := l.child.StdinPipe()
	if err != nil {
		return err
	}
	out, err := l.child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.child.Start(); err != nil {
		return err
	}
	if sc.victim == "client" {
		go func() { fmt.Fprintln(in, <-l.port) }()
		return nil
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	l.port <- strings.TrimSpace(line)
	return err
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
