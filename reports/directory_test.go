package reports

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"simrun/sim/simtest/golden"

	"github.com/stretchr/testify/require"
)

// If this failed, a run could not be found again, or `last` would point at another.
func TestARunIsKeptAndFoundAgain(t *testing.T) {
	shelf := Shelf{filepath.Join(t.TempDir(), "runs")}
	_, err := shelf.Last()
	require.ErrorContains(t, err, "there is no last run")

	dir, err := shelf.Keep(calm(), Text(PlanFile, "scenario: thunderstorm\n"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(shelf.Root, "thunderstorm", "51c09be2770a4d13"), dir)
	last, err := shelf.Last()
	require.NoError(t, err)
	require.Equal(t, dir, last)

	point := stormy()
	point.Value = "nodes.worker.count=3"
	dir, err = shelf.Keep(point, Text(HistoryFile, "{}\n"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(shelf.Root, "thunderstorm", "51c09be2770a4d13", "nodes.worker.count=3"), dir)
	last, err = shelf.Last()
	require.NoError(t, err)
	require.Equal(t, dir, last)

	again, err := Load(last)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"history": "history.jsonl"}, again.Files)
	again.Files = nil
	require.Equal(t, point, again)
}

// If this failed, a run could not be compared byte for byte with the same run elsewhere.
func TestARunDirectoryIsTheSameBytesEachTime(t *testing.T) {
	read := func() string {
		dir, err := Shelf{t.TempDir()}.Keep(stormy(), Text(PlanFile, "x"))
		require.NoError(t, err)
		text, err := os.ReadFile(filepath.Join(dir, ResultFile))
		require.NoError(t, err)
		return string(text)
	}
	require.Equal(t, read(), read())
	golden.Equal(t, "testdata/result.json", read())
}

// If this failed, half a file could pass for a whole one.
func TestAFileIsThereAsAWholeOrNotAtAll(t *testing.T) {
	shelf := Shelf{t.TempDir()}
	broken := errors.New("disk full")
	dir, err := shelf.Keep(calm(), File{PlanFile, func(w io.Writer) error {
		if _, err := io.WriteString(w, "scenario: thun"); err != nil {
			return err
		}
		return broken
	}})
	require.ErrorIs(t, err, broken)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// If this failed, a report for /dev/stdout would stand in the place of /dev/stdout.
func TestWhatIsNoFileIsWrittenToAsItStands(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "report"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte("a longer text"), 0o600))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, WriteFile(link, Text("", "short").Write))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "short", string(text))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	require.NoError(t, WriteFile(os.DevNull, Text("", "short").Write))
	require.Error(t, WriteFile(dir, Text("", "short").Write), "a folder")
}

func TestAPlaceThatTakesNoFilesIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Shelf{file}.Keep(calm())
	require.ErrorContains(t, err, "not a directory")
}

// If this failed, a result from a later program would be misread.
func TestAResultOfAnotherVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ResultFile), []byte(`{"version": 2}`), 0o600))
	_, err := Load(dir)
	require.ErrorContains(t, err, "version 2")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ResultFile), []byte(`{`), 0o600))
	_, err = Load(dir)
	require.Error(t, err)
}

// If this failed, the events of one course would lie beside the result of another.
func TestFilesOfAnotherCourseDoNotStay(t *testing.T) {
	shelf := Shelf{t.TempDir()}
	dir, err := shelf.Keep(calm(), Text(EventsFile, "old"), Text(PlanFile, "x"))
	require.NoError(t, err)
	_, err = shelf.Keep(calm(), Text(PlanFile, "x"))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, EventsFile), "the same run")

	other := calm()
	other.Hash = "another"
	_, err = shelf.Keep(other, Text(PlanFile, "x"))
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, EventsFile))
}

// If this failed, a replay that diverged would pass for the run itself when it is replayed again.
func TestARunThatDivergedDoesNotTakeTheOthersPlace(t *testing.T) {
	shelf := Shelf{t.TempDir()}
	dir, err := shelf.Keep(calm(), Text(PlanFile, "x"))
	require.NoError(t, err)
	other := calm()
	other.Hash, other.Verdict = "another", "diverged"
	apart, err := shelf.Keep(other, Text(PlanFile, "x"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, DivergedDir), apart)
	recorded, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, calm().Hash, recorded.Hash)
}

// If this failed, a file system without symbolic links would have no last run.
func TestLastMayBeAFile(t *testing.T) {
	shelf := Shelf{t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(shelf.Root, "last"), []byte("calm-day/0000000000000007\n"), 0o600))
	last, err := shelf.Last()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(shelf.Root, "calm-day", "0000000000000007"), last)
}
