package link

import (
	"encoding/binary"

	"simrun/nodes"
)

// Protocol is how reports read what servers of one cluster say to each other, with what the payload of a frame says. The
// key of the address is the configuration's.
func Protocol(listen string, port int, payload func(b []byte) nodes.Message) nodes.Protocol {
	return nodes.Protocol{Name: "link", Listen: listen, Port: port, Read: func(b []byte, _ bool) (m nodes.Message, n int) {
		if len(b) < headSize {
			return m, 0
		}
		size := int64(binary.LittleEndian.Uint32(b))
		switch {
		case size > mostFrame:
			return m, -1
		case size > int64(len(b)-headSize):
			return m, 0
		}
		body := b[headSize : headSize+size]
		if frameSum(b[:headSize], body) != binary.LittleEndian.Uint32(b[4:]) {
			return m, -1
		}
		n = headSize + int(size)
		switch kind(b[8]) {
		case helloFrame:
			h, err := decodeHello(body)
			if err != nil {
				return nodes.Message{Name: "hello", Text: err.Error()}, n
			}
			return nodes.Message{Name: "hello", Text: h.self, Quiet: true}, n
		case pingFrame:
			return nodes.Message{Name: "ping", Quiet: true}, n
		case refuseFrame:
			return nodes.Message{Name: "refuses", Text: nodes.Brief(body)}, n
		}
		return payload(body), n
	}}
}

// mostFrame bounds the frames that are read for reports.
const mostFrame = 1 << 30
