package shards

import (
	"net"

	"simrun/nodes/resp"
)

// contact is a connection to a server of another group, for one question at a time.
type contact struct {
	shard   *Shard
	address string
	stream  net.Conn // nil while there is none
	in      *resp.Reader
}

// ask has one question answered. After an error nobody knows whether it was heard.
func (c *contact) ask(words ...string) (answer resp.Value, err error) {
	s := c.shard
	if c.stream == nil {
		stream, err := s.env.Dial("tcp", c.address, s.opts.Patience)
		if err != nil {
			return answer, err
		}
		c.stream, c.in = stream, resp.NewReader(stream, resp.Limits{})
	}
	_ = c.stream.SetDeadline(s.env.Now().Add(s.opts.Patience))
	if _, err = c.stream.Write(resp.AppendCommand(nil, words...)); err == nil {
		answer, err = c.in.ReadReply()
	}
	if err != nil {
		c.close()
		return answer, err
	}
	return answer, answer.Err()
}

func (c *contact) close() {
	if c.stream != nil {
		_ = c.stream.Close()
		c.stream = nil
	}
}
