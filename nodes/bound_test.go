package nodes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// If this failed, a number that cannot be meant would be taken, or told of in words of no scenario.
func TestWhatIsOutOfItsBoundsIsTold(t *testing.T) {
	require.NoError(t, AtLeast("copies", 1, 1))
	require.NoError(t, Between("copies", 1, 1, 5))
	require.NoError(t, Between("copies", 5, 1, 5))
	require.EqualError(t, AtLeast("copies", 0, 1), "copies: 0 is less than 1")
	require.EqualError(t, AtLeast("poll", 0, time.Millisecond), "poll: 0s is less than 1ms")
	require.EqualError(t, Between("segment", Bytes(1000), 1<<10, 1<<30), "segment: 1000 is not between 1KiB and 1GiB")
	require.EqualError(t, Between("copies", 6, 1, 5), "copies: 6 is not between 1 and 5")
}
