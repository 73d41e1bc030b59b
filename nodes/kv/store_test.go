package kv

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func args(words ...string) (all [][]byte) {
	for _, w := range words {
		all = append(all, []byte(w))
	}
	return all
}

// If this failed, no server could keep anything.
func TestAStoreKeepsWhatItIsToldInItsImageToo(t *testing.T) {
	s := New()
	do := func(words ...string) string { return string(s.Apply(Order{Now: 1000}, args(words...), nil)) }
	require.Equal(t, "+OK\r\n", do("SET", "a", "1"))
	require.Equal(t, ":2\r\n", do("INCR", "a"))
	session := do("once", "open")
	require.Equal(t, ":3\r\n", session)
	require.Equal(t, ":4\r\n", do("ONCE", "3", "1", "INCRBY", "a", "2"))
	require.Equal(t, ":4\r\n", do("ONCE", "3", "1", "INCRBY", "a", "2"))
	copied, err := Decode(s.Image().Append(nil))
	require.NoError(t, err)
	require.Equal(t, s.String(), copied.String())
	require.Equal(t, ":4\r\n", string(copied.Apply(Order{Now: 1000}, args("ONCE", "3", "1", "INCRBY", "a", "2"), nil)))
	require.Equal(t, "$1\r\n4\r\n", string(copied.Read(args("GET", "a"), 0, nil)))
}
