package scenarios

import (
	"simrun/nodes"
	"simrun/sim"
	"simrun/sim/disk"
)

// diskTrouble is trouble with one host's disk.
type diskTrouble struct {
	*disk.Fault
	world *sim.World
}

// End lifts the trouble; damage stays.
func (o diskTrouble) End() { o.Lift(o.world.Now()) }

// trouble is what a disk verb does to one host.
func (s *storm) trouble(f *Fault, h *sim.Host) hit {
	d, now, o := h.Disk(), s.world.Now(), f.Options
	share := disk.Times{Rate: o.Rate}
	if o.Rate == nodes.PerMillion {
		share = disk.Times{}
	}
	switch f.Verb {
	case SlowDisk:
		return diskTrouble{d.Slow(now, max(o.Delay.Times, 1000), o.Delay.Plus), s.world}
	case StallDisk:
		return diskTrouble{d.Stall(now), s.world}
	case FailSync:
		return diskTrouble{d.FailSync(now, share), s.world}
	case FailRead:
		return diskTrouble{d.FailRead(now, share), s.world}
	case FillDisk:
		return diskTrouble{d.Fill(now, 0), s.world}
	case CorruptDisk:
		return diskTrouble{d.Corrupt(now, disk.Corruption{Sectors: o.Sectors}), s.world}
	case MisdirectWrite:
		return diskTrouble{d.MisdirectWrite(now, disk.Times{Next: 1}), s.world}
	case WipeDisk:
		crash := h.CrashMachine()
		wiped := d.Wipe(now)
		crash.End()
		return diskTrouble{wiped, s.world}
	}
	panic("scenarios: no host suffers " + string(f.Verb))
}
