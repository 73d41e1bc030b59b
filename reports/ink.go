package reports

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Ink colours text on a terminal; without colour it leaves text as it is. Red is for violations alone, and
// no verdict is told by colour only.
type Ink bool

// InkFor is colour where w is a terminal and NO_COLOR is not set.
func InkFor(w io.Writer) Ink {
	return Ink(IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (on Ink) paint(code, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (on Ink) bold(text string) string { return on.paint("1", text) }
func (on Ink) soft(text string) string { return on.paint("2", text) }
func (on Ink) good(text string) string { return on.paint("32", text) }
func (on Ink) bad(text string) string  { return on.paint("1;31", text) }
func (on Ink) open(text string) string { return on.paint("33", text) }

// IsTerminal says whether a person watches what is written to w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is how many columns w has: its own on a terminal, up to 100; 80 elsewhere.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return min(max(columns, 40), 100)
		}
	}
	return 80
}
