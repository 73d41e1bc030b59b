package admin

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/probe"
	"simrun/nodes/resp"
)

// MemberOptions are the further keys of a workload line about members.
type MemberOptions struct {
	Member string `yaml:"member" doc:"whom it is about: a server's name, address or id; one of those that it can be about, drawn each time, if empty"`
	Keep   int    `yaml:"keep" doc:"of remove: so many voters are left, or nobody is taken out"`
}

// Validate says what cannot be meant.
func (o *MemberOptions) Validate() error {
	if o.Keep < 1 || o.Keep > 1000 {
		return fmt.Errorf("keep: is not between 1 and 1000")
	}
	return nil
}

// member is one as RAFT MEMBERS lists it.
type member struct {
	id             string
	votes, leads   bool
	client, server string
}

// is says whether a name means the member.
func (m *member) is(name string) bool {
	host, _, _ := net.SplitHostPort(m.client)
	return name == m.id || name == m.client || name == m.server || name == host
}

// parseMember reads "ID voter client ADDRESS server ADDRESS …".
func parseMember(line string) (member, bool) {
	words := strings.Fields(line)
	if len(words) < 6 || words[2] != "client" || words[4] != "server" {
		return member{}, false
	}
	return member{id: words[0], votes: words[1] != "learner", leads: words[1] == "leader", client: words[3], server: words[5]}, true
}

// members are those of whom the leader knows.
func (a *admin) members() ([]member, error) {
	answer, err := a.askAny(&question{words: []string{"RAFT", "MEMBERS"}})
	for range mostRedirections {
		if err != nil {
			return nil, err
		}
		var all []member
		for _, line := range answer.Array {
			if m, ok := parseMember(string(line.Text)); ok {
				all = append(all, m)
			}
		}
		at := slices.IndexFunc(all, func(m member) bool { return m.leads })
		switch {
		case at < 0:
			return nil, fmt.Errorf("%w that leads", errUnreachable)
		case all[at].client == a.leader:
			return all, nil
		}
		a.leader = all[at].client // its own list is the latest
		answer, err = a.ask(&question{words: []string{"RAFT", "MEMBERS"}}, a.leader)
	}
	return nil, errUnreachable
}

// wish is what is wanted of the members.
type wish struct {
	command []string
	whom    string
	probe   *probe.Sometimes
	done    func(all []member) bool
}

// wish makes one of a request; false if there is nobody whom it could be about.
func (a *admin) wish(verb string, o *MemberOptions, all []member, luck uint64) (w wish, _ bool) {
	var names []string
	for _, m := range all {
		if m.votes && !m.leads || verb == "remove" {
			names = append(names, m.id)
		}
	}
	if verb == "invite" {
		names = nil
		for _, s := range a.config.Servers {
			at := address(string(s))
			if !slices.ContainsFunc(all, func(m member) bool { return m.client == at && m.votes }) {
				names = append(names, at)
			}
		}
	}
	if o.Member != "" {
		names = slices.DeleteFunc(names, func(name string) bool {
			i := slices.IndexFunc(all, func(m member) bool { return m.id == name })
			return !(i >= 0 && all[i].is(o.Member) || name == address(o.Member))
		})
	}
	if len(names) == 0 || verb == "remove" && voters(all) <= o.Keep {
		return w, false
	}
	w.whom = names[luck%uint64(len(names))]
	about := func(all []member) (*member, bool) {
		i := slices.IndexFunc(all, func(m member) bool { return m.is(w.whom) })
		if i < 0 {
			return nil, false
		}
		return &all[i], true
	}
	switch verb {
	case "invite":
		host, _, _ := net.SplitHostPort(w.whom)
		w.command = []string{"RAFT", "INVITE", host}
		w.probe = invited
		w.done = func(all []member) bool { m, is := about(all); return is && m.votes }
	case "remove":
		w.command, w.probe = []string{"RAFT", "REMOVE", w.whom, "KEEP", strconv.Itoa(o.Keep)}, removed
		w.done = func(all []member) bool { _, is := about(all); return !is }
	case "transfer":
		w.command, w.probe = []string{"RAFT", "TRANSFER", w.whom}, transferred
		w.done = func(all []member) bool { m, is := about(all); return is && m.leads }
	}
	return w, true
}

// voters counts those who vote.
func voters(all []member) (n int) {
	for _, m := range all {
		if m.votes {
			n++
		}
	}
	return n
}

// change looks who the members are, asks for others, and looks again until it is so. It is ok once the leader's log says so,
// unknown if somebody was asked and it did not come to that, and failed if nobody was.
func (a *admin) change(op nodes.Op, verb string, request nodes.Request, luck uint64) {
	options, _ := request.Options.(*MemberOptions)
	if options == nil {
		options = &MemberOptions{Keep: 3}
	}
	var (
		q     question
		w     wish
		chose bool
		pause = backoff.Backoff{Least: a.config.BackoffMin, Most: a.config.BackoffMax}
		until = a.env.Mark().Add(a.config.Patience)
		last  = errUnreachable
	)
	for try := 0; !a.stopping && a.env.Mark() < until; try++ {
		all, err := a.members()
		switch {
		case err != nil:
			last = err
		case !chose:
			if w, chose = a.wish(verb, options, all, luck); !chose {
				a.env.Record().Reach(nothingToDo)
				op.Fail(errNobody, slog.Bool("own", true))
				return
			}
			q.words = w.command
			op.Note("chosen", slog.String("member", w.whom))
		case w.done(all):
			a.env.Record().Sometimes(w.probe, true)
			op.Ok(slog.String("member", w.whom))
			return
		}
		if chose && err == nil {
			if try > 1 {
				a.env.Record().Reach(askedTwice)
			}
			var answer resp.Value
			if answer, err = a.ask(&q, a.leader); err != nil {
				last = err
			} else if answer.Kind == resp.Simple {
				pause.Reset()
			}
		}
		if a.env.Sleep(pause.Next(a.env.Rand())) != nil {
			break
		}
	}
	a.env.Record().Reach(outOfTime)
	if a.stopping {
		last = errStopping
	}
	end(op, q.open, last)
}
