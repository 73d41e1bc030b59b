package replica

import (
	"fmt"
	"strings"

	"simrun/nodes"
	"simrun/nodes/link"
	"simrun/nodes/raft"
)

// Protocol is how reports read what the servers of a group say to each other. Command is a command of the log in words, and
// the request of a Call.
func Protocol(listen string, port int, command func(b []byte) string) nodes.Protocol {
	return Engine{}.Protocol(listen, port, command)
}

// Protocol is the same for servers of this engine.
func (e Engine) Protocol(listen string, port int, command func(b []byte) string) nodes.Protocol {
	e = e.orDefault()
	return link.Protocol(listen, port, func(b []byte) nodes.Message { return e.frameWords(b, command) })
}

func (e Engine) frameWords(b []byte, command func(b []byte) string) nodes.Message {
	if len(b) == 0 {
		return nodes.Message{Name: "frame"}
	}
	_, body, ok := uvarint(b[1:])
	if !ok {
		return nodes.Message{Name: "frame", Text: nodes.Brief(b)}
	}
	switch b[0] {
	case raftFrame:
		m, err := e.Decode(body)
		if err != nil {
			return nodes.Message{Name: "frame", Text: err.Error()}
		}
		return messageWords(&m, command)
	case askFrame, answerFrame, joinFrame:
		name := map[byte]string{askFrame: "who are you", answerFrame: "I am", joinFrame: "take me in"}[b[0]]
		i, err := decodeIntroduction(body)
		if err != nil {
			return nodes.Message{Name: name, Text: err.Error()}
		}
		return nodes.Message{Name: name, Text: fmt.Sprintf("server %d, %s", i.id, i.address)}
	case inviteFrame:
		return nodes.Message{Name: "ask to be taken in"}
	case callFrame, replyFrame, refuseFrame:
		number, rest, _ := uvarint(body)
		text := fmt.Sprint("call ", number)
		if b[0] == callFrame {
			text += " " + command(rest)
		} else if b[0] == replyFrame {
			text += " " + nodes.Brief(rest)
		}
		return nodes.Message{Name: map[byte]string{callFrame: "forward", replyFrame: "forward-reply", refuseFrame: "not-leader"}[b[0]], Text: text}
	}
	return nodes.Message{Name: "frame", Text: nodes.Brief(b)}
}

// mostEntries bounds how many entries of a message are told.
const mostEntries = 8

// messageWords is a message of the core. An Append without entries is a heartbeat, and so is the answer to one: the answer says
// how far the follower's log is the leader's, which it says of entries too.
func messageWords(m *raft.Message, command func(b []byte) string) nodes.Message {
	if m.Type != raft.Append || len(m.Entries) == 0 {
		_, text, _ := strings.Cut(m.String(), m.Type.String()+" ")
		name := m.Type.String()
		if m.Type == raft.Append {
			name = "heartbeat"
		}
		return nodes.Message{Name: name, Text: text, Quiet: m.Type == raft.Append}
	}
	words := []string{fmt.Sprintf("term %d after %d/%d commit %d:", m.Term, m.Index, m.LogTerm, m.Commit)}
	for i, e := range m.Entries {
		if i == mostEntries {
			words = append(words, fmt.Sprintf("and %d more", len(m.Entries)-i))
			break
		}
		what := e.String()
		if e.Kind == raft.Command {
			what = fmt.Sprintf("%d/%d=%s", e.Index, e.Term, command(e.Data))
		}
		words = append(words, what)
	}
	return nodes.Message{Name: m.Type.String(), Text: strings.Join(words, " ")}
}

// Moments of a replica in words, after the name of who they are told of.
var Moments = map[string]string{
	"became-leader": "leads from now on", "stepped-down": "does not lead any more", "snapshot-made": "has made a snapshot",
	"snapshot-installed": "has taken over a snapshot", "group-begun": "begins the group", "member-joined": "takes a server in",
}

// Gauges of a replica, in words.
var Gauges = []nodes.Gauge{
	{Name: "leads", Title: "Who leads, and the term", Band: "term"},
	{Name: "lag", Title: "Log that is not applied yet", Unit: "entry"},
	{Name: "commit", Title: "Log that is committed", Unit: "entry"},
	{Name: "term", Title: "Term", Hidden: true},
}
