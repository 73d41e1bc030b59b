package broker_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/broker"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// If this failed, sixty consumers that ask for two gigabytes and read nothing, or as many producers with the largest batches there may be,
// would fill a broker's memory, whatever its limits say.
func TestMemoryIsBoundedByTheLimits(t *testing.T) {
	const peers, limit = 60, 8 << 20
	const bound = limit + limit/2 + peers*(100<<10) // with what is half made, and what the network and the readers keep
	tell(t, 1, 34, func(c *broker.Config) {
		c.MaxRequest, c.MaxMemory, c.MaxOutput, c.MaxFetch = 2<<20, limit, 1<<20, 1<<20
	}, func(s *story) {
		s.create("t", 1, 1, nil)
		huge, err := new(record.Codec).Build(record.Builder{}, record.Record{Value: []byte(strings.Repeat("x", 900<<10))})
		require.NoError(t, err)
		for range 2 {
			told := must[*kmsg.ProduceResponse](s, 1, produce("t", -1, huge))
			require.Equal(t, wire.None, wire.Code(told.Topics[0].Partitions[0].ErrorCode))
		}
		before := heap()
		var most int64
		look := func() { most = max(most, heap()-before) }

		asked := wire.AppendRequest(nil, 1, "", fetch("t", 0, 0))
		var deaf []net.Conn
		for range peers {
			c := s.dial()
			for range 100 {
				_, _ = c.Write(asked) // closed or not: it reads nothing
			}
			deaf = append(deaf, c)
			look()
		}
		for range 5 {
			s.sleep(200 * time.Millisecond)
			look()
		}
		s.sleep(31 * time.Second)
		require.Len(t, s.read("t", 2), 2, "those who do not read are in the way of who does")
		for _, c := range deaf {
			_ = c.Close()
		}
		s.sleep(time.Second)
		t.Logf("deaf consumers: %d MiB more", most>>20)
		require.Less(t, most, int64(bound), "consumers that read nothing fill the memory")

		before, most = heap(), 0
		sent := wire.AppendRequest(nil, 1, "", produce("t", 0, huge))
		for range peers {
			c := s.dial()
			_ = c.SetWriteDeadline(s.env.Now().Add(100 * time.Millisecond))
			_, _ = c.Write(sent[:len(sent)-1]) // all but the last byte, so that it has to be kept
			look()
		}
		s.sleep(time.Second)
		look()
		t.Logf("producers that stop short: %d MiB more", most>>20)
		require.Less(t, most, int64(bound), "requests that do not end fill the memory")
		p := s.producer("t")
		p.send("still there")
	})
}
