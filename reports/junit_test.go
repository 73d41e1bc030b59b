package reports

import (
	"bytes"
	"encoding/xml"
	"testing"

	"simrun/sim/simtest/golden"

	"github.com/stretchr/testify/require"
)

// If this failed, a build server would show a violation as something else.
func TestJUnitCountsWhatABuildServerCounts(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JUnit([]Suite{SuiteOf(calm()), SuiteOf(stormy()), BatchSuite(swept(t, 40, 3))})(&b))
	golden.Equal(t, "testdata/junit.xml", b.String())

	var read struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Errors   int    `xml:"errors,attr"`
			Skipped  int    `xml:"skipped,attr"`
			Cases    []struct {
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(b.Bytes(), &read))
	require.Len(t, read.Suites, 3)
	for _, s := range read.Suites {
		failures, errors, skipped := 0, 0, 0
		for _, c := range s.Cases {
			if c.Failure != nil {
				failures++
			}
			if c.Error != nil {
				errors++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		require.Equal(t, []int{len(s.Cases), failures, errors, skipped}, []int{s.Tests, s.Failures, s.Errors, s.Skipped}, s.Name)
	}
	require.Zero(t, read.Suites[0].Failures)
	require.Equal(t, 2, read.Suites[1].Failures, "a claim and a panic")
}
