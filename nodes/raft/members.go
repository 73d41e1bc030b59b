package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Member is a server and where it is reached.
type Member struct {
	ID      ID
	Address string
}

// Members are the servers of a configuration. While Outgoing is not empty it is a joint one (§4.3): what a majority
// decides, a majority of Voters and a majority of Outgoing decide.
//
// Invariants: each list is sorted by ID and names nobody twice; no learner is in Voters.
type Members struct {
	Voters   []Member
	Outgoing []Member // the voters before the change that is under way
	Learners []Member // get the log, and have no vote
}

// mostMembers bounds each list of a configuration.
const mostMembers = 1000

// Joint says that a change is under way.
func (m Members) Joint() bool { return len(m.Outgoing) > 0 }

// Votes says whether a server has a vote.
func (m Members) Votes(id ID) bool { return find(m.Voters, id) || find(m.Outgoing, id) }

// Has says whether a server belongs to the configuration.
func (m Members) Has(id ID) bool { return m.Votes(id) || find(m.Learners, id) }

// All is every member once, by ID.
func (m Members) All() []Member {
	all := slices.Concat(m.Voters, m.Outgoing, m.Learners)
	slices.SortStableFunc(all, byID)
	return slices.CompactFunc(all, func(a, b Member) bool { return a.ID == b.ID })
}

// Address is where a member is reached; empty if it is none.
func (m Members) Address(id ID) string {
	for _, list := range [][]Member{m.Voters, m.Learners, m.Outgoing} {
		for _, member := range list {
			if member.ID == id {
				return member.Address
			}
		}
	}
	return ""
}

// String is "1 2 3", "1 2 4 from 1 2 3", "1 2 3 learner 4".
func (m Members) String() string {
	ids := func(list []Member) string {
		words := make([]string, len(list))
		for i, member := range list {
			words[i] = fmt.Sprint(uint64(member.ID))
		}
		return strings.Join(words, " ")
	}
	text := "{" + ids(m.Voters)
	if m.Joint() {
		text += " from " + ids(m.Outgoing)
	}
	if len(m.Learners) > 0 {
		text += " learner " + ids(m.Learners)
	}
	return text + "}"
}

func byID(a, b Member) int {
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}

func find(list []Member, id ID) bool {
	return slices.ContainsFunc(list, func(m Member) bool { return m.ID == id })
}

// normal is the configuration as the invariants want it; false if it cannot be one.
func (m Members) normal() (Members, bool) {
	for _, list := range []*[]Member{&m.Voters, &m.Outgoing, &m.Learners} {
		*list = slices.Clone(*list)
		slices.SortFunc(*list, byID)
		for i, member := range *list {
			if member.ID == 0 || i > 0 && (*list)[i-1].ID == member.ID {
				return m, false
			}
		}
		if len(*list) > mostMembers {
			return m, false
		}
	}
	twice := slices.ContainsFunc(m.Learners, func(l Member) bool { return find(m.Voters, l.ID) })
	return m, len(m.Voters) > 0 && !twice
}

// decided is the greatest figure that a majority has reached: of both halves, if the configuration is joint. A figure
// is asked for each voter; the result is that of nobody where there are no voters.
func (m Members) decided(figure func(ID) uint64) uint64 {
	least := majority(m.Voters, figure)
	if m.Joint() {
		least = min(least, majority(m.Outgoing, figure))
	}
	return least
}

// majority is the figure that more than half of the voters have reached.
func majority(voters []Member, figure func(ID) uint64) uint64 {
	if len(voters) == 0 {
		return 0
	}
	var few [9]uint64
	figures := few[:0]
	for _, v := range voters {
		figures = append(figures, figure(v.ID))
	}
	slices.Sort(figures)
	return figures[(len(figures)-1)/2]
}

// encode is the configuration as an entry or a snapshot carries it.
func (m Members) encode() []byte {
	var b []byte
	for _, list := range [][]Member{m.Voters, m.Outgoing, m.Learners} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, member := range list {
			b = binary.AppendUvarint(b, uint64(member.ID))
			b = binary.AppendUvarint(b, uint64(len(member.Address)))
			b = append(b, member.Address...)
		}
	}
	return b
}

// errMalformed is wrapped by what the decoders say.
var errMalformed = errors.New("raft: malformed")

// decodeMembers reads what encode wrote.
func decodeMembers(b []byte) (Members, error) {
	var m Members
	d := decoder{b}
	for _, list := range []*[]Member{&m.Voters, &m.Outgoing, &m.Learners} {
		n := d.count(mostMembers)
		for range n {
			*list = append(*list, Member{ID(d.uint()), string(d.bytes())})
		}
	}
	if d.b == nil || len(d.b) > 0 {
		return Members{}, fmt.Errorf("%w members", errMalformed)
	}
	m, ok := m.normal()
	if !ok {
		return Members{}, fmt.Errorf("%w members %s", errMalformed, m)
	}
	return m, nil
}
