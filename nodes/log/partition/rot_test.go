package partition_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
)

// If this failed, a bit that rots in the last batches before a crash would be taken for what a crash leaves of a batch that nobody was
// promised, and these be cut off in silence.
func TestABitThatRotsAfterACrashIsToldOrLosesNothing(t *testing.T) {
	for _, o := range []partition.Options{{SegmentBytes: 1536 + 400, GrowBytes: 512, GroupBytes: 200}, {GrowBytes: 1024, GroupBytes: 700}} {
		l := &ledger{}
		told := lives.EveryRot[*partition.Corruption](t, disk.Trial{
			Limit: 2,
			Script: l.script(o, func(p *partition.Partition) error {
				for i := range 4 {
					if err := l.commit(p, 1+i%3); err != nil {
						return err
					}
				}
				return nil // and no Close, which would prove the last batch
			}),
			Recover: l.recovers(o),
		}, dir, 121)
		require.Greater(t, told, 50)
	}
}

// If this failed, what a crash left of a batch would pass for rot, or rot for what a crash left: of each write it has to be known how many of its
// sectors are zeros as they should be, also where a batch was written in two pieces and several share a sync.
func TestATornWriteIsToldFromARottenOne(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		_, fs := newDisk()
		live(t, fs, func(env nodes.Env) {
			e := env.(onDisk)
			e.on = func(point string) bool { return pieces && strings.Contains(point, "piece") }
			p := open(t, e, partition.Options{GroupBytes: 1})
			put(t, p, 0, batch("a=1"))
			put(t, p, 0, batch("b="+strings.Repeat("x", 700)), batch("c="+string(make([]byte, 2100))), batch("d="+strings.Repeat("y", 300)))
			const name = "00000000000000000000.log"
			all := lives.Files(t, fs, dir)
			end := len(bytes.TrimRight(all[name], "\x00")) // in the last record there are no headers, and that is its last byte
			opens := func(all map[string][]byte) (next int64, err error) {
				err = liveOn(lives.Place(t, dir, all), func(env nodes.Env) error {
					p, err := partition.Open(env, dir, partition.Options{})
					if err != nil {
						return err
					}
					next = p.Next()
					return p.Close()
				})
				return next, err
			}
			next, err := opens(all)
			require.NoError(t, err)
			require.EqualValues(t, 4, next)

			first := 1536 + len(batch("a=1")) // what is before is durable by the mark's word
			for at := first; at < end; at += 37 {
				_, err := opens(lives.Rotten(all, name, 8*at+at%8))
				require.ErrorAs(t, err, new(*partition.Corruption), "a bit of byte %d", at)
			}
			for _, mark := range []int{512, 1024} { // the one that tells of these writes, or the one before
				_, err := opens(lives.Rotten(all, name, 8*mark+3))
				require.NoError(t, err)
				_, err = opens(lives.Rotten(lives.Rotten(all, name, 8*mark+3), name, 8*(end-10)))
				require.ErrorAs(t, err, new(*partition.Corruption), "a bit of the mark at %d and one of the last batch", mark)
			}
			for at := first; at < end; at = at/512*512 + 512 {
				torn := lives.Rotten(all, name, 8*at) // a copy
				sector := torn[name][at:min(at/512*512+512, end)]
				zeros := bytes.Count(all[name][at:at+len(sector)], []byte{0}) == len(sector)
				clear(sector)
				next, err := opens(torn)
				require.NoError(t, err, "sector at %d", at)
				require.Equal(t, zeros, next == 4, "sector at %d", at)
			}
			require.NoError(t, p.Close())
		})
	}
}

// If this failed, what a crash leaves of writes in pieces, of which many share a sync, would be taken for rot.
func TestEveryCrashOfWritesInPiecesLeavesABeginning(t *testing.T) {
	l := &ledger{}
	o := partition.Options{Sync: partition.Interval, Interval: 1 << 50, GrowBytes: 1024, GroupBytes: 100}
	inPieces := func(life func(env nodes.Env) error) func(nodes.FS) error {
		return func(fs nodes.FS) error {
			return lives.On(fs, func(env nodes.Env) error {
				return life(onDisk{Env: env, fs: fs, on: func(point string) bool { return strings.Contains(point, "piece") }})
			})
		}
	}
	lives.EveryCrash(t, disk.Trial{
		Limit: 60,
		Script: inPieces(func(env nodes.Env) error {
			p, err := partition.Open(env, dir, o)
			for i := 0; err == nil && i < 12; i++ {
				err = l.commit(p, 3)
				l.promised = p.Durable()
			}
			if err == nil {
				err = p.Close()
				l.promised = l.next()
			}
			return err
		}),
		Recover: l.recovers(o),
	})
}
