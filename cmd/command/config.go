package command

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// configOf is a kind's configuration, told by KEY=VALUE as a scenario's `with:` would tell it: the same
// decoder reads it, and the same is wrong with it.
func configOf(k *nodes.Kind, set []string, listen, advertise string) (any, error) {
	var problems decode.Problems
	root := &decode.Node{File: &decode.File{Name: k.Name}, Kind: decode.Map}
	for _, pair := range set {
		key, _, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return nil, fmt.Errorf("--set %q: say KEY=VALUE", pair)
		}
		if value := decode.ParseValue("--set", pair, len([]rune(key))+2, &problems); value != nil {
			at := *value
			at.Column = 1
			root.Fields = append(root.Fields, decode.Field{Key: key, At: &at, Value: value})
		}
	}
	for _, flag := range []struct{ key, value string }{{"listen", listen}, {"advertise", advertise}} {
		if flag.value != "" {
			n := &decode.Node{File: &decode.File{Name: "--" + flag.key}, Kind: decode.Scalar, Text: flag.value}
			root.Fields = append(root.Fields, decode.Field{Key: flag.key, At: n, Value: n})
		}
	}
	if k.Config == nil {
		if len(root.Fields) > 0 {
			return nil, fmt.Errorf("%s has nothing to set", k.Name)
		}
		return nil, nil
	}
	config := k.Config()
	d := &decode.Decoder{Problems: &problems}
	d.Struct(root, "", nil, config)
	if len(problems) > 0 {
		return nil, problems
	}
	return config, nil
}

// settings lists what a kind can be told by --set: each key, what it means, and its default.
func settings(k *nodes.Kind) string {
	if k.Config == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n\nSettings:\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, d := range decode.Describe(k.Config()) {
		text := d.Doc
		if d.Usual != "" {
			text += " (" + d.Usual + ")"
		}
		fmt.Fprintf(table, "  %s\t%s\n", d.Key, text)
	}
	table.Flush()
	return strings.TrimRight(b.String(), "\n")
}
