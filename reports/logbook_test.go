package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

func logbook(t testing.TB) *Logbook {
	l := Shelf{Root: t.TempDir()}.Logbook("thunderstorm", Terms{Version: 1, Scenario: "thunderstorm", Base: "0000000000000007", Shard: "3/16"})
	require.NoError(t, l.Begin())
	return l
}

func entriesOf(l *Logbook) (entries []*explore.Entry, err error) {
	for e, failed := range l.Entries() {
		if failed != nil {
			return entries, failed
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// If this failed, what was swept would be read back as something else, or be lost with the process.
func TestASweepIsReadBackAsItWasWrittenDown(t *testing.T) {
	l := logbook(t)
	require.Equal(t, "sweep-0000000000000007-3-of-16", filepath.Base(l.Dir))
	var want []*explore.Entry
	for i, r := range []*scenarios.Result{calm(), stormy(), stormy()} {
		e := explore.EntryOf(r)
		e.Turn = i
		require.NoError(t, l.Add(e, i == 1))
		read := *e
		if i != 1 {
			read.Run = nil
		}
		want = append(want, &read)
	}
	got, err := entriesOf(l) // it was not closed
	require.NoError(t, err)
	require.Len(t, got, 3)
	for i := range want {
		require.EqualExportedValues(t, *want[i], *got[i])
	}

	again, err := OpenLogbook(l.Dir)
	require.NoError(t, err)
	require.Equal(t, l.Terms, again.Terms)
	over, err := again.Batch()
	require.NoError(t, err)
	require.Nil(t, over, "it is not over")
	require.NoError(t, l.Conclude(swept(t, 40, 3)))
	over, err = again.Batch()
	require.NoError(t, err)
	require.EqualExportedValues(t, *swept(t, 40, 3), *over)
}

// Of a line that was torn nothing is left once the sweep goes on.
func TestATornLineIsWrittenAnew(t *testing.T) {
	for _, torn := range []string{"", `{"turn":2`, "\x00\x00\x00\n", "{\n", strings.Repeat("x", 100_000)} {
		l := logbook(t)
		e := explore.EntryOf(calm())
		for e.Turn = range 2 {
			require.NoError(t, l.Add(e, false))
		}
		require.NoError(t, l.Close())
		path := filepath.Join(l.Dir, ResultsFile)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(whole, torn...), 0o644))

		n := 0
		for _, err := range l.Continue() {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 2, n, "%.20q", torn)
		e.Turn = 2
		require.NoError(t, l.Add(e, false))
		require.NoError(t, l.Close())
		got, err := entriesOf(l)
		require.NoError(t, err)
		require.Len(t, got, 3)
		require.Equal(t, 2, got[2].Turn)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(text), "}\n"), "nothing is left of %.20q", torn)
	}
}

// What is no sweep is not taken for one.
func TestWhatIsNoSweepIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenLogbook(dir)
	require.ErrorContains(t, err, "is not the directory of a sweep: it has no sweep.json")
	for text, want := range map[string]string{`{"version": 2}`: "this program reads version 1", `{`: "unexpected EOF", `[]`: "cannot unmarshal"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, TermsFile), []byte(text), 0o644))
		_, err = OpenLogbook(dir)
		require.ErrorContains(t, err, want)
		require.NoError(t, os.WriteFile(filepath.Join(dir, BatchFile), []byte(text), 0o644))
		_, err = (&Logbook{Dir: dir}).Batch()
		require.ErrorContains(t, err, want)
	}
	_, err = OpenLogbook(filepath.Join(dir, "none"))
	require.ErrorContains(t, err, "is not the directory of a sweep")
}

// Whatever stands in the file, it is runs and then at most one error, and what was read can be gone on from.
func FuzzEntries(f *testing.F) {
	f.Add(`{"turn":0,"seed":"0000000000000007","verdict":"holds"}` + "\n" + `{"turn":1}` + "\n" + `{"tur`)
	f.Add("\n\n{}\n")
	f.Add("{}\n[]\n{}\n")
	f.Add(strings.Repeat("{}\n", 100) + "\x00")
	f.Fuzz(func(t *testing.T, text string) {
		count := func(text string) (n int, end int64, err error) {
			end, err = readEntries(strings.NewReader(text), func(*explore.Entry) bool { n++; return true })
			return n, end, err
		}
		n, end, err := count(text)
		require.LessOrEqual(t, n, strings.Count(text, "\n"))
		require.True(t, end == 0 || text[end-1] == '\n')
		if err != nil {
			return
		}
		again, whole, err := count(text[:end] + "{}\n")
		require.NoError(t, err)
		require.Equal(t, n+1, again)
		require.Equal(t, end+3, whole)
	})
}
