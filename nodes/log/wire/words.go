package wire

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
)

// Protocol is how reports read what is spoken at a broker. An answer does not say what it answers, so it is told by the number
// that its request has too.
var Protocol = nodes.Protocol{Name: "Kafka", Listen: "listen", Read: readWords}

// mostTold bounds the messages that are read for reports.
const mostTold = 256 << 20

func readWords(b []byte, asked bool) (m nodes.Message, n int) {
	if len(b) < headSize {
		return m, 0
	}
	size := int64(int32(binary.BigEndian.Uint32(b)))
	switch {
	case size < leastMessage || size > mostTold:
		return m, -1
	case size > int64(len(b)-headSize):
		return m, 0
	}
	body, n := b[headSize:headSize+size], headSize+int(size)
	if !asked {
		return nodes.Message{Name: "answer", Text: fmt.Sprintf("to %d, %d bytes", int32(binary.BigEndian.Uint32(body)), len(body))}, n
	}
	if len(body) < 8 {
		return m, -1
	}
	key, version, correlation := int16(binary.BigEndian.Uint16(body)), int16(binary.BigEndian.Uint16(body[2:])), int32(binary.BigEndian.Uint32(body[4:]))
	api := Find(key)
	if api == nil {
		return nodes.Message{Name: fmt.Sprintf("request %d", key), Text: fmt.Sprintf("version %d, number %d", version, correlation)}, n
	}
	m = nodes.Message{Name: api.Name, Text: fmt.Sprintf("number %d, %d bytes", correlation, len(body)), Quiet: quiet[api.Name]}
	if topics := topicsOf(body); topics != "" {
		m.Text = topics + ", " + m.Text
	}
	return m, n
}

// quiet are the requests by which brokers and clients keep up with each other, which is most of what is said.
var quiet = map[string]bool{"Fetch": true, "Heartbeat": true, "ApiVersions": true, "Metadata": true}

// topicsOf is the topics of what is written or read.
func topicsOf(body []byte) string {
	var names []string
	_, request, err := DecodeRequest(body)
	if err != nil {
		return ""
	}
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		for i := range r.Topics {
			names = append(names, r.Topics[i].Topic)
		}
	case *kmsg.FetchRequest:
		for i := range r.Topics {
			names = append(names, r.Topics[i].Topic)
		}
	}
	if len(names) > mostTopics {
		names = append(names[:mostTopics], "…")
	}
	return strings.Join(names, " ")
}

// mostTopics bounds those that are named.
const mostTopics = 8
