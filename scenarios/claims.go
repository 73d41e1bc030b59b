package scenarios

import (
	"slices"
	"strings"

	"simrun/checkers"
	"simrun/nodes/probe"
	"simrun/scenarios/decode"
)

// readClaims reads what is promised, and the checks.
func (r *reader) readClaims() {
	first := map[string]*decode.Node{}
	for _, c := range r.spec.doc.Claims {
		if c.Claim == "" || c.Check.Node == nil {
			continue
		}
		at := c.at.Field("claim")
		if before := first[c.Claim]; before != nil {
			r.Fail(at, c.path+".claim", "%q is claimed twice; the other place is %s", c.Claim, place(before))
		}
		first[c.Claim] = at
		check := r.readCheck(c)
		if check == nil {
			continue
		}
		r.spec.Claims = append(r.spec.Claims, Claim{Name: c.Claim, Says: strings.TrimSpace(c.Says), Check: c.check,
			Text: c.Check.Node.String(), Config: check, Expect: c.Expect, File: at.File.Name, Line: at.Line})
	}
}

// readCheck reads the check of a claim.
func (r *reader) readCheck(c *claimLine) checkers.Check {
	n, path := c.Check.Node, c.Check.path
	name, check := r.catalog.readCheck(r.Decoder, n, path)
	c.check = name
	if check == nil {
		return nil
	}
	r.readContext(n, path)
	if event, ok := check.(*checkers.Sometimes); ok {
		r.readOccurrence(n, path, event.Event)
	}
	return check
}

// ReadCheck reads a check from a line of text, as a claim may name it, and says which it is. Its error is a
// decode.Problems.
func (c *Catalog) ReadCheck(flag, text string) (name string, check checkers.Check, err error) {
	var problems decode.Problems
	if n := decode.ParseValue(flag, text, 1, &problems); n != nil {
		name, check = c.readCheck(newDecoder(&problems), n, "")
	}
	if len(problems) > 0 {
		return name, nil, problems
	}
	return name, check, nil
}

// readCheck reads a check: its name alone, or a mapping with its name as a key or under `name`.
func (c *Catalog) readCheck(d *decode.Decoder, n *decode.Node, path string) (name string, check checkers.Check) {
	options := *n
	var named *decode.Node
	switch n.Kind {
	case decode.Scalar:
		named, options.Kind, options.Text = n, decode.Map, ""
		name = n.Text
	case decode.Map:
		options.Fields = nil
		for _, f := range n.Fields {
			_, known := c.check(f.Key)
			switch {
			case f.Key == "name" && named == nil:
				named, name = f.Value, f.Value.Text
				continue
			case known && named == nil:
				named, name = f.At, f.Key
			}
			options.Fields = append(options.Fields, f)
		}
	default:
		d.Fail(n, path, "a check is a name or a mapping such as {available: submit, at-least: 99%%}")
		return "", nil
	}
	if named == nil && len(n.Fields) > 0 {
		named, name = n.Fields[0].At, n.Fields[0].Key
	}
	definition, ok := c.check(name)
	if !ok {
		if named == nil {
			named = n
		}
		d.Hint(named, path, decode.Suggest(name, c.checkNames()), "no check %q", name)
		return name, nil
	}
	check = definition.New()
	d.Struct(&options, path, nil, check)
	return name, check
}

// readOccurrence holds `sometimes` to what can occur: a word that nobody ever says would leave every batch unknown.
func (r *reader) readOccurrence(n *decode.Node, path, event string) {
	known := checkers.Events()
	for i := range r.spec.nodes {
		if k := r.spec.nodes[i].kind; k != nil {
			for _, p := range probe.All(k.Probes...) {
				if p.Sort() != probe.IsAlways {
					known = append(known, p.Name())
				}
			}
		}
	}
	slices.Sort(known)
	if known = slices.Compact(known); slices.Contains(known, event) {
		return
	}
	if at := n.Field("sometimes"); at != nil {
		n, path = at, path+".sometimes"
	}
	r.Hint(n, path, decode.Suggest(event, known), "no node here, nor the toolkit, tells of %q", decode.Brief(event))
}

// readContext looks up what the options that all checks share by name refer to: `in` is a phase, `after` is heal,
// a verb, or a fault of the scenario.
func (r *reader) readContext(n *decode.Node, path string) {
	if in := n.Field("in"); in != nil && in.Kind == decode.Scalar && !slices.Contains(r.phaseNames(), in.Text) {
		r.Hint(in, path+".in", decode.Suggest(in.Text, r.phaseNames()), "no phase %q", in.Text)
	}
	after := n.Field("after")
	if after == nil || after.Kind != decode.Scalar || after.Text == "heal" {
		return
	}
	var said []string
	for _, f := range r.spec.faultLines() {
		if f.verb != nil {
			said = append(said, string(f.verb.Verb))
			said = append(said, r.spec.sentences(f)...)
		}
	}
	slices.Sort(said)
	if said = append(slices.Compact(said), "heal"); !slices.Contains(said, after.Text) {
		r.Hint(after, path+".after", decode.Suggest(after.Text, said), "no fault here is %q", after.Text)
	}
}
