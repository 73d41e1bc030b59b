//go:build clients

package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// If this failed, those who use kafka-go would read nothing: it insists on versions that others leave alone.
func TestKafkaGoWritesAndReadsInAGroup(t *testing.T) {
	r := begin(t, 3)
	w := &kafka.Writer{Addr: kafka.TCP(r.seeds...), Topic: "segmentio", RequiredAcks: kafka.RequireAll, AllowAutoTopicCreation: true, BatchTimeout: 5 * time.Millisecond,
		Compression: kafka.Snappy}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var messages []kafka.Message
	for _, value := range wanted("v", 200) {
		messages = append(messages, kafka.Message{Key: []byte(value), Value: []byte(value)})
	}
	require.NoError(t, w.WriteMessages(ctx, messages...))
	for round := range 2 {
		reader := kafka.NewReader(kafka.ReaderConfig{Brokers: r.seeds, GroupID: fmt.Sprint("group-", round), Topic: "segmentio", MaxWait: 50 * time.Millisecond,
			StartOffset: kafka.FirstOffset})
		seen := map[string]bool{}
		for len(seen) < 200 {
			m, err := reader.ReadMessage(ctx)
			require.NoError(t, err)
			require.False(t, seen[string(m.Value)], "%s came twice", m.Value)
			seen[string(m.Value)] = true
		}
		require.NoError(t, reader.Close())
	}
}
