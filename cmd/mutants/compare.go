package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// comparison is how many runs it takes to see one bug, by each claim that must see it: of plain sweeps, and of
// guided ones that begin with the same seeds.
type comparison struct {
	*mutant
	claim         string
	plain, guided []int // for each first seed; more than most is never
	most          int
}

// alike is how many turns a guided sweep has in common with a plain one: until it knows what runs come to.
const alike = 16

// compare looks for the mutants' bugs in plain and in guided sweeps, each from as many first seeds. What is found in
// few runs says nothing: there guidance does nothing yet.
func compare(o options, names []string) (all []*comparison, err error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	mutants, err := readMutants(root, names)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	for _, m := range mutants {
		if m.needsNone() {
			continue
		}
		if o.in != "" {
			m.scenario, m.settings = o.in, nil
		}
		dir := filepath.Join(work, m.name)
		sick, err := m.build(root, dir)
		if err != nil {
			return all, fmt.Errorf("%s: %w", m.name, err)
		}
		for _, claim := range m.claims {
			c := &comparison{mutant: m, claim: claim, most: o.most}
			switch err := c.run(&trial{mutant: m, options: o, claim: claim, root: root, work: dir, sick: sick}); {
			case errors.Is(err, errNoClaim):
				continue
			case err != nil:
				return all, fmt.Errorf("%s: %w", m.name, err)
			}
			if len(c.plain) > 0 {
				fmt.Println(c)
				all = append(all, c)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return all, err
		}
	}
	return all, nil
}

// run looks from one first seed after the other. A claim about all seeds at once is none to compare.
func (c *comparison) run(t *trial) error {
	for base := 1; base <= t.bases; base++ {
		args := append([]string{c.scenario, "--seeds", strconv.Itoa(c.most), "--seed", strconv.Itoa(base)}, c.settings...)
		plain, err := t.look(t.sick, args...)
		if err != nil || plain.batch {
			return err
		}
		guided := plain
		if plain.seeds == 0 || plain.seeds > alike {
			if guided, err = t.look(t.sick, append(args, "--guided")...); err != nil {
				return err
			}
		}
		c.plain, c.guided = append(c.plain, c.orNever(plain)), append(c.guided, c.orNever(guided))
	}
	return nil
}

func (c *comparison) orNever(s sighting) int {
	if s.seeds == 0 {
		return c.most + 1
	}
	return s.seeds
}

func (c *comparison) String() string {
	return fmt.Sprintf("%-30s %-17s %-20s plain %5s of %s, guided %5s of %s", c.name, c.scenario, c.claim,
		c.count(median(c.plain)), c.counts(c.plain), c.count(median(c.guided)), c.counts(c.guided))
}

func (c *comparison) counts(runs []int) string {
	words := make([]string, len(runs))
	for i, n := range runs {
		words[i] = c.count(n)
	}
	return strings.Join(words, " ")
}

func (c *comparison) count(n int) string {
	if n > c.most {
		return fmt.Sprintf(">%d", c.most)
	}
	return strconv.Itoa(n)
}

// median is the middle one; of an even number the greater of the two.
func median(runs []int) int {
	sorted := slices.Sorted(slices.Values(runs))
	return sorted[len(sorted)/2]
}

// comparisonPage tells of the comparisons as a table in Markdown.
func comparisonPage(all []*comparison) string {
	var b strings.Builder
	b.WriteString("| mutant | scenario | claim | plain: median | each | guided: median | each |\n|---|---|---|---|---|---|---|\n")
	for _, c := range all {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", c.name, c.scenario, c.claim,
			c.count(median(c.plain)), c.counts(c.plain), c.count(median(c.guided)), c.counts(c.guided))
	}
	return b.String()
}
