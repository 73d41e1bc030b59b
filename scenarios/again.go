package scenarios

import (
	"fmt"
	"time"

	"simrun/sim"
)

// Course is the way that a run took: what two runs of one plan are compared by, in one process or in two.
type Course struct {
	Hash        string     `json:"hash"`
	Steps       uint64     `json:"steps"`
	Seconds     float64    `json:"simulated_seconds"`
	Checkpoints []sim.Hash `json:"checkpoints"` // after every sim.Stretch steps

	// Recorded gives the events of a stretch of sim.Stretch steps, numbered from 0; it is nil if the run was not
	// recorded.
	Recorded func(stretch int) ([]sim.Line, error) `json:"-"`
}

// Course is the run's.
func (r *Run) Course() *Course {
	c := &Course{Hash: r.Result.Hash, Steps: r.Result.Steps, Seconds: r.Result.SimulatedSeconds, Checkpoints: r.Checkpoints}
	if r.Lines != nil {
		c.Recorded = func(stretch int) ([]sim.Line, error) { return r.stretch(stretch), nil }
	}
	return c
}

// stretch is the events of one. What a step does comes after the checkpoint that it ends, so the last step of
// the stretch before is in it too.
func (r *Run) stretch(n int) (lines []sim.Line) {
	within := stepsOf(n)
	for _, line := range r.Lines {
		if line.Step >= within.From && line.Step < within.To {
			lines = append(lines, line)
		}
	}
	return lines
}

func stepsOf(stretch int) sim.Steps {
	from := uint64(stretch) * sim.Stretch
	return sim.Steps{From: from, To: from + sim.Stretch + 1}
}

func (c *Course) same(o *Course) bool { return c.Hash == o.Hash && c.Steps == o.Steps }

// Rerun runs the plan of a run once more, wherever that may be.
type Rerun func(RunOptions) (*Course, error)

// Again runs the plan once more, as o says, and compares. Where the two runs differ the new one's verdict is
// Diverged, and its Divergence says since when.
func (r *Run) Again(o RunOptions) *Run {
	again := r.Plan.Run(o)
	if d, _ := diverge(r.Course(), again.Course()); d != nil { // no error in one process
		again.Result.Verdict, again.Result.Divergence = Diverged, d
	}
	return again
}

// Verify runs the plan once more and returns r itself if the two are one. If they are not, what it returns is
// a recorded run that has diverged.
func (r *Run) Verify() *Run {
	run, _ := r.VerifyBy(func(o RunOptions) (*Course, error) { return r.Plan.Run(o).Course(), nil })
	return run
}

// closeLooks is how often two runs that differ are looked at closely: where they differ may be another place
// each time.
const closeLooks = 3

// VerifyBy has the plan run once more by somebody else and returns r itself if the two are one. If they are not,
// both run again and look closely at where they part; luck may have it that those agree, and only the stretch is
// known. An error is the other's.
func (r *Run) VerifyBy(again Rerun) (*Run, error) {
	other, err := again(RunOptions{})
	if err != nil {
		return nil, err
	}
	d, err := diverge(r.Course(), other)
	if d == nil || err != nil {
		return r, err
	}
	run := r
	for range closeLooks {
		look := RunOptions{Record: true, Closely: stepsOf(int((max(d.Step, 1) - 1) / sim.Stretch))}
		run = r.Plan.Run(look)
		if other, err = again(look); err != nil {
			return nil, err
		}
		closer, err := diverge(run.Course(), other)
		if err != nil {
			return nil, err
		}
		if closer != nil {
			d = closer
		}
		if d.Exact {
			break
		}
	}
	run.Result.Verdict, run.Result.Divergence = Diverged, d
	return run, nil
}

// CompareHash is Again's comparison with a run of which only the result was kept.
func (r *Run) CompareHash(before *Result) {
	was := &Course{Hash: before.Hash, Steps: before.Steps}
	if r.Course().same(was) {
		return
	}
	r.Result.Verdict = Diverged
	r.Result.Divergence = &Divergence{Step: r.Result.Steps, At: r.Result.SimulatedSeconds,
		Was: was.ending(), Is: r.Course().ending()}
}

func (c *Course) ending() string { return fmt.Sprintf("hash %s after %d steps", c.Hash, c.Steps) }

// diverge is where two courses first differ; nil if they are one. Where no event shows it in the stretch in which
// it happens, what is told is the first event that shows it later; else the hashes.
func diverge(was, is *Course) (*Divergence, error) {
	if was.same(is) {
		return nil, nil
	}
	n := 0
	for n < min(len(was.Checkpoints), len(is.Checkpoints)) && was.Checkpoints[n] == is.Checkpoints[n] {
		n++
	}
	end := min(uint64(n+1)*sim.Stretch, max(was.Steps, is.Steps))
	d := &Divergence{Step: end, Was: was.at(n), Is: is.at(n)}
	if was.Recorded == nil || is.Recorded == nil {
		return d, nil
	}
	for s := n; uint64(s)*sim.Stretch <= max(was.Steps, is.Steps); s++ {
		a, err := was.Recorded(s)
		if err != nil {
			return nil, err
		}
		b, err := is.Recorded(s)
		if err != nil {
			return nil, err
		}
		if i := firstOther(a, b); i >= 0 {
			x, err := was.line(s, a, i)
			if err != nil {
				return nil, err
			}
			y, err := is.line(s, b, i)
			if err != nil {
				return nil, err
			}
			d.At = min(x.At, y.At).Seconds()
			d.Was, d.Is = x.String(), y.String()
			if d.Exact = s == n; d.Exact {
				d.Step = min(x.Step, y.Step)
			}
			return d, nil
		}
		if s == n && len(a) > 0 {
			d.At = a[len(a)-1].At.Seconds()
		}
	}
	return d, nil
}

// firstOther is the index of the first event in which two stretches differ; -1 if there is none.
func firstOther(a, b []sim.Line) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

// at is the course at the end of a stretch.
func (c *Course) at(stretch int) string {
	if stretch < len(c.Checkpoints) {
		return c.Checkpoints[stretch].String()
	}
	return fmt.Sprintf("%s, its last, after %d steps", c.Hash, c.Steps)
}

// line is the i-th event of a stretch, whose events these are, or the first that comes after it.
func (c *Course) line(stretch int, lines []sim.Line, i int) (sim.Line, error) {
	if i < len(lines) {
		return lines[i], nil
	}
	for next := stretch + 1; uint64(next)*sim.Stretch < c.Steps; next++ {
		more, err := c.Recorded(next)
		if err != nil {
			return sim.Line{}, err
		}
		for _, line := range more {
			if line.Step > uint64(next)*sim.Stretch {
				return line, nil
			}
		}
	}
	return sim.Line{Step: c.Steps, At: time.Duration(c.Seconds * 1e9), Kind: "end", What: "nothing more"}, nil
}
