// Package serve answers how a server deals with those who connect to it: it lets them in, sends what it has for each, in
// the order of what they asked, and lets none of them hold it up or fill its memory.
//
// A connection has two tasks. The reader takes requests one after the other; the writer sends answers that came late, or
// are many. A few answers that are there at once the reader sends itself, so that the usual exchange costs no wakeup. An
// Outbox is what both share; Answers are an outbox on which many requests are under way at once.
package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"simrun/nodes"
)

// Accept gives each connection that comes to welcome, until the listener is closed or the task is cancelled.
func Accept(env nodes.Env, listener net.Listener, welcome func(net.Conn)) {
	for {
		stream, err := listener.Accept()
		switch {
		case err == nil:
			welcome(stream)
		case errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled):
			return
		default: // too many open files, or a peer that was gone before it was accepted
			env.Log().Warn("accept", "err", err)
			if env.Sleep(100*time.Millisecond) != nil {
				return
			}
		}
	}
}

// IsEnd says whether an error is how streams end.
func IsEnd(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
