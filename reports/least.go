package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"simrun/scenarios/explore"
)

// LeastFile tells, beside MinimalFile, what the least plan needs of the run that it came from, and what not.
const LeastFile = "shrink.json"

// Least is what a shrink came to, for people.
type Least struct {
	Version  int         `json:"version"`
	Sentence string      `json:"sentence"` // "6 faults to 1 in 44 runs"
	Needed   []LeastNeed `json:"needed"`
	Needless []string    `json:"needless"` // faults without which it is violated all the same
	Gone     []string    `json:"gone"`     // what else is not needed
}

// LeastNeed is a fault that the least plan needs, and how often the claim held without it.
type LeastNeed struct {
	Fault string `json:"fault"`
	Held  string `json:"held,omitempty"`
}

// LeastOf is what a shrink of a run with so many faults came to.
func LeastOf(m *explore.Minimum) *Least {
	l := &Least{Version: 1, Needed: []LeastNeed{}, Needless: []string{}, Gone: append([]string{}, m.Gone...)}
	l.Sentence = fmt.Sprintf("%s to %d, in %s", Counted(len(m.Needed)+len(m.Needless), "fault"), len(m.Needed), Counted(m.Runs, "run"))
	for i := range m.Needed {
		n := &m.Needed[i]
		need := LeastNeed{Fault: n.Fault.String()}
		if n.Of > 0 {
			need.Held = fmt.Sprintf("held in %d of %d without it", n.Held, n.Of)
		}
		l.Needed = append(l.Needed, need)
	}
	for i := range m.Needless {
		l.Needless = append(l.Needless, m.Needless[i].String())
	}
	return l
}

// LoadLeast is what a shrink came to that was kept in a directory; nil if there is none that can be read.
func LoadLeast(dir string) *Least {
	text, err := os.ReadFile(filepath.Join(dir, LeastFile))
	if err != nil {
		return nil
	}
	l := &Least{}
	if err := json.Unmarshal(text, l); err != nil || l.Version != 1 {
		return nil
	}
	return l
}

// Write writes what LoadLeast reads.
func (l *Least) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(l)
}
