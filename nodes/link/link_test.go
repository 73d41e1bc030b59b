package link_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/link"
	"simrun/sim"
)

// pair is two servers in a world: each life of a sends numbers to b, one each millisecond, and b keeps what comes.
type pair struct {
	*sim.World
	a, b    *sim.Host
	link    *link.Link // of a's present life
	heard   []string
	refused int
	payload int // bytes beside the number
	deaf    time.Duration
}

func newPair(t *testing.T, change func(*pair, *link.Options)) *pair {
	p := &pair{World: sim.New(sim.Options{Seed: 7})}
	t.Cleanup(p.Close)
	site := p.AddSite("here", p.AddSupplier("grid"), 0)
	options := func(self string) link.Options {
		o := link.Options{Self: self + ":9", Listen: ":9", Cluster: "c", Silence: time.Second}
		if change != nil {
			change(p, &o)
		}
		return o
	}
	life := 0
	p.a = p.AddHost(sim.HostOptions{Name: "a", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		life++
		l, err := link.Open(env, options("a"), func(string, []byte) {})
		if err != nil {
			return err
		}
		p.link = l
		l.Reach([]string{"b:9"})
		for n := 0; ; n++ {
			if !l.Send("b:9", fmt.Appendf(nil, "%d.%d %s", life, n, bytes.Repeat([]byte("x"), p.payload))) {
				p.refused++
			}
			if err := env.Sleep(time.Millisecond); err != nil {
				return err
			}
		}
	}})
	p.b = p.AddHost(sim.HostOptions{Name: "b", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		l, err := link.Open(env, options("b"), func(from string, payload []byte) {
			require.Equal(t, "a:9", from)
			p.heard = append(p.heard, string(bytes.Fields(payload)[0]))
			if p.deaf > 0 {
				_ = env.Sleep(p.deaf)
			}
		})
		if err != nil {
			return err
		}
		l.Reach([]string{"a:9"})
		return env.AwaitStop()
	}})
	return p
}

// inOrder says that nothing came twice or late.
func (p *pair) inOrder(t *testing.T) {
	t.Helper()
	life, last := 0, -1
	for _, word := range p.heard {
		var l, n int
		_, err := fmt.Sscanf(word, "%d.%d", &l, &n)
		require.NoError(t, err)
		require.True(t, l > life || l == life && n > last, "%s came after %d.%d", word, life, last)
		life, last = l, n
	}
}

// lately is how many frames came in the last stretch of time.
func (p *pair) lately(d time.Duration) int {
	before := len(p.heard)
	p.Run(p.Now() + d)
	return len(p.heard) - before
}

// If this failed, servers would not hear each other, or out of order.
func TestWhatIsSentArrivesInOrder(t *testing.T) {
	p := newPair(t, nil)
	p.Run(time.Second)
	require.Greater(t, len(p.heard), 900)
	p.inOrder(t)
	require.Zero(t, p.link.Tally().Silent)
	require.True(t, p.link.Connected("b:9"))
}

// If this failed, a server that was killed would have to wait for an operator until the others speak to it again.
func TestWhoComesBackIsReachedAgain(t *testing.T) {
	p := newPair(t, nil)
	p.Run(time.Second)
	crash := p.b.Crash()
	p.Run(10 * time.Second)
	require.Positive(t, p.refused, "a peer that cannot be reached is said to be so")
	crash.End()
	require.Greater(t, p.lately(time.Second), 800, "it calls itself, and is dialled at once")
	p.a.Crash().End()
	require.Greater(t, p.lately(time.Second), 900)
	p.inOrder(t)
}

// If this failed, a machine that died without a word would keep its peers talking to nobody for a quarter of an hour, and
// TCP's backoff would outlive the silence.
func TestSilenceEndsAConnection(t *testing.T) {
	p := newPair(t, nil)
	p.Run(time.Second)
	pause := p.b.PauseMachine()
	p.Run(20 * time.Second)
	require.Positive(t, p.link.Tally().Silent)
	pause.End()
	require.Greater(t, p.lately(4*time.Second), 1000)
	p.inOrder(t)
}

// If this failed, a peer that does not keep up would take all memory, or what it missed would be missing in the
// middle without a word.
func TestAFullQueueRefusesTheNewest(t *testing.T) {
	p := newPair(t, func(p *pair, o *link.Options) {
		o.QueueBytes, p.payload, p.deaf = 64<<10, 10_000, 20*time.Millisecond
	})
	p.Run(5 * time.Second)
	require.Positive(t, p.refused)
	require.Greater(t, len(p.heard), 200)
	p.inOrder(t)
	require.Equal(t, uint64(p.refused), p.link.Tally().Refused)
}

// If this failed, two clusters whose addresses were mixed up would mix their data.
func TestAnotherClusterIsRefused(t *testing.T) {
	p := newPair(t, func(p *pair, o *link.Options) { o.Cluster = "cluster of " + o.Self })
	p.Run(5 * time.Second)
	require.Empty(t, p.heard)
	require.Positive(t, p.link.Tally().Malformed)
	require.False(t, p.link.Connected("b:9"))
}

// If this failed, anything that reaches the port, a port scan even, could stop a server or hold its memory.
func TestStrangersAreHeardOutAndShownTheDoor(t *testing.T) {
	p := newPair(t, nil)
	closed := 0
	p.AddHost(sim.HostOptions{Name: "stranger", Site: p.b.Site, NeverRestart: true, Main: func(env nodes.Env) error {
		for n := range 300 {
			c, err := env.Dial("tcp", "b:9", time.Second)
			if err != nil {
				return err
			}
			b := make([]byte, env.Rand().IntN(200))
			for i := range b {
				b[i] = byte(env.Rand().Uint32())
			}
			if n%3 == 0 {
				b = append([]byte{byte(n), 0, 0, 0}, b...) // a small length at least
			}
			_, _ = c.Write(b)
			_ = c.(nodes.HalfCloser).CloseWrite()
			_ = c.SetReadDeadline(env.Now().Add(3 * time.Second))
			for err == nil {
				_, err = c.Read(make([]byte, 100))
			}
			closed++
			_ = c.Close()
		}
		return nil
	}})
	p.Run(30 * time.Second)
	require.Equal(t, 300, closed)
	require.Greater(t, len(p.heard), 29_000)
	require.Empty(t, p.Findings())
}

// If this failed, a peer that was taken out of the cluster would still be spoken to.
func TestWhoIsNoPeerAnyMoreIsLeftAlone(t *testing.T) {
	p := newPair(t, nil)
	p.Run(time.Second)
	p.link.Reach(nil)
	p.Run(2 * time.Second)
	require.Zero(t, p.lately(time.Second))
	p.link.Reach([]string{"b:9", "a:9"})
	require.Equal(t, []string{"b:9"}, p.link.Peers(), "nobody is a peer of itself")
	require.Greater(t, p.lately(time.Second), 900)
	p.inOrder(t)
}
