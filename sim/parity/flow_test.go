package parity

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"

	"simrun/nodes"
)

// plenty is more than any kernel buffers for one connection whose reader sleeps.
const plenty = 32 << 20

// How bytes pass.
var flows = []scene{
	{
		name:   "a full window blocks the writer until the reader goes on",
		server: part("meet; drain"),
		client: func(s *side) {
			c := s.connect()
			done := false
			writer := s.in("writer", func() {
				s.say("all was written: %v", s.writePlenty(c) == plenty)
				done = true
				s.close(c)
			})
			s.settle()
			s.settle()
			s.say("the writer is done before anything was read: %v", done)
			s.meet()
			s.join(writer)
		},
	},
	{
		name: "many small writes arrive in order",
		server: func(s *side) {
			c := s.connect()
			word := make([]byte, 8)
			for i := range uint64(10_000) {
				if _, err := io.ReadFull(c, word); err != nil || binary.BigEndian.Uint64(word) != i {
					s.say("number %d came as %v, %v", i, word, err)
					return
				}
			}
			s.say("all came in order")
			s.read(c)
		},
		client: func(s *side) {
			c := s.connect()
			for i := range uint64(10_000) {
				if _, err := c.Write(binary.BigEndian.AppendUint64(nil, i)); err != nil {
					s.did("write", err)
					return
				}
			}
			s.close(c)
		},
	},
	{
		name:   "small writes to a reader that sleeps",
		server: part("meet; drain"),
		client: func(s *side) {
			c := s.connect()
			for range 5_000 {
				if _, err := c.Write([]byte("tick")); err != nil {
					s.did("write", err)
				}
			}
			s.close(c)
			s.meet()
		},
	},
	{
		name: "concurrent writes never interleave",
		server: func(s *side) {
			c := s.connect()
			seen := map[byte]bool{}
			for range 4 {
				block := make([]byte, 1<<20)
				_, err := io.ReadFull(c, block)
				s.must(err)
				if !bytes.Equal(block, bytes.Repeat(block[:1], len(block))) {
					s.say("two writes are mixed")
				}
				seen[block[0]] = true
			}
			s.say("%d different blocks, each whole", len(seen))
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			for i := range 4 {
				s.in("writer", func() {
					if n, err := c.Write(bytes.Repeat([]byte{byte('a' + i)}, 1<<20)); n != 1<<20 || err != nil {
						s.say("write: %d, %v", n, err)
					}
				})
			}
			s.meet()
		},
	},
	{
		name: "both ways at once",
		server: func(s *side) {
			c := s.connect()
			exchange(s, c)
		},
		client: func(s *side) {
			c := s.connect()
			exchange(s, c)
		},
	},
	{
		name: "a read takes what is there",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			buffer := make([]byte, 4)
			for range 3 {
				n, err := c.Read(buffer)
				s.did("read "+string(buffer[:n]), err)
			}
		},
		client: part("write 0123456; write 789; meet"),
	},
	{
		name: "two readers share a stream",
		server: func(s *side) {
			c := s.connect()
			total := 0
			for range 2 {
				s.in("reader", func() {
					buffer := make([]byte, 10)
					for {
						n, err := c.Read(buffer)
						total += n
						if err != nil {
							s.did("read", err)
							return
						}
					}
				})
			}
			s.meet()
			s.meet()
			s.say("%d bytes", total)
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			for range 10 {
				s.write(c, "ten bytes.")
			}
			s.close(c)
			s.settle()
			s.meet()
		},
	},
	{
		name:   "nothing is read and written",
		server: part("meet; meet; close; meet; meet; meet"),
		client: func(s *side) {
			c := s.connect()
			nothing := func() {
				n, err := c.Read(nil)
				s.say("read of nothing: %d, %s", n, class(err))
				n, err = c.Write(nil)
				s.say("write of nothing: %d, %s", n, class(err))
			}
			nothing()
			s.meet()
			nothing()
			s.meet()
			s.meet()
			s.say("after the peer's end:")
			nothing()
			s.meet()
			s.write(c, "provokes a reset")
			s.meet()
			s.say("after the reset:")
			nothing()
			s.close(c)
			s.say("after one's own close:")
			nothing()
		},
	},
}

// exchange sends and receives a megabyte.
func exchange(s *side, c net.Conn) {
	writer := s.in("writer", func() {
		_, err := c.Write(make([]byte, 1<<20))
		s.must(err)
		s.must(c.(nodes.HalfCloser).CloseWrite())
	})
	s.drain(c)
	s.join(writer)
}
