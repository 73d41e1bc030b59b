package nodes

import "fmt"

// Percent is a share in parts per million: 1% is 10,000. Integers, so that draws agree on every machine.
type Percent uint32

// PerMillion is the whole.
const PerMillion Percent = 1_000_000

// Hit says whether the variate u falls within the share.
func (p Percent) Hit(u uint64) bool {
	return p >= PerMillion || u>>32 < uint64(p)<<32/uint64(PerMillion)
}

// Share is how large a part is of a whole, of which there may be nothing.
func Share(part, whole int) Percent {
	if whole == 0 {
		return PerMillion
	}
	return Percent(uint64(part) * uint64(PerMillion) / uint64(whole))
}

// String is the share as a scenario writes it.
func (p Percent) String() string { return fmt.Sprintf("%g%%", float64(p)/10_000) }

// Bytes is a size; scenarios write 512, 64KiB, 1MiB.
type Bytes int64

// String is the size as a scenario writes it.
func (b Bytes) String() string {
	for _, unit := range []struct {
		size Bytes
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if b != 0 && b%unit.size == 0 {
			return fmt.Sprintf("%d%s", b/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d", int64(b))
}
