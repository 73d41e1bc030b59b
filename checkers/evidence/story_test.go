package evidence_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// If this failed, a story of a store would tell of jobs, or hide whom a request went to.
func TestAttemptsAreToldInTheServicesOwnWords(t *testing.T) {
	at := func(s int) history.Time { return time.Duration(s) * time.Second }
	attempt := func(id uint64, from int, server string, outcome history.Outcome, reason error, in ...slog.Attr) *history.Operation {
		o := &history.Operation{ID: id, Parent: 1, Kind: "attempt", Host: "client", Call: at(from), Return: at(from + 1), Outcome: outcome,
			In: append(in, slog.String("server", server))}
		if reason != nil {
			o.Reason = reason.Error()
		}
		return o
	}
	tell := func(attempts ...*history.Operation) string {
		whole := &history.Operation{ID: 1, Kind: "write", Host: "client", Call: at(1), Return: at(9), Outcome: history.Ok}
		e := evidence.Gather(&history.History{End: at(20), Operations: append([]*history.Operation{whole}, attempts...)})
		return strings.Join(e.Tell().Operation(whole).Lines(), "\n")
	}
	require.Equal(t, `1.000s  client asks: write
2.000s  client asks kv/2
3.000s  client: its request to kv/2 failed: refused: MOVED
4.000s  client asks kv/1
5.000s  kv/1 answers client`, tell(attempt(2, 2, "kv/2", history.Fail, errors.New("refused: MOVED")), attempt(3, 4, "kv/1", history.Ok, nil)))
	require.Contains(t, tell(attempt(2, 2, "queue", history.Unknown, errors.New("timeout"), slog.String("function", "resize"))), "client submits foreground job resize to queue")
}
