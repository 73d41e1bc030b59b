package nodes

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a server would dial another port than its peers listen on, or take another's place among them.
func TestAddressesOfServers(t *testing.T) {
	peers := Addresses([]NodeName{"kv-1", "kv-2:7000", "kv-12"}, "16379")
	require.Equal(t, []string{"kv-1:16379", "kv-2:7000", "kv-12:16379"}, peers)
	require.Equal(t, 0, OwnAddress(peers, "kv-1", ":16379"))
	require.Equal(t, 1, OwnAddress(peers, "kv-2", ":16379"))
	require.Equal(t, 2, OwnAddress(peers, "localhost", "kv-12:16379"))
	require.Equal(t, -1, OwnAddress(peers, "kv-3", ":16379"))
	require.Equal(t, "kv-1:6379", Reached("kv-1", ":6379"))
	require.Equal(t, "10.0.0.1:6379", Reached("kv-1", "10.0.0.1:6379"))
}
