package gearman

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/osenv"
)

// wire is a connection that takes what is written and gives what the test has put in.
type wire struct {
	net.Conn
	in io.Reader
}

func (w *wire) Read(b []byte) (int, error)       { return w.in.Read(b) }
func (w *wire) Write(b []byte) (int, error)      { return len(b), nil }
func (w *wire) Close() error                     { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// onLine gives a test a line to a server that will say these bytes.
func onLine(t testing.TB, said []byte, life func(env nodes.Env, l *line)) {
	host := osenv.New(osenv.Options{Log: slog.New(slog.DiscardHandler), Seed: 1})
	require.NoError(t, host.Run(func(env nodes.Env) error {
		c := &client{env: env, config: DefaultClientConfig()}
		c.config.Servers, c.config.BackoffMin, c.config.BackoffMax = []nodes.NodeName{"server"}, time.Hour, time.Hour
		c.know()
		life(env, c.servers.All()[0].Take(&wire{in: &slow{said}}))
		return nil
	}))
}

// slow hands out bytes, then the end.
type slow struct{ left []byte }

func (s *slow) Read(b []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.left)
	s.left = s.left[n:]
	return n, nil
}

// If this failed, a call could be left waiting for ever, or be told twice, when its connection ends.
func TestEveryCallOnALineEnds(t *testing.T) {
	said := Append(nil, Response, JobCreated, []byte("H:1"))
	said = Append(said, Response, JobCreated, []byte("H:2"))
	onLine(t, said, func(env nodes.Env, l *line) {
		foreground := &call{request: SubmitJob, args: make([][]byte, 3), awaits: true}
		background := &call{request: SubmitJobBG, args: make([][]byte, 3)}
		status := &call{request: GetStatus, args: make([][]byte, 1)}
		for _, c := range []*call{foreground, background, status} {
			l.send(c)
		}
		l.read()
		require.True(t, foreground.done && background.done && status.done)
		require.ErrorIs(t, foreground.err, io.EOF)
		require.Equal(t, "H:1", foreground.handle)
		require.NoError(t, background.err)
		require.Equal(t, "H:2", background.handle)
		require.ErrorIs(t, status.err, io.EOF)
		late := &call{request: SubmitJob, args: make([][]byte, 3)}
		l.do(late)
		require.ErrorIs(t, late.err, net.ErrClosed)
		require.False(t, late.sent)
		require.Nil(t, l.remote.Line())
		require.Positive(t, l.remote.Wait())
	})
}

// If this failed, a server could crash its clients, or keep them waiting, by what it says.
func FuzzLine(f *testing.F) {
	for _, t := range []Type{JobCreated, WorkComplete, WorkFail, StatusRes, Error, OptionRes, EchoRes, WorkData, Noop} {
		args := make([][]byte, forms[t].args)
		for i := range args {
			args[i] = []byte("H:1")
		}
		f.Add(Append(Append(nil, Response, JobCreated, []byte("H:1")), Response, t, args...))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		onLine(t, said, func(env nodes.Env, l *line) {
			var calls []*call
			for _, request := range []Type{SubmitJob, SubmitJobBG, GetStatus, OptionReq, EchoReq, SubmitJob} {
				c := &call{request: request, args: make([][]byte, forms[request].args), awaits: request == SubmitJob}
				calls = append(calls, c)
				l.send(c)
			}
			l.read()
			for _, c := range calls {
				require.True(t, c.done)
				require.True(t, c.err != nil || c.answer != 0)
			}
			require.Empty(t, l.asked)
			require.Empty(t, l.outbox)
			require.Empty(t, l.jobs)
		})
	})
}

// If this failed, a server could crash its workers by the jobs that it hands out.
func FuzzAssignment(f *testing.F) {
	f.Add(uint32(JobAssign), []byte("H:1\x00wc\x00a\nb"))
	f.Add(uint32(JobAssignUniq), []byte("H:1\x00wc\x00u\x00a\nb"))
	f.Add(uint32(JobAssignAll), []byte("H:1\x00wc\x00u\x00reverse\x00a\nb"))
	f.Fuzz(func(t *testing.T, number uint32, data []byte) {
		packet := Packet{Magic: Response, Type: Type(number), Data: data}
		a, err := assigned(packet)
		if err != nil {
			require.True(t, errors.Is(err, ErrArguments))
			return
		}
		_ = a.result("ann")
	})
}
