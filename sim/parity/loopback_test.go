//go:build linux

package parity

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
	"simrun/sim/simtest/golden"
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
	port   chan string
	dir    string // of the victim
	victim *exec.Cmd
	life   int // of the victim
}

func (l *loopback) controlPort() string { return "0" }

func (l *loopback) publish(port string) { l.port <- port }

func (l *loopback) cue() string { return <-l.port }

func (l *loopback) settle() time.Duration { return 20 * time.Millisecond }

func (l *loopback) strike(s *side, b blow) {
	switch b {
	case kill:
		l.end()
	case start:
		s.must(l.startVictim(s.scene))
	case pause:
		s.must(l.victim.Process.Signal(syscall.SIGSTOP))
	case resume:
		s.must(l.victim.Process.Signal(syscall.SIGCONT))
	case stop:
		s.must(l.victim.Process.Signal(syscall.SIGTERM))
	}
}

// end kills the victim; its kernel has closed its sockets when Wait returns.
func (l *loopback) end() {
	l.victim.Process.Kill()
	l.victim.Wait()
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
	return osenv.New(osenv.Options{Host: name, DataDir: dir, Log: slog.New(slog.DiscardHandler),
		Peers: map[string]string{"server": "127.0.0.1", "client": "127.0.0.1"}})
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
			if golden.Rewriting() {
				require.NoError(t, performances[i].err)
				require.NotContains(t, written(performances[i].lines), "SCENE BROKEN")
				fmt.Fprintf(&text, "=== %s\n%s\n\n", sc.name, written(performances[i].lines))
				return
			}
			// A busy machine can let two things of a scene change places that usually do not, and another program
			// can take a port that a scene was to have. What the kernel always does otherwise shows each time.
			for range 3 {
				if performances[i].err == nil && transcripts(t)[sc.name] == written(performances[i].lines) {
					break
				}
				performances[i] = &performance{dirs: map[string]string{"server": t.TempDir(), "client": t.TempDir()}}
				performances[i].perform(sc)
			}
			require.NoError(t, performances[i].err)
			compare(t, sc, performances[i].lines)
		})
	}
	if golden.Rewriting() && !t.Failed() {
		require.NoError(t, os.WriteFile(linux, []byte(text.String()), 0o644))
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
		stage.dir = p.dirs[sc.victim]
		if p.err = stage.startVictim(sc); p.err != nil {
			return
		}
		defer stage.end()
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
			h.Run(func(env nodes.Env) error { return play(env, stage, sc, name, 1, transcript) })
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

// startVictim starts a process for the side that is to be struck. What its first life publishes it says on its standard
// output; what that is told comes by its standard input.
func (l *loopback) startVictim(sc scene) error {
	l.life++
	l.victim = exec.Command(os.Args[0])
	l.victim.Env = append(os.Environ(), "PARITY_SCENE="+sc.name, "PARITY_DIR="+l.dir, "PARITY_LIFE="+itoa(l.life))
	l.victim.Stderr = os.Stderr
	in, err := l.victim.StdinPipe()
	if err != nil {
		return err
	}
	out, err := l.victim.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.victim.Start(); err != nil {
		return err
	}
	switch {
	case l.life > 1:
	case sc.victim == "client":
		go func() { fmt.Fprintln(in, <-l.port) }()
	default:
		line, err := bufio.NewReader(out).ReadString('\n')
		l.port <- strings.TrimSpace(line)
		return err
	}
	return nil
}

// victim plays a side until it is struck.
func victim(name string) {
	stage := &loopback{port: make(chan string, 1)}
	sc := scenes[slices.IndexFunc(scenes, func(sc scene) bool { return sc.name == name })]
	if sc.victim == "server" {
		go func() { fmt.Println(<-stage.port) }()
	} else {
		go func() {
			line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
			stage.port <- strings.TrimSpace(line)
		}()
	}
	var transcript []string
	host := realHost(sc.victim, os.Getenv("PARITY_DIR"))
	err := osenv.Serve(context.Background(), host, func(env nodes.Env) error {
		life, _ := strconv.Atoi(os.Getenv("PARITY_LIFE"))
		return play(env, stage, sc, sc.victim, life, &transcript)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "parity: the victim failed:", err, transcript)
		os.Exit(1)
	}
}
