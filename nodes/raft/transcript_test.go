package raft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/simtest/golden"
)

// Transcripts are small stories of a cluster, in testdata. A line is one of
//
//	# a comment
//	servers N OPTION=VALUE…     the cluster; options are drift, batch, chunk, window, no-pre-vote
//	due N                       the time comes at which N wants to do something, and it does
//	campaign N                  N is asked to campaign before that time
//	wait DURATION               time passes, and nobody notices
//	elect N with N…             N campaigns among those until it leads; what others were told is lost
//	save N… | save              what was being written is durable now
//	deliver [N→M] [TYPE]        what is on the way arrives; what is said in answer is then on the way
//	lose [N→M] [TYPE]           it does not
//	keep [N→M] [TYPE]           it is held up until it is let go
//	repeat [N→M] [TYPE]         so is a copy of it
//	release                     what was held up is on the way again
//	settle                      all is written and delivered until nothing more is said; told only by what servers are then
//	propose N WORD… | lease N | transfer N M | compact N | crash N | start N
//	read N [N…]                 as many questions at a time as N is named
//	change N to N… [learners N…]
//	new N                       a server that knows nothing yet
//	look                        what everybody is
//
// and, indented below it, what was said, written and applied, and who has changed. A message to 0 or from 0 is to or from
// anyone.
//
// If one failed, servers would behave otherwise than its comments say.
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, func(t *testing.T) func(string) []string { return (&transcript{t: t}).say })
}

type transcript struct {
	t *testing.T
	*cluster
	heard []string
	held  []Message
	reads uint64
}

// say does what a line says, and returns what was heard and who has changed.
func (s *transcript) say(line string) []string {
	s.heard = nil
	before := s.ranks()
	s.do(strings.Fields(line))
	for i, is := range s.ranks() {
		if before != nil && (i >= len(before) || before[i] != is) {
			s.heard = append(s.heard, is)
		}
	}
	return s.heard
}

// ranks is what everybody is: a role in a term.
func (s *transcript) ranks() (ranks []string) {
	if s.cluster == nil {
		return nil
	}
	for _, m := range s.machines {
		if !m.up {
			ranks = append(ranks, fmt.Sprintf("%d is down", m.id))
			continue
		}
		ranks = append(ranks, fmt.Sprintf("%d is %s of term %d", m.id, m.Role(), m.Term()))
	}
	return ranks
}

func (s *transcript) do(words []string) {
	if words[0] == "servers" {
		s.begin(words[1:])
		return // and nobody has changed yet
	}
	rest := words[1:]
	one := func(i int) *machine { return s.machine(s.id(rest[i])) }
	now := func() nodes.Instant { return one(0).clock(s.now) }
	ask := func(err error) {
		if err != nil {
			s.heard = append(s.heard, err.Error())
			return
		}
		s.look(one(0))
	}
	switch words[0] {
	case "due":
		s.due(one(0))
	case "campaign":
		one(0).Campaign(now())
		ask(nil)
	case "wait":
		d, err := time.ParseDuration(rest[0])
		require.NoError(s.t, err)
		s.now += d
	case "elect":
		s.elect(rest)
	case "save":
		for _, m := range s.machines {
			if len(rest) == 0 || slices.Contains(rest, fmt.Sprint(uint64(m.id))) {
				for len(m.writing) > 0 {
					s.save(m)
				}
			}
		}
	case "deliver":
		for _, m := range s.taken(rest) {
			s.flight = slices.Insert(s.flight, 0, m)
			s.deliver(0)
		}
	case "lose":
		s.taken(rest)
	case "repeat":
		again := s.taken(rest)
		s.flight, s.held = append(s.flight, again...), append(s.held, again...)
	case "keep":
		s.held = append(s.held, s.taken(rest)...)
	case "release":
		s.flight, s.held = append(s.flight, s.held...), nil
	case "settle":
		s.quietly(s.calm)
	case "look":
		for _, m := range s.machines {
			s.heard = append(s.heard, m.Core.String())
		}
	case "propose":
		var data [][]byte
		for _, word := range rest[1:] {
			data = append(data, []byte(word))
		}
		_, err := one(0).Propose(now(), data...)
		ask(err)
	case "read":
		var err error
		for range max(1, len(rest)) {
			s.reads++
			s.asked[s.reads] = s.highest
			err = one(0).Read(now(), s.reads)
		}
		ask(err)
	case "lease":
		if at, ok := one(0).LeaseRead(now()); ok {
			s.heard = append(s.heard, fmt.Sprintf("%d answers from %d on", one(0).id, at))
		} else {
			s.heard = append(s.heard, fmt.Sprintf("%d holds no lease", one(0).id))
		}
	case "transfer":
		ask(one(0).Transfer(now(), one(1).id))
	case "change":
		ask(s.change(one(0), rest[2:]))
	case "compact":
		s.compact(one(0))
		s.heard = append(s.heard, one(0).Core.String())
	case "crash":
		s.crash(one(0))
	case "start":
		s.start(one(0))
	case "new":
		s.add(s.id(rest[0]), State{})
	default:
		require.Fail(s.t, "no such line", "%q", words)
	}
}

