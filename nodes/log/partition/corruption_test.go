package partition_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/sim/simtest/lives"
)

// image is the files of a log of several segments and epochs that has lived, and what it holds.
func image(t testing.TB, o partition.Options, closed bool) (map[string][]byte, *ledger) {
	_, fs := newDisk()
	l := &ledger{}
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, o)
		for range 4 {
			require.NoError(t, l.commit(p, 2))
			l.life++
		}
		require.NoError(t, l.shift(p, 3))
		if closed {
			require.NoError(t, p.Close())
		}
	})
	return lives.Files(t, fs, dir), l
}

// hasEpochs sees that each batch of a ledger's log is of the epoch that its value begins with.
func hasEpochs(p *partition.Partition) error {
	for from := p.Start(); from < p.Next(); from++ {
		data, err := p.Read(from, partition.ReadOptions{})
		if err != nil {
			return err
		}
		for r, err := range codec.Records(record.Batch(data)) {
			if epoch := record.Batch(data).LeaderEpoch(); err != nil || !strings.HasPrefix(string(r.Value), fmt.Sprint(epoch, "/")) {
				return fmt.Errorf("%.20s is of epoch %d: %w", r.Value, epoch, err)
			}
		}
	}
	return nil
}

// look opens a log, reads it all, and sees that it knows its producer.
func look(fs nodes.FS, o partition.Options) (held []string, err error) {
	err = liveOn(fs, func(env nodes.Env) error {
		p, err := partition.Open(env, dir, o)
		if err != nil {
			return err
		}
		if held, err = entries(p, p.Start(), partition.ReadOptions{MaxBytes: 300}); err == nil && len(held) > 0 {
			err = errors.Join(hasEpochs(p), (&ledger{}).knows(p))
		}
		return errors.Join(err, p.Close())
	})
	return held, err
}

// If this failed, a bit that rots in what was acknowledged would silently cut off all that follows, or be believed.
func TestRotIsToldAndNeverServed(t *testing.T) {
	for _, closed := range []bool{true, false} {
		all, l := image(t, tiny, closed)
		told, harmless := map[string]int{}, map[string]int{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for at := 0; at < len(all[name]); at += rotEvery {
				if at > 64 && at < 500 && strings.HasSuffix(name, ".log") && at%48 != 0 {
					continue // the middle of the head, which is zeros
				}
				held, err := look(lives.Place(t, dir, lives.Rotten(all, name, 8*at+at%8)), tiny)
				kind := name[strings.LastIndex(name, ".")+1:]
				var corruption *partition.Corruption
				if errors.As(err, &corruption) {
					require.Contains(t, all, corruption.File)
					told[kind]++
					continue
				}
				require.NoError(t, err, "%s at %d", name, at)
				harmless[kind]++
				require.Equal(t, l.appended, held, "%s at %d", name, at)
			}
		}
		t.Log("told", told, "harmless", harmless)
		require.Positive(t, told["log"])
		require.Positive(t, told["leader-epochs"])
		require.Zero(t, told["index"])
		require.Zero(t, told["snapshot"])
		require.Zero(t, harmless["leader-epochs"])
	}
}

// If this failed, a disk that lost a whole file would be taken for one that never had it, and another would grow in its place.
func TestAMissingFileIsToldOrMadeAnew(t *testing.T) {
	for _, closed := range []bool{true, false} {
		all, l := image(t, tiny, closed)
		for name := range all {
			changed := maps.Clone(all)
			delete(changed, name)
			held, err := look(lives.Place(t, dir, changed), tiny)
			switch {
			case strings.HasSuffix(name, ".index"), strings.HasSuffix(name, ".snapshot"), name == "high-watermark":
				require.NoError(t, err, name)
				require.Equal(t, l.appended, held, name)
			case name == slices.Max(slices.DeleteFunc(slices.Collect(maps.Keys(all)), func(n string) bool { return !strings.HasSuffix(n, ".log") })):
				// the last segment alone cannot be missed: nothing comes after it
			default:
				require.ErrorAs(t, err, new(*partition.Corruption), name)
			}
		}
	}
}

// If this failed, whoever has other replicas could not begin again where the disk has failed.
func TestADiscardedLogBeginsAnew(t *testing.T) {
	all, _ := image(t, tiny, true)
	all["leader-epochs"][5] ^= 1
	fs := lives.Place(t, dir, all)
	_, err := look(fs, tiny)
	require.ErrorAs(t, err, new(*partition.Corruption))
	live(t, fs, func(env nodes.Env) {
		require.NoError(t, partition.Discard(env, dir))
		p := open(t, env, tiny)
		require.Zero(t, p.Next())
		require.NoError(t, p.Reset(3))
		put(t, p, 9, batch("a=b"))
		holds(t, p, "3:a=b")
		require.NoError(t, p.Close())
	})
}

// FuzzOpen takes bytes for one of the files of a partition: nothing may panic, and what is there is read, or told to be corrupt.
func FuzzOpen(f *testing.F) {
	images := map[bool]map[string][]byte{}
	for _, closed := range []bool{true, false} {
		images[closed], _ = image(f, tiny, closed)
		for i, name := range slices.Sorted(maps.Keys(images[closed])) {
			f.Add(uint(i), images[closed][name], closed)
		}
	}
	f.Fuzz(func(t *testing.T, which uint, data []byte, closed bool) {
		changed := maps.Clone(images[closed])
		names := slices.Sorted(maps.Keys(changed))
		changed[names[which%uint(len(names))]] = data
		err := liveOn(lives.Place(t, dir, changed), func(env nodes.Env) error {
			p, err := partition.Open(env, dir, tiny)
			if err != nil {
				return err
			}
			_, err = entries(p, p.Start(), partition.ReadOptions{MaxBytes: 300})
			if err == nil {
				_, _, err = p.At(0, p.Next())
			}
			if err == nil {
				_, err = p.Truncate(max(p.Start(), p.Next()-1))
			}
			return errors.Join(err, p.Close())
		})
		if err != nil && !errors.As(err, new(*partition.Corruption)) {
			t.Fatal(err)
		}
	})
}
