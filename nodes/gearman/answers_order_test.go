package gearman

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, a client that submits ahead would take one job's handle for another's: JOB_CREATED names no
// submission, so answers must keep the order of the requests, also when a later one coalesces with a job whose
// record is durable before that of a request in between.
func TestAnswersKeepTheOrderOfRequests(t *testing.T) {
	r := start(t, nil)
	for range 50 {
		p := r.dial()
		var all []byte
		order := "abcacbdaebfcgdhaibjc"
		for _, u := range order {
			all = Append(all, Request, SubmitJobBG, []byte("f"), []byte(string(u)), []byte(string(u)))
			all = Append(all, Request, SubmitJobBG, []byte("f"), nil, []byte(strings.Repeat("x", 3000)))
		}
		_, err := p.Conn.Conn.Write(all)
		require.NoError(t, err)
		handles := map[rune]string{}
		seen := map[string]bool{}
		for _, u := range order {
			handle := p.hear(JobCreated)[0]
			if known := handles[u]; known != "" {
				require.Equal(t, known, handle, "the job of %c has another's handle", u)
			} else {
				require.False(t, seen[handle], "the job of %c has another's handle", u)
			}
			handles[u] = handle
			seen[handle] = true
			other := p.hear(JobCreated)[0]
			require.False(t, seen[other], "a job without a unique id has another's handle")
			seen[other] = true
		}
	}
}
