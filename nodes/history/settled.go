package history

import (
	"fmt"
	"hash/crc32"

	"simrun/nodes/probe"
)

// subject is a sequence of which hosts say what they take for settled in it.
type subject struct {
	probe    int
	sequence uint64
}

// remembered is how many numbers of a sequence are. Who is further behind the first than that is not compared.
const remembered = 1 << 12

// settled is what was first said under the latest numbers of a sequence, each at its remainder.
type settled [remembered]struct {
	number, digest uint64 // a digest of nothing is 0, and of anything odd
	host           string
}

// agree notes what a host says, and returns whoever said something else before.
func (s *settled) agree(host string, number, digest uint64) (other string, agreed bool) {
	was := &s[number%remembered]
	switch {
	case was.digest == 0 || was.number < number:
		was.number, was.digest, was.host = number, digest, host
		return "", true
	case was.number > number:
		return "", true // it is long ago
	}
	return was.host, was.digest == digest
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digestOf stands for a value and data.
func digestOf(value uint64, data []byte) uint64 {
	return (value*0x9e3779b97f4a7c15 ^ uint64(crc32.Checksum(data, castagnoli))<<1) | 1
}

func (r *recorder) Agree(p *probe.Agreed, sequence, number, value uint64, data []byte) {
	if *r.dead {
		return
	}
	r.log.reached.First(&p.Probe)
	of := subject{p.ID(), sequence}
	s := r.log.settled[of]
	if s == nil {
		s = new(settled)
		r.log.settled[of] = s
	}
	if other, agreed := s.agree(r.host, number, digestOf(value, data)); !agreed {
		r.violate(&p.Probe, fmt.Sprintf("%s: number %d is another thing to %s", p.Name(), number, other))
	}
}
