package checks

import (
	"os"
	"runtime/debug"
	"testing"
)

// Very many worlds are thrown away: collecting them took a fifth of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
