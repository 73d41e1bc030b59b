package serve_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/osenv"
	"simrun/nodes/serve"
)

// paper is a stream that writes down what it is sent. It can be made to take nothing.
type paper struct {
	net.Conn
	written bytes.Buffer
	writes  int
	torn    bool
	closed  bool
}

func (p *paper) Write(b []byte) (int, error) {
	if p.writes++; p.torn {
		return 0, errors.New("torn")
	}
	return p.written.Write(b)
}
func (p *paper) Close() error         { p.closed = true; return nil }
func (p *paper) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// within runs a story as a task of a host.
func within(t require.TestingT, story func(env nodes.Env)) {
	host := osenv.New(osenv.Options{Seed: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, host.Run(func(env nodes.Env) error { story(env); return nil }))
}

// If this failed, a peer would take one answer for another, miss one, or get half of one, depending on which was found
// first.
func TestAnswersLeaveInTheOrderOfRequests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 20).Draw(t, "requests")
		order := rapid.Permutation(numbers(count)).Draw(t, "found in this order")
		lengths := rapid.SliceOfN(rapid.IntRange(0, 9000), count, count).Draw(t, "lengths")
		busy := rapid.Bool().Draw(t, "the reader sends")
		stream := &paper{}
		within(t, func(env nodes.Env) {
			var left []string
			answers := serve.NewAnswers(env, stream, serve.Options{}, 100, func(a *serve.Answer) { left = append(left, a.Moment) })
			writer := env.Go("write", answers.Write)
			answers.SetBusy(busy)
			slots, want := make([]serve.Answer, count), []byte(nil)
			for i := range slots {
				slots[i].Moment = string(rune('a' + i))
				answers.Begin(&slots[i])
				want = append(want, bytes.Repeat([]byte{byte('a' + i)}, lengths[i])...)
			}
			for n, i := range order {
				require.Equal(t, count-answers.Owed(), len(left))
				slots[i].Give(bytes.Repeat([]byte{byte('a' + i)}, lengths[i]))
				if busy && n%3 == 0 {
					answers.Flush()
				}
			}
			require.Panics(t, func() { slots[0].Give(nil) }, "an answer was given twice")
			answers.SetBusy(false)
			answers.End()
			require.NoError(t, writer.Join())
			require.Equal(t, want, append([]byte(nil), stream.written.Bytes()...))
			require.Len(t, left, count)
			require.IsNonDecreasing(t, left)
		})
		require.True(t, stream.closed)
	})
}

func numbers(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// If this failed, who asks much and reads nothing would be served until the memory is gone.
func TestWhoDoesNotReadIsNotReadFrom(t *testing.T) {
	stream := &paper{}
	within(t, func(env nodes.Env) {
		deaf := false
		answers := serve.NewAnswers(env, stream, serve.Options{MaxOutput: 4000, Deaf: func() { deaf = true }}, 3, nil)
		answers.SetBusy(true) // and never flushes, as if the peer took nothing
		var slots [4]serve.Answer
		for i := range 3 {
			require.True(t, answers.Room())
			answers.Begin(&slots[i])
		}
		require.False(t, answers.Room(), "three are under way")
		slots[0].Give(make([]byte, 1001))
		require.False(t, answers.Room(), "a quarter of what may wait waits")
		slots[2].Give(make([]byte, 2999))
		require.False(t, answers.Closed())
		slots[1].Give([]byte{1})
		require.True(t, deaf)
		require.True(t, answers.Closed())
	})
	require.True(t, stream.closed)
}

// If this failed, who asks for much at once and reads all of it would be closed for being deaf when the answers come together.
func TestWhatIsToComeTakesRoom(t *testing.T) {
	within(t, func(env nodes.Env) {
		answers := serve.NewAnswers(env, &paper{}, serve.Options{MaxOutput: 4000}, 100, nil)
		answers.SetBusy(true)
		large, small := serve.Answer{Expected: 1001}, serve.Answer{Expected: 10}
		answers.Begin(&large)
		require.False(t, answers.Room(), "a quarter of what may wait is to come")
		large.Give(make([]byte, 500))
		require.True(t, answers.Room(), "it was less")
		answers.Begin(&small)
		require.True(t, answers.Room())
		small.Give(make([]byte, 501))
		require.False(t, answers.Room(), "it was more")
		answers.Flush()
		require.True(t, answers.Room())
	})
}

// If this failed, a reader would wait for ever for an answer that came while it was about to wait, or after the end.
func TestAReaderThatWaitsIsWoken(t *testing.T) {
	within(t, func(env nodes.Env) {
		answers := serve.NewAnswers(env, &paper{}, serve.Options{}, 1, nil)
		answers.SetBusy(true)
		var slot, other serve.Answer
		answers.Begin(&slot)
		env.AfterFunc(time.Millisecond, func() { slot.Give([]byte("late")) })
		require.True(t, answers.Await(answers.Room))
		answers.Begin(&other)
		env.AfterFunc(time.Millisecond, answers.Close)
		require.False(t, answers.Await(answers.Room))
		other.Give([]byte("to nobody"))
		require.False(t, answers.Pause(func() error { return nil }))
	})
}

// If this failed, a peer that has gone would keep its writer waiting.
func TestAWriterEndsWithItsStream(t *testing.T) {
	stream := &paper{torn: true}
	within(t, func(env nodes.Env) {
		box := serve.NewOutbox(env, stream, serve.Options{})
		writer := env.Go("write", box.Write)
		box.Out = append(box.Out, "to nobody"...)
		box.Queued()
		require.NoError(t, writer.Join())
		require.True(t, box.Closed())
	})
	require.Equal(t, 1, stream.writes)
}
