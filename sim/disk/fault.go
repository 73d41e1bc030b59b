package disk

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"simrun/nodes"
	"simrun/sim/luck"
)

type verb string

// The verbs, as a scenario writes them.
const (
	slowDisk       verb = "slow-disk"
	stallDisk      verb = "stall-disk"
	failSync       verb = "fail-sync"
	failRead       verb = "fail-read"
	fillDisk       verb = "fill-disk"
	corruptDisk    verb = "corrupt-disk"
	misdirectWrite verb = "misdirect-write"
	wipeDisk       verb = "wipe-disk"
)

// Times says which of the occasions that come a fault takes. The zero Times takes every one.
type Times struct {
	// Next takes so many of the next occasions, and then no more.
	Next int
	// Rate, if Next is zero, takes that share of them.
	Rate nodes.Percent
}

// Fault is one trouble of a disk, from the verb that brought it on until Lift.
type Fault struct {
	disk     *Disk
	verb     verb
	at       time.Duration
	luck     luck.Stream
	lifted   bool
	times    Times
	slower   int64
	lag      time.Duration
	capacity nodes.Bytes
	since    uint64
	fired    int64
	effects  int64
}

// Verb is the fault's verb as a scenario writes it: "slow-disk".
func (f *Fault) Verb() string { return string(f.verb) }

// Fired is how often the fault struck.
func (f *Fault) Fired() int64 { return f.fired }

// Effects is how often somebody could notice: operations that were slowed or stopped or that failed,
// reads that returned what was damaged, files that were wiped.
func (f *Fault) Effects() int64 { return f.effects }

// Lift ends the fault. Damage that was done stays. Lifting twice is lifting once.
func (f *Fault) Lift(now time.Duration) {
	if f.lifted {
		return
	}
	f.lifted = true
	d := f.disk
	d.faults = slices.DeleteFunc(d.faults, func(g *Fault) bool { return g == f })
	d.pace(now, d.present())
}

// install brings a fault on. Its luck hangs on its verb and its time alone, so that it strikes alike
// whatever other faults there are; only of several with the same verb at the same time it is their order.
func (d *Disk) install(now time.Duration, v verb) *Fault {
	f := &Fault{disk: d, verb: v, at: now, since: d.seq}
	twins := uint64(0)
	for _, g := range d.faults {
		if g.verb == v && g.at == now {
			twins++
		}
	}
	f.luck = d.luck.faults.Numbered(luck.Mix(xxh3.HashString(string(v)), uint64(now)))
	f.luck = f.luck.Numbered(twins)
	d.faults = append(d.faults, f)
	return f
}

// Slow makes whatever the medium does take that many thousandths of its time, 50,000 being fifty times as
// long, and what it begins from now on that lag longer. Several faults multiply, and their lags add.
func (d *Disk) Slow(now time.Duration, thousandths int64, lag time.Duration) *Fault {
	f := d.install(now, slowDisk)
	f.lag = max(lag, 0)
	f.slower = min(max(thousandths, 1), maxSlower)
	d.bring(now, f)
	return f
}

// Stall makes the medium stand still: syncs, and reads of what is not cached, are never due until the
// fault is lifted.
func (d *Disk) Stall(now time.Duration) *Fault {
	f := d.install(now, stallDisk)
	d.bring(now, f)
	return f
}

// bring lets a fault of speed begin, and counts the operations under way that it strikes.
func (d *Disk) bring(now time.Duration, f *Fault) {
	f.fired = 1
	d.pace(now, d.present())
	for _, o := range d.inflight {
		if o.work > 0 {
			f.effects++
		}
	}
}

// present is the speed that the faults leave the medium.
func (d *Disk) present() speed {
	s := full
	for _, f := range d.faults {
		switch f.verb {
		case stallDisk:
			s.stalled = true
		case slowDisk:
			hi, lo := bits.Mul64(uint64(s.slower), uint64(f.slower))
			product, _ := bits.Div64(min(hi, 999), lo, 1000)
			s.slower = int64(min(max(product, 1), maxSlower))
		}
	}
	return s
}

