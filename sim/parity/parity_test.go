// Package parity answers whether a simulated machine behaves as a real one does. Each scene is written once,
// against nodes.Env, for two hosts: a server and a client. It is played over loopback TCP and real
// files, and over the simulated network and disk, and the transcripts must agree. Those of
// testdata/linux.txt were taken down from a real kernel (go test -run Loopback -rewrite).
package parity

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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

// side is one of a scene's two hosts, on the stage.
type side struct {
	nodes.Env
	stage      stage
	scene      scene
	name       string
	control    net.Conn
	cues       *bufio.Reader
	transcript *[]string
}

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

// say adds a line to the side's transcript.
func (s *side) say(format string, a ...any) {
	*s.transcript = append(*s.transcript, fmt.Sprintf(format, a...))
}

// must ends the scene where something goes wrong that it is not about.
func (s *side) must(err error) {
	if err != nil {
		s.say("SCENE BROKEN: %v", err)
		s.Exit(err)
	}
}

// tell gives the other side a cue, and hear waits for one.
func (s *side) tell(cue string) {
	_, err := io.WriteString(s.control, cue+"\n")
	s.must(err)
}

func (s *side) hear() string {
	line, err := s.cues.ReadString('\n')
	s.must(err)
	s.settle()
	return strings.TrimSuffix(line, "\n")
}

// meet is where both sides wait for each other, and for all that is under way between them.
func (s *side) meet() {
	s.tell("here")
	s.hear()
}

func (s *side) settle() { s.must(s.Sleep(s.stage.settle())) }

// strike lets something befall the other side's process, and waits for what it sends out.
func (s *side) strike(b blow) {
	s.stage.strike(s, b)
	s.settle()
}

// in runs f as a task beside the scene.
func (s *side) in(name string, f func()) nodes.Task { return s.Go(name, f) }

// join waits for a task.
func (s *side) join(t nodes.Task) { s.must(t.Join()) }

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// listen opens a free port of the server and tells it to the client.
func (s *side) listen() net.Listener {
	l, err := s.Listen("tcp", "server:0")
	s.must(err)
	if s.scene.backlog > 0 {
		s.stage.shorten(l, s.scene.backlog)
	}
	s.tell(port(l))
	return l
}

// connect joins both sides by a connection.
func (s *side) connect() net.Conn {
	if s.name == "client" {
		c, err := s.Dial("tcp", "server:"+s.hear(), 0)
		s.must(err)
		s.meet()
		return c
	}
	l := s.listen()
	c, err := l.Accept()
	s.must(err)
	s.must(l.Close())
	s.meet()
	return c
}

// did says what a call did, and what came of it.
func (s *side) did(what string, err error) { s.say("%s: %s", what, class(err)) }

func (s *side) dial(port string, timeout time.Duration) net.Conn {
	c, err := s.Dial("tcp", "server:"+port, timeout)
	s.did("dial", err)
	return c
}

func (s *side) accept(l net.Listener) net.Conn {
	c, err := l.Accept()
	s.did("accept", err)
	return c
}

func (s *side) read(c net.Conn) {
	buffer := make([]byte, 100)
	n, err := c.Read(buffer)
	if n > 0 {
		s.did(fmt.Sprintf("read %q", buffer[:n]), err)
	} else {
		s.did("read", err)
	}
}

// drain reads until it fails, and says how much it was.
func (s *side) drain(c net.Conn) {
	n, err := readOut(c)
	s.did(fmt.Sprintf("read %d bytes", n), err)
}

// drainSome reads until it fails, where how much it was is the kernel's affair.
func (s *side) drainSome(c net.Conn) {
	n, err := readOut(c)
	s.did("read", err)
	s.say("some, not all: %v", n > 0 && n < plenty)
}

func readOut(c net.Conn) (n int, err error) {
	buffer := make([]byte, 1<<16)
	for {
		more, err := c.Read(buffer)
		n += more
		if err != nil {
			return n, err
		}
	}
}

func (s *side) write(c net.Conn, text string) {
	n, err := io.WriteString(c, text)
	if err != nil && n > 0 {
		s.say("wrote %d of it", n)
	}
	if len(text) > 100 {
		s.did(fmt.Sprintf("write %d bytes", len(text)), err)
	} else {
		s.did(fmt.Sprintf("write %q", text), err)
	}
}

func (s *side) close(c io.Closer) { s.did("close", c.Close()) }

func (s *side) closeWrite(c net.Conn) { s.did("close write", c.(nodes.HalfCloser).CloseWrite()) }

// class is what node code can find out about an error.
func class(err error) string {
	var op *net.OpError
	var path *fs.PathError
	prefix := ""
	switch {
	case errors.As(err, &op):
		prefix = op.Op + " "
	case errors.As(err, &path):
		prefix = "path "
	}
	return prefix + kind(err)
}

func kind(err error) string {
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case err == io.EOF:
		return "EOF"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &errno):
		if name := errnos[errno]; name != "" {
			return name
		}
	}
	for _, known := range []struct {
		err  error
		name string
	}{{context.Canceled, "canceled"}, {net.ErrClosed, "closed"}, {fs.ErrClosed, "file closed"}, {io.ErrUnexpectedEOF, "unexpected EOF"}} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		var timeout net.Error
		return fmt.Sprintf("deadline (timeout %v)", errors.As(err, &timeout) && timeout.Timeout())
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return "other: " + err.Error()
}

var errnos = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "ECONNREFUSED", syscall.ECONNRESET: "ECONNRESET", syscall.EPIPE: "EPIPE", syscall.ETIMEDOUT: "ETIMEDOUT",
	syscall.EADDRINUSE: "EADDRINUSE", syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL", syscall.ENOTCONN: "ENOTCONN", syscall.EINVAL: "EINVAL",
	syscall.ENOENT: "ENOENT", syscall.EEXIST: "EEXIST", syscall.ENOTDIR: "ENOTDIR", syscall.EISDIR: "EISDIR", syscall.EMSGSIZE: "EMSGSIZE",
	syscall.ENOTEMPTY: "ENOTEMPTY", syscall.EWOULDBLOCK: "EWOULDBLOCK", syscall.EBADF: "EBADF", syscall.EMFILE: "EMFILE",
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
