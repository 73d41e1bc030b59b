package recording

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"simrun/nodes/history"
)

// addDisks adds what the disks of those who take part were told between what they heard and what they said of it, and up to
// the next sync that ends after that: what makes it durable.
func (r *Recording) addDisks(s *Slice) {
	for _, host := range s.Hosts {
		var disk []Event
		for i := range r.Events {
			if e := &r.Events[i]; e.Sort == Disk && e.Host == host && e.At >= s.From && e.At <= s.To {
				disk = append(disk, *e)
			}
		}
		for _, m := range s.Messages {
			if m.To != host || m.Lost != "" || m.Quiet {
				continue
			}
			s.Disk = append(s.Disk, durable(disk, m.At)...)
		}
		for _, e := range disk {
			if strings.HasPrefix(e.Text, "lost ") {
				s.Disk = append(s.Disk, e)
			}
		}
	}
	slices.SortStableFunc(s.Disk, func(a, b Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Host, b.Host)) })
	s.Disk = slices.Compact(s.Disk)
	s.Disk = s.Disk[:min(len(s.Disk), mostDisk)]
}

// soon is how long after it was heard a message can be what a write is about.
const soon = 50 * time.Millisecond

// durable is the first write after a time and what follows it up to the end of the sync that makes it durable.
func durable(disk []Event, from time.Duration) []Event {
	first := slices.IndexFunc(disk, func(e Event) bool { return e.At >= from && strings.HasPrefix(e.Text, "write ") })
	if first < 0 || disk[first].At > from+soon {
		return nil
	}
	begun := false
	for i, e := range disk[first:] {
		switch {
		case strings.HasPrefix(e.Text, "lost "):
			return disk[first : first+i]
		case strings.HasPrefix(e.Text, "sync-begin"):
			begun = true
		case strings.HasPrefix(e.Text, "sync-end") && begun:
			return picked(disk[first : first+i+1])
		case e.At > from+20*soon:
			return disk[first : first+1]
		}
	}
	return disk[first : first+1]
}

// picked is the first write of a stretch and its last sync.
func picked(disk []Event) []Event {
	all := []Event{disk[0]}
	for _, e := range disk[1:] {
		if strings.HasPrefix(e.Text, "sync-begin") && len(all) == 1 {
			all = append(all, e)
		}
	}
	return append(all, disk[len(disk)-1])
}

// addWeather adds when those who take part were down, and what they say of themselves right after.
func (r *Recording) addWeather(s *Slice) {
	for _, d := range r.History.Downs {
		if slices.Contains(s.Hosts, d.Host) && d.From <= s.To && d.To >= s.From {
			s.Downs = append(s.Downs, d)
		}
	}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Sort != Note || e.At < s.From || e.At > s.To || !slices.Contains(s.Hosts, e.Host) || !strings.Contains(e.Text, ": ") {
			continue
		}
		if slices.ContainsFunc(s.Downs, func(d history.Down) bool { return d.Host == e.Host && d.To <= e.At && e.At <= d.To+time.Second }) &&
			strings.HasPrefix(e.Text, "replayed") {
			s.Notes = append(s.Notes, *e)
		}
	}
}
