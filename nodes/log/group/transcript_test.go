package group

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/sim/simtest/golden"
)

// random is what makes an ID one that nobody had before.
var random = regexp.MustCompile(`[0-9a-f]{32}`)

// Transcripts are small stories of groups, in testdata. A line is one of
//
//	# a comment
//	coordinator OPTION=VALUE…       with nothing written down; options are delay, members, groups, offsets, retention
//	NAME joins GROUP [as INSTANCE] [by PROTOCOL…] [session=D] [rebalance=D]
//	NAME joins                      again, as before
//	NAME starts anew                it has forgotten its ID
//	NAME syncs [MEMBER=TEXT…]       the leader says what it assigns, by clients' names
//	NAME beats | NAME leaves
//	NAME commits TOPIC/N=OFFSET [in PRODUCER] | NAME fetches [stable] [TOPIC/N…]
//	NAME of GROUP commits …         whoever is no member
//	NAME deletes GROUP…
//	end PRODUCER commit|abort       the marker of its transaction is committed
//	drop TOPIC
//	hold | commit N | refuse N CODE | release    writes stay under way until they are committed, or refused
//	pass DURATION                   what is due happens when it is due
//	resign [N] | restart            another coordinator takes over: with what was committed, and the first N writes under way
//	look | describe GROUP
//
// and, indented below it, what clients were told, what was written and what groups came to be. Members' IDs are their clients'
// names and a number.
//
// If one failed, groups would behave otherwise than its comments say.
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, func(t *testing.T) func(string) []string {
		s := &transcript{t: t, ids: map[string]string{}, joins: map[string][]string{}}
		return func(line string) []string {
			s.heard = nil
			s.do(strings.Fields(line))
			return s.heard
		}
	})
}

type transcript struct {
	t testing.TB
	*world
	heard []string
	ids   map[string]string // of members, shortened
	joins map[string][]string
}

// say writes what happened, with IDs that a person can read.
func (s *transcript) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	line = random.ReplaceAllStringFunc(line, func(long string) string {
		if s.ids[long] == "" {
			s.ids[long] = fmt.Sprint(len(s.ids) + 1)
		}
		return s.ids[long]
	})
	s.heard = append(s.heard, line)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func (s *transcript) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	require.NoError(s.t, err)
	return d
}

func (s *transcript) do(words []string) {
	switch words[0] {
	case "coordinator":
		o := Options{InitialDelay: -1}
		for _, word := range words[1:] {
			switch name, value, _ := strings.Cut(word, "="); name {
			case "delay":
				o.InitialDelay = s.duration(value)
			case "members":
				o.Members = number(value)
			case "groups":
				o.Groups = number(value)
			case "offsets":
				o.Offsets = number(value)
			case "retention":
				o.Retention = s.duration(value)
			default:
				s.t.Fatalf("option %q", word)
			}
		}
		s.world = newWorld(s.t, o)
		s.world.tell = s.say
	case "end":
		s.end(int64(number(words[1])), words[2] == "commit")
	case "drop":
		s.core.DropTopic(s.now, words[1])
		s.take()
	case "hold":
		s.hold = true
	case "release":
		s.hold = false
		s.take()
	case "commit":
		s.commit(number(words[1]))
		s.take()
	case "refuse":
		u := s.under[number(words[1])-1]
		s.under = append(s.under[:number(words[1])-1:number(words[1])-1], s.under[number(words[1]):]...)
		s.core.Refused(s.now, u.Number, codeNamed(words[2]))
		s.take()
	case "pass":
		s.pass(s.duration(words[1]))
	case "resign":
		committed := 0
		if len(words) > 1 {
			committed = number(words[1])
		}
		s.resign(committed)
	case "restart":
		s.resign(0)
		s.start()
	case "look":
		s.say("%s", s.core)
	case "describe":
		d := s.core.Describe(words[1])
		s.say("%s %s %s %s", d.Group, d.State, d.ProtocolType, d.Protocol)
		for _, m := range d.Members {
			s.say("%s %q %q of %s at %s", m.MemberID, m.ProtocolMetadata, m.MemberAssignment, m.ClientID, m.ClientHost)
		}
	default:
		s.asks(s.client(words[0]), words[1], words[2:])
	}
}

func (s *transcript) asks(c *client, verb string, rest []string) {
	switch verb {
	case "joins":
		if len(rest) > 0 {
			c.group, s.joins[c.name] = rest[0], rest[1:]
		}
		session, rebalance := 10*time.Second, 30*time.Second
		var protocols []string
		for i, word := range s.joins[c.name] {
			name, value, _ := strings.Cut(word, "=")
			switch {
			case word == "as":
				c.instance = s.joins[c.name][i+1]
			case name == "session":
				session = s.duration(value)
			case name == "rebalance":
				rebalance = s.duration(value)
			case word != "by" && word != c.instance:
				protocols = append(protocols, word)
			}
		}
		if protocols == nil {
			protocols = []string{"range"}
		}
		s.join(c, session, rebalance, protocols...)
	case "starts":
		c.id, c.generation = "", -1
	case "syncs":
		assignments := map[string]string{}
		for _, word := range rest {
			name, value, _ := strings.Cut(word, "=")
			assignments[s.client(name).id] = value
		}
		s.sync(c, assignments)
	case "beats":
		s.beat(c)
	case "leaves":
		s.leave(c)
	case "of":
		c.group = rest[0]
		s.asks(c, rest[1], rest[2:])
	case "commits":
		where, at, _ := strings.Cut(rest[0], "=")
		topic, partition, _ := strings.Cut(where, "/")
		if len(rest) > 2 {
			s.commitInTransaction(c, int64(number(rest[2])), topic, int32(number(partition)), int64(number(at)))
			return
		}
		s.commitOffset(c, topic, int32(number(partition)), int64(number(at)))
	case "fetches":
		stable := len(rest) > 0 && rest[0] == "stable"
		var topics []kmsg.OffsetFetchRequestTopic
		for _, word := range rest {
			if topic, partition, named := strings.Cut(word, "/"); named {
				topics = append(topics, kmsg.OffsetFetchRequestTopic{Topic: topic, Partitions: []int32{int32(number(partition))}})
			}
		}
		s.fetch(c, stable, topics)
	case "deletes":
		r := kmsg.NewPtrDeleteGroupsRequest()
		r.Version, r.Groups = 2, rest
		s.ask(c, r)
	default:
		s.t.Fatalf("%s %s", verb, rest)
	}
}
