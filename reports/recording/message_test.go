package recording

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/scenarios"
	"simrun/sim"
)

// words is a protocol of lines.
var words = nodes.Protocol{Name: "lines", Listen: "listen", Read: func(b []byte, asked bool) (m nodes.Message, n int) {
	end := strings.IndexByte(string(b), '\n')
	switch {
	case end < 0 && len(b) > 20:
		return m, -1
	case end < 0:
		return m, 0
	}
	name, text, _ := strings.Cut(string(b[:end]), " ")
	return nodes.Message{Name: name, Text: text}, end + 1
}}

type listens struct {
	Listen string `yaml:"listen"`
}

// two are a server of the protocol and its client.
func two() []scenarios.Host {
	return []scenarios.Host{
		{Name: "server", Kind: &nodes.Kind{Name: "server", Role: nodes.Server, Words: nodes.Words{Protocols: []nodes.Protocol{words}}}, Config: &listens{":7"}},
		{Name: "client", Kind: &nodes.Kind{Name: "client", Role: nodes.Client}},
	}
}

// packet is one of the client's to the server, with what of a stream it carries.
func packet(sent, at int, offset int, text, lost string) sim.Line {
	return sim.Line{Kind: "packet", Host: "client", Peer: "server", At: time.Duration(at), Bytes: len(text), Wire: sim.Wire{Kind: netmodel.Data, Conn: 1,
		Sent: time.Duration(sent), From: 40000, To: 7, Offset: uint64(offset), Payload: sim.Payload(text), Lost: lost}}
}

// said is what messages say, and when.
func said(messages []Message) (lines []string) {
	for _, m := range messages {
		line := fmt.Sprintf("%d-%d %s", m.Sent, m.At, m.Words())
		if m.Lost != "" {
			line += " lost: " + m.Lost
		}
		if m.Again {
			line += ", again"
		}
		lines = append(lines, line)
	}
	return lines
}

// If this failed, a message would be told that nobody sent, or at a time at which it was not there yet.
func TestMessagesAreReadFromSegments(t *testing.T) {
	for name, c := range map[string]struct {
		lines []sim.Line
		want  []string
	}{
		"two in one": {[]sim.Line{packet(1, 2, 0, "GET a\nGET b\n", "")}, []string{"1-2 GET a", "1-2 GET b"}},
		"one in two": {[]sim.Line{packet(1, 2, 0, "GET", ""), packet(3, 4, 3, " a\n", "")}, []string{"3-4 GET a"}},
		"out of order": {[]sim.Line{packet(2, 3, 6, "GET b\n", ""), packet(1, 5, 0, "GET a\n", "")},
			[]string{"1-5 GET a", "2-5 GET b"}},
		"lost, and sent again": {[]sim.Line{packet(1, 1, 0, "GET a\n", "link"), packet(200, 201, 0, "GET a\n", "")},
			[]string{"1-1 GET a lost: link", "200-201 GET a, again"}},
		"a copy":          {[]sim.Line{packet(1, 2, 0, "GET a\n", ""), packet(1, 3, 0, "GET a\n", "")}, []string{"1-2 GET a"}},
		"an overlap":      {[]sim.Line{packet(1, 2, 0, "GET a\nG", ""), packet(1, 3, 6, "GET b\n", "")}, []string{"1-2 GET a", "1-3 GET b"}},
		"garbage":         {[]sim.Line{packet(1, 2, 0, strings.Repeat("x", 30), ""), packet(3, 4, 30, "GET a\n", "")}, []string{"1-2 data 30 bytes", "3-4 data 6 bytes"}},
		"bytes not kept":  {[]sim.Line{{Kind: "packet", Host: "client", Peer: "server", At: 2, Bytes: 9, Wire: sim.Wire{Kind: netmodel.Data, Conn: 1, To: 7}}}, []string{"0-2 data 9 bytes"}},
		"another's port":  {[]sim.Line{{Kind: "packet", Host: "client", Peer: "server", At: 2, Bytes: 6, Wire: sim.Wire{Kind: netmodel.Data, Conn: 1, To: 8, Payload: "GET a\n"}}}, []string{"0-2 data 6 bytes"}},
		"no message yet":  {[]sim.Line{packet(1, 2, 0, "GET", "")}, nil},
		"nothing carried": {[]sim.Line{packet(1, 2, 0, "", "")}, nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, said(readMessages(two(), c.lines))) })
	}
}

// However a stream is cut into segments, and whatever order they come in, it says the same.
func TestAnyCutOfAStreamSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		n := rapid.IntRange(1, 12).Draw(t, "messages")
		for i := range n {
			fmt.Fprintf(&text, "SET %d\n", i)
		}
		all := text.String()
		var segments []sim.Line
		for at := 0; at < len(all); {
			to := min(len(all), at+rapid.IntRange(1, 20).Draw(t, "bytes"))
			segments = append(segments, packet(at, at, at, all[at:to], ""))
			at = to
		}
		segments = rapid.Permutation(segments).Draw(t, "order")
		for i := range segments {
			segments[i].At = time.Duration(100 + i)
		}
		messages := readMessages(two(), segments)
		require.Len(t, messages, n)
		for i, m := range messages {
			require.Equal(t, fmt.Sprintf("SET %d", i), m.Words())
			require.LessOrEqual(t, m.Sent, m.At)
		}
	})
}

// If this failed, an event would be left out that led to what went wrong, or one told that cannot have.
func TestThePastIsWhatHappenedBefore(t *testing.T) {
	hosts := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		r := &Recording{}
		for range rapid.IntRange(0, 20).Draw(t, "messages") {
			sent := time.Duration(rapid.IntRange(0, 30).Draw(t, "sent"))
			m := Message{From: rapid.SampledFrom(hosts).Draw(t, "from"), To: rapid.SampledFrom(hosts).Draw(t, "to"), Sent: sent,
				At: sent + time.Duration(rapid.IntRange(1, 10).Draw(t, "way"))}
			if rapid.IntRange(0, 4).Draw(t, "lost") == 0 {
				m.Lost = "link"
			}
			r.Messages = append(r.Messages, m)
		}
		sortByArrival(r.Messages)
		end := time.Duration(rapid.IntRange(0, 40).Draw(t, "end"))
		got := r.past(map[string]bool{"a": true}, end)

		want := map[string]time.Duration{"a": end} // the same by saying it again until nothing changes
		for changed := true; changed; {
			changed = false
			for _, m := range r.Messages {
				at, in := want[m.To]
				from, known := want[m.From]
				if m.Lost == "" && in && m.At <= at && (!known || from < m.Sent) {
					want[m.From], changed = m.Sent, true
				}
			}
		}
		require.Equal(t, want, got)
	})
}

// If this failed, one job's story would have another's messages in it.
func TestANameIsNotAPartOfALongerOne(t *testing.T) {
	for _, c := range []struct {
		text, name string
		mentioned  bool
	}{
		{"JOB H:a:41", "H:a:41", true}, {"JOB H:a:412", "H:a:41", false}, {"JOB H:a:41\x00x", "H:a:41", true},
		{"key-17 key-1", "key-1", true}, {"key-17", "key-1", false}, {"monkey-1", "key-1", false}, {"41", "41", true}, {"141", "41", false}, {"", "x", false},
	} {
		require.Equal(t, c.mentioned, mentions([]byte(c.text), c.name), "%q in %q", c.name, c.text)
	}
}
