package replica

import (
	"slices"

	"simrun/nodes/raft"
)

// Invite lets a server that has no log, or was taken out with the one it has, ask to be taken in, as a voter, also where
// its own options do not. It is reached until eight others were invited. Errors: ErrNotLeader.
func (r *Replica) Invite(server string) error {
	if !r.Leads() {
		return ErrNotLeader
	}
	f := &r.founding
	if !slices.Contains(f.invited, server) {
		if f.invited = append(f.invited, server); len(f.invited) > mostInvited {
			f.invited = f.invited[1:]
		}
		r.reach()
	}
	r.post(server, r.frame(inviteFrame))
	return nil
}

// mostInvited bounds the servers that are reached although they are no members.
const mostInvited = 8

// Remove takes a member out, if so many voters are left. Errors: those of raft.Core.Change; ErrNoMember; ErrTooFew, also
// where no majority of those who are left answers, for they could not even take that back.
func (r *Replica) Remove(id raft.ID, keep int) error {
	m := r.core.Members()
	if !r.Leads() {
		return ErrNotLeader
	}
	if !m.Has(id) {
		return ErrNoMember
	}
	is := func(m raft.Member) bool { return m.ID == id }
	left, heard := slices.DeleteFunc(slices.Clone(m.Voters), is), 0
	for _, m := range left {
		if r.core.Heard(m.ID) {
			heard++
		}
	}
	if len(left) < keep {
		return ErrTooFew
	}
	if 2*heard <= len(left) {
		r.record.Reach(wouldStrand)
		return ErrTooFew
	}
	err := r.core.Change(r.env.Mark(), left, slices.DeleteFunc(slices.Clone(m.Learners), is))
	r.poke()
	return err
}

// Transfer hands leadership to a voter, in an election timeout at most. Errors: those of raft.Core.Transfer; ErrSilent, for
// all who write would wait in vain for that time.
func (r *Replica) Transfer(to raft.ID) error {
	if r.Leads() && r.core.Members().Votes(to) && !r.core.Heard(to) {
		r.record.Reach(wouldWait)
		return ErrSilent
	}
	err := r.core.Transfer(r.env.Mark(), to)
	r.poke()
	return err
}

// Find is the member with that ID, or that address for clients or for servers, as text.
func (r *Replica) Find(name func(id raft.ID, client, server string) bool) (raft.ID, bool) {
	for _, m := range r.core.Members().All() {
		if client, server := split(m.Address); name(m.ID, client, server) {
			return m.ID, true
		}
	}
	return 0, false
}

// Standing is what is known of a member.
type Standing struct {
	ID             raft.ID
	Client, Server string
	Votes, Leads   bool
	Connected      bool
	Match          uint64 // of a leader: how far it is
}

// Standings are the members'.
func (r *Replica) Standings() []Standing {
	m := r.core.Members()
	members := m.All()
	all := make([]Standing, 0, len(members))
	for _, member := range members {
		client, server := split(member.Address)
		all = append(all, Standing{ID: member.ID, Client: client, Server: server, Votes: m.Votes(member.ID),
			Leads: member.ID == r.core.Leader(), Connected: member.ID == r.ID() || r.link.Connected(server), Match: r.core.Match(member.ID)})
	}
	return all
}
