// Package decode answers what a YAML file says in the terms of Go structs, and where each thing that it says
// wrongly stands. It never stops at the first problem: it collects all of them, each with its file, line and
// column, the path in the document, the source line, and a hint.
//
// It knows the quantities that nodes and scenarios are configured with (durations, shares, sizes, ranges and
// choices of them) and nothing of what they are for.
package decode

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File    string
	Line    int    // from 1; 0 concerns the file as a whole
	Column  int    // from 1, in characters
	Path    string // "phases[1].faults[0].for"; "" where there is none
	What    string // "no such key \"powr\""
	Hint    string // "did you mean \"power\"?"; "" where there is none
	Source  string // the line
	Warning bool   // worth saying, and no reason to refuse
}

// String is the problem as it is printed: what is wrong and where, the source line, and a caret with the hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.What)
	if p.Line == 0 {
		if p.Hint != "" {
			b.WriteString("\n       " + p.Hint)
		}
		return b.String()
	}
	source, column := shorten(p.Source, p.Column)
	fmt.Fprintf(&b, "\n%6d | %s\n       | %s^", p.Line, source, indent(source, column))
	if p.Hint != "" {
		b.WriteString(" " + p.Hint)
	}
	return b.String()
}

// shorten cuts a very long source line down to what surrounds the column.
func shorten(source string, column int) (string, int) {
	const most, before = 240, 80
	line := []rune(source)
	if len(line) <= most {
		return source, column
	}
	from := min(max(0, column-before), len(line)-most)
	cut := string(line[from:min(from+most, len(line))])
	if from > 0 {
		return "…" + cut, column - from + 1
	}
	return cut + "…", column
}

// indent is the room in front of the caret. A tab stays a tab, so that the caret stands where it should.
func indent(source string, column int) string {
	var b strings.Builder
	n := 1
	for _, r := range source {
		if n >= column {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
		n++
	}
	for ; n < column; n++ {
		b.WriteByte(' ')
	}
	return b.String()
}

// Problems is everything that is wrong, as an error.
type Problems []Problem

// most is how many problems are kept: a file that is wrong in more places is wrong altogether.
const most = 100

// Add keeps a problem.
func (ps *Problems) Add(p Problem) {
	if len(*ps) < most {
		*ps = append(*ps, p)
	}
}

// Sort puts the problems in the order of the text, keeps one of each, and puts what concerns a whole file first.
func (ps *Problems) Sort() {
	slices.SortStableFunc(*ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	*ps = slices.Compact(*ps)
}

// Errors are those that are no warnings.
func (ps Problems) Errors() Problems { return ps.which(false) }

// Warnings are the others.
func (ps Problems) Warnings() Problems { return ps.which(true) }

func (ps Problems) which(warning bool) Problems {
	var some Problems
	for _, p := range ps {
		if p.Warning == warning {
			some = append(some, p)
		}
	}
	return some
}

// Error is all problems as they are printed, and their number.
func (ps Problems) Error() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
	}
	switch len(ps) {
	case 1:
		b.WriteString("1 problem")
	case most:
		fmt.Fprintf(&b, "%d problems, and there may be more", most)
	default:
		fmt.Fprintf(&b, "%d problems", len(ps))
	}
	return b.String()
}
