package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"simrun/nodes/raft"
)

// A frame between servers is its sort, the sender's cluster, and what the sort says.
const (
	raftFrame   byte = 'r' // Engine.Append
	askFrame    byte = 'q' // an introduction: who are you?
	answerFrame byte = 'a' // an introduction: the answer
	joinFrame   byte = 'j' // an introduction: take me in
	inviteFrame byte = 'i' // nothing: ask to be taken in
	callFrame   byte = 'c' // its number, and a request
	replyFrame  byte = 'd' // its number, and the answer
	refuseFrame byte = 'n' // its number: this server does not lead
)

// introduction is what a server without a log asks and is answered.
type introduction struct {
	nonce   uint64  // of the asking server's life
	id      raft.ID // the sender's
	past    past    // the sender's
	cluster uint64  // ask: the one that is to begin, or 0
	address string  // the sender's, for servers and for clients
}

// past is what a server knows of itself.
type past byte

const (
	blank   past = iota // it has no log, and never had one that it knows of
	waiting             // it has no log, but had one, or waits to be taken into a group
	logged              // it has a log
)

func appendIntroduction(b []byte, i *introduction) []byte {
	b = binary.AppendUvarint(b, i.nonce)
	b = binary.AppendUvarint(b, uint64(i.id))
	b = append(b, byte(i.past))
	b = binary.AppendUvarint(b, i.cluster)
	return append(b, i.address...)
}

// errFrame tells of a frame that no version of this package sends.
var errFrame = errors.New("replica: not a frame")

// longestAddress bounds what a member's address may be.
const longestAddress = 512

func decodeIntroduction(b []byte) (i introduction, err error) {
	nonce, b, ok1 := uvarint(b)
	id, b, ok2 := uvarint(b)
	if !ok1 || !ok2 || id == 0 || len(b) == 0 || b[0] > byte(logged) {
		return i, fmt.Errorf("%w: an introduction of nobody", errFrame)
	}
	i.nonce, i.id, i.past = nonce, raft.ID(id), past(b[0])
	cluster, b, ok := uvarint(b[1:])
	if _, server := split(string(b)); !ok || len(b) > longestAddress || server == "" {
		return i, fmt.Errorf("%w: an introduction without an address", errFrame)
	}
	i.cluster, i.address = cluster, string(b)
	return i, nil
}

func uvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 {
		return 0, nil, false
	}
	return n, b[used:], true
}

// A member's address is where clients find it and where servers do, with a space between.
func join(client, server string) string { return client + " " + server }

func split(address string) (client, server string) {
	client, server, _ = strings.Cut(address, " ")
	return client, server
}

func addresses(m raft.Members, id raft.ID) (client, server string) { return split(m.Address(id)) }

// frame begins one in the replica's buffer.
func (r *Replica) frame(sort byte) []byte {
	return binary.AppendUvarint(append(r.buf[:0], sort), r.store.Identity().Cluster)
}

// post sends a frame.
func (r *Replica) post(to string, frame []byte) bool {
	if r.buf = frame; cap(frame) > 1<<20 {
		r.buf = nil
	}
	return to != "" && r.link.Send(to, frame)
}

// send sends a message of the core.
func (r *Replica) send(m *raft.Message) {
	_, to := addresses(r.core.Members(), m.To)
	if to == "" {
		to = r.known[m.To]
	}
	r.record.Note(sentNotes[m.Type])
	if r.env.Point(dropMessage) {
		return
	}
	r.post(to, r.opts.Engine.Append(r.frame(raftFrame), m))
}

// receive takes a frame of another server. What is not of this group is left alone.
func (r *Replica) receive(from string, frame []byte) {
	if r.closed || len(frame) == 0 {
		return
	}
	cluster, body, ok := uvarint(frame[1:])
	err := errFrame
	if ok {
		err = r.sort(frame[0], cluster, from, body)
	}
	if err != nil {
		r.record.Reach(strangeFrame)
		r.env.Log().Warn("raft: a frame is left out", "from", from, "err", err)
	}
}

func (r *Replica) sort(sort byte, cluster uint64, from string, body []byte) error {
	mine := r.store.Identity().Cluster
	switch sort {
	case askFrame, answerFrame, joinFrame:
		i, err := decodeIntroduction(body)
		if err != nil {
			return err
		}
		switch {
		case sort == askFrame:
			r.introduce(from, &i)
		case sort == answerFrame:
			r.met(from, cluster, &i)
		case cluster == mine:
			r.admit(&i)
		}
		return nil
	case inviteFrame:
		r.invited(cluster)
		return nil
	}
	if cluster == 0 || cluster != mine {
		r.record.Reach(foreignFrame)
		return nil
	}
	switch sort {
	case raftFrame:
		return r.step(from, body)
	case callFrame:
		return r.called(from, body)
	case replyFrame, refuseFrame:
		return r.replied(body, sort == replyFrame)
	}
	return fmt.Errorf("%w: of the sort %q", errFrame, sort)
}

// mostKnown bounds the servers whose address is remembered although they are no members.
const mostKnown = 256

// step gives a message to the core.
func (r *Replica) step(from string, body []byte) error {
	m, err := r.opts.Engine.Decode(body)
	if err != nil {
		return err
	}
	r.record.Note(receivedNotes[m.Type])
	if m.To != r.ID() {
		r.record.Reach(foreignFrame)
		return nil
	}
	if r.known[m.From] != from {
		if len(r.known) >= mostKnown {
			clear(r.known)
		}
		r.known[m.From] = from
	}
	r.core.Step(r.env.Mark(), m)
	r.poke()
	return nil
}

// meet tells the link whom to reach: the members, and those that the group was to begin with.
func (r *Replica) meet() {
	m := r.core.Members()
	if r.reached.Voters != nil && same(m, r.reached) {
		return
	}
	r.reached = m
	r.reach()
}

func (r *Replica) reach() {
	all := slices.Clone(r.opts.Peers)
	for _, member := range r.core.Members().All() {
		if _, server := split(member.Address); server != "" {
			all = append(all, server)
		}
	}
	all = append(all, r.founding.invited...)
	slices.Sort(all)
	r.link.Reach(slices.Compact(all))
}

// same says whether two configurations are one. They are replaced, never changed.
func same(a, b raft.Members) bool {
	one := func(a, b []raft.Member) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
	return one(a.Voters, b.Voters) && one(a.Outgoing, b.Outgoing) && one(a.Learners, b.Learners)
}

// types are those of messages.
var types = []raft.Type{raft.PreVote, raft.PreVoteReply, raft.Vote, raft.VoteReply, raft.Append, raft.AppendReply,
	raft.InstallSnapshot, raft.SnapshotReply, raft.TimeoutNow}

// The names of notes are made once.
var sentNotes, receivedNotes = func() (sent, received [16]string) {
	for _, t := range types {
		sent[t], received[t] = "send "+t.String(), "recv "+t.String()
	}
	return
}()

// Notes are the names of the moments that a replica tells of.
var Notes = func() []string {
	names := []string{"became-leader", "stepped-down", "snapshot-made", "snapshot-installed", "group-begun", "member-joined"}
	for _, t := range types {
		names = append(names, sentNotes[t], receivedNotes[t])
	}
	return names
}()
