package parity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// class is what node code can find out about an error.
func class(err error) string {
	var op *net.OpError
	var path *fs.PathError
	prefix := ""
	switch {
	case errors.As(err, &op):
		prefix = op.Op + " "
	case errors.As(err, &path):
		prefix = "path "
	}
	return prefix + kind(err)
}

func kind(err error) string {
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case err == io.EOF:
		return "EOF"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.As(err, &errno):
		if name := errnos[errno]; name != "" {
			return name
		}
	}
	for _, known := range []struct {
		err  error
		name string
	}{{context.Canceled, "canceled"}, {net.ErrClosed, "closed"}, {fs.ErrClosed, "file closed"}, {io.ErrUnexpectedEOF, "unexpected EOF"}} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		var timeout net.Error
		return fmt.Sprintf("deadline (timeout %v)", errors.As(err, &timeout) && timeout.Timeout())
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return "other: " + err.Error()
}

var errnos = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "ECONNREFUSED", syscall.ECONNRESET: "ECONNRESET", syscall.EPIPE: "EPIPE", syscall.ETIMEDOUT: "ETIMEDOUT",
	syscall.EADDRINUSE: "EADDRINUSE", syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL", syscall.ENOTCONN: "ENOTCONN", syscall.EINVAL: "EINVAL",
	syscall.ENOENT: "ENOENT", syscall.EEXIST: "EEXIST", syscall.ENOTDIR: "ENOTDIR", syscall.EISDIR: "EISDIR", syscall.EMSGSIZE: "EMSGSIZE",
	syscall.ENOTEMPTY: "ENOTEMPTY", syscall.EWOULDBLOCK: "EWOULDBLOCK", syscall.EBADF: "EBADF", syscall.EMFILE: "EMFILE",
}
