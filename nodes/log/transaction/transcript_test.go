package transaction

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/log/wire"
	"simrun/sim/simtest/golden"
)

// Transcripts are small stories of transactions, in testdata. A line is one of
//
//	# a comment
//	coordinator OPTION=VALUE…     with nothing written down; options are most, partitions, retention
//	NAME inits [ID] [again] [timeout=D]    again: as the producer that it is
//	NAME adds TOPIC/N… | NAME adds group GROUP
//	NAME commits [on] | NAME aborts [on]   on: its next transaction has another epoch
//	mark ID [TOPIC/N…]            partitions confirm the last marker: all of them if none is named
//	drop TOPIC
//	hold | commit N | refuse N CODE | release    writes stay under way until they are committed, or refused
//	pass DURATION                 what is due happens when it is due
//	resign [N] | restart          another coordinator takes over: with what was committed, and the first N writes under way
//	epoch ID N                    so many epochs of its producer have been used
//	look
//
// and, indented below it, what producers were told, what was written and which markers were sent.
//
// If one failed, transactions would end otherwise than its comments say.
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, func(t *testing.T) func(string) []string {
		s := &transcript{t: t}
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
}

func (s *transcript) say(format string, args ...any) {
	s.heard = append(s.heard, fmt.Sprintf(format, args...))
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

func partitions(words []string) (all []TopicPartition) {
	for _, word := range words {
		topic, n, _ := strings.Cut(word, "/")
		all = append(all, TopicPartition{topic, int32(number(n))})
	}
	return all
}

func (s *transcript) do(words []string) {
	switch words[0] {
	case "coordinator":
		var o Options
		for _, word := range words[1:] {
			switch name, value, _ := strings.Cut(word, "="); name {
			case "most":
				o.Most = number(value)
			case "partitions":
				o.Partitions = number(value)
			case "retention":
				o.Retention = s.duration(value)
			default:
				s.t.Fatalf("option %q", word)
			}
		}
		s.world = newWorld(s.t, o)
		s.world.tell = s.say
	case "mark":
		s.mark(words[1], partitions(words[2:])...)
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
		s.refuse(number(words[1])-1, words[2])
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
	case "epoch":
		s.core.transactions[words[1]].epoch = int16(number(words[2]))
	case "look":
		s.say("%s", s.core)
	default:
		s.asks(s.producer(words[0]), words[1], words[2:])
	}
}

func (s *transcript) refuse(nth int, name string) {
	u := s.under[nth]
	s.under = append(s.under[:nth:nth], s.under[nth+1:]...)
	for code := wire.Code(-1); code < 120; code++ {
		if code.String() == name {
			s.core.Refused(s.now, u.Number, code)
		}
	}
	s.take()
}

func (s *transcript) asks(p *producer, verb string, rest []string) {
	switch verb {
	case "inits":
		timeout, again := time.Minute, false
		for _, word := range rest {
			if value, is := strings.CutPrefix(word, "timeout="); is {
				timeout = s.duration(value)
			} else if again = word == "again"; !again {
				p.id = word
			}
		}
		s.init(p, timeout, again)
	case "adds":
		if rest[0] == "group" {
			s.addOffsets(p, rest[1])
			return
		}
		s.add(p, partitions(rest)...)
	case "commits":
		s.end(p, true, len(rest) > 0)
	case "aborts":
		s.end(p, false, len(rest) > 0)
	default:
		s.t.Fatalf("%s %s", verb, rest)
	}
}
