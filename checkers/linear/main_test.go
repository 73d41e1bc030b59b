package linear

import (
	"os"
	"runtime/debug"
	"testing"
)

// Tens of thousands of small histories are thrown away: collecting them took a fifth of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
