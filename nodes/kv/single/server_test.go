package single_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv/single"
	"simrun/nodes/osenv"
	"simrun/nodes/resp"
)

// rig is a server on loopback, over data that outlives it.
type rig struct {
	t      testing.TB
	data   string
	config *single.Config
	host   *osenv.Host
	ended  chan error
	where  string
}

func start(t testing.TB, change func(c *single.Config)) *rig {
	r := &rig{t: t, data: t.TempDir(), config: single.DefaultConfig()}
	r.config.Listen = "127.0.0.1:0"
	if change != nil {
		change(r.config)
	}
	r.start()
	t.Cleanup(func() { r.host.Kill() })
	return r
}

// listening tells where a server of an Env listens.
type listening struct {
	nodes.Env
	where chan string
}

func (l listening) Listen(network, address string) (net.Listener, error) {
	listener, err := l.Env.Listen(network, address)
	if err == nil {
		l.where <- listener.Addr().String()
	}
	return listener, err
}

func (r *rig) start() {
	r.t.Helper()
	r.host, r.ended = osenv.New(osenv.Options{Host: "store", DataDir: r.data, Seed: 1, Log: slog.New(slog.DiscardHandler)}), make(chan error, 1)
	where := make(chan string, 1)
	go func(host *osenv.Host, ended chan error) {
		ended <- host.Run(func(env nodes.Env) error { return single.Server.Main(listening{env, where}, r.config) })
	}(r.host, r.ended)
	select {
	case r.where = <-where:
	case err := <-r.ended:
		r.t.Fatal("the server ended: ", err)
	}
}

// peer is a connection to it.
type peer struct {
	t testing.TB
	net.Conn
	in *resp.Reader
}

func (r *rig) dial() *peer {
	r.t.Helper()
	stream, err := net.Dial("tcp", r.where)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { stream.Close() })
	require.NoError(r.t, stream.SetDeadline(time.Now().Add(30*time.Second)))
	return &peer{r.t, stream, resp.NewReader(stream, resp.Limits{})}
}

// send sends commands, each a line of words, all at once.
func (p *peer) send(lines ...string) {
	var out []byte
	for _, line := range lines {
		out = resp.AppendCommand(out, strings.Fields(line)...)
	}
	_, err := p.Write(out)
	require.NoError(p.t, err)
}

func (p *peer) hear() string {
	p.t.Helper()
	v, err := p.in.ReadReply()
	require.NoError(p.t, err)
	return v.String()
}

func (p *peer) do(line string) string {
	p.t.Helper()
	p.send(line)
	return p.hear()
}

// isClosed says whether the server has hung up.
func (p *peer) isClosed() {
	p.t.Helper()
	_, err := p.in.ReadReply()
	require.Error(p.t, err)
}

// If this failed, what clients ask of a server before and beside their work would put them off.
func TestClientsAreToldWhatTheyAskFirst(t *testing.T) {
	r := start(t, nil)
	p := r.dial()
	for line, want := range map[string]string{
		"PING": "+PONG", "PING hello": `"hello"`, "ECHO x": `"x"`, "SELECT 0": "+OK", "SELECT 1": "-ERR DB index is out of range",
		"HELLO 3": "-NOPROTO unsupported protocol version", "AUTH x": "-ERR Client sent AUTH, but no password is set",
		"CLIENT SETINFO LIB-NAME go-redis(,go1.26)": "+OK", "CLIENT GETNAME": "(nil)", "CLIENT ID": "1", "CLIENT KILL x": "-ERR unknown subcommand 'KILL'. Try CLIENT HELP.",
		"CLIENT": "-ERR wrong number of arguments for 'client' command", "COMMAND DOCS": "[]", "COMMAND INFO get nothing": `[["get" 2 [+readonly] 1 1 1] (nil)]`,
		"CONFIG GET save": `["save" ""]`, "CONFIG GET append*": `["appendfsync" "always" "appendonly" "yes"]`, "CONFIG SET save x": "-ERR unknown subcommand 'SET'. Try CONFIG HELP.",
		"CONFIG HELP": `[+CONFIG <subcommand> [<arg> ...]. Subcommands are: +GET pattern [pattern ...]]`,
		"WAIT 0 0":    "0", "CLUSTER SLOTS": "-ERR This instance has cluster support disabled", "READONLY": "+OK", "INFO keyspace": `"# Keyspace\r\ndb0:keys=0,version=0,digest=0000000000000000\r\n"`,
		"HELLO": fmt.Sprintf(`["server" "simrun" "version" "7.0.15" "proto" 2 "id" 1 "mode" "standalone" "modules" []]`),
	} {
		require.Equal(t, want, p.do(line), line)
	}
	require.Equal(t, "+OK", p.do("CLIENT SETNAME me"))
	require.Contains(t, p.do("CLIENT LIST"), "name=me")
	require.Contains(t, p.do("INFO"), "role:master")
	require.Equal(t, "+OK", p.do("QUIT"))
	p.isClosed()
}

// If this failed, half of what a client wants done together would be done, and it would be told that none of it is; or whoever opens
// a web page would write to a store.
func TestWhatIsMeantForAnotherServerIsNotDone(t *testing.T) {
	r := start(t, nil)
	for _, sent := range []string{"MULTI\r\nSET a 1\r\nEXEC", "POST / HTTP/1.1\r\nHost: here\r\n\r\nSET a 1", "GET / HTTP/1.1\r\nHost: here\r\n\r\nSET a 1"} {
		p := r.dial()
		_, err := p.Write([]byte(sent + "\r\n"))
		require.NoError(t, err)
		require.Contains(t, p.hear(), "-ERR", sent)
		for range 3 { // the end may come behind a second error
			if _, err = p.in.ReadReply(); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, io.EOF, sent)
	}
	require.Equal(t, "(nil)", r.dial().do("GET a"))
}

