package ask_test

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/osenv"
)

// line is a connection on which nothing is said.
type line struct {
	remote *ask.Remote[*line]
	stream net.Conn
	ended  error
}

func (l *line) Fail(err error) {
	if l.ended == nil {
		l.ended = err
		_ = l.stream.Close()
		l.remote.Lost(err)
	}
}

func (l *line) read() {
	var b [1]byte
	_, err := l.stream.Read(b[:])
	l.Fail(err)
}

// knowing gives a story a client of two servers, of which the first is away.
func knowing(t *testing.T, story func(env nodes.Env, s *ask.Servers[*line])) {
	away, here := listen(t), listen(t)
	require.NoError(t, away.Close())
	host := osenv.New(osenv.Options{Seed: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, host.Run(func(env nodes.Env) error {
		story(env, ask.Know(env, ask.Options[*line]{
			Timeout: time.Second, BackoffMin: time.Hour, BackoffMax: time.Hour,
			Address: func(server string) string { return server },
			Open:    func(r *ask.Remote[*line], stream net.Conn) *line { return &line{remote: r, stream: stream} },
			Read:    (*line).read,
		}, []nodes.NodeName{nodes.NodeName(away.Addr().String()), nodes.NodeName(here.Addr().String())}))
		return nil
	}))
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func equal(*ask.Remote[*line]) int { return 0 }

// If this failed, a client would not come by a server that is there while its preferred one is not, or would never leave
// the latter alone.
func TestARequestGetsALineToAServerThatIsThere(t *testing.T) {
	knowing(t, func(env nodes.Env, s *ask.Servers[*line]) {
		away, here := s.All()[0], s.All()[1]
		l := s.Reach(away, equal)
		require.NotNil(t, l)
		require.Equal(t, here, l.remote)
		require.Positive(t, away.Wait(), "it could not be reached, and is left alone")
		require.Same(t, l, s.Reach(nil, equal))
		l.Fail(errors.New("it is over"))
		require.Nil(t, here.Line())
		require.Positive(t, here.Wait())
	})
}

// If this failed, a client would end while it still waits for an answer, or leave its connections open.
func TestTheEndWaitsForWhatIsUnderWay(t *testing.T) {
	knowing(t, func(env nodes.Env, s *ask.Servers[*line]) {
		l, ended, answered, came := s.Reach(nil, equal), 0, false, env.NewCond()
		until := func() {
			for !answered {
				_ = came.Wait()
			}
			ended++
		}
		s.Begin("one", until)
		env.Go("two", func() { s.During(until) })
		for s.InFlight() < 2 {
			require.NoError(t, env.Sleep(time.Millisecond))
		}
		env.AfterFunc(time.Millisecond, func() { answered = true; came.Broadcast() })
		require.Zero(t, ended)
		require.NoError(t, s.Stop())
		require.Equal(t, 2, ended)
		require.True(t, s.Stopping())
		require.Error(t, l.ended)
		require.Nil(t, s.Reach(nil, equal), "nothing new is begun")
	})
}
