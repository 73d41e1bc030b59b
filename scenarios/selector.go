package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// selector says whom something concerns. It is a word of its own ("all"), a name, a list, or an operator in
// front of another selector ("one of servers").
type selector struct {
	op    string // "", or one of operators
	name  string // without an operator: a node, a copy of one, a site, a supplier, or a role ("servers")
	of    *selector
	items []*selector // of a list; then op and name are empty
	or    []*selector // one of these, each time; then op and name are empty
	at    *decode.Node
	path  string
}

// operators, and which of them may stand alone, meaning "of all".
var operators = map[string]bool{"one": true, "random": true, "each": true, "all": true,
	"minority": false, "majority": false, "leader": false}

// reserved are words that no site, node or supplier may be called.
var reserved = []string{"all", "one", "random", "each", "minority", "majority", "leader", "core", "heal", "or",
	string(nodes.Client) + "s", string(nodes.Worker) + "s", string(nodes.Server) + "s"}

// DecodeNode reads a selector; the names in it are looked up later.
func (s *selector) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	s.decode(d, n, path, 0)
}

func (s *selector) decode(d *decode.Decoder, n *decode.Node, path string, depth int) {
	*s = selector{at: n, path: path}
	switch {
	case n.Kind == decode.List && depth < 2:
		if len(n.Items) == 0 {
			d.Fail(n, path, "this list is empty")
		}
		for i, item := range n.Items {
			one := &selector{}
			one.decode(d, item, fmt.Sprintf("%s[%d]", path, i), depth+1)
			s.items = append(s.items, one)
		}
	case n.Kind != decode.Scalar:
		d.Fail(n, path, "this must name nodes, a site or a supplier, or be a list of such")
	default:
		s.parseOr(d, strings.Fields(n.Text))
	}
}

// parseOr reads alternatives: "leader of servers or one of servers".
func (s *selector) parseOr(d *decode.Decoder, words []string) {
	if !slices.Contains(words, "or") {
		s.parse(d, words, 0)
		return
	}
	for len(words) > 0 {
		end := slices.Index(words, "or")
		if end < 0 {
			end = len(words)
		} else if end == len(words)-1 {
			d.Fail(s.at, s.path, "a name is missing behind or")
		}
		one := &selector{at: s.at, path: s.path}
		one.parse(d, words[:end], 0)
		s.or = append(s.or, one)
		words = words[min(end+1, len(words)):]
	}
}

// alternatives are those of the selector, or it alone.
func (s *selector) alternatives() []*selector {
	if s.or != nil {
		return s.or
	}
	return []*selector{s}
}

func (s *selector) parse(d *decode.Decoder, words []string, depth int) {
	alone, isOperator := false, false
	if len(words) > 0 {
		alone, isOperator = operators[words[0]]
	}
	switch {
	case len(words) == 0:
		d.Fail(s.at, s.path, "a name is missing here")
	case len(words) == 1 && isOperator && alone:
		s.op = words[0]
	case len(words) == 1 && !isOperator:
		s.name = words[0]
	case len(words) > 2 && isOperator && words[0] != "all" && words[1] == "of" && depth < 4:
		s.op = words[0]
		s.of = &selector{at: s.at, path: s.path}
		s.of.parse(d, words[2:], depth+1)
	default:
		d.Hint(s.at, s.path, "write a name, all, one, random, or one of NAME, minority of NAME, leader of NAME",
			"%q selects nothing", s.at.Text)
	}
}

// String is the selector as a scenario writes it.
func (s *selector) String() string {
	switch {
	case s.items != nil:
		words := make([]string, len(s.items))
		for i, item := range s.items {
			words[i] = item.String()
		}
		return "[" + strings.Join(words, ", ") + "]"
	case s.or != nil:
		words := make([]string, len(s.or))
		for i, one := range s.or {
			words[i] = one.String()
		}
		return strings.Join(words, " or ")
	case s.of != nil:
		return s.op + " of " + s.of.String()
	default:
		return s.op + s.name
	}
}

// random says whether a seed decides whom it selects.
func (s *selector) random() bool {
	if s.or != nil || s.of != nil && s.of.random() || slices.ContainsFunc(s.items, (*selector).random) {
		return true
	}
	return s.op != "" && s.op != "all" && s.op != "leader"
}