// lag is how much longer the faults make the medium take for an operation that begins now.
func (d *Disk) lag() (sum time.Duration) {
	for _, f := range d.faults {
		sum += min(f.lag, Never-sum)
	}
	return sum
}

// delayed counts an operation of the medium that begins while it is slow or stalled.
func (d *Disk) delayed() {
	for _, f := range d.faults {
		if f.verb == slowDisk || f.verb == stallDisk {
			f.effects++
		}
	}
}

// FailSync makes syncs fail that have something to write: with EIO, and as Linux leaves the pages then.
func (d *Disk) FailSync(now time.Duration, times Times) *Fault {
	f := d.install(now, failSync)
	f.times = times
	return f
}

// FailRead makes reads of the medium fail with EIO. With Next they are the next ones; with Rate it is that
// share of the pages that are on the medium now, each time, until they are written anew. What
// is cached and clean is evicted, or nobody would notice.
func (d *Disk) FailRead(now time.Duration, times Times) *Fault {
	f := d.install(now, failRead)
	f.times = times
	d.Evict(now)
	return f
}

// Fill leaves that many bytes of space: whoever needs more gets ENOSPC. Overwriting needs none.
func (d *Disk) Fill(now time.Duration, leave nodes.Bytes) *Fault {
	f := d.install(now, fillDisk)
	f.fired = 1
	f.capacity = nodes.Bytes(d.used)
	if leave > 0 {
		f.capacity = nodes.Bytes(min(d.used, math.MaxInt64-int64(leave))) + leave
	}
	return f
}

// MisdirectWrite makes one sector of a sync land where another one lives. The cache shows both as
// they should be until they are evicted.
func (d *Disk) MisdirectWrite(now time.Duration, times Times) *Fault {
	f := d.install(now, misdirectWrite)
	f.times = times
	return f
}

// Evict takes out of the cache what is clean, as a shortage of memory would.
func (d *Disk) Evict(now time.Duration) {
	d.boot++
	for _, n := range slices.Clone(d.touched) {
		for _, p := range n.lost {
			d.drop(p)
		}
		n.lost = n.lost[:0]
		d.unlist(n)
	}
}

// Wipe takes everything away. Whoever has files open gets EIO; Process starts anew on an empty disk.
func (d *Disk) Wipe(now time.Duration) *Fault {
	f := d.install(now, wipeDisk)
	f.fired = 1
	d.walk(d.root, "", func(_ string, n *inode) {
		f.effects++
		n.gone = true
	})
	f.effects-- // the root is there again
	for _, p := range d.processes {
		p.root.gone = true
		for _, open := range p.files {
			open.inode.gone = true
		}
	}
	d.forgetAll()
	d.root = d.newInode(true)
	f.Lift(now)
	return f
}

// strike says which fault of that verb takes this occasion, if any.
func (d *Disk) strike(v verb) *Fault {
	var by *Fault
	for _, f := range d.faults {
		if f.verb == v && f.takes(f.luck.Uint64()) && by == nil {
			by = f
			f.fired++
		}
	}
	return by
}

func (f *Fault) takes(u uint64) bool {
	switch t := &f.times; {
	case t.Next > 0:
		t.Next--
		if t.Next == 0 {
			t.Next = -1
		}
		return true
	case t.Next < 0:
		return false
	case t.Rate > 0:
		return t.Rate.Hit(u)
	}
	return true
}

// refuse counts that there was no space.
func (d *Disk) refuse() {
	for _, f := range d.faults {
		if f.verb == fillDisk {
			f.effects++
		}
	}
}

// unreadable says whether a fault keeps the medium from reading a page.
func (d *Disk) unreadable(n *inode, p *page) bool {
	for _, f := range d.faults {
		if f.verb != failRead {
			continue
		}
		u := uint64(0)
		if f.times.Next == 0 {
			if p.stored > f.since {
				continue
			}
			place := f.luck.Numbered(n.number)
			place = place.Numbered(uint64(p.number))
			u = place.Uint64()
		}
		if f.takes(u) {
			f.fired++
			f.effects++
			return true
		}
	}
	return false
}
