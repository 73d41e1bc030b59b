package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"simrun/scenarios/decode"
)

// setting is a change to a scenario before it is read: --set storm.lasts=5m, or a value of the matrix.
type setting struct {
	path  string
	at    *decode.Node // where the path stands
	value *decode.Node
}

// readSetting reads PATH=VALUE of a flag.
func readSetting(text string, problems *decode.Problems) (setting, bool) {
	const flag = "--set"
	path, _, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		problems.Add(decode.Problem{File: flag, What: `"` + text + `" is not PATH=VALUE, such as storm.lasts=5m`})
		return setting{}, false
	}
	value := decode.ParseValue(flag, text, len([]rune(path))+2, problems)
	if value == nil {
		return setting{}, false
	}
	at := *value
	at.Column = 1
	return setting{path, &at, value}, true
}

// apply gives a copy of the document with the value in its place; the document itself stays as it is. The
// first step of a path is a key of the document or the name of a phase; further ones are keys, names of
// phases and claims, or numbers of lines from 0, as in workload[0].rate.
func (s setting) apply(d *decode.Decoder, root *decode.Node) *decode.Node {
	steps := strings.FieldsFunc(s.path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	if len(steps) == 0 {
		d.Fail(s.at, "", "%q is no path", s.path)
		return root
	}
	known := decode.Keys(&document{})
	if !slices.Contains(known, steps[0]) {
		if _, isPhase := find(root.Field("phases"), steps[0]); !isPhase {
			d.Hint(s.at, "", decode.Suggest(steps[0], append(labels(root.Field("phases")), known...)),
				"no such key or phase %q", steps[0])
			return root
		}
		steps = append([]string{"phases"}, steps...)
	}
	return s.descend(d, root, steps)
}

func (s setting) descend(d *decode.Decoder, n *decode.Node, steps []string) *decode.Node {
	if len(steps) == 0 {
		return s.value
	}
	copied := *n
	switch n.Kind {
	case decode.Map:
		copied.Fields = slices.Clone(n.Fields)
		i := slices.IndexFunc(copied.Fields, func(f decode.Field) bool { return f.Key == steps[0] })
		if i >= 0 {
			copied.Fields[i].Value = s.descend(d, copied.Fields[i].Value, steps[1:])
			copied.Fields[i].At = s.at
			if len(steps) > 1 {
				copied.Fields[i].At = n.Fields[i].At
			}
			break
		}
		value := s.value
		for j := len(steps) - 1; j > 0; j-- { // keys that are not there yet; the decoder knows whether they may be
			key := *s.at
			wrapped := *s.at
			wrapped.Kind, wrapped.Text, wrapped.Items = decode.Map, "", nil
			wrapped.Fields = []decode.Field{{Key: steps[j], At: &key, Value: value}}
			value = &wrapped
		}
		copied.Fields = append(copied.Fields, decode.Field{Key: steps[0], At: s.at, Value: value})
	case decode.List:
		i, ok := find(n, steps[0])
		if !ok {
			d.Hint(s.at, "", decode.Suggest(steps[0], labels(n)), "%s: there is no %q", s.path, steps[0])
			return n
		}
		copied.Items = slices.Clone(n.Items)
		copied.Items[i] = s.descend(d, n.Items[i], steps[1:])
	default:
		d.Fail(s.at, "", "%s: %q is a single value and has no %q in it", s.path, n.Text, steps[0])
		return n
	}
	return &copied
}

// find looks for a line of a list by its number or, of phases and claims, by its name.
func find(list *decode.Node, step string) (int, bool) {
	if list == nil || list.Kind != decode.List {
		return 0, false
	}
	if i, err := strconv.Atoi(step); err == nil {
		return i, i >= 0 && i < len(list.Items)
	}
	i := slices.Index(labels(list), step)
	return i, i >= 0
}

// labels are the names of the lines of a list, "" where one has none.
func labels(list *decode.Node) []string {
	if list == nil {
		return nil
	}
	names := make([]string, len(list.Items))
	for i, item := range list.Items {
		for _, key := range []string{"phase", "claim"} {
			if n := item.Field(key); n != nil {
				names[i] = n.Text
			}
		}
	}
	return names
}

// point is one value of the matrix.
type point struct {
	value    string // "nodes.worker.count=3"; "" without a matrix
	pairs    []decode.Pair
	settings []setting
}

// mostPoints is how many combinations a matrix may have.
const mostPoints = 1000

// readMatrix lists the points of a matrix: every combination of a map's values, or the points of a list.
func readMatrix(d *decode.Decoder, n *decode.Node) []point {
	points := []point{{}}
	if n == nil {
		return points
	}
	switch n.Kind {
	case decode.List:
		points = nil
		for _, item := range n.Items {
			if item.Kind != decode.Map {
				d.Fail(item, "matrix", "a point of the matrix is a mapping such as {nodes.worker.count: 3}")
				continue
			}
			points = append(points, readPoint(d, item))
		}
	case decode.Map:
		for _, f := range sortedFields(n) {
			if f.Value.Kind != decode.List || len(f.Value.Items) == 0 {
				d.Fail(f.Value, "matrix."+f.Key, "this must be a list of values such as [1, 2, 4]")
				continue
			}
			var more []point
			for _, p := range points {
				for _, value := range f.Value.Items {
					more = append(more, p.with(f, value))
				}
			}
			if points = more; len(points) > mostPoints {
				break
			}
		}
	default:
		d.Fail(n, "matrix", "this must be a mapping such as {nodes.worker.count: [1, 2, 4]}")
	}
	if len(points) > mostPoints {
		d.Fail(n, "matrix", "these are more than %d combinations", mostPoints)
		points = points[:1]
	}
	return points
}

// readPoint reads one point of a list: paths and their values, and perhaps a name for people.
func readPoint(d *decode.Decoder, n *decode.Node) (p point) {
	for _, f := range sortedFields(n) {
		if f.Key != "name" {
			p = p.with(f, f.Value)
		}
	}
	if name := n.Field("name"); name != nil {
		if d.Value(name, "matrix.name", &p.value, decode.Rules{}) {
			p.pairs = append(p.pairs, decode.Pair{Key: "name", Value: decode.Quote(p.value)})
		}
	}
	return p
}

func (p point) with(f decode.Field, value *decode.Node) point {
	s := setting{f.Key, f.At, value}
	label := f.Key + "=" + value.String()
	if p.value != "" {
		label = p.value + "," + label
	}
	return point{label, append(slices.Clone(p.pairs), decode.Pair{Key: f.Key, Value: value.String()}),
		append(slices.Clone(p.settings), s)}
}

func sortedFields(n *decode.Node) []decode.Field {
	return slices.SortedFunc(slices.Values(n.Fields), func(a, b decode.Field) int { return strings.Compare(a.Key, b.Key) })
}
