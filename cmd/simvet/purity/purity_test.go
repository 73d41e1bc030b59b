package purity_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis/analysistest"

	"simrun/cmd/simvet/purity"
)

// If this failed, a node could read a clock, start a goroutine or touch the machine, and nobody would be told;
// or good code would be refused.
func TestNodeCodeIsHeldToItsEnv(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), purity.Analyzer, "refused", "ranges", "cmdmain", "plain")
}

// If this failed, -simvet.all would overlook the packages that nodes call.
func TestOtherPackagesAreLookedAtOnDemand(t *testing.T) {
	require.NoError(t, purity.Analyzer.Flags.Set("all", "true"))
	defer purity.Analyzer.Flags.Set("all", "false")
	var found quietly
	analysistest.Run(&found, analysistest.TestData(), purity.Analyzer, "plain")
	require.EqualValues(t, 2, found, "go, and time.Now")
}

// quietly counts what an analysis says that no comment wants.
type quietly int

func (q *quietly) Errorf(string, ...any) { *q++ }
