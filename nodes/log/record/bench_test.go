package record

import (
	"testing"
)

// BenchmarkVerify is what a broker does with each batch of a producer: 100 records, about 8 KiB before compression.
func BenchmarkVerify(b *testing.B) {
	for _, compression := range all {
		b.Run(compression.String(), func(b *testing.B) {
			c := new(Codec)
			batch, err := c.Build(Builder{Compression: compression}, story(100)...)
			if err != nil {
				b.Fatal(err)
			}
			plain, _, err := c.expand(batch)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(HeadSize + len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Verify(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBuild is what a producer does.
func BenchmarkBuild(b *testing.B) {
	for _, compression := range all {
		b.Run(compression.String(), func(b *testing.B) {
			c, records := new(Codec), story(100)
			size := 0
			for b.Loop() {
				batch, err := c.Build(Builder{Compression: compression}, records...)
				if err != nil {
					b.Fatal(err)
				}
				size = len(batch)
			}
			b.ReportMetric(float64(len(records))*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// BenchmarkCheck is what is done with each batch that is read from a disk.
func BenchmarkCheck(b *testing.B) {
	batch, err := new(Codec).Build(Builder{}, story(100)...)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		if err := batch.Check(); err != nil {
			b.Fatal(err)
		}
	}
}
