package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a report reads of a stream is what was put into it.
func TestRequestsInWords(t *testing.T) {
	r := kmsg.NewPtrFetchRequest()
	r.Version = 4
	r.Topics = []kmsg.FetchRequestTopic{{Topic: "effects", Partitions: []kmsg.FetchRequestTopicPartition{{}}}}
	b := AppendRequest(nil, 17, "somebody", r)
	m, n := readWords(append(b, 0), true)
	require.Equal(t, len(b), n)
	require.Equal(t, "Fetch", m.Name)
	require.Contains(t, m.Text, "effects, number 17")
	_, n = readWords(b[:len(b)-1], true)
	require.Zero(t, n)
	m, n = readWords([]byte{0, 0, 0, 6, 0, 0, 0, 17, 1, 2}, false)
	require.Equal(t, 10, n)
	require.Equal(t, "answer to 17, 6 bytes", m.Words())
	_, n = readWords([]byte{255, 255, 255, 255, 0}, true)
	require.Negative(t, n)
}

// Whatever was sent, reading it neither fails nor takes more than there is.
func FuzzWords(f *testing.F) {
	f.Add(AppendRequest(nil, 1, "x", kmsg.NewPtrMetadataRequest()), true)
	f.Fuzz(func(t *testing.T, b []byte, asked bool) {
		_, n := readWords(b, asked)
		require.LessOrEqual(t, n, len(b))
	})
}
