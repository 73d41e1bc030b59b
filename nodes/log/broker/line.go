package broker

import (
	"bufio"
	"errors"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/wire"
)

// line is a connection to another broker on which one request is under way at a time.
type line struct {
	b      *broker
	to     int32
	stream net.Conn
	in     *bufio.Reader
	number int32 // of the last request
	life   int64 // of the other broker, when it was dialled
}

// slowest is how long another broker may take to be dialled, and to answer beyond what it was asked to wait.
const slowest = 5 * time.Second

var (
	errNobody = errors.New("broker: the other broker is not known")
	errAnswer = errors.New("broker: not the answer to what was asked")
)

// ask sends a request, and waits for its answer. After an error the line is to be hung up.
func (l *line) ask(request kmsg.Request, patience time.Duration) (kmsg.Response, error) {
	if err := l.connect(); err != nil {
		return nil, err
	}
	l.number++
	_ = l.stream.SetDeadline(l.b.env.Now().Add(patience))
	if _, err := l.stream.Write(wire.AppendRequest(nil, l.number, clientOf(l.b.place.id, l.b.lifeOf(l.b.place.id)), request)); err != nil {
		return nil, err
	}
	body, err := wire.Read(l.in, fetchBytes+int(l.b.config.MaxRequest)+1<<20)
	if err != nil {
		return nil, err
	}
	if number, err := wire.Correlation(body); err != nil || number != l.number {
		return nil, errors.Join(err, errAnswer)
	}
	return wire.DecodeAnswer(body, request.Key(), request.GetVersion())
}

// connect dials, unless the line stands.
func (l *line) connect() error {
	if l.stream != nil {
		return nil
	}
	other := l.b.state.Broker(l.to)
	if other == nil {
		return errNobody
	}
	stream, err := l.b.env.Dial("tcp", other.Address, slowest)
	if err != nil {
		return err
	}
	l.stream, l.in, l.life = stream, bufio.NewReaderSize(stream, 64<<10), l.b.lifeOf(l.to)
	return nil
}

// outlive gives up what is under way on a line to an earlier life of the other broker: if its machine fell once it had the request, nothing is left that
// either side would send, and nobody would ever say that no answer comes. It does not give way.
func (l *line) outlive() {
	if l.stream != nil && l.life != l.b.lifeOf(l.to) {
		l.b.record.Reach(outlived)
		_ = l.stream.SetDeadline(l.b.env.Now().Add(-time.Second))
	}
}

func (l *line) hangUp() {
	if l.stream != nil {
		_ = l.stream.Close()
		l.stream = nil
	}
}
