package version

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"
)

// Stamp is a reading of a hybrid logical clock. Stamps are in the order of what could have caused what, and near to
// when it was.
type Stamp struct {
	Wall    int64  // nanoseconds since 1970: of the latest wall clock that was heard of
	Logical uint32 // counts what happened without that clock's moving on
}

// Compare is negative, zero or positive as s is before, the same as, or after o.
func (s Stamp) Compare(o Stamp) int {
	return cmp.Or(cmp.Compare(s.Wall, o.Wall), cmp.Compare(s.Logical, o.Logical))
}

// Time is when it was, by some wall clock.
func (s Stamp) Time() time.Time { return time.Unix(0, s.Wall).UTC() }

// String is the time of day and the count: for people.
func (s Stamp) String() string {
	return fmt.Sprintf("%s+%d", s.Time().Format("15:04:05.000000000"), s.Logical)
}

func (s Stamp) next() Stamp {
	if s.Logical == math.MaxUint32 {
		return Stamp{s.Wall + 1, 0}
	}
	return Stamp{s.Wall, s.Logical + 1}
}

// AtWall is the stamp that a plain wall clock would give. Versions by it are last-write-wins as it is usually had:
// whose clock is behind loses what it wrote, acknowledged or not.
func AtWall(wall time.Time) Stamp { return Stamp{Wall: nanoseconds(wall)} }

// mostWall keeps walls where time.Time can say them in nanoseconds, with room to count on.
const mostWall = math.MaxInt64 / 2

func nanoseconds(t time.Time) int64 {
	switch s := t.Unix(); {
	case s > mostWall/int64(time.Second):
		return mostWall
	case s < -mostWall/int64(time.Second):
		return -mostWall
	}
	return t.UnixNano()
}

// ErrDrift is wrapped by what is said of a stamp that is too far ahead of this node's wall clock.
var ErrDrift = errors.New("version: a stamp from too far in the future")

// ClockOptions are those of a Clock.
type ClockOptions struct {
	// MaxDrift is how far a stamp may be ahead of this node's wall clock to be believed. Without a bound a single node
	// whose clock is a year ahead takes all others there, for good. Default 500ms.
	MaxDrift time.Duration
	// Floor is the greatest stamp that this node's disk holds: none up to it is given again.
	Floor Stamp
}

// Clock is a hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva & Leone, "Logical Physical Clocks", 2014). It has
// no time of its own: each call says what the wall clock reads.
//
// Invariant: last never falls; it is ahead of every wall clock reading that was given to Now or Observe.
type Clock struct {
	drift time.Duration
	last  Stamp
}

// NewClock is a clock that goes on after its floor.
func NewClock(o ClockOptions) *Clock {
	if o.MaxDrift <= 0 {
		o.MaxDrift = 500 * time.Millisecond
	}
	return &Clock{o.MaxDrift, o.Floor}
}

// Now stamps something that happens here. Each stamp is greater than all before it and all that were observed, however
// the wall clock was stepped.
func (c *Clock) Now(wall time.Time) Stamp {
	c.last = c.last.next()
	if here := AtWall(wall); here.Compare(c.last) > 0 {
		c.last = here
	}
	return c.last
}

// Observe takes note of a stamp that came from elsewhere: whatever is stamped from now on comes after it. The error is
// ErrDrift if the stamp is further ahead of the wall clock than MaxDrift; then nothing has changed, and what came with
// it should be refused.
func (c *Clock) Observe(wall time.Time, s Stamp) error {
	here := nanoseconds(wall)
	if s.Wall > here && uint64(s.Wall)-uint64(here) > uint64(c.drift) {
		return fmt.Errorf("%w: it is %v ahead, and %v are allowed", ErrDrift, time.Duration(s.Wall-here), c.drift)
	}
	for _, heard := range [...]Stamp{{Wall: here}, s} {
		if heard.Compare(c.last) > 0 {
			c.last = heard
		}
	}
	return nil
}

// Ahead is by how much the clock leads the wall clock: because others do, or because the wall clock was stepped back.
func (c *Clock) Ahead(wall time.Time) time.Duration {
	return max(0, time.Duration(c.last.Wall-nanoseconds(wall)))
}
