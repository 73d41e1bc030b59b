package replica

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"

	"simrun/nodes/journal"
	"simrun/nodes/raft"
	"simrun/nodes/raft/stable"
)

// founding is what a server knows of the others while it has no log, and, of a leader, who wants to be taken in.
type founding struct {
	nonce   uint64                  // of this life
	cluster uint64                  // that this server would begin
	answers map[string]introduction // of those without a log, by address
	joining uint64                  // the group that this server wants to be taken into
	knocks  int                     // how often it asked since
	lost    bool                    // it had a log, and lost it: it begins nothing
	invited []string                // servers that an administrator wants to be taken in
	// recalled says that this server has a log and is invited nonetheless: it was taken out, and may not have heard of it.
	recalled bool
	looks    bool // the task that does all this runs

	candidate raft.ID // a leader: the learner that is to become a voter
	goal      uint64  // a leader: how far it has to be
}

// damagedSuffix is what the directory of a log is called once it was found damaged.
const damagedSuffix = ".damaged"

// openStore opens the log. One that is damaged is put aside, if this server may join anew: it had a vote and made
// promises under its old ID, which nobody has any more.
func (r *Replica) openStore() (*stable.Store, error) {
	aside := r.opts.Dir + damagedSuffix
	if _, err := r.env.FS().Stat(aside); err == nil {
		r.founding.lost = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	store, err := stable.Open(r.env, r.opts.Dir, r.opts.Journal)
	corrupt := errors.As(err, new(*journal.Corruption))
	r.record.Sometimes(damageFound, corrupt)
	if !corrupt || !r.opts.Rejoin || len(r.opts.Peers) == 1 {
		return store, err
	}
	r.env.Log().Error("raft: the log is damaged; it is put aside, and this server joins anew", "err", err, "aside", aside)
	if err := journal.PutAside(r.env.FS(), r.opts.Dir, aside); err != nil {
		return nil, err
	}
	r.founding.lost = true
	return stable.Open(r.env, r.opts.Dir, r.opts.Journal)
}

// found is the task of a server that has no vote yet, or was invited because it has none any more.
func (r *Replica) found() {
	r.founding.nonce = r.env.Rand().Uint64()
	r.founding.cluster = r.env.Rand().Uint64()>>8 | 1
	r.founding.looks = true
	defer func() { r.founding.looks = false }()
	for !r.closed && (r.founding.recalled || !r.core.Members().Votes(r.ID())) {
		switch {
		case r.founding.knocks > mostKnocks && r.core.LastIndex() == 0:
			r.founding.joining, r.founding.knocks = 0, 0 // that group may have been lost with its only disk
		case r.founding.knocks > mostKnocks && r.founding.recalled:
			r.founding.joining, r.founding.recalled = 0, false // it is in, or is not wanted any more
			continue
		case r.founding.joining != 0, r.opts.Rejoin && r.core.LastIndex() > 0:
			r.knock()
		case r.core.LastIndex() == 0:
			r.inquire()
		}
		if r.env.Sleep(r.opts.Raft.Election/2) != nil {
			return
		}
	}
	if !r.closed {
		r.founding.joining = 0
	}
}

// mostKnocks is how often a server without a log asks a group to take it in before it looks for another.
const mostKnocks = 20

// first says whether it is for this server to begin the group.
func (r *Replica) first() bool { return r.opts.Self == r.opts.Peers[0] && !r.founding.lost }

// inquire asks all others who they are.
func (r *Replica) inquire() {
	if r.first() && len(r.founding.answers) == len(r.opts.Peers)-1 {
		r.beginGroup()
		return
	}
	i := r.self()
	if r.first() {
		i.cluster = r.founding.cluster
	}
	for _, peer := range r.opts.Peers {
		if peer != r.opts.Self {
			r.post(peer, appendIntroduction(r.frame(askFrame), &i))
		}
	}
}

// self is this server's introduction.
func (r *Replica) self() introduction {
	i := introduction{nonce: r.founding.nonce, id: r.ID(), address: join(r.opts.Client, r.opts.Self)}
	switch {
	case r.core.LastIndex() > 0:
		i.past = logged
	case r.founding.joining != 0 || r.founding.lost:
		i.past = waiting
	}
	return i
}

// introduce answers who this server is. If it has no log, it belongs from then on to the group that the asking server
// would begin.
func (r *Replica) introduce(from string, asked *introduction) {
	answer := r.self()
	answer.nonce = asked.nonce
	tell := func() { r.post(from, appendIntroduction(r.frame(answerFrame), &answer)) }
	identity := r.store.Identity()
	if answer.past != blank || asked.cluster == 0 || asked.cluster == identity.Cluster {
		r.durably(tell)
		return
	}
	r.belong(asked.cluster)
	r.durably(tell)
}

// belong makes the server one of a group.
func (r *Replica) belong(cluster uint64) {
	if err := r.store.Be(stable.Identity{ID: r.ID(), Cluster: cluster}); err != nil {
		r.fail(err)
	}
}

// durably calls f once all that was written is durable.
func (r *Replica) durably(f func()) {
	r.store.Then(func(err error) {
		if err != nil {
			r.fail(err)
		}
		if !r.closed {
			f()
		}
	})
}

// met takes an answer.
func (r *Replica) met(from string, cluster uint64, i *introduction) {
	f := &r.founding
	if i.nonce != f.nonce || r.core.LastIndex() > 0 {
		return
	}
	if i.past != blank {
		delete(f.answers, from)
		if i.past == logged && r.opts.Rejoin {
			r.invited(cluster)
		}
		return
	}
	if r.first() && cluster == f.cluster && slices.Contains(r.opts.Peers, from) {
		f.answers[from] = *i
	}
}

// invited makes a server ask to be taken into a group: one without a log, or one that has the group's own. That one keeps
// its ID, for it has kept its vote and all that it promised.
func (r *Replica) invited(cluster uint64) {
	f, has := &r.founding, r.core.LastIndex() > 0
	if f.joining != 0 || cluster == 0 || has && cluster != r.store.Identity().Cluster {
		return
	}
	f.joining, f.knocks, f.recalled = cluster, 0, has
	if has {
		r.record.Reach(recalled)
		if !f.looks {
			r.env.Go("raft founding", r.found)
		}
		return
	}
	r.belong(cluster)
	r.record.Reach(asksToJoin)
	r.env.Log().Info("raft: asking to be taken in", "id", uint64(r.ID()))
}

// beginGroup writes down the configuration that the group begins with. From when it is durable the group exists.
func (r *Replica) beginGroup() {
	f := &r.founding
	members := raft.Members{Voters: []raft.Member{{ID: r.ID(), Address: r.self().address}}}
	for _, peer := range r.opts.Peers {
		if i, answered := f.answers[peer]; answered {
			members.Voters = append(members.Voters, raft.Member{ID: i.id, Address: i.address})
		}
	}
	slices.SortFunc(members.Voters, func(a, b raft.Member) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	had := r.store.State()
	snapshot := raft.Snapshot{Index: 1, Term: 1, Members: members, Data: r.machine.Image()(nil)}
	err := r.store.Be(stable.Identity{ID: r.ID(), Cluster: f.cluster})
	if err == nil {
		err = r.store.Begin(snapshot, max(had.Term, 1), had.Vote)
	}
	if err == nil {
		err = r.store.Settle()
	}
	if err != nil {
		r.fail(err)
	}
	r.record.Note("group-begun")
	r.record.Reach(groupBegun)
	r.env.Log().Info("raft: the group begins", "members", members.String())
	r.begin(r.store.State())
	r.core.Campaign(r.env.Mark()) // nobody else can
}

// knock asks to be taken in, or to be made a voter.
func (r *Replica) knock() {
	r.founding.knocks++
	i := r.self()
	to := slices.Clone(r.opts.Peers)
	if _, leader := r.Leader(); leader != "" {
		to = []string{leader}
	}
	for _, peer := range to {
		if peer != r.opts.Self {
			r.post(peer, appendIntroduction(r.frame(joinFrame), &i))
		}
	}
}

// admit takes a server in, of a leader: first as a learner, and when it has caught up with what was committed when it
// asked before, as a voter. Whoever had its address until then is out: two servers are not at one address, so the other
// is no more.
func (r *Replica) admit(i *introduction) {
	m := r.core.Members()
	if !r.Leads() || m.Joint() || m.Votes(i.id) {
		return
	}
	server := raft.Member{ID: i.id, Address: i.address}
	learners := without(m.Learners, i)
	f := &r.founding
	if !slices.Contains(m.Learners, server) {
		if r.core.Change(r.env.Mark(), m.Voters, append(learners, server)) == nil {
			f.candidate, f.goal = i.id, r.core.Commit()
			r.env.Log().Info("raft: a server is taken in as a learner", "id", uint64(i.id), "address", i.address)
			r.poke()
		}
		return
	}
	if f.candidate != i.id || r.core.Match(i.id) < f.goal || r.core.Match(i.id) == 0 {
		if f.candidate != i.id || r.core.Match(i.id) != 0 {
			f.candidate, f.goal = i.id, r.core.Commit()
		}
		return
	}
	voters := without(m.Voters, i)
	if r.core.Change(r.env.Mark(), append(voters, server), learners) == nil {
		r.record.Note("member-joined", slog.Uint64("id", uint64(i.id)))
		r.record.Reach(memberJoined)
		r.record.Sometimes(memberReplaced, len(voters) < len(m.Voters))
		r.env.Log().Info("raft: a learner becomes a voter", "id", uint64(i.id), "in the place of another", len(voters) < len(m.Voters))
		r.poke()
	}
}

// without is the list less whoever has the server's ID or address.
func without(list []raft.Member, i *introduction) (rest []raft.Member) {
	_, mine := split(i.address)
	for _, m := range list {
		if _, server := split(m.Address); m.ID != i.id && server != mine {
			rest = append(rest, m)
		}
	}
	return rest
}
