package front_test

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/kv/front"
	"simrun/nodes/osenv"
	"simrun/nodes/resp"
)

// late is a backend that answers what it has gathered all at once, the last first.
type late struct {
	t     *testing.T
	env   nodes.Env
	held  []*front.Call
	kinds map[bool]int // under way, by whether they write
	seen  []string

	padding int // of each answer
}

func (b *late) Info() []front.Section { return nil }

func (b *late) Do(c *front.Call) {
	b.kinds[c.Is(kv.Write)]++
	if b.kinds[true] > 0 && b.kinds[false] > 0 {
		b.t.Error("a read and a write of one connection are under way together")
	}
	b.seen = append(b.seen, fmt.Sprintf("%s asking=%v", c.Name, c.Asking))
	b.held = append(b.held, c)
	if len(b.held) > 1 {
		return
	}
	b.env.AfterFunc(5*time.Millisecond, func() {
		held := b.held
		b.held = nil
		for i := len(held) - 1; i >= 0; i-- {
			b.kinds[held[i].Is(kv.Write)]--
			held[i].Reply(resp.AppendBulk(nil, fmt.Sprintf("answer to %d", i)+strings.Repeat(".", b.padding)))
		}
	})
}

// If this failed, a client would take the answer to one command for the answer to another.
func TestAnswersLeaveInTheOrderOfTheirCommands(t *testing.T) {
	b := &late{t: t, kinds: map[bool]int{}}
	serving(t, front.Options{}, b, func(stream net.Conn, in *resp.Reader) {
		var out []byte
		for range 3 {
			out = resp.AppendCommand(out, "GET", "a")
		}
		out = resp.AppendCommand(out, "PING")
		out = resp.AppendCommand(out, "ASKING")
		for range 3 {
			out = resp.AppendCommand(out, "SET", "a", "1")
		}
		out = resp.AppendCommand(out, "GET", "a")
		_, err := stream.Write(out)
		require.NoError(t, err)
		for _, want := range []string{`"answer to 0"`, `"answer to 1"`, `"answer to 2"`, "+PONG", "+OK", `"answer to 0"`, `"answer to 1"`, `"answer to 2"`, `"answer to 0"`} {
			v, err := in.ReadReply()
			require.NoError(t, err)
			require.Equal(t, want, v.String())
		}
	})
	require.Equal(t, []string{"GET asking=false", "GET asking=false", "GET asking=false", "SET asking=true", "SET asking=false", "SET asking=false", "GET asking=false"}, b.seen)
}

// If this failed, a client that asks for many large values at once, and reads all that it is sent, would be taken for one that
// does not read.
func TestManyLargeValuesAtOnce(t *testing.T) {
	const count, size = 50, 30 << 10
	b := &late{t: t, kinds: map[bool]int{}, padding: size}
	options := front.Options{MaxOutput: 128 << 10, Expected: func(*kv.Request) int { return size }}
	serving(t, options, b, func(stream net.Conn, in *resp.Reader) {
		var out []byte
		for range count {
			out = resp.AppendCommand(out, "GET", "a")
		}
		_, err := stream.Write(out)
		require.NoError(t, err)
		for range count {
			v, err := in.ReadReply()
			require.NoError(t, err)
			require.Greater(t, len(v.Text), size)
		}
	})
}

// serving has a backend served to one client, on a real socket.
func serving(t *testing.T, options front.Options, b *late, client func(net.Conn, *resp.Reader)) {
	host := osenv.New(osenv.Options{Seed: 1, Log: slog.New(slog.DiscardHandler)})
	where, ended := make(chan string, 1), make(chan error, 1)
	options.Listen = "127.0.0.1:0"
	go func() {
		ended <- host.Run(func(env nodes.Env) error {
			b.env = env
			f, err := front.New(env, options, b)
			if err != nil {
				return err
			}
			where <- f.Addr().String()
			env.Go("accept", f.Serve)
			err = env.AwaitStop()
			f.Close(time.Second)
			return err
		})
	}()
	stream, err := net.Dial("tcp", <-where)
	require.NoError(t, err)
	defer stream.Close()
	require.NoError(t, stream.SetDeadline(time.Now().Add(20*time.Second)))
	client(stream, resp.NewReader(stream, resp.Limits{}))
	host.Stop()
	require.NoError(t, <-ended)
}
