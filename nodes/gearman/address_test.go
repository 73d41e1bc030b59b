package gearman

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a name could be dialled at the wrong port.
func TestServersAreDialledAtTheirOwnPortOrTheProtocols(t *testing.T) {
	require.Equal(t, "jobs:4730", address("jobs"))
	require.Equal(t, "127.0.0.1:4731", address("127.0.0.1:4731"))
}
