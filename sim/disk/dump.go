package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"
)

// walk calls f with each directory and file that processes can see, in the order of names, a directory
// before what is in it. Names are from the disk's root, which is "".
func (d *Disk) walk(n *inode, name string, f func(name string, n *inode)) {
	f(name, n)
	if n.dir == nil {
		return
	}
	for _, part := range n.list() {
		full := part
		if name != "" {
			full = name + "/" + part
		}
		d.walk(n.dir.now[part], full, f)
	}
}

// Fingerprint is a hash of what processes see: names, sizes and contents. Two disks that differ in none
// of these have the same.
func (d *Disk) Fingerprint() uint64 {
	var h xxh3.Hasher
	var word [8]byte
	number := func(v int64) {
		binary.LittleEndian.PutUint64(word[:], uint64(v))
		h.Write(word[:])
	}
	d.walk(d.root, "", func(name string, n *inode) {
		number(int64(len(name)))
		h.WriteString(name)
		if n.dir != nil {
			number(-1)
			return
		}
		number(n.size())
		for _, at := range n.numbers() {
			if p := n.pages[at]; at*PageSize < n.size() && !allZero(p.now[:]) {
				number(at)
				h.Write(p.now[:])
			}
		}
	})
	return h.Sum64()
}

// Dump is what processes see, as text: a line for each directory and file, with the file's size and the
// beginning of its contents, in which a run of zeros is written as its length.
func (d *Disk) Dump() string {
	var b strings.Builder
	d.walk(d.root, "", func(name string, n *inode) {
		switch {
		case name == "":
		case n.dir != nil:
			fmt.Fprintf(&b, "%s/\n", name)
		default:
			data := make([]byte, min(n.size(), dumped))
			d.peek(n, data)
			fmt.Fprintf(&b, "%s %d %s\n", name, n.size(), legible(data))
		}
	})
	return b.String()
}

// dumped is how many bytes of a file a dump looks at.
const dumped = 1 << 16

// peek reads the beginning of a file from the cache or the medium, as if no fault were there.
func (d *Disk) peek(n *inode, data []byte) {
	for _, at := range n.numbers() {
		if start := at * PageSize; start < int64(len(data)) {
			copy(data[start:], n.pages[at].now[:])
		}
	}
}

var eightZeros = make([]byte, 8)

// legible writes bytes as text, with runs of eight zeros or more as their length.
func legible(data []byte) string {
	var b strings.Builder
	for len(data) > 0 && b.Len() < 400 {
		run := 0
		for run < len(data) && data[run] == 0 {
			run++
		}
		if run >= 8 {
			fmt.Fprintf(&b, "[%d zeros]", run)
			data = data[run:]
			continue
		}
		end := bytes.Index(data, eightZeros)
		if end <= 0 {
			end = len(data)
		}
		b.WriteString(strconv.Quote(string(data[:min(end, 400)])))
		data = data[end:]
	}
	return b.String()
}
