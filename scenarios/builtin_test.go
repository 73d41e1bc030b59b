package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/sim/luck"
	"simrun/sim/simtest/golden"
)

// If this fails, a scenario that comes with the command does not run as it stands, or somebody is warned of it.
func TestBuiltInScenariosAreRight(t *testing.T) {
	require.Subset(t, scenarios.Names(), []string{"thunderstorm", "one-supplier", "no-journal", "viral-night", "a-year-of-weather", "calm-day",
		"flaky-workers", "bad-disks", "bit-rot", "every-weather", "odd-day", "core-recovers", "squalls"})
	for _, name := range scenarios.Names() {
		sc, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog})
		require.NoError(t, err)
		require.Equal(t, name, sc.Name)
		require.NotEmpty(t, sc.Summary, name)
		require.Empty(t, sc.Warnings, name)
		asFile, err := scenarios.Read(name+".yaml", scenarios.ReadOptions{Catalog: catalog})
		require.NoError(t, err)
		require.Len(t, asFile.Specs, len(sc.Specs))
		for i, spec := range sc.Specs {
			plan := scenarios.Draw(spec, 7)
			require.Equal(t, string(plan.YAML()), string(scenarios.Draw(asFile.Specs[i], 7).YAML()))
			again, err := scenarios.ReadText("plan.yaml", plan.YAML(), scenarios.ReadOptions{Catalog: catalog})
			require.NoError(t, err, "%s", plan.YAML())
			require.Equal(t, string(plan.YAML()), string(scenarios.Draw(again.Specs[0], 7).YAML()))
			for _, c := range plan.Claims {
				require.NotEmpty(t, c.Says, "%s: %s", name, c.Name)
			}
		}
	}
}

// If this fails, a guided sweep finds what cannot be kept, replayed or shrunk.
func TestVariationsOfBuiltInScenariosReadBack(t *testing.T) {
	for _, name := range scenarios.Names() {
		sc, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog})
		require.NoError(t, err)
		chance := luck.Seed(3).Stream(name)
		v := &scenarios.Variation{World: 1, Weather: 2}
		for seed := range luck.Seed(variations) {
			plan, outline := scenarios.Vary(sc.Specs[0], seed, v)
			again, err := scenarios.ReadText("plan.yaml", plan.YAML(), scenarios.ReadOptions{Catalog: catalog})
			require.NoError(t, err, "%s", plan.YAML())
			require.Equal(t, string(plan.YAML()), string(scenarios.Draw(again.Specs[0], seed).YAML()))
			v.Swaps = append(v.Swaps, scenarios.Swap{Line: outline.Lines[chance.Below(len(outline.Lines))], By: luck.Seed(chance.Uint64())})
			for range min(len(outline.Faults), 3) {
				of := outline.Faults[chance.Below(len(outline.Faults))]
				do := scenarios.Changes()[chance.Below(len(scenarios.Changes()))]
				v.Edits = append(v.Edits, scenarios.Edit{Line: of.Line, Nth: of.Nth, Do: do, By: luck.Seed(chance.Uint64())})
			}
		}
	}
}

// If this fails, a file of the library cannot be named, or not be read on a screen.
func TestFilesOfTheLibrary(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.Len(t, scenarios.Names(), len(files))
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		for i, line := range strings.Split(string(data), "\n") {
			require.LessOrEqual(t, len([]rune(line)), 180, "%s:%d", f, i+1)
			require.NotContains(t, line, "\t", "%s:%d", f, i+1)
		}
	}
}

// If this fails, a person who names a scenario wrongly is not helped.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"thunderstrom":                "thunderstrom: no built-in scenario \"thunderstrom\"\n       did you mean \"thunderstorm\"?",
		filepath.Join(dir, "x.yaml"):  "no such file",
		dir + "/":                     "this is not a regular file",
		"/dev/zero":                   "this is not a regular file",
		"no-such-directory/calm.yaml": "no such file",
	} {
		_, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog})
		require.ErrorContains(t, err, want)
	}

	// An include is looked for beside the file, and then among those that are built in.
	data, err := os.ReadFile("calm-day.yaml")
	require.NoError(t, err)
	file := filepath.Join(dir, "calm-day.yaml")
	require.NoError(t, os.WriteFile(file, data, 0o644))
	sc, err := scenarios.Read(file, scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	require.Contains(t, string(scenarios.Draw(sc.Specs[0], 1).YAML()), "continental:")

	require.NoError(t, os.Mkdir(filepath.Join(dir, "common"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "common", "wan.yaml"), []byte("link-classes: {lan: {delay: 1ms}, metro: {delay: 9ms}}\n"), 0o644))
	sc, err = scenarios.Read(file, scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	require.Contains(t, string(scenarios.Draw(sc.Specs[0], 1).YAML()), "metro: {delay: 9ms}")
}

// If this fails, the reference does not say what the loader knows. Write it anew by go test ./scenarios -rewrite.
func TestTheReferenceIsUpToDate(t *testing.T) {
	const file = "../docs/reference.md"
	got := scenarios.Reference(catalog)
	if golden.Rewriting() {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	written, known := strings.SplitAfter(string(want), "\n"), strings.SplitAfter(string(got), "\n")
	for i := range min(len(written), len(known)) {
		require.Equal(t, written[i], known[i], "%s:%d", file, i+1)
	}
	require.Len(t, written, len(known))
}

// If this fails, the first scenario that a person copies from the documentation is wrong.
func TestTheDocumentedScenarioIsRight(t *testing.T) {
	page, err := os.ReadFile("../docs/scenario-language.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "```yaml\nscenario: small\n")
	require.True(t, ok)
	text, _, _ := strings.Cut(rest, "```")
	sc, err := scenarios.ReadText("small.yaml", []byte("scenario: small\n"+text), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	require.Empty(t, sc.Warnings)
	require.NotEmpty(t, scenarios.Draw(sc.Specs[0], 1).Faults)
}

// BenchmarkDrawAYear is what the longest plan costs: hundreds of faults.
func BenchmarkDrawAYear(b *testing.B) {
	sc, err := scenarios.Read("a-year-of-weather", scenarios.ReadOptions{Catalog: catalog})
	require.NoError(b, err)
	b.ReportAllocs()
	seed := luck.Seed(0)
	for b.Loop() {
		seed++
		scenarios.Draw(sc.Specs[3], seed)
	}
}

// If this fails, a batch is unknown for ever because of a slip of the finger.
func TestSometimesMustBeAbleToOccur(t *testing.T) {
	data, err := os.ReadFile("one-supplier.yaml")
	require.NoError(t, err)
	text := strings.Replace(string(data), "sometimes: power lost with job running", "sometimes: power lots with job running", 1)
	_, err = scenarios.ReadText("one-supplier.yaml", []byte(text), scenarios.ReadOptions{Catalog: catalog})
	require.ErrorContains(t, err, `claims[5].check.sometimes: no node here, nor the toolkit, tells of "power lots with job running"`)
	require.ErrorContains(t, err, `did you mean "power lost with job running"?`)
	text = strings.Replace(string(data), "sometimes: power lost with job running", "sometimes: a client went to another server", 1)
	_, err = scenarios.ReadText("one-supplier.yaml", []byte(text), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
}
