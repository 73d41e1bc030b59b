package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// Suite is what a JUnit report says of one run, or of one batch: a test case for each claim.
type Suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Cases    []testCase
}

type testCase struct {
	XMLName   xml.Name `xml:"testcase"`
	ClassName string   `xml:"classname,attr"`
	Name      string   `xml:"name,attr"`
	Failure   *remarks `xml:"failure"`
	Error     *remarks `xml:"error"`
	Skipped   *remarks `xml:"skipped"`
}

type remarks struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// SuiteOf is the suite of one run. A claim that is unknown for want of budget is an error, one about which too
// little happened is skipped; a finding fails a case of its own.
func SuiteOf(r *scenarios.Result) Suite {
	s := Suite{Name: pointOf(r.Scenario, r.Value) + "@" + r.Seed}
	for i := range r.Claims {
		c := &r.Claims[i]
		reason := c.Reason
		if reason == "" {
			reason = c.Figure
		}
		text := strings.Join(append([]string{c.Says}, c.Story...), "\n")
		switch {
		case c.Verdict == scenarios.Violated && c.Expect != scenarios.Violated:
			s.fail(r.Scenario, c.Claim, reason, text)
		case c.Verdict == scenarios.Unknown && c.State == "" && c.Expect != scenarios.Violated && !r.Sees(c.Claim):
			s.error(r.Scenario, c.Claim, reason, text)
		case c.Verdict == scenarios.Unknown:
			s.skip(r.Scenario, c.Claim, reason)
		default:
			s.pass(r.Scenario, c.Claim)
		}
	}
	for _, f := range r.Findings {
		s.fail(r.Scenario, f.Kind+" on "+f.Host, f.What, f.Stack)
	}
	if d := r.Divergence; d != nil {
		s.error(r.Scenario, "the same seed is the same run", fmt.Sprintf("differs at step %d", d.Step), d.Was+"\n"+d.Is)
	}
	return s
}

// BatchSuite is the suite of a batch: a claim fails if it is violated in one run, and is an error if the batch
// did not show what it has to.
func BatchSuite(b *explore.Batch) Suite {
	s := Suite{Name: b.Scenario}
	for _, c := range b.ByClaim() {
		counts := fmt.Sprintf("held %d, violated %d, unknown %d of %d seeds", c.Holds, c.Violated, c.Unknown, b.Seeds)
		switch {
		case c.AsExpected():
			s.pass(b.Scenario, c.Claim)
		case c.Expect == scenarios.Holds && c.Verdict == scenarios.Violated:
			s.fail(b.Scenario, c.Claim, counts+", first in "+c.First, c.Says+"\n"+c.Reason)
		case b.Slight() && c.Exhausted == 0:
			s.skip(b.Scenario, c.Claim, counts)
		default:
			s.error(b.Scenario, c.Claim, counts, c.Says+"\n"+c.Reason)
		}
	}
	for _, f := range b.Failures {
		for _, finding := range f.Findings {
			s.fail(b.Scenario, finding+" in "+f.Seed, finding, "")
		}
		if f.Verdict == scenarios.Diverged {
			s.error(b.Scenario, "the same seed is the same run: "+f.Seed, "diverged", "")
		}
	}
	return s
}

func pointOf(name, value string) string {
	if value == "" {
		return name
	}
	return name + " · " + value
}

func (s *Suite) pass(class, name string) { s.add(testCase{ClassName: class, Name: name}) }
func (s *Suite) fail(class, name, why, text string) {
	s.Failures++
	s.add(testCase{ClassName: class, Name: name, Failure: &remarks{why, text}})
}
func (s *Suite) error(class, name, why, text string) {
	s.Errors++
	s.add(testCase{ClassName: class, Name: name, Error: &remarks{why, text}})
}
func (s *Suite) skip(class, name, why string) {
	s.Skipped++
	s.add(testCase{ClassName: class, Name: name, Skipped: &remarks{Message: why}})
}

func (s *Suite) add(c testCase) {
	s.Tests++
	s.Cases = append(s.Cases, c)
}

// JUnit writes suites as the XML that build servers read.
func JUnit(suites []Suite) func(io.Writer) error {
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, xml.Header); err != nil {
			return err
		}
		e := xml.NewEncoder(w)
		e.Indent("", "  ")
		root := struct {
			XMLName xml.Name `xml:"testsuites"`
			Suites  []Suite
		}{Suites: suites}
		if err := e.Encode(root); err != nil {
			return err
		}
		_, err := io.WriteString(w, "\n")
		return err
	}
}
