package parity

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"simrun/nodes"
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

// part is what a side does with the connection between them, one verb after the other: "write hello; meet; read".
func part(verbs string) func(s *side) {
	return func(s *side) {
		c := s.connect()
		for verb := range strings.SplitSeq(verbs, "; ") {
			s.act(c, verb)
		}
	}
}

func (s *side) act(c net.Conn, verb string) {
	if text, ok := strings.CutPrefix(verb, "write "); ok {
		s.write(c, text)
		return
	}
	acts := map[string]func(){
		"meet": s.meet, "settle": s.settle, "read": func() { s.read(c) }, "drain": func() { s.drain(c) }, "drain some": func() { s.drainSome(c) },
		"close": func() { s.close(c) }, "close write": func() { s.closeWrite(c) }, "reset": func() { s.reset(c) },
		"strike kill": func() { s.strike(kill) }, "strike pause": func() { s.strike(pause) },
	}
	if acts[verb] == nil {
		s.must(fmt.Errorf("no such verb: %s", verb))
	}
	acts[verb]()
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

// writePlenty writes more than there is room for, and returns how much of it was written.
func (s *side) writePlenty(c net.Conn) int {
	n, err := c.Write(make([]byte, plenty))
	s.did("write", err)
	return n
}

func (s *side) close(c io.Closer) { s.did("close", c.Close()) }

func (s *side) closeWrite(c net.Conn) { s.did("close write", c.(nodes.HalfCloser).CloseWrite()) }

// unlinger lets the next close of a connection be a reset.
func (s *side) unlinger(c net.Conn) {
	s.did("linger", c.(interface{ SetLinger(int) error }).SetLinger(0))
}

func (s *side) reset(c net.Conn) {
	s.unlinger(c)
	s.close(c)
}
