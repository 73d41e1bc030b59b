package resp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a report reads of a stream is what was put into it.
func TestRequestsAndRepliesInWords(t *testing.T) {
	for _, c := range []struct {
		asked     bool
		sent, say string
	}{
		{true, "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$3\r\na b\r\n", `SET k "a b"`}, {true, "PING\r\n", "PING "},
		{false, "+OK\r\n", "OK "}, {false, "-MOVED 866 b:6379\r\n", "MOVED 866 b:6379"}, {false, ":41\r\n", "number 41"},
		{false, "$1\r\nx\r\n", "value x"}, {false, "$-1\r\n", "nothing "}, {false, "*2\r\n$1\r\nx\r\n:31\r\n", "value x 31"}, {false, "*0\r\n", "nothing "},
	} {
		m, n := readWords([]byte(c.sent+"*"), c.asked)
		require.Equal(t, len(c.sent), n, c.sent)
		require.Equal(t, c.say, m.Name+" "+m.Text)
		_, n = readWords([]byte(c.sent[:len(c.sent)-1]), c.asked)
		require.Zero(t, n, c.sent)
	}
	_, n := readWords([]byte("*x\r\n"), true)
	require.Negative(t, n)
}

// Whatever was sent, reading it neither fails nor goes on for ever.
func FuzzWords(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), true)
	f.Add([]byte("*1\r\n*1\r\n:1\r\n"), false)
	f.Fuzz(func(t *testing.T, b []byte, asked bool) {
		for len(b) > 0 {
			_, n := readWords(b, asked)
			require.LessOrEqual(t, n, len(b))
			if n <= 0 {
				return
			}
			b = b[n:]
		}
	})
}
