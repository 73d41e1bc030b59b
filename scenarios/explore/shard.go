package explore

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is a part of the seeds of a sweep: of each Of seeds in a row the one at Number. The zero value is all
// of them.
//
// Seeds are dealt out one by one, so that the shards of a sweep that stops at its first violation, each at its
// own, have among them all that comes before the first of all.
type Shard struct{ Number, Of int } // Number is from 1 to Of

// mostShards bounds in how many parts a sweep can be cut.
const mostShards = 100_000

// ParseShard reads NUMBER/OF, such as 3/16. Shards are numbered from 1.
func ParseShard(text string) (Shard, error) {
	number, of, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	m, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || n < 1 || n > m || m > mostShards {
		return Shard{}, fmt.Errorf("%q is not a shard: say 3/16 for the third of sixteen, numbered from 1", text)
	}
	return Shard{n, m}, nil
}

// String is the shard as ParseShard reads it; "" of all seeds.
func (s Shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// seed is the index, among all seeds, of the shard's i-th.
func (s Shard) seed(i int) int {
	if s.Of == 0 {
		return i
	}
	return i*s.Of + s.Number - 1
}

// share is how many of the first count seeds are the shard's.
func (s Shard) share(count int) int {
	if s.Of == 0 {
		return count
	}
	return max(0, count-s.Number+s.Of) / s.Of
}
