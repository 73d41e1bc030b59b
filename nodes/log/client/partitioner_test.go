package client

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a key would go to another partition by this client than by Kafka's own. The hashes are those that Apache Kafka's own
// tests ask for.
func TestKeysGoWhereOtherClientsSendThem(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		require.Equal(t, want, int32(murmur2([]byte(key))), key)
	}
	require.Equal(t, int32((-973932308&0x7fffffff)%7), partitionOf("21", 7))
}
