package disk

import (
	"math/bits"
	"time"

	"simrun/nodes"
)

// Timing is how long operations take on a disk in good health. The zero value is a solid-state disk on a
// local bus.
type Timing struct {
	// Call is any call that only touches memory. Zero means 1µs..4µs.
	Call nodes.Spread
	// Read is reaching data on the medium. Zero means 60µs..150µs.
	Read nodes.Spread
	// Sync is what it takes to make anything durable. Zero means 300µs..2ms.
	Sync nodes.Spread
	// Bandwidth is what the medium reads or writes in a second. Zero means 500 MiB.
	Bandwidth nodes.Bytes
}

func (t Timing) filled() Timing {
	if t.Call.IsZero() {
		t.Call = nodes.Spread{Lo: time.Microsecond, Hi: 4 * time.Microsecond}
	}
	if t.Read.IsZero() {
		t.Read = nodes.Spread{Lo: 60 * time.Microsecond, Hi: 150 * time.Microsecond}
	}
	if t.Sync.IsZero() {
		t.Sync = nodes.Spread{Lo: 300 * time.Microsecond, Hi: 2 * time.Millisecond}
	}
	if t.Bandwidth <= 0 {
		t.Bandwidth = 500 << 20
	}
	return t
}

// transfer is how long the medium takes for that many bytes.
func (t Timing) transfer(bytes int64) time.Duration {
	hi, lo := bits.Mul64(uint64(max(bytes, 0)), uint64(time.Second))
	if hi >= uint64(t.Bandwidth) {
		return Never
	}
	took, _ := bits.Div64(hi, lo, uint64(t.Bandwidth))
	return time.Duration(min(took, uint64(Never)))
}

// speed is how fast the medium works now.
type speed struct {
	slower  int64 // how many times slower than in good health, in thousandths
	stalled bool
}

// full is the speed of a disk in good health.
var full = speed{slower: 1000}

// maxSlower bounds how much slower a disk can get; what is slower still is stalled.
const maxSlower = 1_000_000_000

// needs is how long the medium needs for what would take that long in good health.
func (s speed) needs(work time.Duration) time.Duration {
	if work == 0 {
		return 0
	}
	if s.stalled {
		return Never
	}
	hi, lo := bits.Mul64(uint64(work), uint64(s.slower))
	if hi >= 1000 {
		return Never
	}
	took, rest := bits.Div64(hi, lo, 1000)
	if rest > 0 {
		took++
	}
	return time.Duration(min(took, uint64(Never)))
}

// does is how much of its work the medium has done after that long.
func (s speed) does(took time.Duration) time.Duration {
	if s.stalled || took <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(took), 1000)
	if hi >= uint64(s.slower) {
		return Never
	}
	work, _ := bits.Div64(hi, lo, uint64(s.slower))
	return time.Duration(min(work, uint64(Never)))
}
