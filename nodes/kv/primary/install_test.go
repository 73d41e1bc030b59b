package primary

import (
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes/kv/shards"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// If this failed, a replica that is sent everything would count although it has lost what it had acknowledged, so that there could
// be a primary without it; or it would not count although it has lost nothing, and there might never be a primary again.
func TestWhoIsSentEverythingCountsIfNothingIsLostByThat(t *testing.T) {
	for name, c := range map[string]struct {
		was        bool   // whole
		fork, goal uint64 // of a snapshot of offset 9
		is         bool
		until      uint64 // the goal from now on
	}{
		"it was behind":                                  {was: true, fork: 5, goal: 12, is: true},
		"it had just what the snapshot has":              {was: true, fork: 9, goal: 12, is: true},
		"it had more than the snapshot":                  {was: true, fork: 11, goal: 12, until: 11},
		"nobody knows where it and the primary part":     {was: true, fork: 20, goal: 12, until: 12},
		"it had lost its disk":                           {goal: 12, until: 12},
		"it had lost its disk, and nothing is under way": {goal: 9, is: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := disk.New(luck.Stream{}, disk.Options{})
			image := shards.New().Image()(nil)
			stands := func(s *server) []any { return []any{s.whole, s.vouched, s.goal} }
			require.NoError(t, live(disk.FS(d), DefaultConfig(), func(s *server) error {
				s.whole, s.vouched = c.was, c.was
				s.session = &session{server: s, epoch: 1, image: image}
				s.session.first.offset, s.session.first.fork, s.session.first.goal = 9, c.fork, c.goal
				s.session.first.sum, s.session.first.lineage = uint64(crc32.Checksum(image, castagnoli)), lineage{{1, 77, 1}}
				err := s.install(s.session)
				require.Equal(t, []any{c.is, c.is, c.until}, stands(s))
				return err
			}))
			require.NoError(t, live(disk.FS(d), DefaultConfig(), func(s *server) error {
				require.EqualValues(t, 9, s.log.end())
				require.Equal(t, []any{c.is, c.is, c.until}, stands(s), "after a restart")
				return nil
			}))
		})
	}
}
