package broker_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/broker"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// dial connects to the first broker.
func (s *story) dial() net.Conn {
	c, err := s.env.Dial("tcp", s.address(1), time.Second)
	require.NoError(s.t, err)
	require.NoError(s.t, c.SetDeadline(s.env.Now().Add(5*time.Second)))
	return c
}

// closes says that the broker closes a connection after this.
func (s *story) closes(why string, sent []byte) {
	c := s.dial()
	defer c.Close()
	_, err := c.Write(sent)
	require.NoError(s.t, err)
	got, err := io.ReadAll(c)
	require.NotErrorIs(s.t, err, io.ErrNoProgress)
	if t, ok := err.(net.Error); ok {
		require.False(s.t, t.Timeout(), "%s: the connection stays open", why)
	}
	require.Empty(s.t, got, why)
}

// If this failed, a few bytes from anybody would stop a broker, fill its memory, or be taken for something.
func TestWhatIsNoRequestEndsItsConnection(t *testing.T) {
	tell(t, 1, 31, func(c *broker.Config) { c.MaxRequest, c.MaxMessage, c.MaxMemory = 64<<10, 32<<10, 128<<10 }, func(s *story) {
		s.create("t", 1, 1, nil)
		s.closes("a size without end", []byte{0x7f, 0xff, 0xff, 0xff})
		s.closes("a size below zero", []byte{0xff, 0xff, 0xff, 0xff})
		s.closes("not the protocol", []byte("GET / HTTP/1.1\r\n\r\n"))
		s.closes("a request of no bytes", []byte{0, 0, 0, 0})
		s.closes("an API that nobody knows", binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8, 0x12, 0x34, 0, 0}, 7))
		s.closes("a version that is yet to come", append([]byte{0, 0, 0, 10, 0, 0, 0, 99}, make([]byte, 6)...))
		s.closes("a request that ends too soon", append([]byte{0, 0, 0, 10, 0, 0, 0, 9}, make([]byte, 6)...))

		newer := kmsg.NewPtrApiVersionsRequest()
		newer.SetVersion(4)
		c := s.dial()
		_, err := c.Write(wire.AppendRequest(nil, 5, "newer", newer))
		require.NoError(t, err)
		body, err := wire.Read(c, 1<<20)
		require.NoError(t, err)
		told, err := wire.DecodeAnswer(body, wire.ApiVersions, 4)
		require.NoError(t, err)
		require.Equal(t, wire.UnsupportedVersion, wire.Code(told.(*kmsg.ApiVersionsResponse).ErrorCode))

		p := s.producer("t")
		p.send("still there")
		require.Equal(t, []string{"still there"}, s.read("t", 1))
	})
}

// If this failed, batches that are damaged, too large or for nobody would get into the log, or an error would go by unseen.
func TestBatchesThatCannotBeAreRefused(t *testing.T) {
	tell(t, 1, 32, func(c *broker.Config) { c.MaxMessage = 2 << 10 }, func(s *story) {
		s.create("t", 1, 1, nil)
		build := func(values ...string) record.Batch {
			var records []record.Record
			for _, v := range values {
				records = append(records, record.Record{Value: []byte(v)})
			}
			b, err := new(record.Codec).Build(record.Builder{}, records...)
			require.NoError(t, err)
			return b
		}
		code := func(topic string, acks int16, b record.Batch) wire.Code {
			return wire.Code(must[*kmsg.ProduceResponse](s, 1, produce(topic, acks, b)).Topics[0].Partitions[0].ErrorCode)
		}
		damaged := build("value")
		damaged[len(damaged)-1] ^= 1
		require.Equal(t, wire.CorruptMessage, code("t", -1, damaged))
		require.Equal(t, wire.CorruptMessage, code("t", 1, nil))
		require.Equal(t, wire.InvalidRecord, code("t", 1, append(build("two"), build("batches")...)))
		require.Equal(t, wire.MessageTooLarge, code("t", 1, build(string(make([]byte, 3<<10)))))
		require.Equal(t, wire.InvalidRequiredAcks, code("t", 2, build("v")))
		require.Equal(t, wire.UnknownTopicOrPartition, code("nowhere", 1, build("v")))
		s.coordinator("g", 0)
		require.Equal(t, wire.InvalidTopic, code("__consumer_offsets", 1, build("v")))
		require.Equal(t, wire.None, code("t", 1, build("v")))

		c := s.dial() // acks=0 knows no answer but the end
		_, err := c.Write(wire.AppendRequest(nil, 1, "", produce("t", 0, build("unanswered"))))
		require.NoError(t, err)
		_, err = c.Write(wire.AppendRequest(nil, 2, "", wire.New(wire.ApiVersions, 3)))
		require.NoError(t, err)
		body, err := wire.Read(c, 1<<20)
		require.NoError(t, err)
		number, err := wire.Correlation(body)
		require.NoError(t, err)
		require.Equal(t, int32(2), number)
		s.closes("acks=0 to nowhere", wire.AppendRequest(nil, 1, "", produce("nowhere", 0, build("v"))))
		require.Equal(t, []string{"v", "unanswered"}, s.read("t", 2))

		far := must[*kmsg.FetchResponse](s, 1, fetch("t", 99, 0)).Topics[0].Partitions[0]
		require.Equal(t, wire.OffsetOutOfRange, wire.Code(far.ErrorCode))
		session := fetch("t", 0, 0)
		session.SessionID = 7
		require.Equal(t, wire.FetchSessionIDNotFound, wire.Code(must[*kmsg.FetchResponse](s, 1, session).ErrorCode))
	})
}

// If this failed, one consumer that reads nothing, or a thousand that connect, would be all that a broker has time and memory for.
func TestWhoTakesTooMuchIsClosed(t *testing.T) {
	tell(t, 1, 33, func(c *broker.Config) { c.MaxClients, c.IdleTimeout = 5, 2*time.Second }, func(s *story) {
		s.create("t", 1, 1, nil)
		p := s.producer("t")
		p.send("v")
		var all []net.Conn
		for range 4 {
			all = append(all, s.dial())
		}
		s.closes("one connection too many", nil)
		for _, c := range all {
			_ = c.Close()
		}
		s.sleep(10 * time.Millisecond)
		deaf := s.dial()
		asked := wire.AppendRequest(nil, 1, "", fetch("t", 0, 0))
		_ = deaf.SetWriteDeadline(s.env.Now().Add(time.Second))
		for range 100_000 { // until its buffers and the broker's are full
			if _, err := deaf.Write(asked); err != nil {
				break
			}
		}
		s.sleep(3 * time.Second)
		p.send("w")
		require.Equal(t, []string{"v", "w"}, s.read("t", 2))
	})
}
