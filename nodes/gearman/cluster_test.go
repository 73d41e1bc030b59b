package gearman

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// rig is a server on a machine of its own.
type rig struct {
	t       testing.TB
	config  *ServerConfig
	dir     string
	byHand  bool                    // its timers wait until the test lets time pass
	disk    func(nodes.FS) nodes.FS // what the server takes for its disk
	log     lockedBuffer
	host    *osenv.Host
	ended   chan error
	address string
	control string
}

// start runs a server on data of its own.
func start(t testing.TB, config func(*ServerConfig)) *rig {
	r := &rig{t: t, config: DefaultServerConfig(), dir: t.TempDir()}
	if config != nil {
		config(r.config)
	}
	r.start()
	t.Cleanup(func() {
		if r.host != nil {
			r.crash()
		}
	})
	return r
}

// start begins a life of the server.
func (r *rig) start() {
	r.t.Helper()
	require.NoError(r.t, r.tryStart())
}

func (r *rig) tryStart() error {
	r.config.Listen = "127.0.0.1:0"
	require.NoError(r.t, r.config.Validate())
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	r.host = osenv.New(osenv.Options{Host: "test", DataDir: r.dir, Log: log, Seed: 7})
	r.ended = make(chan error, 1)
	listening := make(chan string, 1)
	host, ended := r.host, r.ended
	go func() {
		ended <- host.Run(func(env nodes.Env) error {
			disk := env.FS()
			if r.disk != nil {
				disk = r.disk(disk)
			}
			v := newServer(&rigEnv{Env: env, byHand: r.byHand, listening: listening, disk: disk}, r.config)
			r.control = v.watch()
			return v.run()
		})
	}()
	select {
	case r.address = <-listening:
		return nil
	case err := <-r.ended:
		r.host = nil
		return err
	}
}

// watch serves questions of the test about the server: a line with a number is answered once nothing waits for the
// journal, and there are so many connections; one with a duration once so much time has passed.
func (v *server) watch() (address string) {
	listener, err := v.env.(*rigEnv).Env.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	v.env.Go("watch", func() {
		for {
			stream, err := listener.Accept()
			if err != nil {
				return
			}
			v.env.Go("answer", func() {
				defer stream.Close()
				line, err := NewReader(stream, 0).ReadLine()
				if err != nil {
					return
				}
				if d, err := time.ParseDuration(string(line)); err == nil && d > 0 {
					v.env.(*rigEnv).pass(d)
				} else {
					v.quiesce(string(line))
				}
				_, _ = stream.Write([]byte("\n"))
			})
		}
	})
	return listener.Addr().String()
}

func (v *server) quiesce(sessions string) {
	n, _ := strconv.Atoi(sessions)
	for v.unsynced > 0 || len(v.sessions) != n {
		_ = v.env.(*rigEnv).Env.Sleep(time.Millisecond)
	}
}

// quiesce waits until the server has so many connections, and nothing waits for the journal.
func (r *rig) quiesce(sessions int) {
	r.t.Helper()
	r.watched(sessions)
}

// pass lets so much time pass for the server.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	r.watched(d)
}

func (r *rig) watched(question any) {
	r.t.Helper()
	stream, err := net.Dial("tcp", r.control)
	require.NoError(r.t, err)
	defer stream.Close()
	_ = stream.SetDeadline(time.Now().Add(longEnough))
	_, err = fmt.Fprintln(stream, question)
	require.NoError(r.t, err)
	_, err = stream.Read(make([]byte, 1))
	require.NoError(r.t, err, "%v was expected: %s", question, r.host.State())
}

// longEnough is how long a test waits for what must come. Nothing takes so long.
const longEnough = time.Minute

// crash kills the server, as kill -9 does.
func (r *rig) crash() {
	r.host.Kill()
	<-r.ended
	r.host = nil
}

// stop asks it to end, as SIGTERM does.
func (r *rig) stop() error {
	r.host.Stop()
	err := <-r.ended
	r.host = nil
	return err
}

// dial connects to the server.
func (r *rig) dial() *peer {
	r.t.Helper()
	stream, err := net.Dial("tcp", r.address)
	require.NoError(r.t, err)
	p := &peer{t: r.t, Conn: NewConn(stream, nil, 0)}
	r.t.Cleanup(func() { stream.Close() })
	return p
}

// peer is a client or worker that a test plays itself.
type peer struct {
	t testing.TB
	*Conn
}

// ask sends a request.
func (p *peer) ask(t Type, args ...string) {
	p.t.Helper()
	require.NoError(p.t, p.WriteRequest(t, raw(args)...))
}

func raw(args []string) (bytes [][]byte) {
	for _, a := range args {
		bytes = append(bytes, []byte(a))
	}
	return
}

// hear waits for a response, whose arguments it returns, and fails if it is another.
func (p *peer) hear(want Type) []string {
	p.t.Helper()
	got, args := p.next()
	require.Equal(p.t, want, got, "%s %q", got, args)
	return args
}

func (p *peer) next() (Type, []string) {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(longEnough))
	packet, err := p.ReadPacket()
	require.NoError(p.t, err)
	require.Equal(p.t, Response, packet.Magic)
	args, err := packet.Args()
	require.NoError(p.t, err)
	var words []string
	for i := range forms[packet.Type].args {
		words = append(words, string(args[i]))
	}
	return packet.Type, words
}

// isClosed waits for the end of the stream.
func (p *peer) isClosed() {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(longEnough))
	_, err := p.ReadPacket()
	require.Error(p.t, err)
	require.NotErrorIs(p.t, err, os.ErrDeadlineExceeded)
}

// settle waits until all that the server has to say to this peer has come, and returns it.
func (p *peer) settle() (heard []string) {
	p.ask(EchoReq, "settle")
	for {
		t, args := p.next()
		if t == EchoRes && args[0] == "settle" {
			return heard
		}
		heard = append(heard, sentence(t, args))
	}
}

// admin sends a line of the text protocol and returns the answer: a line, or lines up to a dot.
func (r *rig) admin(line string) string {
	r.t.Helper()
	p := r.dial()
	defer p.Close()
	return p.text(line)
}

func (p *peer) text(line string) string {
	p.t.Helper()
	_, err := io.WriteString(p.Conn.Conn, line+"\n")
	require.NoError(p.t, err)
	_ = p.SetReadDeadline(time.Now().Add(longEnough))
	var answer strings.Builder
	word, rest, _ := strings.Cut(strings.ToLower(strings.TrimSpace(line)), " ")
	list := word == "status" || word == "workers" || word == "prioritystatus" ||
		word == "show" && (strings.TrimSpace(rest) == "jobs" || strings.TrimSpace(rest) == "unique jobs")
	for {
		text, err := p.ReadLine()
		require.NoError(p.t, err)
		answer.Write(text)
		answer.WriteByte('\n')
		if !list || string(text) == "." {
			return answer.String()
		}
	}
}

// lockedBuffer is a log that a test can read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
