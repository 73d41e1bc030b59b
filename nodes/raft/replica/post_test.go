package replica

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a server could be brought down by what another, or somebody else, says of itself.
func FuzzIntroduction(f *testing.F) {
	f.Add(appendIntroduction(nil, &introduction{nonce: 5, id: 7, past: logged, cluster: 9, address: join("a:1", "a:2")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := decodeIntroduction(b)
		if err != nil {
			return
		}
		again, err := decodeIntroduction(appendIntroduction(nil, &i))
		require.NoError(t, err)
		require.Equal(t, i, again)
	})
}