func (s *transcript) id(word string) ID {
	n, err := strconv.ParseUint(word, 10, 64)
	require.NoError(s.t, err)
	return ID(n)
}

func (s *transcript) begin(words []string) {
	n := int(s.id(words[0]))
	o := Options{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		v := int(s.id(value))
		switch name {
		case "drift":
			o.Drift = nodes.Percent(v)
		case "batch":
			o.BatchEntries = v
		case "chunk":
			o.ChunkBytes = v
		case "window":
			o.Window = v
		case "no-pre-vote":
			o.NoPreVote = v == 1
		default:
			require.Fail(s.t, "no such option", name)
		}
	}
	s.cluster = newCluster(s.t, o, n, 1)
	s.notes = &s.heard
}

// quietly does something of which nobody wants to hear, and says what everybody is then.
func (s *transcript) quietly(f func()) {
	s.notes = nil
	f()
	s.notes = &s.heard
	for _, m := range s.machines {
		if m.up {
			s.heard = append(s.heard, m.Core.String())
		}
	}
}

// calm lets all be written and delivered, without loss and at once.
func (s *transcript) calm() {
	for range 10_000 {
		for _, m := range s.machines {
			for len(m.writing) > 0 {
				s.save(m)
			}
		}
		if len(s.flight) == 0 {
			return
		}
		s.deliver(0)
	}
	require.Fail(s.t, "they never come to an end")
}

func (s *transcript) due(m *machine) {
	if left := time.Duration(m.Deadline() - m.clock(s.now)); left > 0 {
		s.now += left
	}
	s.tick(m)
}

// elect lets a server campaign among some, and stops as soon as it leads.
func (s *transcript) elect(words []string) {
	m := s.machine(s.id(words[0]))
	s.flight = nil
	s.notes = nil
	s.due(m)
	for range 100 {
		for _, o := range s.machines {
			if slices.Contains(words, fmt.Sprint(uint64(o.id))) && m.Role() != Leader {
				for len(o.writing) > 0 && m.Role() != Leader {
					s.save(o)
				}
			}
		}
		if m.Role() == Leader {
			break
		}
		if len(s.flight) > 0 && slices.Contains(words, fmt.Sprint(uint64(s.flight[0].To))) {
			s.deliver(0)
		} else if len(s.flight) > 0 {
			s.flight = s.flight[1:]
		}
	}
	s.notes = &s.heard
	s.flight = slices.DeleteFunc(s.flight, func(m Message) bool { return m.Type != Append })
	for _, m := range s.flight {
		s.heard = append(s.heard, m.String())
	}
}

// taken takes messages out of those on the way.
func (s *transcript) taken(words []string) []Message {
	var from, to ID
	kind := ""
	for _, word := range words {
		if a, b, ok := strings.Cut(word, "→"); ok {
			from, to = s.id(a), s.id(b)
		} else {
			kind = word
		}
	}
	var taken, left []Message
	for _, m := range s.flight {
		if (from == 0 || m.From == from) && (to == 0 || m.To == to) && (kind == "" || m.Type.String() == kind) {
			taken = append(taken, m)
		} else {
			left = append(left, m)
		}
	}
	s.flight = left
	return taken
}

func (s *transcript) change(m *machine, words []string) error {
	var lists [2][]Member
	which := 0
	for _, word := range words {
		if word == "learners" {
			which = 1
			continue
		}
		id := s.id(word)
		lists[which] = append(lists[which], Member{id, fmt.Sprintf("server-%d", id)})
	}
	return m.Change(m.clock(s.now), lists[0], lists[1])
}
