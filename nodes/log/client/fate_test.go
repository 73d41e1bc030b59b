package client

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/wire"
	"simrun/nodes/osenv"
)

// If this failed, a producer would say that a message certainly did not arrive which may be there, and a reader of it would be said to see what
// was given up; or that nobody knows of one that was refused; or it would go on under a number that is spent.
func TestWhatAnAnswerSaysOfABatch(t *testing.T) {
	for _, c := range []struct {
		code            wire.Code
		acks            int16
		arrived, known  bool // known: that it is not there
		again, isBroken bool
	}{
		{wire.None, -1, true, false, false, false},
		{wire.DuplicateSequence, -1, true, false, false, false},
		{wire.NotLeaderOrFollower, -1, false, false, true, false}, // it may have been written by a leader that was deposed
		{wire.NotLeaderOrFollower, 1, false, true, true, false},
		{wire.RequestTimedOut, -1, false, false, true, false},
		{wire.NotEnoughReplicasAfterWrite, -1, false, false, true, false},
		{wire.StorageError, -1, false, false, true, false},
		{wire.UnknownServerError, -1, false, false, true, false},
		{wire.NotEnoughReplicas, -1, false, true, true, false},
		{wire.UnknownTopicOrPartition, -1, false, true, true, false},
		{wire.LeaderNotAvailable, -1, false, true, true, false},
		{wire.MessageTooLarge, -1, false, true, false, false},
		{wire.InvalidRecord, -1, false, true, false, false},
		{wire.OutOfOrderSequence, -1, false, true, false, true},
		{wire.UnknownProducerID, -1, false, true, false, true},
		{wire.InvalidProducerEpoch, -1, false, true, false, true},
	} {
		host := osenv.New(osenv.Options{Host: "client", Seed: 1, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, host.Run(func(env nodes.Env) error {
			network := defaultNetwork()
			b := newBrokers(env, &network)
			told := &kmsg.ProduceResponse{Topics: []kmsg.ProduceResponseTopic{{Topic: "t", Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: int16(c.code), BaseOffset: 7}}}}}
			var f fate
			again := b.answered(told, &delivery{topic: "t", acks: c.acks}, &f)
			require.Equal(t, []bool{c.arrived, c.known, c.again, c.isBroken}, []bool{f.arrived, f.failed != nil && f.unknown == nil, again, f.broken}, "%s", c.code)
			require.True(t, f.arrived || f.err() != nil, "%s leaves everything open", c.code)
			if c.code == wire.None {
				require.Equal(t, int64(7), f.base)
			}
			// An earlier attempt of which nobody knows is not undone by one that was refused.
			earlier := fate{unknown: errSilent}
			b.answered(told, &delivery{topic: "t", acks: c.acks}, &earlier)
			require.True(t, earlier.arrived || earlier.unknown != nil, "%s", c.code)
			// And an answer to something else is none.
			var other fate
			require.True(t, b.answered(told, &delivery{topic: "another", acks: c.acks}, &other))
			require.ErrorIs(t, other.unknown, errProtocol)
			return nil
		}))
	}
}

// If this failed, a message would come under the number of another, and be taken for it, or be out of order for ever.
func TestNumbersBeginAnewAfterTheLast(t *testing.T) {
	require.Equal(t, int32(5), next(2, 3))
	require.Equal(t, int32(0), next(1<<31-1, 1))
	require.Equal(t, int32(2), next(1<<31-2, 4))
}
