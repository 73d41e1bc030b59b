package netmodel_test

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A stream that does not carry what was written, in both directions, is none.
func TestStreamCarriesBytesBothWays(t *testing.T) {
	w, c, s := pair(t)
	write(t, c, "hello ")
	write(t, c, "world")
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(time.Millisecond)
	wantRead(t, s, "hello world", syscall.EAGAIN)
	write(t, s, "and back")
	w.pass(time.Millisecond)
	wantRead(t, c, "and back", syscall.EAGAIN)
}

// A close must be seen as the end of the stream after the last byte, and leave nothing behind.
func TestCloseIsSeenAfterTheLastByte(t *testing.T) {
	w, c, s := pair(t)
	write(t, c, "last words")
	require.NoError(t, c.Close())
	w.pass(time.Millisecond)
	wantRead(t, s, "last words", io.EOF)
	require.NoError(t, s.Close())
	w.settle()
	require.Zero(t, w.net.Counts().Connections)
	require.Zero(t, w.net.Counts().Buffered)
}
