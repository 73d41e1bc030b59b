package admin

import (
	"errors"
	"fmt"
	"strings"

	"simrun/nodes"
	"simrun/nodes/resp"
)

// Errors of requests.
var (
	errCrowded     = errors.New("kv: too many requests under way")
	errUnreachable = errors.New("kv: no server could be reached")
	errNobody      = errors.New("kv: there is nobody to do it to")
	errStopping    = errors.New("kv: the administrator is stopping")
)

// port is the protocol's.
const port = "6379"

// address is where a server is dialled: its own port, or the protocol's.
func address(server string) string { return nodes.Address(server, port) }

// mostRedirections bounds how often a question follows from one server to the next.
const mostRedirections = 5

// question is a command, and whether a server may have done it of which no answer came.
type question struct {
	words []string
	open  bool
}

// ask asks one server, and then whomever it names, for as often as it is sent on. An error reply is an error.
func (a *admin) ask(q *question, server string) (resp.Value, error) {
	for range mostRedirections {
		answer, err := a.dial(q, server)
		if err == nil {
			err = answer.Err()
		}
		var e resp.Error
		if !errors.As(err, &e) || e.Code() != "MOVED" {
			return answer, err
		}
		_, where, found := strings.Cut(e.Rest(), " ")
		if !found {
			return answer, err
		}
		server = where
		a.leader = server
	}
	return resp.Value{}, errUnreachable
}

// askAny asks the server that led when last heard of, and then the others in their order, until one answers with anything but
// an error.
func (a *admin) askAny(q *question) (answer resp.Value, err error) {
	servers := []string{a.leader}
	for _, s := range a.config.Servers {
		if at := address(string(s)); at != servers[0] {
			servers = append(servers, at)
		}
	}
	for _, s := range servers {
		if answer, err = a.ask(q, s); err == nil || a.stopping {
			return answer, err
		}
	}
	return answer, err
}

// dial has one question answered over a connection of its own.
func (a *admin) dial(q *question, server string) (answer resp.Value, err error) {
	stream, err := a.env.Dial("tcp", server, a.config.Timeout)
	if err != nil {
		return answer, err
	}
	defer stream.Close()
	_ = stream.SetDeadline(a.env.Now().Add(a.config.Timeout))
	before := q.open
	q.open = true
	if _, err = stream.Write(resp.AppendCommand(nil, q.words...)); err != nil {
		return answer, err
	}
	if answer, err = resp.NewReader(stream, resp.Limits{}).ReadReply(); err != nil {
		return answer, err
	}
	if answer.Kind == resp.Failure {
		q.open = before // it says that it did nothing
	}
	return answer, nil
}

// end ends an operation that did not come to what was wanted.
func end(op nodes.Op, open bool, err error) {
	err = fmt.Errorf("kv: it did not come to that: %w", err)
	if open {
		op.Unknown(err)
		return
	}
	op.Fail(err)
}
