package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sweepDir = "tiny/sweep-0000000000000001"

// timeless is the text of JSON objects without what the clock on the wall says, which stands apart.
func (t typist) timeless(path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return t.unmeasured(string(text))
}

func (t typist) unmeasured(text string) string {
	t.Helper()
	var b strings.Builder
	for objects := json.NewDecoder(strings.NewReader(text)); objects.More(); {
		var fields map[string]json.RawMessage
		require.NoError(t, objects.Decode(&fields))
		delete(fields, "measured")
		if run := fields["run"]; run != nil {
			fields["run"] = json.RawMessage(strings.TrimSpace(t.unmeasured(string(run))))
		}
		line, err := json.Marshal(fields)
		require.NoError(t, err)
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// same says that two sweeps came to the same, to the byte, and each of their runs.
func (t typist) same(a, b string) {
	t.Helper()
	t.Helper()
	require.Equal(t, t.timeless(a, "batch.json"), t.timeless(b, "batch.json"))
	x, y := strings.Split(t.timeless(a, "results.jsonl"), "\n"), strings.Split(t.timeless(b, "results.jsonl"), "\n")
	require.Len(t, y, len(x))
	for i := range x {
		require.Equal(t, x[i], y[i], "run %d", i)
	}
}

// If this failed, a machine that is taken away in the middle of the night would take the sweep with it, or would
// make another one of it.
func TestASweepThatIsKilledIsGoneOnWith(t *testing.T) {
	d := sitDown(t)
	const seeds = "400"
	whole := d.does(Violated, "tiny.yaml", "--seed", "1", "--seeds", seeds, "--keep-going", "--json", "--out", "whole")

	lines := 0
	for i, blow := range []os.Signal{syscall.SIGKILL, os.Interrupt, syscall.SIGKILL} {
		args := []string{"resume", "cut/" + sweepDir, "--jobs", "2"}
		if i == 0 {
			args = []string{"tiny.yaml", "--seed", "1", "--seeds", seeds, "--keep-going", "--out", "cut"}
		}
		cmd, said := d.begins(args...)
		grown := func() bool {
			text, _ := os.ReadFile("cut/" + sweepDir + "/results.jsonl")
			return bytes.Count(text, []byte("\n")) > lines+20
		}
		for range 10_000 {
			if grown() {
				break
			}
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, cmd.Process.Signal(blow))
		_ = cmd.Wait() // the exit code says it
		require.NoFileExists(t, "cut/"+sweepDir+"/batch.json", "it was too fast to be interrupted\n%s", said)
		text, err := os.ReadFile("cut/" + sweepDir + "/results.jsonl")
		require.NoError(t, err)
		lines = bytes.Count(text, []byte("\n"))
		if blow == os.Interrupt {
			require.Equal(t, Violated, cmd.ProcessState.ExitCode(), said)
			require.Contains(t, said.String(), " resume cut/"+sweepDir+" goes on\n")
		}
		// A machine that loses its power leaves a line that is not whole.
		f, err := os.OpenFile("cut/"+sweepDir+"/results.jsonl", os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString([]string{`{"turn":`, "\x00\x00\x00\n", ""}[i])
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	said := d.does(Violated, "resume", "cut/"+sweepDir, "--json")
	d.same("whole/"+sweepDir, "cut/"+sweepDir)
	last := func(text string) string { return text[strings.LastIndex(strings.TrimSpace(text), "\n")+1:] }
	require.Equal(t, d.unmeasured(last(whole)), d.unmeasured(last(said)), "the batch that is printed")

	before := d.timeless("cut", sweepDir, "batch.json")
	told := d.does(Violated, "resume", "cut/"+sweepDir)
	require.Contains(t, told, "tiny is violated in")
	require.Equal(t, before, d.timeless("cut", sweepDir, "batch.json"), "one that is over is told of again")
}

// If this failed, half of a batch would be of one program and half of another.
func TestASweepIsNotGoneOnWithByAnother(t *testing.T) {
	d := sitDown(t)
	begin := func() {
		d.does(Violated, "tiny.yaml", "--seed", "1", "--seeds", "30", "--keep-going", "--out", "cut", "--quiet", "--set", "play.lasts=90ms")
		text, err := os.ReadFile("cut/" + sweepDir + "/results.jsonl")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile("cut/"+sweepDir+"/results.jsonl", bytes.Join(bytes.SplitAfter(text, []byte("\n"))[:10], nil), 0o644))
		require.NoError(t, os.Remove("cut/"+sweepDir+"/batch.json"))
	}
	change := func(name, was, is string) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(text), was)
		require.NoError(t, os.WriteFile(name, bytes.ReplaceAll(text, []byte(was), []byte(is)), 0o644))
	}
	anew := "to start anew: simrun tiny.yaml --seed 0000000000000001 --seeds 30 --keep-going --set play.lasts=90ms --out cut"

	begin()
	change("tiny.yaml", "brittle: 4", "brittle: 5")
	said := d.does(NoStart, "resume", "cut/"+sweepDir)
	require.Contains(t, said, "the text of tiny.yaml differs")
	require.Contains(t, said, anew)

	change("tiny.yaml", "brittle: 5", "brittle:   4")
	change("cut/"+sweepDir+"/sweep.json", `"play.lasts=90ms"`, `"play.lasts=80ms"`)
	require.Contains(t, d.does(NoStart, "resume", "cut/"+sweepDir), "the text of tiny.yaml differs", "what was set is part of it")

	change("cut/"+sweepDir+"/sweep.json", `"play.lasts=80ms"`, `"play.lasts=90ms"`)
	change("cut/"+sweepDir+"/sweep.json", `"commit": "`, `"commit": "0123456789ab`)
	require.Contains(t, d.does(NoStart, "resume", "cut/"+sweepDir), "commit differs: 0123456789ab")

	change("cut/"+sweepDir+"/sweep.json", `"commit": "0123456789ab`, `"commit": "`)
	text, err := os.ReadFile("cut/" + sweepDir + "/results.jsonl")
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	write := func(lines ...string) {
		require.NoError(t, os.WriteFile("cut/"+sweepDir+"/results.jsonl", []byte(strings.Join(lines, "")), 0o644))
	}
	write(lines[0], strings.Replace(lines[1], `"hash":"`, `"hash":"f00`, 1))
	said = d.does(NoStart, "resume", "cut/"+sweepDir)
	require.Contains(t, said, "takes another course than it did: the program has changed")
	require.Contains(t, said, anew)
	write(lines[0], lines[2])
	require.Contains(t, d.does(NoStart, "resume", "cut/"+sweepDir), "is not the one that follows")
	write(lines[0], "{\n", lines[1])
	require.Contains(t, d.does(NoStart, "resume", "cut/"+sweepDir), "results.jsonl: line 2: unexpected end of JSON input")
	require.NoError(t, os.Remove("cut/"+sweepDir+"/results.jsonl"))
	d.does(Violated, "resume", "cut/"+sweepDir, "--quiet")

	require.Contains(t, d.does(NoStart, "resume", "."), "not the directory of a sweep")
	require.Contains(t, d.does(NoStart, "resume", "cut/"+sweepDir, "--jobs", "0"), "--jobs")
}

// The time that a sweep has had counts when it is gone on with.
func TestATimeThatWasInterruptedGoesOn(t *testing.T) {
	d := sitDown(t)
	cmd, said := d.begins("tiny.yaml", "--seed", "1", "--for", "30s", "--keep-going", "--out", "cut")
	path := "cut/" + sweepDir + "/results.jsonl"
	for range 10_000 {
		if text, _ := os.ReadFile(path); bytes.Count(text, []byte("\n")) > 20 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	text, err := os.ReadFile(path)
	require.NoError(t, err, said)
	lines := strings.SplitAfter(string(text[:bytes.LastIndexByte(text, '\n')+1]), "\n")
	lines = lines[:len(lines)-1]
	var entry map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &entry))
	entry["measured"].(map[string]any)["sweep_seconds"] = 3600
	late, err := json.Marshal(entry)
	require.NoError(t, err)
	lines[len(lines)-1] = string(late) + "\n"
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644))
	out := d.does(Violated, "resume", "cut/"+sweepDir, "--json")
	require.Contains(t, out, fmt.Sprintf(`"seeds":%d,`, (len(lines)+1)/2), "its time was up: two runs a seed, for a matrix of two")
}

// If this failed, one would find that nothing was kept when it is needed.
func TestASweepThatCannotBeKeptSaysSo(t *testing.T) {
	d := sitDown(t)
	require.NoError(t, os.WriteFile("runs", nil, 0o644))
	said := d.does(Good, "tiny.yaml", "--seed", "1", "--seeds", "3", "--set", "nodes.die.with.brittle=0")
	require.Contains(t, said, "the sweep is not kept: ")
	require.Contains(t, said, "tiny holds in 3 seeds")
	require.NoError(t, os.MkdirAll("out/tiny", 0o777))
	require.NoError(t, os.WriteFile("out/"+sweepDir, nil, 0o644))
	require.Contains(t, d.does(NoStart, "tiny.yaml", "--seed", "1", "--seeds", "3", "--out", "out"), "the sweep cannot be kept")
}
