package scenarios

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"simrun/sim/simtest/golden"

	"github.com/stretchr/testify/require"
)

func readExample(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/thunderstorm.yaml")
	require.NoError(t, err)
	return string(data)
}

func mustRead(t *testing.T, text string, set ...string) *Scenario {
	t.Helper()
	name := regexp.MustCompile(`(?m)^scenario: *(\S+)`).FindStringSubmatch(text)[1]
	sc, err := ReadText(name+".yaml", []byte(text), ReadOptions{Catalog: testCatalog(), Set: set})
	require.NoError(t, err)
	return sc
}

func problemsOf(t *testing.T, name, text string, set ...string) string {
	t.Helper()
	_, err := ReadText(name, []byte(text), ReadOptions{Catalog: testCatalog(), Set: set})
	require.Error(t, err, "the loader finds nothing wrong with this")
	return err.Error()
}

// If this fails, the page that shows the whole language is not in the language.
func TestTheExampleIsRead(t *testing.T) {
	sc := mustRead(t, readExample(t))
	require.Equal(t, "thunderstorm", sc.Name)
	require.Len(t, sc.Specs, 1)
	require.Empty(t, sc.Warnings)
	require.Contains(t, sc.Summary, "Lightning takes out supplier 1.")
}

// If this fails, a person who breaks the example does not get the messages that the design promises them. The
// broken copy has the lines of the message at the places that the message says; the lines between are the
// example's. Only `disk: lose-unsynced`, which the grammar does not have, is left away from it.
func TestABrokenExampleGetsTheVeryMessages(t *testing.T) {
	data, err := os.ReadFile("testdata/scenario-errors.txt")
	require.NoError(t, err)
	want := strings.ReplaceAll(strings.TrimSuffix(string(data), "\n"), ", disk: lose-unsynced", "")

	broken := strings.Split(readExample(t), "\n")
	drop := func(has string) {
		i := slices.IndexFunc(broken, func(l string) bool { return strings.Contains(l, has) })
		require.GreaterOrEqual(t, i, 0, has)
		broken = slices.Delete(broken, i, i+1)
	}
	// The message was written about a copy that is two lines shorter.
	drop("# wait for answers.")
	drop("{on: gearman-a sync-begin")
	said := 0
	for _, m := range regexp.MustCompile(`(?m)^ +(\d+) \| (.*)$`).FindAllStringSubmatch(want, -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		require.Equal(t, strings.Fields(broken[n-1])[0], strings.Fields(m[2])[0], "line %d", n)
		broken[n-1] = m[2]
		said++
	}
	require.Equal(t, 7, said)
	require.Equal(t, want, problemsOf(t, "broken.yaml", strings.Join(broken, "\n")))
}

// If this fails, a mistake is not told of, or not in words that help. Each file breaks the example in one way,
// or is a small scenario of its own; beside it stands what must be said.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := Read(file, ReadOptions{Catalog: testCatalog()})
			got := "nothing is wrong\n"
			if err != nil {
				got = err.Error() + "\n"
			}
			golden.Equal(t, strings.TrimSuffix(file, ".yaml")+".txt", got)
		})
	}
}
