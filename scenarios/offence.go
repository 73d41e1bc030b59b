package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// Offence is what is wrong with a run, told so that it can be recognised in another run: which claim is
// violated, by what kind of anomaly, shown by operations of which kinds. How many jobs were lost, and which,
// is not part of it. Or it is a finding that no claim asked about, told by its kind and by the kind of the node.
type Offence struct {
	Claim   string // empty of a finding
	Anomaly string // "lost-job"; of a finding its kind, "node panic"
	Shape   string // "execute submit"; of a finding the kind of the node
}

// String is the offence as a person reads it.
func (o Offence) String() string {
	if o.Claim == "" {
		return o.Anomaly + " of a " + o.Shape
	}
	if o.Anomaly == "" {
		return o.Claim + " is violated"
	}
	return o.Claim + " is violated: " + o.Anomaly
}

// Offences are what is wrong with the run, first what it is judged by: claims that were expected to hold, then
// findings, then claims that were expected to be violated, and are.
func (r *Run) Offences() []Offence {
	var wrong, expected []Offence
	for i := range r.Result.Claims {
		c := &r.Result.Claims[i]
		switch {
		case c.Verdict != Violated:
		case c.Expect == Violated:
			expected = append(expected, r.offence(c))
		case !r.Result.Sees(c.Claim):
			wrong = append(wrong, r.offence(c))
		}
	}
	for _, f := range r.Result.Findings {
		o := Offence{Anomaly: f.Kind}
		for i := range r.Plan.Hosts {
			if h := &r.Plan.Hosts[i]; h.Name == f.Host {
				o.Shape = h.Kind.Name
			}
		}
		wrong = append(wrong, o)
	}
	return append(wrong, expected...)
}

func (r *Run) offence(c *ClaimResult) Offence {
	var kinds []string
	for i := range r.History.Operations {
		if o := r.History.Operations[i]; slices.Contains(c.Witness, o.ID) {
			kinds = append(kinds, o.Kind)
		}
	}
	slices.Sort(kinds)
	return Offence{c.Claim, c.Anomaly, strings.Join(slices.Compact(kinds), " ")}
}

// OffenceOf is the offence of that claim, or the finding of that kind ("node panic"), or the first by which the run is judged.
func (r *Run) OffenceOf(claim string) (Offence, error) {
	all := r.Offences()
	for _, o := range all {
		if claim != "" && (o.Claim == claim || o.Claim == "" && o.Anomaly == claim) {
			return o, nil
		}
	}
	switch {
	case claim != "" && !slices.ContainsFunc(r.Plan.Claims, func(c Claim) bool { return c.Name == claim }):
		return Offence{}, fmt.Errorf("%s has no claim %q", r.Plan.Scenario, claim)
	case claim != "":
		return Offence{}, fmt.Errorf("%s is not violated in %s@%s", claim, r.Plan.Scenario, r.Result.Seed)
	case len(all) == 0:
		return Offence{}, fmt.Errorf("nothing is violated in %s@%s", r.Plan.Scenario, r.Result.Seed)
	case r.Result.Judge() != Violated:
		return Offence{}, fmt.Errorf("nothing is violated in %s@%s but %s, as expected", r.Plan.Scenario, r.Result.Seed, all[0].Claim)
	}
	return all[0], nil
}
