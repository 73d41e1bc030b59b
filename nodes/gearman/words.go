package gearman

import (
	"bytes"
	"encoding/binary"
	"strings"

	"simrun/nodes"
)

// protocol is how reports read what is spoken at a job server.
var protocol = nodes.Protocol{Name: "Gearman", Listen: "listen", Read: readWords}

// readWords reads a packet, or a line of the text protocol, for people.
func readWords(b []byte, asked bool) (m nodes.Message, n int) {
	if len(b) == 0 {
		return m, 0
	}
	if b[0] != 0 {
		return textWords(b)
	}
	if len(b) < HeaderSize {
		return m, 0
	}
	p := Packet{Magic: Magic(binary.BigEndian.Uint32(b)), Type: Type(binary.BigEndian.Uint32(b[4:]))}
	size := int64(binary.BigEndian.Uint32(b[8:]))
	switch {
	case p.Magic != Request && p.Magic != Response || size > DefaultMaxPacket:
		return m, -1
	case size > int64(len(b)-HeaderSize):
		return m, 0
	}
	p.Data = b[HeaderSize : HeaderSize+size]
	m.Name, m.Quiet = p.Type.String(), quiet[p.Type]
	if args, err := p.Args(); err == nil && p.Type.Known() {
		words := make([]string, forms[p.Type].args)
		for i := range words {
			words[i] = nodes.Brief(args[i])
		}
		m.Text = strings.Join(words, " ")
	} else if len(p.Data) > 0 {
		m.Text = nodes.Brief(p.Data)
	}
	return m, HeaderSize + int(size)
}

// quiet are the packets by which workers ask whether there is anything to do, which is most of what is said.
var quiet = map[Type]bool{GrabJob: true, GrabJobUniq: true, GrabJobAll: true, NoJob: true, PreSleep: true, Noop: true,
	EchoReq: true, EchoRes: true}

// longestLine bounds a line of the text protocol.
const longestLine = 64 << 10

func textWords(b []byte) (m nodes.Message, n int) {
	end := bytes.IndexByte(b, '\n')
	switch {
	case end > longestLine || end < 0 && len(b) > longestLine:
		return m, -1
	case end < 0:
		return m, 0
	}
	return nodes.Message{Name: "line", Text: nodes.Brief(bytes.TrimRight(b[:end], "\r"))}, end + 1
}

// serverMoments are a server's in words, after its name.
var serverMoments = map[string]string{
	"job-queued": "queues the job", "job-coalesced": "has such a job already", "job-assigned": "gives a job to a worker",
	"job-done": "has a job done", "job-dropped": "drops a job", "job-due": "has a job that is due", "job-expired": "takes a job back that took too long",
	"job-requeued": "puts a job back into its queue", "job-exhausted": "gives a job up", "job-cancelled": "cancels a job",
	"worker-woken": "wakes a worker", "worker-lost": "loses a worker", "replayed": "has read its journal",
}

// gauges of a server, in words.
var gauges = []nodes.Gauge{
	{Name: "jobs", Title: "Jobs on the server", Unit: "job"},
	{Name: "running", Title: "Jobs that run", Unit: "job"},
	{Name: "workers", Title: "Workers that are known", Unit: "worker"},
}
