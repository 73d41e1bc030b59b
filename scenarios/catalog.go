package scenarios

import (
	"simrun/checkers"
	"simrun/checkers/checks"
	"simrun/nodes"
)

// Catalog is what scenarios can name: the kinds of nodes that this binary runs, and the checks that it knows.
type Catalog struct {
	Kinds []nodes.Kind
	// Checks are the checks that claims may name; nil is checks.All().
	Checks []checkers.Definition
}

func (c *Catalog) kind(name string) *nodes.Kind {
	for i := range c.Kinds {
		if c.Kinds[i].Name == name {
			return &c.Kinds[i]
		}
	}
	return nil
}

func (c *Catalog) kindNames() []string {
	names := make([]string, len(c.Kinds))
	for i := range c.Kinds {
		names[i] = c.Kinds[i].Name
	}
	return names
}

func (c *Catalog) checks() []checkers.Definition {
	if c.Checks != nil {
		return c.Checks
	}
	return checks.All()
}

func (c *Catalog) check(name string) (checkers.Definition, bool) {
	for _, d := range c.checks() {
		if d.Name == name {
			return d, true
		}
	}
	return checkers.Definition{}, false
}

func (c *Catalog) checkNames() []string {
	var names []string
	for _, d := range c.checks() {
		names = append(names, d.Name)
	}
	return names
}

// operation is what a client of some kind can be asked to do.
func operation(k *nodes.Kind, name string) *nodes.Operation {
	for i := range k.Operations {
		if k.Operations[i].Name == name {
			return &k.Operations[i]
		}
	}
	return nil
}
