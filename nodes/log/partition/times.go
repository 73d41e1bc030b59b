package partition

import (
	"errors"

	"simrun/nodes/log/record"
)

// Moment is a record's place and time.
type Moment struct {
	Offset int64
	Time   int64 // milliseconds since 1970
	Epoch  int32 // of the leader that appended it
}

// errFound ends a scan that has what it looked for.
var errFound = errors.New("found")

// At is the first record that is not earlier than the time and lies below the offset; found says whether there is one. It gives
// way. Errors are those of Read.
func (p *Partition) At(time, below int64) (m Moment, found bool, err error) {
	for {
		cuts := p.cuts
		m, found, err = p.at(time, below)
		if p.cuts == cuts {
			return m, found, err
		}
	}
}

func (p *Partition) at(time, below int64) (m Moment, found bool, err error) {
	for _, s := range append([]*segment(nil), p.segments...) {
		if s.base >= below {
			break
		}
		if err := p.use(s); err != nil {
			return m, false, err
		}
		if len(s.index.spots) > 0 && s.index.maxTime >= time {
			m, found, err = p.atIn(s, time, below)
		}
		p.leave(s)
		if err != nil || found {
			return m, found, err
		}
	}
	return m, false, nil
}

// atIn looks in one segment.
func (p *Partition) atIn(s *segment, time, below int64) (m Moment, found bool, err error) {
	to := s.end
	end, err := p.scan(s, s.index.since(time, s.base), to, func(_ int64, b record.Batch) error {
		if b.BaseOffset() >= below {
			return errFound
		}
		if b.MaxTime() < time || b.NextOffset() <= p.start {
			return nil
		}
		for r, err := range p.opts.Codec.Records(b) {
			if err != nil {
				return err
			}
			if r.Time >= time && r.Offset >= p.start && r.Offset < below {
				m, found = Moment{r.Offset, r.Time, b.LeaderEpoch()}, true
				return errFound
			}
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return m, found, nil
	}
	if err == nil && end.at < to {
		p.env.Record().Reach(rotten)
		err = &Corruption{File: fileName(s.base, extLog), Offset: end.at, What: end.why}
	}
	return m, found, err
}

// Latest is the first record below the offset that has the latest time of all; found says whether there is any. It
// gives way. Errors are those of Read.
func (p *Partition) Latest(below int64) (m Moment, found bool, err error) {
	latest := int64(earliest)
	for _, s := range append([]*segment(nil), p.segments...) {
		if err := p.use(s); err != nil {
			return m, false, err
		}
		latest = max(latest, s.index.maxTime)
		p.leave(s)
	}
	if m, found, err := p.At(latest, below); found || err != nil {
		return m, found, err
	}
	latest = earliest // the latest lies beyond, or was cut off
	for _, s := range append([]*segment(nil), p.segments...) {
		if s.base >= below {
			break
		}
		err := p.each(s, max(s.base, p.start), func(_ int64, b record.Batch) error {
			for r, err := range p.opts.Codec.Records(b) {
				if err != nil {
					return err
				}
				if r.Offset >= p.start && r.Offset < below {
					latest = max(latest, r.Time)
				}
			}
			return nil
		})
		if err != nil {
			return m, false, err
		}
	}
	return p.At(latest, below)
}
