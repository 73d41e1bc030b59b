package reports

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"simrun/checkers"
	"simrun/nodes/history"
	"simrun/nodes/history/jepsen"
)

// JudgedHistory is what a model says of a history in a file: what check-history prints.
type JudgedHistory struct {
	Version    int              `json:"version"`
	File       string           `json:"history"`
	Model      string           `json:"model"`
	Operations int              `json:"operations"`
	Verdict    checkers.Verdict `json:"verdict"`
	State      checkers.State   `json:"state,omitempty"`
	Figure     string           `json:"figure,omitempty"`
	Anomaly    string           `json:"anomaly,omitempty"`
	Object     string           `json:"object,omitempty"` // the key, partition or the like that it is about
	Reason     string           `json:"reason,omitempty"`
	Witness    []WitnessedStep  `json:"witness"`
}

// WitnessedStep is an operation of a witness as a person reads it.
type WitnessedStep struct {
	Operation uint64          `json:"operation"` // by which the reason names it
	Index     int             `json:"index"`     // in the file, from 0
	Line      int             `json:"line"`      // of the file, from 1
	Process   string          `json:"process"`
	F         string          `json:"f"`
	Value     string          `json:"value"`
	Call      history.Time    `json:"call"` // nanoseconds
	Return    *history.Time   `json:"return,omitempty"`
	Outcome   string          `json:"outcome"`
	Error     string          `json:"error,omitempty"`
	told      history.Outcome // as a word of ours
}

// NewJudgedHistory puts together what a model says of a recording.
func NewJudgedHistory(file, model string, r *jepsen.Recording, j checkers.Judgement) *JudgedHistory {
	judged := &JudgedHistory{Version: 1, File: file, Model: model, Operations: len(r.Operations), Verdict: j.Verdict, State: j.State,
		Figure: j.Figure, Anomaly: j.Anomaly, Object: j.Object, Reason: j.Reason, Witness: []WitnessedStep{}}
	for _, o := range r.Operations {
		if slices.Contains(j.Witness, o.ID) {
			judged.Witness = append(judged.Witness, witnessed(r, o))
		}
	}
	return judged
}

func witnessed(r *jepsen.Recording, o *history.Operation) WitnessedStep {
	place, _ := r.Place(o.ID)
	s := WitnessedStep{Operation: o.ID, Index: place.Index, Line: place.Line, Process: strings.TrimPrefix(o.Host, "process "), F: o.Kind,
		Value: exchanged(o), Call: o.Call, Outcome: o.Outcome.String(), Error: o.Reason, told: o.Outcome}
	if o.Return != history.Never {
		s.Return = &o.Return
	}
	return s
}

// exchanged is what an operation was given and what it was told: once, where it was told what it was given.
func exchanged(o *history.Operation) string {
	in, out := spelled(o.In), ""
	if o.Outcome == history.Ok {
		out = spelled(o.Out)
	}
	switch {
	case in == "" || in == out || in == "nil" && out != "":
		return out
	case out == "":
		return in
	default:
		return in + " → " + out
	}
}

// spelled is attributes in words; a value alone needs no name.
func spelled(attrs []slog.Attr) string {
	if len(attrs) == 1 && attrs[0].Key == "value" {
		return jepsen.Text(attrs[0].Value)
	}
	words := make([]string, len(attrs))
	for i, a := range attrs {
		words[i] = a.Key + "=" + jepsen.Text(a.Value)
	}
	return strings.Join(words, " ")
}

// Judgement tells of a history that was judged: the verdict, why, and the operations that show it.
func (t *Terminal) Judgement(j *JudgedHistory) error {
	p := t.page()
	p.title(j.File, "", j.Model+", "+Counted(j.Operations, "operation"))
	p.line("")
	switch j.Verdict {
	case checkers.Holds:
		p.line("%s", p.Ink.good("✓ "+j.Model+" holds"))
		if j.Figure != "" {
			p.hang("  ", 2, j.Figure)
		}
	case checkers.Violated:
		p.line("%s", p.Ink.bad("✗ "+j.Model+" is violated: "+j.Anomaly))
		p.hang("  ", 2, j.Reason)
	default:
		p.line("%s", p.Ink.open("? "+j.Model+" is unknown"))
		p.hang("  ", 2, j.Reason)
	}
	p.witness(j.Witness)
	return p.flush()
}

// mostSteps bounds what a terminal shows of a witness; --json has all of it.
const mostSteps = 20

// witness is the table of the operations that show a violation.
func (p *page) witness(steps []WitnessedStep) {
	if len(steps) == 0 {
		return
	}
	rows := [][]string{{"operation", "index", "process", "f", "value", "from", "to"}}
	for _, s := range steps[:min(len(steps), mostSteps)] {
		to := "no answer"
		if s.Return != nil && s.told != history.Unknown {
			to = s.Return.String()
		}
		if s.told == history.Fail {
			to += ", failed"
		}
		rows = append(rows, []string{fmt.Sprint(s.Operation), fmt.Sprint(s.Index), s.Process, s.F, clip(s.Value, p.width/2), s.Call.String(), to})
	}
	columns := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			columns[i] = max(columns[i], runes(cell))
		}
	}
	p.line("")
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i < 3 {
				b.WriteString("  " + right(cell, columns[i]))
			} else {
				b.WriteString("  " + left(cell, columns[i]))
			}
		}
		if line := strings.TrimRight(b.String(), " "); n == 0 {
			p.line("%s", p.Ink.soft(line))
		} else {
			p.line("%s", line)
		}
	}
	if more := len(steps) - mostSteps; more > 0 {
		p.line("  … and %s more", Counted(more, "operation"))
	}
}
