package data

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/jobs"
	"simrun/checkers/objects"
	"simrun/nodes/history"
)

// Atomic asks that what was seen of each object could have come from one that does one thing at a time.
type Atomic struct {
	Model      ObjectName `yaml:"linearizable" doc:"the object: gearman.job (queued, running, queued again only if that attempt was lost, done for good)"`
	Per        []string   `yaml:"per" doc:"what tells one object from another: server, handle"`
	jobs.Terms `yaml:",inline"`
	From       evidence.Selector `yaml:"from" doc:"whose operations; all if it is not said. Of jobs it is all"`
	// States bounds the search for each object.
	States int `yaml:"states" doc:"most steps in the search for an order, per object; beyond it the claim is unknown"`
}

// ObjectName names a kind of object that Atomic knows.
type ObjectName string

// Values are all models.
func (ObjectName) Values() []string {
	names := []string{gearmanJob}
	for _, m := range objects.Models() {
		names = append(names, m.Name())
	}
	return names
}

const gearmanJob = "gearman.job"

func newAtomic() checkers.Check {
	return &Atomic{Model: gearmanJob, Per: []string{"server", "handle"}, Terms: jobs.NewTerms(), States: 1_000_000}
}

// Validate says what cannot be meant.
func (c *Atomic) Validate() error {
	per := slices.Sorted(slices.Values(c.Per))
	if !slices.Equal(per, []string{"handle", "server"}) {
		return errors.New("per: a gearman.job is one per [server, handle], and other objects are told apart by their key")
	}
	return nil
}

// Judge looks for an order for each object.
func (c *Atomic) Judge(e *evidence.Evidence) checkers.Judgement {
	if c.Model == gearmanJob {
		return jobs.Ordered(e, &c.Terms, c.States)
	}
	model, known := objects.ModelNamed(string(c.Model))
	if !known {
		return checkers.Vacuous.Because("there is no model %s", c.Model)
	}
	j, err := objects.Linearizable(model, e.Only(c.From).History, objects.Options{States: int64(c.States), Others: true})
	if err != nil {
		return checkers.Judgement{Verdict: checkers.Unknown, Reason: err.Error()}
	}
	return j
}

// Argue implements Arguer.
func (c *Atomic) Argue(w io.Writer, h *history.History, witness uint64) error {
	model, known := objects.ModelNamed(string(c.Model))
	if !known {
		return fmt.Errorf("%w: a %s has none", objects.ErrNoArgument, c.Model)
	}
	return objects.Argument(w, model, evidence.Gather(h).Only(c.From).History, witness, objects.Options{States: int64(c.States)})
}
