package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/scenarios/decode"
)

// Reference is every key that a scenario may have, every verb, kind and check of the catalog, as Markdown. It is
// made of the structs that files are read into, so it says what the loader knows.
func Reference(c Catalog) []byte {
	r := &reference{}
	r.line("# Reference of keys\n")
	r.line("Generated from the structs that scenarios are read into; what it all means stands in [scenario-language.md](scenario-language.md).")
	r.line("**Bold** keys must be there. A *range* is `1..4`; of durations also `~30d`, exponential with that mean; a list `[1, 2, 8]` where")
	r.line("one value is wanted is a choice. Durations have the units ns, us, ms, s, m, h and d; shares are `5%%`, sizes `64KiB`, rates `20/s` or")
	r.line("`1/10m`, slowdowns `x10` or `200ms`, drifts `200ppm`. What wants a single value in `nodes`, `links`, `link-classes` and `workload` may be a range or a")
	r.line("list too, of which each plan draws one.")
	r.scenario()
	r.verbs()
	r.kinds(c.Kinds)
	r.checks(c)
	return []byte(r.String())
}

type reference struct{ strings.Builder }

func (r *reference) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *reference) scenario() {
	r.table("\n## A scenario", &document{})
	r.table("\n### `link-classes`: NAME", &classLine{})
	r.table("\n### `sites`: NAME", &siteLine{})
	r.table("\n### `links`: a line", &linkLine{})
	r.table("\n### `nodes`: NAME", &nodeLine{Restart: UsualRestart})
	r.table("\n### `workload`: a line", &loadLine{})
	r.table("\n### `phases`: a line", &phaseLine{})
	r.table("\n### `faults`: a line, besides its verb and the options of its verb", &faultLine{})
	r.table("\n### `claims`: a line", &claimLine{Expect: Holds})
}

// table writes the keys of a struct, which is filled with what is usual.
func (r *reference) table(title string, p any) {
	r.line("%s\n", title)
	r.line("| key | wants | usually | |\n|---|---|---|---|")
	for _, d := range decode.Describe(p) {
		key := "`" + d.Key + "`"
		if d.Required {
			key = "**" + key + "**"
		}
		usual := ""
		if d.Usual != "" {
			usual = "`" + d.Usual + "`"
		}
		r.line("| %s | %s | %s | %s |", key, d.Wants, usual, strings.ReplaceAll(d.Doc, "|", `\|`))
	}
}

func (r *reference) verbs() {
	r.line("\n## Verbs")
	family := ""
	for i := range verbs {
		v := &verbs[i]
		if v.Family != family {
			family = v.Family
			r.line("\n### %s\n", family)
			r.line("| verb | strikes | `for` | | on real machines |\n|---|---|---|---|---|")
		}
		real := v.Real
		if real == "" {
			real = "sim-only"
		}
		doc := v.Doc
		if v.options != nil {
			for _, d := range decode.Describe(v.options()) {
				key := "`" + d.Key + "`"
				if d.Required {
					key = "**" + key + "**"
				}
				doc += fmt.Sprintf("<br>%s (%s): %s", key, d.Wants, d.Doc)
			}
		}
		r.line("| `%s` | %s | %s | %s | %s |", v.Verb, [...]string{"hosts", "suppliers", "traffic"}[v.Takes],
			[...]string{"may have", "must have", "none"}[v.Lasts], doc, real)
	}
}

func (r *reference) kinds(kinds []nodes.Kind) {
	r.line("\n## Kinds of nodes")
	for i := range kinds {
		k := &kinds[i]
		r.line("\n### `%s`\n\nA %s. %s", k.Name, k.Role, k.Doc)
		if k.Config != nil {
			r.table("\nIts `with`:", k.Config())
		}
		for j := range k.Operations {
			o := &k.Operations[j]
			r.line("\nIt can be asked to `do: %s`%s.", o.Name, mixText(o.Mix))
			if o.Options != nil {
				r.table("\nFurther keys of such a line:", o.Options())
			}
		}
		r.words("\nIts moments, for `on`, besides "+strings.Join(onDisk, ", "), k.Notes)
		r.words("\nWhat `sometimes` occurs there", probeNames(k.Probes, probe.IsReachable, probe.IsSometimes))
		r.words("\nWhat must always hold there", probeNames(k.Probes, probe.IsAlways))
		r.words("\nIts points, for `buggify`", k.Points)
	}
}

func mixText(mix []string) string {
	if len(mix) == 0 {
		return ""
	}
	return ", with a `mix` of " + strings.Join(mix, ", ") + " (the first where there is no mix)"
}

func (r *reference) words(title string, words []string) {
	if len(words) > 0 {
		r.line("%s: %s.", title, strings.Join(words, "; "))
	}
}

func (r *reference) checks(c Catalog) {
	r.line("\n## Checks")
	for _, d := range c.checks() {
		r.line("\n### `%s`\n\n%s", d.Name, d.Doc)
		if check := d.New(); len(decode.Keys(check)) > 0 {
			r.table("", check)
		}
	}
}

func probeNames(sets []*probe.Set, sorts ...probe.Sort) []string {
	var names []string
	for _, p := range probe.All(sets...) {
		if slices.Contains(sorts, p.Sort()) {
			names = append(names, p.Name())
		}
	}
	return names
}
