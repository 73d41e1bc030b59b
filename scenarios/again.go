package scenarios

import (
	"fmt"
	"time"

	"simrun/sim"
)

// Again runs the plan once more, as o says, and compares. Where the two runs differ the new one's verdict is
// Diverged, and its Divergence says since when.
func (r *Run) Again(o RunOptions) *Run {
	again := r.Plan.Run(o)
	again.compare(r)
	return again
}

// Verify runs the plan once more and returns r itself if the two are one. If they are not, it looks for the
// very step with two recorded runs; luck may have it that those agree, and only the stretch is known.
func (r *Run) Verify() *Run {
	again := r.Again(RunOptions{})
	if again.Result.Verdict != Diverged {
		return r
	}
	if closer := r.Plan.Run(RunOptions{Record: true}).Again(RunOptions{Record: true}); closer.Result.Verdict == Diverged {
		return closer
	}
	return again
}

func (r *Run) compare(before *Run) {
	if r.Result.Hash == before.Result.Hash && r.Result.Steps == before.Result.Steps {
		return
	}
	r.Result.Verdict = Diverged
	r.Result.Divergence = firstLine(before, r)
	if r.Result.Divergence == nil {
		r.Result.Divergence = firstStretch(before, r)
	}
}

// CompareHash is Again's comparison with a run of which only the result was kept.
func (r *Run) CompareHash(before *Result) {
	if r.Result.Hash == before.Hash && r.Result.Steps == before.Steps {
		return
	}
	r.Result.Verdict = Diverged
	r.Result.Divergence = &Divergence{Step: r.Result.Steps, At: r.Result.SimulatedSeconds,
		Was: fmt.Sprintf("hash %s after %d steps", before.Hash, before.Steps),
		Is:  fmt.Sprintf("hash %s after %d steps", r.Result.Hash, r.Result.Steps)}
}

// firstLine is the first event in which two recorded runs differ. It is nil where one was not recorded, and
// where they differ in something that no line shows.
func firstLine(was, is *Run) *Divergence {
	if was.Lines == nil || is.Lines == nil {
		return nil
	}
	line := func(r *Run, i int) (string, sim.Line) {
		if i < len(r.Lines) {
			return r.Lines[i].String(), r.Lines[i]
		}
		return "nothing more", sim.Line{Step: r.Result.Steps, At: time.Duration(r.Result.SimulatedSeconds * 1e9)}
	}
	for i := range max(len(was.Lines), len(is.Lines)) {
		a, at := line(was, i)
		b, other := line(is, i)
		if a != b {
			if other.Step < at.Step {
				at = other
			}
			return &Divergence{Step: at.Step, At: at.At.Seconds(), Was: a, Is: b, Exact: true}
		}
	}
	return nil
}

// firstStretch is the end of the first stretch of steps after which the hashes of two runs differ.
func firstStretch(was, is *Run) *Divergence {
	n := 0
	for n < min(len(was.Checkpoints), len(is.Checkpoints)) && was.Checkpoints[n] == is.Checkpoints[n] {
		n++
	}
	hash := func(r *Run) string {
		if n < len(r.Checkpoints) {
			return r.Checkpoints[n].String()
		}
		return fmt.Sprintf("%s, its last, after %d steps", r.Result.Hash, r.Result.Steps)
	}
	d := &Divergence{Step: min(uint64(n+1)*sim.Stretch, max(was.Result.Steps, is.Result.Steps)), Was: hash(was), Is: hash(is)}
	for _, r := range []*Run{was, is} {
		for _, line := range r.Lines {
			if line.Step <= d.Step {
				d.At = line.At.Seconds()
			}
		}
	}
	return d
}