// has says whether the operator stands anywhere in the selector.
func (s *selector) has(op string) bool {
	return s.op == op || s.of != nil && s.of.has(op) ||
		slices.ContainsFunc(slices.Concat(s.items, s.or), func(i *selector) bool { return i.has(op) })
}

// whole is what the operator chooses from.
func (s *selector) whole() *selector {
	if s.of != nil {
		return s.of
	}
	return &selector{op: "all", at: s.at, path: s.path}
}

// members are the hosts, or of power verbs the suppliers, among which the selector chooses: those of its name.
func (s *selector) members(t *topology, takes Takes) []string {
	switch {
	case s.items != nil || s.or != nil:
		parts := slices.Concat(s.items, s.or)
		groups := make([][]string, len(parts))
		for i, item := range parts {
			groups[i] = item.members(t, takes)
		}
		return union(t.everybody(takes), groups)
	case s.op == "all" || s.of == nil && s.op != "":
		return t.everybody(takes)
	case s.of != nil:
		return s.of.members(t, takes)
	default:
		return t.named(s.name, takes)
	}
}

// draw selects: a single member for each target of verbs that strike hosts or suppliers, groups for those
// that strike traffic.
func (s *selector) draw(src source, t *topology, takes Takes) []Target {
	if s.items != nil {
		var targets []Target
		for _, item := range s.items {
			if item.items != nil {
				targets = append(targets, Group(item.members(t, takes)))
				continue
			}
			targets = append(targets, item.draw(src, t, takes)...)
		}
		return targets
	}
	if s.or != nil {
		return s.or[src.Below(len(s.or))].draw(src, t, takes)
	}
	members := s.members(t, takes)
	switch s.op {
	case "":
		return []Target{{Name: s.name, Hosts: t.hostsOf(members, takes)}}
	case "all":
		if takes == Suppliers {
			return t.singly(members, takes)
		}
		return []Target{{Name: "all", Hosts: members}}
	case "leader":
		return []Target{{Name: s.String(), Hosts: members, Leader: true}}
	}
	chosen := s.pick(src, t, takes)
	if takes == Traffic && len(chosen) > 1 {
		return []Target{Group(chosen)}
	}
	return t.singly(chosen, takes)
}

// pick is the members that the selector chooses, in their order.
func (s *selector) pick(src source, t *topology, takes Takes) []string {
	if s.op == "" || s.op == "all" || s.op == "leader" {
		return s.members(t, takes)
	}
	from := t.everybody(takes)
	if s.of != nil {
		from = s.of.pick(src, t, takes)
	}
	if len(from) == 0 {
		return nil
	}
	return union(from, [][]string{choose(s.op, src, from)})
}

// choose picks members as the operator says.
func choose(op string, src source, members []string) []string {
	mixed := shuffle(src, members)
	switch op {
	case "minority":
		return mixed[:minority(len(mixed))]
	case "majority":
		return mixed[:len(mixed)/2+1]
	case "random":
		return mixed[:1+src.Below(len(mixed))]
	default: // one
		return mixed[:1]
	}
}

// minority is the size of the largest minority of n.
func minority(n int) int { return (n - 1) / 2 }

func shuffle(src source, members []string) []string {
	mixed := slices.Clone(members)
	for i := len(mixed) - 1; i > 0; i-- {
		j := src.Below(i + 1)
		mixed[i], mixed[j] = mixed[j], mixed[i]
	}
	return mixed
}

// Group makes one target of several hosts.
func Group(hosts []string) Target {
	if len(hosts) == 1 {
		return Target{Name: hosts[0], Hosts: hosts}
	}
	return Target{Name: "[" + strings.Join(hosts, ", ") + "]", Hosts: hosts}
}

// TargetText is the targets as a plan writes them behind a verb.
func TargetText(targets []Target) string {
	if len(targets) == 1 && !strings.HasPrefix(targets[0].Name, "[") {
		return targets[0].Name
	}
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.Name
	}
	return "[" + strings.Join(names, ", ") + "]"
}
