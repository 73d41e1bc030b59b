// Package checks says which checks there are, by the names that scenarios know them by.
package checks

import (
	"slices"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/jobs"
	"simrun/checkers/service"
)

// All is every check that a scenario may name, in the order of the reference.
func All() []checkers.Definition {
	return slices.Concat(service.Checks(), data.Checks(), jobs.Checks(), []checkers.Definition{
		{Name: "sometimes", Doc: "A rare, wanted event occurs in at least one run of a batch.", New: func() checkers.Check { return &checkers.Sometimes{} }},
	})
}

// Named is the check of that name, with its usual options.
func Named(name string) (c checkers.Check, found bool) {
	for _, d := range All() {
		if d.Name == name {
			return d.New(), true
		}
	}
	return nil, false
}
