package gearman

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"simrun/sim/simtest/golden"
)

// Transcripts are conversations with a server, in testdata. A line is one of
//
//	# a comment
//	config: KEY: VALUE             before the first request
//	NAME> TYPE ARGUMENT…           NAME sends a packet; it connects with its first
//	NAME$ LINE                     NAME sends a line of the text protocol
//	close NAME | crash | stop | start | sleep DURATION
//
// and, indented below it, whatever anyone heard by then. The server's clock runs twenty times as fast as ours. The lives
// of the server, which are a part of every handle, are called a, b, c…
//
// If one failed, users of other servers could not rely here on what they rely on there.
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, func(t *testing.T) func(string) []string {
		t.Parallel()
		config := DefaultServerConfig()
		config.WakeTimeout = 20 * time.Second
		return (&transcript{t: t, config: config, peers: map[string]*peer{}}).do
	})
}

type transcript struct {
	t      *testing.T
	config *ServerConfig
	rig    *rig
	names  []string
	peers  map[string]*peer
	lives  []string // the server's generations
}

// do does what one line says, and returns what was heard of it.
func (c *transcript) do(line string) []string {
	if setting, ok := strings.CutPrefix(line, "config: "); ok {
		require.NoError(c.t, yaml.Unmarshal([]byte(setting), c.config))
		return nil
	}
	if c.rig == nil {
		c.begin()
	}
	return mapped(c.hear(line), c.named)
}

// begin starts the server.
func (c *transcript) begin() {
	c.rig = &rig{t: c.t, config: c.config, dir: c.t.TempDir(), byHand: true}
	c.rig.start()
	c.t.Cleanup(func() {
		if c.rig.host != nil {
			c.rig.crash()
		}
	})
}

func (c *transcript) hear(line string) []string {
	words := strings.Fields(line)
	switch words[0] {
	case "close":
		c.peers[words[1]].Close()
		delete(c.peers, words[1])
		c.names = slices.DeleteFunc(c.names, func(name string) bool { return name == words[1] })
	case "crash":
		c.rig.crash()
		c.forgetPeers()
	case "stop":
		require.NoError(c.t, c.rig.stop())
		c.forgetPeers()
	case "start":
		c.rig.start()
	case "sleep":
		d, err := time.ParseDuration(words[1])
		require.NoError(c.t, err)
		c.rig.pass(d)
	default:
		return c.say(line)
	}
	return c.listen("")
}

func (c *transcript) forgetPeers() { c.names, c.peers = nil, map[string]*peer{} }

// say lets someone send something.
func (c *transcript) say(line string) []string {
	at := strings.IndexAny(line, ">$")
	require.Positive(c.t, at, "no such line: %s", line)
	name, kind, rest := line[:at], line[at], strings.TrimSpace(line[at+1:])
	p := c.peers[name]
	if p == nil {
		p = c.rig.dial()
		c.peers[name] = p
		c.names = append(c.names, name)
	}
	if kind == '$' {
		var heard []string
		for _, l := range strings.Split(strings.TrimSuffix(p.text(c.real(rest)), "\n"), "\n") {
			heard = append(heard, name+"$ "+l)
		}
		return append(heard, c.listen("")...)
	}
	args := unquoted(c.t, rest)
	p.ask(typeNamed(c.t, args[0]), mapped(args[1:], c.real)...)
	return c.listen(name)
}

// listen collects what has come for all, first for the one who asked, after the server has looked at everything that
// was sent and the journal has kept it.
func (c *transcript) listen(asked string) (heard []string) {
	collect := func(name string) {
		for _, sentence := range c.peers[name].settle() {
			heard = append(heard, name+"< "+sentence)
		}
	}
	if asked != "" {
		collect(asked)
	}
	if c.rig.host != nil {
		c.rig.quiesce(len(c.names))
	}
	for _, name := range c.names {
		collect(name)
	}
	return heard
}

var handles = regexp.MustCompile(`H:test:([0-9]+)\.`)

// named replaces the number of the server's life by its letter.
func (c *transcript) named(text string) string {
	return handles.ReplaceAllStringFunc(text, func(handle string) string {
		life := handles.FindStringSubmatch(handle)[1]
		if !slices.Contains(c.lives, life) {
			c.lives = append(c.lives, life)
		}
		return fmt.Sprintf("H:test:%c.", 'a'+slices.Index(c.lives, life))
	})
}

// real does the opposite.
func (c *transcript) real(text string) string {
	for i, life := range c.lives {
		text = strings.ReplaceAll(text, fmt.Sprintf("H:test:%c.", 'a'+i), "H:test:"+life+".")
	}
	return text
}

func mapped(words []string, f func(string) string) (out []string) {
	for _, w := range words {
		out = append(out, f(w))
	}
	return
}

// sentence is a packet as a transcript writes it.
func sentence(t Type, args []string) string {
	words := []string{t.String()}
	for _, a := range args {
		if a == "" || strconv.Quote(a) != `"`+a+`"` || strings.Contains(a, " ") {
			a = strconv.Quote(a)
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// unquoted cuts a sentence into its words.
func unquoted(t *testing.T, text string) (words []string) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if text[0] != '"' {
			word, rest, _ := strings.Cut(text, " ")
			words, text = append(words, word), rest
			continue
		}
		word, err := strconv.QuotedPrefix(text)
		require.NoError(t, err, "quoted word in %s", text)
		plain, err := strconv.Unquote(word)
		require.NoError(t, err)
		words, text = append(words, plain), text[len(word):]
	}
	return words
}

func typeNamed(t *testing.T, name string) Type {
	for kind := range Type(typeCount) {
		if kind.Known() && kind.String() == name {
			return kind
		}
	}
	require.Fail(t, "no packet type "+name)
	return 0
}
