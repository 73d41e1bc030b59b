package resp

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"simrun/nodes"
)

// Protocol is how reports read what is spoken at a server of keys.
var Protocol = nodes.Protocol{Name: "RESP", Listen: "listen", Read: readWords}

// readWords reads a request or a reply for people.
func readWords(b []byte, asked bool) (m nodes.Message, n int) {
	from := bytes.NewReader(b)
	r := NewReader(from, Limits{})
	taken := func() int { return len(b) - from.Len() - (r.end - r.start) }
	if !asked {
		v, err := r.ReadReply()
		if err != nil {
			return m, incomplete(err)
		}
		m.Name, m.Text = replyWords(&v)
		return m, taken()
	}
	args, err := r.ReadCommand()
	if err != nil {
		return m, incomplete(err)
	}
	m = nodes.Message{Name: strings.ToUpper(nodes.Brief(args[0])), Text: ArgsWords(args[1:])}
	m.Quiet = m.Name == "PING"
	return m, taken()
}

// incomplete is what Read returns of bytes that are not a message yet, or never will be one.
func incomplete(err error) int {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return 0
	}
	return -1
}

// mostWords bounds how many strings of a request are told.
const mostWords = 16

// ArgsWords is the strings of a request on one line, for people.
func ArgsWords(args [][]byte) string {
	var words []string
	for i, arg := range args {
		if i == mostWords {
			words = append(words, "…")
			break
		}
		words = append(words, nodes.Brief(arg))
	}
	return strings.Join(words, " ")
}

// replyWords is a reply as a name and the rest.
func replyWords(v *Value) (name, text string) {
	switch v.Kind {
	case Simple:
		name, text, _ = strings.Cut(string(v.Text), " ")
		return name, text
	case Failure:
		e := Error(v.Text)
		return e.Code(), e.Rest()
	case Integer:
		return "number", v.String()
	case Bulk:
		return "value", nodes.Brief(v.Text)
	case Array:
		var words []string
		for i := range v.Array {
			if i == mostWords {
				words = append(words, "…")
				break
			}
			sort, text := replyWords(&v.Array[i])
			if i == 0 {
				name = sort
			}
			words = append(words, text)
		}
		return cmp.Or(name, "nothing"), strings.TrimSpace(strings.Join(words, " "))
	default:
		return "nothing", ""
	}
}
