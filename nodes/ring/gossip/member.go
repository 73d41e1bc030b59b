package gossip

import (
	"cmp"
	"fmt"

	"simrun/nodes/ring"
)

// State is what is believed of a member. Of one incarnation the later state wins.
type State uint8

// The states.
const (
	Unknown State = iota // not a member, or no longer
	Alive
	Suspect // it did not answer, and has so long to say that it is alive
	Dead    // it did not say so; what it keeps is still its own until it is forgotten
	Left    // it said that it goes for good
)

// String is the state's name.
func (s State) String() string { return [...]string{"unknown", "alive", "suspect", "dead", "left"}[s] }

// Limits of what a member says of itself, in bytes.
const (
	MaxAddress = 255
	MaxSite    = 64
)

// mostIncarnation leaves room to count on.
const mostIncarnation = 1 << 62

// Member is one, and what is believed of it.
type Member struct {
	ring.Member
	Address     string
	Incarnation uint64 // only the member itself counts it on, to contradict what is said of it
	State       State
}

// Update is what somebody says of a member.
type Update struct {
	Member
	By ring.ID // of a suspicion: who has it from nobody else
}

// overrides says whether m is to be believed rather than o, of the same member. It is a strict total order, so members
// that hear the same come to believe the same.
func (m *Member) overrides(o *Member) bool {
	return cmp.Or(cmp.Compare(m.Incarnation, o.Incarnation), cmp.Compare(m.State, o.State),
		cmp.Compare(m.Address, o.Address), cmp.Compare(m.Site, o.Site), cmp.Compare(m.Weight, o.Weight)) > 0
}

// valid says whether a member is within the limits.
func (m *Member) valid() bool {
	return m.ID != 0 && m.Address != "" && len(m.Address) <= MaxAddress && len(m.Site) <= MaxSite && m.Weight >= 0 &&
		m.Weight <= ring.MaxWeight && m.Incarnation <= mostIncarnation && m.State >= Alive && m.State <= Left
}

// String is the member on one line.
func (m Member) String() string { return fmt.Sprintf("%d %s/%d", m.ID, m.State, m.Incarnation) }

// String is the update on one line.
func (u Update) String() string {
	if u.State == Suspect {
		return fmt.Sprintf("%s by %d", u.Member, u.By)
	}
	return u.Member.String()
}

// Change is that something else is believed of a member than before.
type Change struct {
	Was State
	Is  Member
}

// String is the change on one line.
func (c Change) String() string {
	return fmt.Sprintf("%d: %s → %s/%d", c.Is.ID, c.Was, c.Is.State, c.Is.Incarnation)
}
