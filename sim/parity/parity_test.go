// Package parity answers whether a simulated machine behaves as a real one does. Each scene is written once,
// against nodes.Env, for two hosts: a server and a client. It is played over loopback TCP and real
// files, and over the simulated network and disk, and the transcripts must agree. Those of
// testdata/linux.txt were taken down from a real kernel (go test -run Loopback -rewrite).
package parity

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/simtest/golden"
)

// scene is one story of two hosts.
type scene struct {
	name           string
	server, client func(s *side)
	// victim is the side that is struck in the course of it; its transcript goes with it.
	victim string
	// again is what the victim does in its second life, if it gets one.
	again func(s *side)
	// backlog is how long the accept queues of the server are; 0 leaves that to the kernel.
	backlog int
}

// scenes are all there are, by file.
var scenes = slices.Concat(openings, endings, strikings, flows, deadlines, tasks, datagrams, files)

// stage is a world in which scenes are played.
type stage interface {
	// controlPort is where the server listens for the other side's cues; "0" is any.
	controlPort() string
	// publish tells the client's host which port that is.
	publish(port string)
	// cue is the port that was published.
	cue() string
	// settle is how long everything that was sent needs to arrive.
	settle() time.Duration
	// strike does to the victim's process what it says.
	strike(s *side, blow blow)
	// shorten makes a listener's accept queue as long as the scene says.
	shorten(l net.Listener, backlog int)
}

// blow is what can befall a process.
type blow string

const (
	kill   blow = "kill -9"
	start  blow = "start after a kill"
	pause  blow = "SIGSTOP"
	resume blow = "SIGCONT"
	stop   blow = "SIGTERM"
)

// play is the main of a host: it finds the other side, plays its part, and waits for the other. A victim waits for
// its fate.
func play(env nodes.Env, stage stage, sc scene, name string, life int, transcript *[]string) error {
	s := &side{Env: env, stage: stage, scene: sc, name: name, transcript: transcript}
	defer func() {
		if broken := recover(); broken != nil { // such as a call on what could not be opened
			s.must(fmt.Errorf("%v", broken))
		}
	}()
	switch {
	case life > 1:
		sc.again(s)
	case name == "server":
		s.findPeer()
		sc.server(s)
	default:
		s.findPeer()
		sc.client(s)
	}
	switch sc.victim {
	case "":
		s.meet()
	case name:
		return env.AwaitStop()
	}
	return nil
}

func (s *side) findPeer() {
	if s.name == "server" {
		l, err := s.Listen("tcp", "server:"+s.stage.controlPort())
		s.must(err)
		s.stage.publish(port(l))
		s.control, err = l.Accept()
		s.must(err)
		s.must(l.Close())
	} else {
		address := "server:" + s.stage.cue()
		for s.control == nil {
			var err error
			if s.control, err = s.Dial("tcp", address, 0); errors.Is(err, syscall.ECONNREFUSED) {
				s.must(s.Sleep(time.Millisecond))
			} else {
				s.must(err)
			}
		}
	}
	s.cues = bufio.NewReader(s.control)
}

// If a scene were named twice, one of the two would be compared with the other's transcript.
func TestScenesAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, sc := range scenes {
		require.False(t, seen[sc.name], sc.name)
		seen[sc.name] = true
	}
	for name := range transcripts(t) {
		require.True(t, seen[name], "testdata/linux.txt tells of %q, which is no scene", name)
	}
}

const linux = "testdata/linux.txt"

// transcripts reads the real kernel's, by scene.
func transcripts(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(linux)
	if errors.Is(err, fs.ErrNotExist) && golden.Rewriting() {
		return nil
	}
	require.NoError(t, err)
	all := map[string]string{}
	for part := range strings.SplitSeq(string(text), "=== ") {
		if name, body, ok := strings.Cut(part, "\n"); ok {
			all[name] = strings.TrimSpace(body)
		}
	}
	return all
}

// written is a scene's transcript as the file has it.
func written(lines map[string][]string) string {
	var b strings.Builder
	for _, name := range []string{"server", "client"} {
		for _, line := range lines[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, line)
		}
	}
	return strings.TrimSpace(b.String())
}

// compare holds a transcript against the real kernel's.
func compare(t *testing.T, sc scene, got map[string][]string) {
	t.Helper()
	want, known := transcripts(t)[sc.name]
	require.True(t, known, "testdata/linux.txt does not know this scene: go test -run Loopback -rewrite")
	require.NotEmpty(t, want, "a scene that says nothing shows nothing")
	require.NotContains(t, want, "SCENE BROKEN")
	require.Equal(t, want, written(got))
}
