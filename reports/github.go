package reports

import (
	"fmt"
	"io"
	"strings"

	"simrun/scenarios"
)

// Place is where something stands in a file.
type Place struct {
	File string
	Line int
}

// Annotate writes what went wrong in a run as GitHub's workflow commands, each at the line of its own
// claim. placeOf gives that line; a Place without a file leaves the annotation without one.
//
// The form is that of "Workflow commands for GitHub Actions", with its escapes.
func Annotate(w io.Writer, r *scenarios.Result, placeOf func(claim string) Place) error {
	var b strings.Builder
	run := r.Scenario + "@" + r.Seed
	for i := range r.Claims {
		c := &r.Claims[i]
		if c.Verdict == scenarios.Violated && c.Expect != scenarios.Violated {
			text := c.Says
			if c.Reason != "" {
				text += "\n" + c.Reason
			}
			annotation(&b, "error", placeOf(c.Claim), c.Claim+" is violated in "+run, text+"\n"+strings.Join(c.Story, "\n"))
		}
	}
	for _, f := range r.Findings {
		annotation(&b, "error", placeOf(""), f.Kind+" in "+run, f.What+"\n"+f.Stack)
	}
	if r.Verdict == scenarios.Diverged {
		annotation(&b, "error", placeOf(""), run+" diverged", "Two runs of one seed took different courses.")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// AnnotateAt writes one annotation: level is "error", "warning" or "notice".
func AnnotateAt(w io.Writer, level string, at Place, title, text string) error {
	var b strings.Builder
	annotation(&b, level, at, title, text)
	_, err := io.WriteString(w, b.String())
	return err
}

var (
	inText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	inValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func annotation(b *strings.Builder, level string, at Place, title, text string) {
	where := ""
	if at.File != "" {
		where = fmt.Sprintf("file=%s,line=%d,", inValue.Replace(at.File), max(at.Line, 1))
	}
	fmt.Fprintf(b, "::%s %stitle=%s::%s\n", level, where, inValue.Replace(title), inText.Replace(strings.TrimSpace(text)))
}
