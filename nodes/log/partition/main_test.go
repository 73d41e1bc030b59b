package partition_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// Thousands of disks are thrown away: collecting them took a fifth of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
