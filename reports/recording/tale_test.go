package recording_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/reports/internal/looked"
	"simrun/reports/recording"
	"simrun/sim/simtest/golden"
)

// told is a slice and its tale as text.
func told(r *recording.Recording) string {
	var b strings.Builder
	s := r.Slice()
	fmt.Fprintf(&b, "%s: %s, from %s to %s, %d events before it\n", strings.Join(s.Hosts, " "), strings.Join(s.Names, " "), recording.Stamp(s.From), recording.Stamp(s.To), s.Past)
	for _, m := range s.Messages {
		fmt.Fprintf(&b, "  %.6f %s → %s: %s %s\n", m.Sent.Seconds(), m.From, m.To, m.Words(), m.Lost)
	}
	for _, e := range s.Disk {
		fmt.Fprintf(&b, "  %.6f %s disk: %s\n", e.At.Seconds(), e.Host, e.Text)
	}
	for _, l := range r.Tale(s) {
		mark := ""
		if l.Grave {
			mark = "  <- here"
		}
		fmt.Fprintf(&b, "%s  %s%s\n", recording.Stamp(l.At), l.Text, mark)
	}
	return b.String()
}

// A server that keeps nothing on a disk loses what it acknowledged: the tale says where the promise was empty.
func TestTheTaleOfALostJob(t *testing.T) {
	r, err := looked.At("../internal/looked/forgetful.yaml", "2")
	require.NoError(t, err)
	golden.Equal(t, "testdata/lost-job.txt", told(r))
}

// A server that answers before its disk has what it promised loses it with the power, and what it lost is told.
func TestTheTaleOfAJobThatWasNotSynced(t *testing.T) {
	r, err := looked.At("../internal/looked/forgetful.yaml", "2", "nodes.server.with.queue=journal", "nodes.server.with.sync=interval")
	require.NoError(t, err)
	golden.Equal(t, "testdata/unsynced-job.txt", told(r))
}

// A run in which all holds has no story, and one that was not recorded has no messages.
func TestNothingIsToldWhereNothingIsWrong(t *testing.T) {
	r, err := looked.At("calm-day", "1")
	require.NoError(t, err)
	require.Nil(t, r.Slice())
	require.NotEmpty(t, r.Messages)
	r.Run.Lines = nil
	require.Empty(t, recording.Read(r.Run).Messages)
}

// If this failed, events would be told in an order in which they did not happen.
func TestEventsAreInTheOrderOfTime(t *testing.T) {
	r, err := looked.At("thunderstorm", "8")
	require.NoError(t, err)
	last := time.Duration(0)
	sent := map[int]bool{}
	for _, e := range r.Events {
		require.GreaterOrEqual(t, e.At, last)
		last = e.At
		switch e.Sort {
		case recording.Send:
			sent[e.Message] = true
		case recording.Recv:
			require.True(t, sent[e.Message], "%s is heard before it is said", e.Text)
		}
	}
	for _, m := range r.Messages {
		require.NotEqual(t, "", m.Protocol, "%s → %s: %s", m.From, m.To, m.Words())
	}
}

// If this failed, a story's times would not be read as such.
func TestAStoryLineHasItsMoment(t *testing.T) {
	at, text, ok := recording.Moment("14.310s  supplier-1 fails")
	require.True(t, ok)
	require.Equal(t, 14310*time.Millisecond, at)
	require.Equal(t, "supplier-1 fails", text)
	at, text, ok = recording.Moment("1m2.5s to 1m3s: client read x")
	require.True(t, ok)
	require.Equal(t, 62500*time.Millisecond, at)
	require.Equal(t, "to 1m3s: client read x", text)
	_, text, ok = recording.Moment("and no one asks again")
	require.False(t, ok)
	require.Equal(t, "and no one asks again", text)
}
