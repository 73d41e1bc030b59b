package gossip

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/ring"
	"simrun/sim/simtest/golden"
)

// Transcripts are small stories of members, in testdata. A line is one of
//
//	# a comment
//	start N SEED…      a member that knows where some others are
//	crash N | leave N
//	freeze N DURATION  it stands still for so long
//	cut N…             these and the others do not reach each other
//	block N M          what N sends to M does not arrive
//	heal
//	listen on | off    whether messages are told as they arrive, or only what members come to believe
//	run DURATION
//	look               what everybody believes
//
// and, indented below it, when what was said and believed. Messages take ten milliseconds.
//
// If one failed, members would behave otherwise than its comments say.
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, func(t *testing.T) func(string) []string {
		var heard []string
		w := newWorld(t, 1, Options{Grace: time.Minute})
		w.delay = [2]time.Duration{10 * time.Millisecond, 10 * time.Millisecond}
		w.tell = func(format string, args ...any) {
			heard = append(heard, fmt.Sprint(time.Duration(w.now).Round(time.Millisecond), " ", fmt.Sprintf(format, args...)))
		}
		return func(line string) []string {
			heard = nil
			words := strings.Fields(line)
			w.obey(words[0], words[1:])
			return heard
		}
	})
}

func (w *world) obey(verb string, words []string) {
	var ids []ring.ID
	for _, word := range words {
		if n, err := strconv.ParseUint(word, 10, 64); err == nil {
			ids = append(ids, ring.ID(n))
		}
	}
	last := func() time.Duration {
		d, err := time.ParseDuration(words[len(words)-1])
		require.NoError(w.t, err)
		return d
	}
	switch verb {
	case "start":
		w.start(ids[0], ids[1:]...)
	case "crash":
		w.crash(w.machine(ids[0]))
	case "leave":
		m := w.machine(ids[0])
		m.Leave(w.now)
		m.gone = true
		w.look(m)
	case "freeze":
		w.machine(ids[0]).frozen = w.now + nodes.Instant(last())
	case "cut":
		for _, id := range ids {
			w.side[address(id)] = 1
		}
	case "block":
		w.blocked[[2]string{address(ids[0]), address(ids[1])}] = true
	case "heal":
		clear(w.side)
		clear(w.blocked)
	case "listen":
		w.verbose = words[0] == "on"
	case "run":
		w.run(last())
	case "look":
		for _, m := range w.running() {
			w.tell("%s", m)
		}
	default:
		require.Fail(w.t, "no such line", verb)
	}
}
