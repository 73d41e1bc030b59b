package journal_test

import (
	"errors"
	"fmt"
	"testing"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// BenchmarkCommit is 100-byte records made durable by committers that each wait for their own.
func BenchmarkCommit(b *testing.B) {
	for _, committers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("committers=%d", committers), func(b *testing.B) {
			payload := make([]byte, 100)
			lives.OnRealDisk(b, lives.BenchDir(b), func(env nodes.Env) error {
				j, err := journal.Open(env, "journal", journal.Options{}, nil)
				if err != nil {
					return err
				}
				err = lives.Together(b, env, committers, func() error {
					at, err := j.Append(payload)
					if err == nil {
						err = j.Commit(at)
					}
					return err
				})
				return errors.Join(err, j.Close())
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkCommitSimulated is what a commit costs a simulated world: its files are on a disk that
// answers at once.
func BenchmarkCommitSimulated(b *testing.B) {
	payload := make([]byte, 100)
	err := lives.On(disk.FS(disk.New(luck.Stream{}, disk.Options{})), func(env nodes.Env) error {
		options := journal.Options{SegmentBytes: 1 << 20, CompactBytes: 1 << 20}
		j, err := journal.Open(env, "journal", options, nil)
		if err != nil {
			return err
		}
		b.ReportAllocs()
		for b.Loop() {
			at, err := j.Append(payload)
			if err == nil {
				err = j.Commit(at)
			}
			if err == nil && j.Bloated() {
				err = j.Compact(func(func([]byte) bool) {})
			}
			if err != nil {
				return err
			}
		}
		return j.Close()
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkThen is what a server with pipelining clients does: 64 appenders, each 200 records ahead.
func BenchmarkThen(b *testing.B) {
	const ahead = 64 * 200
	payload := make([]byte, 100)
	lives.OnRealDisk(b, lives.BenchDir(b), func(env nodes.Env) error {
		j, err := journal.Open(env, "journal", journal.Options{}, nil)
		if err != nil {
			return err
		}
		flying := 0
		room := env.NewCond()
		told := func(err error) {
			if err != nil {
				b.Error(err)
			}
			if flying--; flying == ahead/2 || flying == 0 {
				room.Signal()
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			for flying >= ahead {
				if err := room.Wait(); err != nil {
					return err
				}
			}
			at, err := j.Append(payload)
			if err != nil {
				return err
			}
			flying++
			j.Then(at, told)
		}
		for flying > 0 {
			if err := room.Wait(); err != nil {
				return err
			}
		}
		b.StopTimer()
		return j.Close()
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRecovery reads a journal of 100-byte records back.
func BenchmarkRecovery(b *testing.B) {
	const count = 500_000
	dir := lives.BenchDir(b)
	payload := make([]byte, 100)
	lives.OnRealDisk(b, dir, func(env nodes.Env) error {
		j, err := journal.Open(env, "journal", journal.Options{Sync: journal.Interval}, nil)
		if err != nil {
			return err
		}
		for i := range count {
			at, err := j.Append(payload)
			if err == nil && i%1000 == 999 {
				err = j.Commit(at)
			}
			if err != nil {
				return err
			}
		}
		return j.Close()
	})
	b.SetBytes(count * 100)
	for b.Loop() {
		lives.OnRealDisk(b, dir, func(env nodes.Env) error {
			seen := 0
			j, err := journal.Open(env, "journal", journal.Options{}, func(journal.Record) error { seen++; return nil })
			if err == nil && seen != count {
				err = fmt.Errorf("%d records of %d", seen, count)
			}
			if err != nil {
				return err
			}
			return j.Close()
		})
	}
}
