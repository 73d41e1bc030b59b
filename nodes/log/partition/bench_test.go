package partition_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

var kilobyte = batch("key=" + strings.Repeat("v", 1024-70))

// BenchmarkAppend is batches of 1 KiB made durable by producers that each wait for their own: with one of them each has a sync of its own,
// with 64 they share.
func BenchmarkAppend(b *testing.B) {
	for _, o := range []partition.Options{{}, {Sync: partition.Never}} {
		for _, producers := range []int{1, 8, 64} {
			mode := o.Sync
			if mode == "" {
				mode = partition.Always
			}
			b.Run(fmt.Sprintf("sync=%s/producers=%d", mode, producers), func(b *testing.B) {
				lives.OnRealDisk(b, lives.BenchDir(b), func(env nodes.Env) error {
					p, err := partition.Open(env, "p", o)
					if err != nil {
						return err
					}
					b.SetBytes(int64(len(kilobyte)))
					err = lives.Together(b, env, producers, func() error {
						a, err := p.Append(kilobyte, 0)
						if err == nil {
							err = p.Commit(a)
						}
						return err
					})
					return errors.Join(err, p.Close())
				})
			})
		}
	}
}

// BenchmarkAppendSimulated is what an append costs a simulated world: its files are on a disk that answers at once.
func BenchmarkAppendSimulated(b *testing.B) {
	err := liveOn(disk.FS(disk.New(luck.Stream{}, disk.Options{})), func(env nodes.Env) error {
		p, err := partition.Open(env, dir, partition.Options{SegmentBytes: 1 << 20, RetainBytes: 1 << 20})
		if err != nil {
			return err
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			a, err := p.Append(kilobyte, 0)
			if err == nil {
				err = p.Commit(a)
			}
			if err == nil && i%1000 == 0 {
				p.SetWatermark(p.Next())
				err = p.Retain()
			}
			if err != nil {
				return err
			}
		}
		return p.Close()
	})
	if err != nil {
		b.Fatal(err)
	}
}

// fill writes 100 MB.
func fill(b *testing.B, dir string, o partition.Options, closed bool) int64 {
	var next int64
	lives.OnRealDisk(b, dir, func(env nodes.Env) error {
		p, err := partition.Open(env, "p", o)
		if err != nil {
			return err
		}
		for next = 0; next < 100_000; next++ {
			a, err := p.Append(kilobyte, 0)
			if err == nil && next%500 == 499 {
				err = p.Commit(a)
			}
			if err != nil {
				return err
			}
		}
		if !closed {
			return nil
		}
		return p.Close()
	})
	return next
}

// BenchmarkRead reads 100 MB by one mebibyte, as a consumer that catches up, checking each batch.
func BenchmarkRead(b *testing.B) {
	dir := lives.BenchDir(b)
	next := fill(b, dir, partition.Options{Sync: partition.Never}, true)
	lives.OnRealDisk(b, dir, func(env nodes.Env) error {
		p, err := partition.Open(env, "p", partition.Options{})
		if err != nil {
			return err
		}
		b.SetBytes(next * int64(len(kilobyte)))
		for b.Loop() {
			for from := int64(0); from < next; {
				data, err := p.Read(from, partition.ReadOptions{MaxBytes: 1 << 20})
				if err != nil {
					return err
				}
				from += int64(len(data) / len(kilobyte))
			}
		}
		return p.Close()
	})
}

// BenchmarkRecover opens a log of 100 MB in one segment that was not closed.
func BenchmarkRecover(b *testing.B) {
	dir := lives.BenchDir(b)
	next := fill(b, dir, partition.Options{Sync: partition.Interval, SegmentBytes: 1 << 30}, false)
	b.SetBytes(next * int64(len(kilobyte)))
	for b.Loop() {
		lives.OnRealDisk(b, dir, func(env nodes.Env) error {
			p, err := partition.Open(env, "p", partition.Options{SegmentBytes: 1 << 30})
			if err == nil && p.Recovery().Scanned < 100_000_000 {
				err = fmt.Errorf("it was closed, or lost: %v", p)
			}
			return err
		})
	}
}
