package scenarios

// Smallest is how many seeds a batch needs before what it did not see counts: under it, a `sometimes` that
// never came is reported and nothing more.
const Smallest = 20

// Sees says whether the claim is a `sometimes`: something that has to come once in a batch.
func (r *Result) Sees(claim string) bool {
	_, sees := r.Sometimes[claim]
	return sees
}

// Judge is what one run comes to, by the claims with `expect: holds` and by what nobody asked about. What
// only a batch can decide (a `sometimes`, an `expect: violated`, a claim about which too little happened)
// does not count here.
func (r *Result) Judge() Verdict {
	if r.Verdict == Diverged {
		return Diverged
	}
	verdict := Holds
	if len(r.Findings) > 0 {
		verdict = Violated
	}
	for i := range r.Claims {
		c := &r.Claims[i]
		if c.Expect != Violated && !r.Sees(c.Claim) {
			verdict = Worse(verdict, c.Alone())
		}
	}
	return verdict
}

// Alarming says whether something was violated, expected or not: what is to be run again before anybody is
// told of it.
func (r *Result) Alarming() bool {
	for i := range r.Claims {
		if r.Claims[i].Verdict == Violated {
			return true
		}
	}
	return len(r.Findings) > 0
}

// Alone is the claim's verdict in a run that is judged by itself: too little to say is no fault of the run.
func (c *ClaimResult) Alone() Verdict {
	if c.Verdict == Unknown && c.State != "" {
		return Holds
	}
	return c.Verdict
}

// Worse is the one of two verdicts that a command has to tell of: diverged, violated, unknown, holds.
func Worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Diverged, Violated, Unknown} {
		if a == v || b == v {
			return v
		}
	}
	return Holds
}
