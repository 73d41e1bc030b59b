package link

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// If this failed, a report would take a frame for another, or a damaged one for whole.
func TestFramesInWords(t *testing.T) {
	p := Protocol("peer-listen", 1, func(b []byte) nodes.Message { return nodes.Message{Name: "said", Text: nodes.Brief(b)} })
	b := appendFrame(appendHello(nil, hello{"kv", "kv/1:1"}), dataFrame, []byte("x"))
	m, n := p.Read(b, true)
	require.Equal(t, "hello kv/1:1", m.Name+" "+m.Text)
	m, rest := p.Read(b[n:], true)
	require.Equal(t, "said x", m.Name+" "+m.Text)
	require.Equal(t, len(b), n+rest)
	_, n = p.Read(b[:5], true)
	require.Zero(t, n)
	b[len(b)-1] ^= 1
	_, n = p.Read(b[len(b)-rest:], true)
	require.Negative(t, n)
}

// Whatever was sent, reading it neither fails nor takes more than there is.
func FuzzWords(f *testing.F) {
	f.Add(appendFrame(nil, pingFrame, nil))
	p := Protocol("", 1, func([]byte) nodes.Message { return nodes.Message{} })
	f.Fuzz(func(t *testing.T, b []byte) {
		_, n := p.Read(b, true)
		require.LessOrEqual(t, n, len(b))
	})
}
