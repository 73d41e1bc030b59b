package client

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, two members of a generation would have one partition, or none would; or one would have more to do than others that
// consume the same.
func TestEachPartitionHasOneMemberThatConsumesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom([]Assignor{Range, RoundRobin}).Draw(t, "assignor")
		partitions := map[string]int{}
		for i := range rapid.IntRange(1, 3).Draw(t, "topics") {
			partitions[fmt.Sprint("t", i)] = rapid.IntRange(1, 10).Draw(t, "partitions")
		}
		var members []subscriber
		alike := rapid.Bool().Draw(t, "alike")
		for i := range rapid.IntRange(1, 6).Draw(t, "members") {
			m := subscriber{id: fmt.Sprint("m", i)}
			for topic := range partitions {
				if alike || rapid.Bool().Draw(t, "consumes") {
					m.topics = append(m.topics, topic)
				}
			}
			members = append(members, m)
		}
		shares := a.divide(members, partitions)
		total := map[string]int{}
		for topic, n := range partitions {
			wanted := slices.ContainsFunc(members, func(m subscriber) bool { return slices.Contains(m.topics, topic) })
			had := make([]int, n)
			least, most := n, 0
			for _, m := range members {
				mine := shares[m.id][topic]
				require.True(t, len(mine) == 0 || slices.Contains(m.topics, topic), "%s does not consume %s", m.id, topic)
				for _, p := range mine {
					had[p]++
				}
				least, most = min(least, len(mine)), max(most, len(mine))
				total[m.id] += len(mine)
			}
			for p, times := range had {
				require.Equal(t, wanted, times == 1, "%s-%d is had %d times", topic, p, times)
			}
			if alike && a == Range {
				require.LessOrEqual(t, most-least, 1)
			}
		}
		if alike && a == RoundRobin {
			for _, m := range members {
				require.LessOrEqual(t, total[m.id]-total[members[0].id], 1)
				require.LessOrEqual(t, total[members[0].id]-total[m.id], 1)
			}
		}
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		require.Equal(t, shares, a.divide(members, partitions), "the order in which they came matters")
	})
}

func FuzzAssignment(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := partsOf(b); err != nil {
			require.ErrorIs(t, err, errProtocol)
		}
	})
}
