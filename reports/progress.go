package reports

import (
	"fmt"
	"io"
	"time"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// Progress is the one line that a sweep redraws on a terminal. Elsewhere it writes nothing.
type Progress struct {
	out   io.Writer
	width int
	name  string
	goal  int // seeds to run, or 0 where time decides
	begun time.Time
	drawn time.Time
	dirty bool
}

// redraw is how often a person can follow.
const redraw = 100 * time.Millisecond

// NewProgress begins a sweep of goal seeds of the named scenario, or of as many as there is time for. It is
// silent where nobody watches, and in nobody's way where quiet.
func NewProgress(w io.Writer, name string, goal int, quiet bool) *Progress {
	p := &Progress{name: name, goal: goal, begun: time.Now()}
	if IsTerminal(w) && !quiet {
		p.out, p.width = w, Width(w)
	}
	return p
}

// Show redraws the line if it is time to.
func (p *Progress) Show(b *explore.Batch) {
	p.draw(func(took time.Duration) string { return progress(p.name, b, p.goal, took) })
}

// Look redraws the line when a sweep looks into its n-th failure.
func (p *Progress) Look(n int) {
	p.draw(func(time.Duration) string { return fmt.Sprintf("%s  looking into failure %d", p.name, n) })
}

// Shrink redraws the line of a shrink if it is time to.
func (p *Progress) Shrink(s explore.Shrinking) {
	p.draw(func(took time.Duration) string {
		return fmt.Sprintf("%s  %s  %s/s  %s of %s left", p.name, Counted(s.Runs, "run"),
			Rate(float64(s.Runs)/max(took.Seconds(), 0.001)), Count(s.Faults), Counted(s.From, "fault"))
	})
}

func (p *Progress) draw(line func(took time.Duration) string) {
	now := time.Now()
	if p.out == nil || now.Sub(p.drawn) < redraw {
		return
	}
	p.drawn, p.dirty = now, true
	fmt.Fprint(p.out, "\r\x1b[2K"+clip(line(now.Sub(p.begun)), p.width-1))
}

// Clear removes the line, so that something else can be said.
func (p *Progress) Clear() {
	if p.dirty {
		fmt.Fprint(p.out, "\r\x1b[2K")
		p.dirty = false
	}
}

// Before adds the time that the sweep had been going before it was interrupted.
func (p *Progress) Before(took time.Duration) { p.begun = p.begun.Add(-took) }

// Elapsed is how long the sweep has been going.
func (p *Progress) Elapsed() time.Duration { return time.Since(p.begun) }

func progress(name string, b *explore.Batch, goal int, took time.Duration) string {
	seeds := Count(b.Seeds)
	if goal > 0 {
		seeds += "/" + Count(goal)
	}
	wanted, seen := 0, 0
	for _, c := range b.Claims {
		if c.Sometimes {
			wanted++
			seen += min(c.Holds, 1)
		}
	}
	line := fmt.Sprintf("%s  %s seeds  %s/s  %s simulated  %s violated", name, seeds,
		Rate(float64(b.Seeds)/max(took.Seconds(), 0.001)), Span(b.SimulatedSeconds), Count(b.Verdicts[scenarios.Violated]))
	if wanted > 0 {
		line += fmt.Sprintf("  sometimes %d/%d", seen, wanted)
	}
	return line
}
