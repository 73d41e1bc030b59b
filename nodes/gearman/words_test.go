package gearman

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a report reads of a stream is what was put into it.
func TestPacketsInWords(t *testing.T) {
	b := Append(nil, Request, SubmitJobBG, []byte("thumb"), []byte("8841"), []byte("two words"))
	whole := len(b)
	b = append(b, "status\n"...)
	m, n := readWords(b, true)
	require.Equal(t, whole, n)
	require.Equal(t, `SUBMIT_JOB_BG thumb 8841 "two words"`, m.Name+" "+m.Text)
	m, n = readWords(b[n:], true)
	require.Equal(t, len("status\n"), n)
	require.Equal(t, "line status", m.Name+" "+m.Text)
	_, n = readWords(b[:whole-1], true)
	require.Zero(t, n, "it is not complete")
	_, n = readWords([]byte("\x00NONSENSE...."), true)
	require.Negative(t, n)
}

// Whatever was sent, reading it neither fails nor goes on for ever.
func FuzzWords(f *testing.F) {
	f.Add(Append(nil, Response, JobCreated, []byte("H:a:1")))
	f.Add([]byte("\x00RES\x00\x00\x00\x08\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, n := readWords(b, true)
			require.LessOrEqual(t, n, len(b))
			if n <= 0 {
				return
			}
			b = b[n:]
		}
	})
}
