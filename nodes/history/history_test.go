package history

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"simrun/nodes"
	"simrun/nodes/probe"
)

// If this failed, checkers would judge what nobody did, or when nobody did it.
func TestTheLogKeepsWhatAHostUndertook(t *testing.T) {
	now := time.Duration(0)
	log := NewLog(func() Time { return now })
	dead := false
	r := log.For("client", &dead)
	now = 3 * time.Second
	late := r.Invoke(nodes.Request{ID: 9, Intended: time.Second}, "submit", slog.String("key", "x"))
	attempt := late.Invoke("attempt")
	attempt.Note("created", slog.String("handle", "H:1"))
	now = 4 * time.Second
	attempt.Unknown(errors.New("silence"))
	late.Ok(slog.Int("value", 3))
	own := r.Invoke(nodes.Request{}, "execute")
	r.Gauge("jobs", 2)
	var probes probe.Set
	rare, ghost, line := probes.Sometimes("rare"), probes.Sometimes("ghost"), probes.Reachable("line")
	sound, unsound := probes.Always("sound"), probes.Always("unsound")
	var broken []string
	log.Broken = func(host, what string) { broken = append(broken, host+": "+what) }
	r.Sometimes(rare, false)
	require.False(t, log.Reached(&rare.Probe))
	r.Sometimes(rare, true)
	r.Always(sound, true)
	r.Always(unsound, false)
	r.Always(unsound, false)
	dead = true
	own.Ok()
	r.Gauge("jobs", 3)
	r.Sometimes(ghost, true)
	r.Reach(line)
	r.Always(sound, false)
	now = 5 * time.Second
	h := log.Finish()

	require.Len(t, h.Operations, 3)
	submit, try, execute := h.Operations[0], h.Operations[1], h.Operations[2]
	require.Equal(t, time.Second, submit.Call, "the intended time, not when the client came to it")
	require.Equal(t, 4*time.Second, submit.Return)
	require.Equal(t, Ok, submit.Outcome)
	require.Equal(t, "x", submit.Input("key").String())
	require.EqualValues(t, 3, submit.Output("value").Int64())
	require.True(t, submit.Output("other").Equal(slog.Value{}))
	require.Equal(t, submit.ID, try.Parent)
	require.EqualValues(t, 9, try.Request)
	require.Equal(t, "silence", try.Reason)
	require.Equal(t, "H:1", try.NoteNamed("created").Attr("handle").String())
	require.Equal(t, Pending, execute.Outcome, "a dead host's deferred functions say nothing")
	require.Equal(t, Never, execute.Return)
	require.Equal(t, []Sample{{4 * time.Second, "client", "jobs", 2}}, h.Samples)
	require.Equal(t, map[string]Time{"rare": 4 * time.Second}, h.Sometimes)
	require.True(t, log.Reached(&sound.Probe), "what held was looked at")
	require.False(t, log.Reached(&ghost.Probe))
	require.False(t, log.Reached(&line.Probe))
	require.Equal(t, []string{"client: unsound"}, broken, "it is told once, and not of the dead")
	require.Equal(t, 5*time.Second, h.End)
}

// If this failed, a bug of a node that answers one call twice would be lost in the history.
func TestAnOperationEndsOnce(t *testing.T) {
	log := NewLog(func() Time { return 0 })
	op := log.For("a", new(bool)).Invoke(nodes.Request{}, "submit")
	op.Ok()
	require.PanicsWithValue(t, "history: operation 1 (submit) ended twice: ok, then fail", func() { op.Fail(nil) })
}

// If this failed, a fault that waits for a moment would never come.
func TestNotesAreTellableMoments(t *testing.T) {
	log := NewLog(func() Time { return 0 })
	var heard []string
	log.Moment = func(host, note string) { heard = append(heard, host+" "+note) }
	r := log.For("a", new(bool))
	r.Note("became-leader")
	require.Empty(t, log.Notes, "a sweep has no use for them")
	log.KeepNotes = true
	r.Note("stepped-down")
	require.Equal(t, []string{"a became-leader", "a stepped-down"}, heard)
	require.Len(t, log.Notes["a"], 1)
}