// If this failed, a client that sends many commands at once would see answers out of order, or not what it wrote.
func TestAPipelineIsAnsweredInItsOrder(t *testing.T) {
	r := start(t, nil)
	p := r.dial()
	var lines []string
	for n := range 3000 {
		lines = append(lines, fmt.Sprintf("INCR n%d", n%7), "PING", fmt.Sprintf("GET n%d", n%7), "NONSENSE")
	}
	go p.send(lines...)
	for n := range 3000 {
		require.Equal(t, fmt.Sprint(n/7+1), p.hear())
		require.Equal(t, "+PONG", p.hear())
		require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(n/7+1)), p.hear())
		require.Contains(t, p.hear(), "-ERR unknown command")
	}
	p.send("SET last 1", "GET last")
	require.NoError(t, p.Conn.(interface{ CloseWrite() error }).CloseWrite())
	require.Equal(t, "+OK", p.hear(), "one that has said all is still answered")
	require.Equal(t, `"1"`, p.hear())
	p.isClosed()
}

// If this failed, a server would forget what it has acknowledged, sessions included, when it is killed.
func TestWhatIsAcknowledgedOutlivesTheServer(t *testing.T) {
	r := start(t, func(c *single.Config) { c.Segment, c.Compact = 4<<10, 4<<10 })
	p := r.dial()
	require.Equal(t, "1", p.do("ONCE OPEN"))
	for n := range 400 {
		require.Equal(t, "+OK", p.do(fmt.Sprintf("SET key-%d value-%d", n%50, n)))
	}
	require.Equal(t, "1", p.do("ONCE 1 1 INCR n"))
	r.host.Kill()
	<-r.ended
	r.start()
	p = r.dial()
	require.Equal(t, "1", p.do("ONCE 1 1 INCR n"))
	require.Equal(t, `"1"`, p.do("GET n"))
	require.Equal(t, "51", p.do("DBSIZE"))
	require.Equal(t, `"value-399"`, p.do("GET key-49"))
	r.host.Stop()
	require.NoError(t, <-r.ended)
}

// If this failed, a stranger could make the server hold memory, or keep it from others, without end.
func TestEverythingAPeerCanGrowHasALimit(t *testing.T) {
	t.Run("connections", func(t *testing.T) {
		r := start(t, func(c *single.Config) { c.MaxClients = 1 })
		p := r.dial()
		require.Equal(t, "+PONG", p.do("PING"))
		refused := r.dial()
		require.Equal(t, "-ERR max number of clients reached", refused.hear())
		refused.isClosed()
	})
	t.Run("requests", func(t *testing.T) {
		r := start(t, func(c *single.Config) { c.MaxRequest = 1 << 10 })
		p := r.dial()
		p.send("PING", "ECHO "+strings.Repeat("x", 2<<10))
		require.Equal(t, "+PONG", p.hear())
		require.Equal(t, "-ERR Protocol error: invalid bulk length", p.hear())
		p.isClosed()
	})
	t.Run("memory", func(t *testing.T) {
		r := start(t, func(c *single.Config) { c.MaxMemory = 1 << 10 })
		p := r.dial()
		require.Equal(t, "+OK", p.do("SET a "+strings.Repeat("x", 1<<10)))
		require.Equal(t, "-OOM command not allowed when used memory > 'maxmemory'.", p.do("SET b 1"))
		require.Equal(t, "1", p.do("DEL a"))
		require.Equal(t, "+OK", p.do("SET b 1"))
	})
	t.Run("silence", func(t *testing.T) {
		r := start(t, func(c *single.Config) { c.IdleTimeout = 500 * time.Millisecond })
		p := r.dial()
		require.Equal(t, "+PONG", p.do("PING"))
		p.isClosed()
	})
	t.Run("answers that nobody reads", func(t *testing.T) {
		r := start(t, func(c *single.Config) { c.MaxOutput = 1 << 20 })
		p := r.dial()
		require.Equal(t, "+OK", p.do("SET a "+strings.Repeat("x", 200<<10)))
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range 200 {
				if _, err := p.Write(resp.AppendCommand(nil, "GET", "a")); err != nil {
					return
				}
			}
		}()
		<-sent
		// It takes no more commands than fit, and goes on when the peer reads after all.
		other := r.dial()
		require.Equal(t, "+PONG", other.do("PING"))
		for range 200 {
			require.Len(t, p.hear(), 200<<10+2)
		}
	})
}

// Whatever comes, the server answers or closes, and goes on serving others.
func FuzzRequests(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\nset a 1\r\n"))
	f.Add([]byte("ONCE OPEN\r\nONCE 1 1 INCR a\r\nVERSIONED GET a\r\nCLIENT LIST\r\nSCAN 0\r\n"))
	r := start(f, func(c *single.Config) { c.MaxMemory = 16 << 20 })
	f.Fuzz(func(t *testing.T, stream []byte) {
		r.t = t
		p := r.dial()
		_, _ = p.Write(stream)
		_ = p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		_, _ = io.Copy(io.Discard, p.Conn)
		p.Close()
		require.Equal(t, "+PONG", r.dial().do("PING"))
	})
}

// BenchmarkSet is a pipeline of writes to the real disk, sixteen at a time.
func BenchmarkSet(b *testing.B) {
	r := start(b, nil)
	p := r.dial()
	var out []byte
	for n := range 16 {
		out = resp.AppendCommand(out, "SET", fmt.Sprint("key-", n), "a value of some length")
	}
	b.ReportAllocs()
	for b.Loop() {
		_, err := p.Write(out)
		require.NoError(b, err)
		for range 16 {
			_, err := p.in.ReadReply()
			require.NoError(b, err)
		}
	}
}
