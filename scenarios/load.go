package scenarios

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"simrun/scenarios/decode"
)

// ReadOptions say what a scenario can name, and what is changed in it before it is read.
type ReadOptions struct {
	Catalog Catalog
	// Set are changes, each PATH=VALUE: storm.lasts=5m, nodes.worker.count=3.
	Set []string
}

// Scenario is a scenario file that was read and found right, with everything that it includes.
type Scenario struct {
	Name    string
	Summary string
	File    string  // as it was named; "thunderstorm.yaml" of one that is built in
	Specs   []*Spec // one for each value of the matrix; one without a matrix
	// Warnings are worth saying, and no reason to refuse.
	Warnings decode.Problems
	// Digest tells scenarios apart: 64 hex digits of all that was read, with the includes put in and the changes
	// made. How it is laid out, and its comments, are no part of it.
	Digest string
}

// Read reads a scenario: a bare name is built in, anything else is the path of a file. Its error is a
// decode.Problems: everything that is wrong, at its line and column.
func Read(name string, o ReadOptions) (*Scenario, error) {
	source, problem := open(name)
	if problem != nil {
		return nil, decode.Problems{*problem}
	}
	return read(source, o)
}

// ReadText reads a scenario that is no file; name is how problems call it, and includes are looked for
// beside it.
func ReadText(name string, data []byte, o ReadOptions) (*Scenario, error) {
	return read(text{name: name, data: data}, o)
}

func read(source text, o ReadOptions) (*Scenario, error) {
	var problems decode.Problems
	d := &decode.Decoder{Problems: &problems}
	root := decode.Parse(source.name, source.data, &problems)
	if root == nil {
		return nil, problems
	}
	if root.Kind != decode.Map {
		d.Fail(root, "", "a scenario is a mapping that begins with scenario: NAME")
		return nil, problems
	}
	root = include(d, source, root)
	for _, text := range o.Set {
		if s, ok := readSetting(text, &problems); ok {
			root = s.apply(d, root)
		}
	}
	sc := &Scenario{File: source.name, Digest: fmt.Sprintf("%x", sha256.Sum256([]byte(root.String())))}
	for _, p := range readMatrix(d, root.Field("matrix")) {
		at := root
		if root.Field("seed") == nil { // a plan is what its point of the matrix made of it
			for _, s := range p.settings {
				at = s.apply(d, at)
			}
		}
		spec := readSpec(&problems, at, &o.Catalog)
		spec.Value, spec.point = p.value, p.pairs
		sc.Specs = append(sc.Specs, spec)
		if len(problems.Errors()) > 0 {
			break // the same would be said again of every value
		}
	}
	problems.Sort()
	if len(problems.Errors()) > 0 {
		return nil, problems
	}
	sc.Name, sc.Summary, sc.Warnings = sc.Specs[0].Name, sc.Specs[0].Summary, problems
	if err := sc.nameAsFile(source, root); err != nil {
		return nil, err
	}
	return sc, nil
}

// nameAsFile holds the scenario to the name of its file, so that NAME@SEED is enough to find it again. A plan
// keeps the name of the scenario that it was drawn from.
func (sc *Scenario) nameAsFile(source text, root *decode.Node) error {
	base := strings.TrimSuffix(filepath.Base(source.name), ".yaml")
	if sc.Name == base || sc.Specs[0].Seeded {
		return nil
	}
	return decode.Problems{root.Field("scenario").Problem("scenario",
		fmt.Sprintf("the file is called %q, the scenario %q", base, sc.Name), fmt.Sprintf("write scenario: %s", base))}
}

// included are the keys that an included file may have; the first are mappings of names, the others lists.
var included = []string{"sites", "link-classes", "nodes", "links", "workload", "claims"}

// mostIncludes is how many files one may include.
const mostIncludes = 100

// include puts the files that the document names into it.
func include(d *decode.Decoder, source text, root *decode.Node) *decode.Node {
	list := root.Field("include")
	if list == nil {
		return root
	}
	merged := *root
	merged.Fields = slices.Clone(root.Fields)
	files := []*decode.Node{list}
	if list.Kind == decode.List {
		files = list.Items
	}
	if len(files) > mostIncludes {
		d.Fail(list, "include", "these are more than %d files", mostIncludes)
		files = nil
	}
	for i, n := range files {
		path := fmt.Sprintf("include[%d]", i)
		if n.Kind != decode.Scalar || n.Null() {
			d.Fail(n, path, "this must be the name of a file")
			continue
		}
		part, problem := source.include(n.Text)
		if problem != nil {
			d.Fail(n, path, "%s: %s", n.Text, problem.What)
			continue
		}
		if tree := decode.Parse(part.name, part.data, d.Problems); tree != nil {
			mergeFile(d, &merged, tree)
		}
	}
	return &merged
}

func mergeFile(d *decode.Decoder, into, file *decode.Node) {
	if file.Kind != decode.Map {
		d.Fail(file, "", "an included file is a mapping of: %s", strings.Join(included, ", "))
		return
	}
	for _, f := range file.Fields {
		if !slices.Contains(included, f.Key) {
			if slices.Contains(decode.Keys(&document{}), f.Key) {
				d.Hint(f.At, "", "it may have: "+strings.Join(included, ", "), "an included file has no %q", f.Key)
			} else {
				d.NoSuchKey(f, "", included)
			}
			continue
		}
		i := slices.IndexFunc(into.Fields, func(g decode.Field) bool { return g.Key == f.Key })
		if i < 0 {
			into.Fields = append(into.Fields, f)
			continue
		}
		there := *into.Fields[i].Value
		if there.Kind != f.Value.Kind || there.Kind == decode.Scalar {
			d.Fail(f.Value, f.Key, "this and what stands at %s cannot be put together", place(&there))
			continue
		}
		there.Items = append(slices.Clone(there.Items), f.Value.Items...)
		there.Fields = mergeFields(d, f.Key, there.Fields, f.Value.Fields)
		into.Fields[i].Value = &there
	}
}

// mergeFields puts maps of names together; nothing is merged silently.
func mergeFields(d *decode.Decoder, path string, fields, more []decode.Field) []decode.Field {
	fields = slices.Clone(fields)
	for _, f := range more {
		i := slices.IndexFunc(fields, func(g decode.Field) bool { return g.Key == f.Key })
		if i >= 0 {
			d.Fail(f.At, path+"."+f.Key, "this is defined twice; the other place is %s", place(fields[i].At))
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

func place(n *decode.Node) string { return fmt.Sprintf("%s:%d:%d", n.File.Name, n.Line, n.Column) }
