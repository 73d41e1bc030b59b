package decode

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxSize is how long a file may be, in bytes.
const MaxSize = 1 << 20

// maxDepth is how deeply mappings and lists may be nested, and maxNodes how many values a file may hold.
const (
	maxDepth = 32
	maxNodes = 100_000
)

// File is a source that nodes point back to.
type File struct {
	Name  string
	lines []string
}

// Line is a line of the file, from 1.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	return strings.TrimSuffix(f.lines[n-1], "\r")
}

// Kind is what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Scalar Kind = iota
	Map
	List
)

// Node is a value of a YAML document, with its place. It knows no anchors, aliases or tags: a scenario that
// uses them is refused, so what is read is what is there.
type Node struct {
	Kind   Kind
	Text   string  // of a scalar
	Quoted bool    // a scalar in quotes or a block
	Fields []Field // of a map, in the order of the file, no key twice
	Items  []*Node // of a list
	File   *File
	Line   int // from 1
	Column int // from 1
}

// Field is a key of a map and its value.
type Field struct {
	Key   string
	At    *Node // the key's own place
	Value *Node
}

// Field is the value of a key, or nil.
func (n *Node) Field(key string) *Node {
	if n == nil {
		return nil
	}
	for _, f := range n.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return nil
}

// Null says that nothing is written where a value is wanted.
func (n *Node) Null() bool {
	return n.Kind == Scalar && !n.Quoted && (n.Text == "" || n.Text == "~" || n.Text == "null")
}

// Problem is a problem at this node.
func (n *Node) Problem(path, what, hint string) Problem {
	return Problem{File: n.File.Name, Line: n.Line, Column: n.Column, Path: path, What: what, Hint: hint,
		Source: n.File.Line(n.Line)}
}

// Parse reads a YAML file of one document. It gives nil, and says why in problems, if it is not one.
func Parse(name string, data []byte, problems *Problems) *Node {
	file := &File{Name: name}
	if len(data) > MaxSize {
		problems.Add(Problem{File: name, What: fmt.Sprintf("the file is longer than %d bytes", MaxSize)})
		return nil
	}
	file.lines = strings.Split(string(data), "\n")
	if !utf8.Valid(data) {
		problems.Add(notUTF8(file))
		return nil
	}
	doc, err := compose(data)
	if err != nil {
		problems.Add(syntax(file, err))
		return nil
	}
	if doc == nil || len(doc.Content) == 0 {
		problems.Add(Problem{File: name, What: "the file is empty"})
		return nil
	}
	before := len(*problems)
	c := converter{file: file, problems: problems}
	root := c.convert(doc.Content[0], 0)
	if len(*problems) > before {
		return nil
	}
	return root
}

// compose lets the library read the document. It panics on some inputs that no person writes, and must not
// take the process with it.
func compose(data []byte) (doc *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			doc, err = nil, fmt.Errorf("cannot be read as YAML: %v", r)
		}
	}()
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	doc = new(yaml.Node)
	err = yaml.Load(data, doc)
	switch {
	case err != nil && strings.Contains(err.Error(), "no documents"):
		return nil, nil
	case err != nil && strings.Contains(err.Error(), "found multiple"):
		return nil, errors.New("a file holds one document; here are several")
	}
	return doc, err
}

func notUTF8(file *File) Problem {
	for i, line := range file.lines {
		if !utf8.ValidString(line) {
			column := 1
			for _, r := range line {
				if r == utf8.RuneError {
					break
				}
				column++
			}
			return Problem{File: file.Name, Line: i + 1, Column: column, What: "this is not UTF-8",
				Source: strings.ToValidUTF8(line, "�")}
		}
	}
	return Problem{File: file.Name, What: "this is not UTF-8"}
}

// syntax says in our form what the library has against a file.
func syntax(file *File, err error) Problem {
	p := Problem{File: file.Name, What: err.Error()}
	var located *yaml.LoadError
	if errors.As(err, &located) {
		p.Line, p.Column = min(max(1, located.Mark.Line), max(1, len(file.lines))), max(1, located.Mark.Column)
		p.What = located.Message
		p.Source = file.Line(p.Line)
	}
	if p.Line > 0 && strings.Contains(p.Source, "\t") {
		p.Hint = "YAML is indented by spaces, never by tabs"
	}
	return p
}

type converter struct {
	file     *File
	problems *Problems
	nodes    int
}

func (c *converter) convert(y *yaml.Node, depth int) *Node {
	n := &Node{File: c.file, Line: y.Line, Column: y.Column}
	c.nodes++
	if c.nodes == maxNodes {
		c.problems.Add(n.Problem("", "the file holds more than a hundred thousand values", ""))
	}
	if c.nodes >= maxNodes {
		return n
	}
	if depth > maxDepth {
		c.problems.Add(n.Problem("", fmt.Sprintf("this is nested more than %d deep", maxDepth), ""))
		return n
	}
	if y.Anchor != "" || y.Kind == yaml.AliasNode {
		c.problems.Add(n.Problem("", "a scenario has no anchors and no aliases", "write it out, or use include"))
		return n
	}
	if y.Style&yaml.TaggedStyle != 0 {
		c.problems.Add(n.Problem("", "a scenario has no tags", ""))
		return n
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.Kind = Map
		c.fields(n, y, depth)
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			n.Items = append(n.Items, c.convert(item, depth+1))
		}
	default:
		n.Text = y.Value
		n.Quoted = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	}
	return n
}

func (c *converter) fields(n *Node, y *yaml.Node, depth int) {
	first := map[string]*Node{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := c.convert(y.Content[i], depth+1)
		value := c.convert(y.Content[i+1], depth+1)
		if key.Kind != Scalar {
			c.problems.Add(key.Problem("", "a key must be a word", ""))
			continue
		}
		if before := first[key.Text]; before != nil {
			c.problems.Add(key.Problem("", fmt.Sprintf("the key %q stands here twice", key.Text),
				fmt.Sprintf("first in line %d", before.Line)))
			continue
		}
		first[key.Text] = key
		n.Fields = append(n.Fields, Field{Key: key.Text, At: key, Value: value})
	}
}

// ParseValue reads a value that stands in a line of its own, such as that of a flag, from a column on.
func ParseValue(name, line string, column int, problems *Problems) *Node {
	runes := []rune(line)
	value := string(runes[min(column-1, len(runes)):])
	file := &File{Name: name, lines: []string{line}}
	if len(line) > MaxSize || strings.ContainsAny(line, "\n\r") || !utf8.ValidString(line) {
		problems.Add(Problem{File: name, What: "this is not one line of text"})
		return nil
	}
	doc, err := compose([]byte(value))
	if err != nil || doc == nil || len(doc.Content) == 0 {
		problems.Add(Problem{File: name, Line: 1, Column: column, What: "this is no value", Source: line})
		return nil
	}
	before := len(*problems)
	c := converter{file: file, problems: problems}
	n := c.convert(doc.Content[0], 0)
	n.shift(column - 1)
	for i := before; i < len(*problems); i++ {
		(*problems)[i].Column += column - 1
	}
	return n
}

// shift moves the node and all that is in it to the right.
func (n *Node) shift(columns int) {
	n.Column += columns
	for _, f := range n.Fields {
		f.At.shift(columns)
		f.Value.shift(columns)
	}
	for _, item := range n.Items {
		item.shift(columns)
	}
}
