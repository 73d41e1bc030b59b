package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Transcripts plays the files of testdata/*.txt, each in a subtest. A line says what is done, and the lines indented below it
// what came of that; empty lines, and those that begin with #, are for those who read. For each file begin makes a stage,
// which does what a line says and returns what came of it; of a text with several lines each is indented.
func Transcripts(t *testing.T, begin func(t *testing.T) (do func(line string) []string)) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			Equal(t, file, played(string(text), begin(t)))
		})
	}
}

// played is a transcript with what comes of its lines today.
func played(text string, do func(line string) []string) string {
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line + "\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, came := range do(line) {
			for part := range strings.SplitSeq(came, "\n") {
				out.WriteString("  " + part + "\n")
			}
		}
	}
	return out.String()
}
