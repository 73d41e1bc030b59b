package checks_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/checks"
	"simrun/checkers/evidence"
	"simrun/checkers/objects"
	"simrun/nodes/history/jepsen"
)

// If this failed, a file that somebody sends could break its judge: whatever can be read as a history is judged by every
// model and every check, or refused, and a verdict keeps its word.
func FuzzForeignHistories(f *testing.F) {
	files, err := filepath.Glob("../../examples/histories/*")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, keyed bool) {
		r, err := jepsen.Read(bytes.NewReader(text), jepsen.Options{Keyed: keyed, Bytes: 1 << 14, Operations: 200})
		if err != nil {
			return
		}
		known := map[uint64]bool{}
		for _, o := range r.Operations {
			known[o.ID] = true
		}
		sound := func(j checkers.Judgement, of string) {
			require.Contains(t, []checkers.Verdict{checkers.Holds, checkers.Violated, checkers.Unknown}, j.Verdict, of)
			if j.Verdict == checkers.Violated {
				require.NotEmpty(t, j.Anomaly, of)
				require.NotEmpty(t, j.Reason, of)
			}
			for _, id := range j.Witness {
				require.True(t, known[id], "%s: %d is no operation", of, id)
			}
		}
		for _, m := range objects.Models() {
			j, err := objects.Linearizable(m, r.History, objects.Options{States: 10_000, Bytes: 1 << 20, Others: true})
			if bad := (*checkers.BadOperation)(nil); errors.As(err, &bad) {
				require.True(t, known[bad.Operation.ID])
				continue
			}
			require.NoError(t, err)
			sound(j, m.Name())
		}
		e := evidence.Gather(r.History)
		for _, d := range checks.All() {
			nothing := reflect.New(reflect.TypeOf(d.New()).Elem()).Interface().(checkers.Check)
			sound(nothing.Judge(e), d.Name+" without options")
			for _, kind := range []string{"read", "write", "add"} {
				c := d.New()
				of := reflect.ValueOf(c).Elem().FieldByName("Of")
				if !of.IsValid() && kind != "read" {
					break // it is about no one kind
				}
				if of.IsValid() && of.Kind() == reflect.String {
					of.SetString(kind)
				}
				sound(c.Judge(e), d.Name)
			}
		}
	})
}
