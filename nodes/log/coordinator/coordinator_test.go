package coordinator

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/log/wire"
)

// If this failed, clients and brokers of other makes would look for a group's coordinator elsewhere. The hashes are Java's: of the
// second, the least number there is; of the third, a text of two UTF-16 units.
func TestNamesAreKeptWhereOthersLookForThem(t *testing.T) {
	for name, hash := range map[string]int32{"hello": 99162322, "polygenelubricants": 0, "😀": 1772899, "": 0} {
		require.Equal(t, hash%50, Partition(name, 50), name)
		require.Equal(t, int32(0), Partition(name, 1), name)
	}
}

// If this failed, something would be said before it is committed, twice, or out of order; or a write would be handed out by a
// coordinator that has resigned.
func TestAnswersWaitForTheirRecords(t *testing.T) {
	var l Ledger
	var heard []wire.Code
	then := func(code wire.Code) { heard = append(heard, code) }
	for range 4 {
		l.Write([]Record{{Key: []byte("k")}}, nil, then)
	}
	writes, _ := l.Take()
	require.Len(t, writes, 4)
	require.Equal(t, []uint64{1, 2, 3, 4}, []uint64{writes[0].Number, writes[1].Number, writes[2].Number, writes[3].Number})
	l.Refused(2, wire.NotEnoughReplicas)
	require.Equal(t, []wire.Code{wire.NotEnoughReplicas}, heard)
	l.Refused(2, wire.NotEnoughReplicas) // once
	l.Committed(1)
	l.Committed(1)
	l.Committed(3)
	require.Equal(t, []wire.Code{wire.NotEnoughReplicas, wire.None, wire.None}, heard)
	require.Equal(t, 1, l.Waiting())
	l.Write([]Record{{Key: []byte("k")}}, nil, then)
	l.Resign()
	require.Equal(t, []wire.Code{wire.NotCoordinator, wire.NotCoordinator}, heard[3:])
	writes, _ = l.Take()
	require.Empty(t, writes)
	require.Panics(t, func() { l.Committed(6) }, "what was never written is committed")
	require.Panics(t, func() { l.Write(nil, nil, then) })
}

type due struct {
	at    nodes.Instant
	name  string
	place int
}

func (d *due) Alarm() (nodes.Instant, string) { return d.at, d.name }
func (d *due) Place() *int                    { return &d.place }

// If this failed, a coordinator would let what is due pass, or be woken for nothing, for ever.
func TestAlarmsRingInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var alarms Alarms[*due]
		all := map[string]*due{}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "name")
				if all[name] == nil {
					all[name] = &due{name: name}
				}
				all[name].at = rapid.SampledFrom([]nodes.Instant{1, 2, 3, Never}).Draw(t, "at")
				alarms.Set(all[name])
			},
			"": func(t *rapid.T) {
				first := &due{at: Never}
				for _, d := range all {
					if d.at < first.at || d.at == first.at && d.at != Never && d.name < first.name {
						first = d
					}
				}
				require.Equal(t, first.at, alarms.Next())
				if first.at != Never {
					require.Same(t, first, alarms.First())
				}
			},
		})
	})
}
