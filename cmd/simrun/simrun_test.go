package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// simrun is the path of the command: another name of this program, which is the command to whomever it starts.
var simrun string

const started = "SIMRUN_STARTED_BY_ITS_TESTS"

func TestMain(m *testing.M) {
	if os.Getenv(started) != "" {
		main()
	}
	os.Exit(name(m))
}

func name(m *testing.M) int {
	dir, err := os.MkdirTemp("", "simrun")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	itself, err := os.Executable()
	simrun = filepath.Join(dir, "simrun")
	if err = errors.Join(err, os.Symlink(itself, simrun), os.Setenv(started, "yes")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// If this fails, a campaign without restarts has some, or its runs cannot be had again.
func TestNoRestarts(t *testing.T) {
	d := sitDown(t)
	d.does(0, brief("--seed", "7", "--no-restarts")...)
	plan, err := os.ReadFile(d.path("runs/last/plan.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(plan), "restarts: no\n")
	require.NotRegexp(t, `(crash|cut-power|crash-machine): [^}]*for:`, string(plan))
	require.Equal(t, string(plan), d.does(0, append([]string{"plan"}, brief("--seed", "7", "--no-restarts")...)...))
	require.NotEqual(t, string(plan), d.does(0, append([]string{"plan"}, brief("--seed", "7")...)...))
	require.Contains(t, d.does(0, "replay", "last"), ", as recorded")
	d.does(0, brief("--seeds", "5", "--no-restarts")...)
	d.does(0, "core-recovers", "--seeds", "2", "--no-restarts=false")
}

// desk is an empty folder in which somebody types commands.
type desk struct {
	*testing.T
	dir string
	env []string
}

func sitDown(t *testing.T) *desk {
	t.Parallel()
	return &desk{T: t, dir: t.TempDir()}
}

// types runs the command and gives what it printed, and its exit code.
func (d *desk) types(args ...string) (stdout, stderr string, code int) {
	d.Helper()
	cmd := exec.Command(simrun, args...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(simrun)+":"+os.Getenv("PATH"), "GITHUB_ACTIONS=")
	cmd.Env = append(cmd.Env, d.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(d, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// does runs the command, which has to end with that code, and gives what it printed.
func (d *desk) does(code int, args ...string) string {
	d.Helper()
	stdout, stderr, got := d.types(args...)
	require.Equal(d, code, got, "simrun %s\n%s%s", strings.Join(args, " "), stdout, stderr)
	return stdout
}

// complains runs the command, which has to refuse with exit code 2, and gives what it said.
func (d *desk) complains(args ...string) string {
	d.Helper()
	stdout, stderr, code := d.types(args...)
	require.Equal(d, 2, code, "simrun %s\n%s%s", strings.Join(args, " "), stdout, stderr)
	require.Empty(d, stdout)
	return stderr
}

// brief is a thunderstorm that takes a quarter of the time, for tests of what becomes of a run and not of what it is.
func brief(more ...string) []string {
	return append([]string{"thunderstorm", "--set", "storm.lasts=15s", "--set", "workload[0].rate=2/s"}, more...)
}

func (d *desk) path(name ...string) string { return filepath.Join(append([]string{d.dir}, name...)...) }

func (d *desk) read(name ...string) string {
	d.Helper()
	text, err := os.ReadFile(d.path(name...))
	require.NoError(d, err)
	return string(text)
}

func (d *desk) write(name, text string) {
	d.Helper()
	require.NoError(d, os.WriteFile(d.path(name), []byte(text), 0o644))
}

// If this failed, somebody's first contact would be a wall of flags.
func TestAloneItSaysInFiveLinesWhatItIs(t *testing.T) {
	d := sitDown(t)
	said := d.does(0)
	require.Equal(t, 5, strings.Count(said, "\n"))
	for line := range strings.Lines(said) {
		require.LessOrEqual(t, len(line), 90)
	}
	for _, m := range regexp.MustCompile(`(?m)^  simrun (\S+)(?: (--\S+))?`).FindAllStringSubmatch(said, -1) {
		help := d.does(0, "--help")
		require.Contains(t, help, strings.TrimPrefix(m[1], "--"), "it names only what exists")
	}
	entries, err := os.ReadDir(d.dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// The first thirty seconds, in an empty folder: a storm, its verdict, its files, and the same storm again.
func TestAStormInAnEmptyFolder(t *testing.T) {
	d := sitDown(t)
	said := d.does(0, brief("--seed", "1")...)
	require.Contains(t, said, "thunderstorm holds\n")
	require.Contains(t, said, "cut-power")
	require.Contains(t, said, "✓ no-job-lost")
	dir := "runs/thunderstorm/0000000000000001"
	require.Contains(t, said, "\n"+dir+"/report.html\n")

	first := d.result("runs", "last", "result.json")
	require.Equal(t, "0000000000000001", first.Seed)
	require.Contains(t, said, "hash "+first.Hash)
	require.Equal(t, map[string]string{"plan": "plan.yaml", "history": "history.jsonl", "report": "report.html"}, first.Files)
	require.Contains(t, d.read(dir, "history.jsonl"), `"type":"invoke"`)

	again := d.does(0, "replay", "last")
	require.Contains(t, again, "hash "+first.Hash+", as recorded")
	events := d.read(dir, "events.jsonl")
	require.Greater(t, strings.Count(events, "\n"), 1000)
	require.Contains(t, d.result("runs", "last", "result.json").Files, "events")

	d.does(0, "replay", "thunderstorm@1")
	d.does(0, "replay", dir)
	d.does(0, "replay", dir+"/plan.yaml")
	require.Equal(t, events, d.read(dir, "events.jsonl"), "the same run is the same bytes")
}

func (d *desk) result(name ...string) *scenarios.Result {
	d.Helper()
	r := &scenarios.Result{}
	require.NoError(d, json.Unmarshal([]byte(d.read(name...)), r))
	return r
}

// If this failed, a run that takes another course than it did would pass for the same.
func TestARunThatTakesAnotherCourseHasDiverged(t *testing.T) {
	d := sitDown(t)
	d.does(0, brief("--seed", "1", "--quiet")...)
	file := "runs/thunderstorm/0000000000000001/result.json"
	before := d.result(file)
	d.write(file, strings.Replace(d.read(file), before.Hash, strings.Repeat("0", 32), 1))
	said := d.does(4, "replay", "last")
	require.Contains(t, said, "thunderstorm diverged")
	require.Contains(t, said, "was  hash 00000000")
	require.Contains(t, said, "is   hash "+before.Hash)
	d.does(4, "replay", "thunderstorm@1")
	require.Contains(t, d.does(0, "replay", "last"), "as recorded", "what it did now is kept beside what it did then")
}

// A plan is the storm as a timetable: itself a scenario, and the same run.
func TestAPlanIsTheSameRun(t *testing.T) {
	d := sitDown(t)
	require.Equal(t, d.does(0, "plan", "thunderstorm", "--seed", "7"), d.does(0, "plan", "thunderstorm@7"))
	plan := d.does(0, append([]string{"plan"}, brief("--seed", "7")...)...)
	d.write("plan.yaml", plan)
	require.Equal(t, plan, d.does(0, "plan", "plan.yaml"))
	d.does(0, "check", "plan.yaml")

	drawn := d.runJSON(brief("--seed", "7")...)
	planned := d.runJSON("plan.yaml")
	require.Equal(t, drawn.Hash, planned.Hash)
	require.Equal(t, plan, d.read("runs", "last", "plan.yaml"))
	require.Contains(t, d.does(0, "replay", "plan.yaml"), "twice the same")
}

func (d *desk) runJSON(args ...string) *scenarios.Result {
	d.Helper()
	out := d.does(0, append(args, "--json")...)
	r := &scenarios.Result{}
	require.NoError(d, json.Unmarshal([]byte(out), r))
	require.Equal(d, 1, strings.Count(out, "\n"), "one object a line")
	return r
}

// If this failed, a seed would be another storm on another day.
func TestASeedIsOneRun(t *testing.T) {
	d := sitDown(t)
	seven := d.runJSON(brief("--seed", "7")...)
	require.Equal(t, seven.Hash, d.runJSON(brief("--seed", "0000000000000007")...).Hash)
	require.NotEqual(t, seven.Hash, d.runJSON(brief("--seed", "8")...).Hash)
	require.NotEqual(t, d.runJSON("calm-day").Seed, d.runJSON("calm-day").Seed, "without --seed it is drawn")
	commit := "4be19d0c51c09be2770a4d134be19d0c51c09be2"
	require.Equal(t, "4be19d0c51c09be2", d.runJSON("calm-day", "--seed", commit).Seed)

	d.env = []string{"GOMAXPROCS=1"}
	require.Equal(t, seven.Hash, d.runJSON(brief("--seed", "7")...).Hash)
}

// What could not be started ends with 2, says why, and leaves nothing behind.
func TestWhatCannotBeStartedIsRefused(t *testing.T) {
	d := sitDown(t)
	require.Contains(t, d.complains("thunderstrom"), "thunderstorm")
	require.Contains(t, d.complains("no/such.yaml"), "no such file")
	require.Contains(t, d.complains("reply", "last"), `there is no command "reply"; did you mean "replay"?`)
	require.Contains(t, d.complains("thunderstorm@7"), "say simrun replay thunderstorm@7, or simrun thunderstorm --seed 7")
	require.Contains(t, d.complains("thunderstorm", "--seed", "storm"), "is not a seed")
	require.Contains(t, d.complains("thunderstorm", "--seds", "3"), "unknown flag: --seds")
	require.Contains(t, d.complains("thunderstorm", "--seeds", "0"), "--seeds")
	require.Contains(t, d.complains("thunderstorm", "--seeds", "many"), `--seeds "many": invalid syntax`)
	require.Contains(t, d.complains("thunderstorm", "--for", "5"), `--for "5": missing unit`)
	require.Contains(t, d.complains("thunderstorm", "--seed", "1", "--shard", "4/3"), `--shard "4/3": "4/3" is not a shard`)
	require.Contains(t, d.complains("--seeds", "3"), "which scenario")
	require.Contains(t, d.complains("thunderstorm", "--set", "strom.lasts=5m"), "strom")
	require.Contains(t, d.complains("thunderstorm", "--seeds", "1000", "--junit", "no/such/storms.xml"), "there is no such folder")
	require.Contains(t, d.complains("replay"), "say simrun replay RUN")
	require.Contains(t, d.complains("replay", "last"), "there is no last run")
	require.Contains(t, d.complains("replay", "thunderstorm@storm"), "is not a seed")
	require.Contains(t, d.complains("replay", "."), "not the directory of a run")
	require.Contains(t, d.complains("shrink"), "say simrun shrink RUN")
	require.Contains(t, d.complains("shrink", "last"), "there is no last run")
	require.Contains(t, d.complains("shrink", "calm-day@7"), "nothing is violated in calm-day@0000000000000007")
	require.Contains(t, d.complains("shrink", "calm-day@7", "--claim", "no-such"), `no claim "no-such"`)
	require.Contains(t, d.complains("shrink", "calm-day@7", "--jobs", "0"), "--jobs")
	require.Contains(t, d.complains("plan", "thunderstrom@7"), "thunderstorm")
	require.Contains(t, d.complains("check"), "say simrun check SCENARIO…")
	require.Contains(t, d.complains("serve"), "gearman.server")
	require.Contains(t, d.complains("serve", "gearman.sever"), "gearman.server")
	require.Contains(t, d.complains("serve", "gearman.server", "--set", "queu=journal"), `did you mean "queue"`)
	require.Contains(t, d.complains("serve", "gearman.worker", "--peers", "a"), "NAME=HOST:PORT")
	_, said, code := d.types("serve", "gearman.server", "--listen", "127.0.0.1:0")
	require.Equal(t, 1, code)
	require.Contains(t, said, "the host has no data directory\nsimrun: say --data DIR\n")
	entries, err := os.ReadDir(d.dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// All that is wrong with a scenario is said at once, each at its line and column.
func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	d := sitDown(t)
	good := d.does(0, "plan", "calm-day", "--seed", "1")
	d.write("calm-day.yaml", strings.Replace(strings.Replace(good, "lasts: ", "lasst: ", 1), "check: ", "chek: ", 1))
	said := d.complains("check", "calm-day.yaml")
	require.Regexp(t, `(?m)^calm-day\.yaml:\d+:\d+: phases\[0\].*"lasst"`, said)
	require.Regexp(t, `(?m)^calm-day\.yaml:\d+:\d+: claims\[0\].*"chek"`, said)
	require.Contains(t, said, `did you mean "lasts"?`)
	require.Equal(t, said, d.complains("calm-day.yaml"), "running says the same")

	d.env = []string{"GITHUB_ACTIONS=true"}
	require.Regexp(t, `(?m)^::error file=calm-day\.yaml,line=\d+,title=`, d.complains("check", "calm-day.yaml"))
}

// A place that takes no files is an error where it was asked for, and a word of warning where it was not.
func TestAPlaceThatTakesNoFiles(t *testing.T) {
	d := sitDown(t)
	d.write("runs", "")
	d.write("file", "")
	_, warning, code := d.types("calm-day", "--seed", "1")
	require.Equal(t, 0, code)
	require.Contains(t, warning, "the run is not kept")
	require.Contains(t, d.complains("calm-day", "--out", "file/runs"), "cannot be kept")
}

// A violation ends with 1, tells the story, and gives lines to paste that work as they stand.
func TestAViolationTellsItsStory(t *testing.T) {
	d := sitDown(t)
	weak := func(more ...string) []string {
		return append([]string{"no-journal", "--set", "claims.no-job-lost.expect=holds", "--set", "workload[0].rate=4/s"}, more...)
	}
	said := d.does(1, weak("--seed", "1", "--seeds", "60", "--junit", "junit.xml")...)
	require.Contains(t, said, "✗ no-job-lost is violated\n")
	require.Contains(t, said, "no-journal is violated in 1 of ")
	require.Regexp(t, `(?m)^ +\d+\.\d{3}s  \S`, said, "a story has moments")
	require.Contains(t, d.read("junit.xml"), "<failure ")

	pasted := 0
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "simrun ") {
			continue
		}
		pasted++
		require.Less(t, len(line), 80, line)
		args := strings.Fields(line)[1:]
		stdout, stderr, code := d.types(args...)
		switch args[0] {
		case "replay":
			require.Equal(t, 1, code, "%s\n%s%s", line, stdout, stderr)
			require.Contains(t, stdout, ", as recorded\n")
			require.Contains(t, stdout, "✗ no-job-lost is violated\n")
			require.NotEmpty(t, d.read("runs", "last", "events.jsonl"))
		case "shrink":
			require.Equal(t, 0, code, "%s\n%s%s", line, stdout, stderr)
			d.toldOfTheShrink()
			d.shrunk(stdout)
		default:
			require.Equal(t, 0, code, "%s\n%s%s", line, stdout, stderr)
		}
	}
	require.Equal(t, 3, pasted, said)

	seed := d.result("runs", "last", "result.json").Seed
	alone := d.does(1, weak("--seed", seed)...)
	require.Contains(t, alone, "no-journal is violated: 1 of ")
	require.Contains(t, alone, ", twice the same\n", "it is replayed before it is told of")
	require.Empty(t, d.does(0, "no-journal", "--seed", seed, "--quiet"), "as the scenario expects")

	d.env = []string{"GITHUB_ACTIONS=true"}
	marked := d.does(1, weak("--seed", seed, "--quiet")...)
	require.Regexp(t, `(?m)^::error file=no-journal\.yaml,line=\d+,title=no-job-lost is violated`, marked)
}

// toldOfTheShrink looks at the page of a run that was shrunk: it has the least plan, and what was not needed.
func (d *desk) toldOfTheShrink() {
	d.Helper()
	page := d.read("runs", "last", "report.html")
	require.Contains(d, page, "Smallest plan that still fails")
	require.Contains(d, page, "<del>")
	require.Contains(d, page, `href="minimal.yaml"`)
	d.does(1, "replay", "last")
	require.Contains(d, d.read("runs", "last", "report.html"), "Smallest plan that still fails", "a replay keeps it")
}

// shrunk looks at what a shrink of a lost job printed: one blow is left, and the lines to paste work.
func (d *desk) shrunk(said string) {
	d.Helper()
	require.Regexp(d, `(?m)^Needed:\n  \{at: \S+, (crash|cut-power): \S+, for: \S+\}\n    held in 8 of 8 without it\n\nNot needed`, said)
	require.Regexp(d, `(?m)^\d+ faults to 1, 12 nodes to [3-5], 1m15s to \S+\n`, said)
	require.NoError(d, os.MkdirAll(d.path("scenarios", "regressions"), 0o755))
	pasted := 0
	for line := range strings.Lines(said) {
		if file, copies := strings.CutPrefix(line, "  cp "); copies {
			from, to, _ := strings.Cut(strings.TrimSpace(file), " ")
			require.Equal(d, "scenarios/regressions/no-journal-no-job-lost.yaml", to)
			d.write(to, d.read(from))
			d.regressed(to)
			continue
		}
		if line, found := strings.CutPrefix(line, "  simrun "); found {
			pasted++
			require.Less(d, len(line)+8, 80, line)
			again := d.does(1, append(strings.Fields(line), "--out", "shrunk")...)
			require.Contains(d, again, "no-job-lost")
		}
	}
	require.Equal(d, 2, pasted)
}

// regressed looks at a regression: it is violated until what it shows is mended, and then holds under every luck, unless its
// storm does not come any more.
func (d *desk) regressed(file string) {
	d.Helper()
	require.Contains(d, d.does(1, file, "--lucks", "8", "--out", "shrunk"), "no-job-lost is violated")
	text := strings.Replace(d.read(file), "queue: memory", "queue: journal", 1)
	d.write("mended.yaml", text)
	require.Contains(d, d.does(0, "mended.yaml", "--lucks", "20"), " holds in 20 seeds\n")
	require.Empty(d, d.does(0, "mended.yaml", "--lucks", "3", "--quiet"))
	d.write("idle.yaml", strings.Replace(text, "    faults:\n", "    faults:\n      - {on: worker-w rename, crash: worker-w, for: 1s}\n", 1))
	_, complaint, code := d.types("idle.yaml", "--lucks", "3", "--quiet")
	require.Equal(d, 3, code)
	require.Contains(d, complaint, "idle.yaml: no effect under any of 3 lucks: {on: worker-w rename, crash: worker-w, for: 1s}\n")

	require.Contains(d, d.complains("no-journal", "--lucks", "3"), "--lucks is of a plan, and no-journal is a scenario")
	require.Contains(d, d.complains("mended.yaml", "--lucks", "-1"), "--lucks is at least 1")
	require.Contains(d, d.complains("mended.yaml", "--lucks", "3", "--seeds", "3"), "leave out --seeds")
	require.Contains(d, d.complains("shrink", file, "--save", "A.yaml"), "use a-z, 0-9 and -")
	require.Contains(d, d.complains("shrink", file, "--save", "no-journal-no-job-lost"), "there is a "+file+" already")
	require.Contains(d, d.complains("shrink", "a-year-of-weather@7", "--save", "year"), "one name is not enough")
	saved := d.does(0, "shrink", file, "--save", "lost-with-memory", "--for", "1ns", "--out", "shrunk")
	require.Contains(d, saved, "\n  simrun scenarios/regressions/lost-with-memory.yaml --lucks 64\n")
	require.Contains(d, d.read("scenarios", "regressions", "lost-with-memory.yaml"), "\nscenario: lost-with-memory\n")
}

// A storm that never struck proves nothing: over a batch it is unknown, and ends with 3.
func TestABatchThatProvesNothingIsUnknown(t *testing.T) {
	d := sitDown(t)
	never := brief("--seed", "1", "--set", "claims.storm-bites.check={sometimes: the store was full}",
		"--set", "claims.storm-tears.check={sometimes: the store was full}")
	require.Contains(t, d.does(3, append(never, "--seeds", "20")...), "never seen")
	require.Contains(t, d.does(0, append(never, "--seeds", "19")...), "not in these runs")
	d.does(0, never...)
}

// A server for real: it says where it accepts, and ends cleanly when it is asked to.
func TestAServerForReal(t *testing.T) {
	d := sitDown(t)
	cmd := exec.Command(simrun, "serve", "gearman.server", "--listen", "127.0.0.1:0", "--data", d.path("jobs"), "--set", "sync=always")
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(log)
	address := ""
	for address == "" && lines.Scan() {
		if m := regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`).FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = conn.Write([]byte("version\n"))
	require.NoError(t, err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^OK `, answer)
	require.NoError(t, conn.Close())
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	for lines.Scan() { // to the end
	}
	require.NoError(t, cmd.Wait(), "asked to stop, it ends with 0")
	require.DirExists(t, d.path("jobs"))
}

// An interrupt ends a sweep with what it has so far, and not as if all had been run.
func TestAnInterruptEndsASweep(t *testing.T) {
	d := sitDown(t)
	cmd := exec.Command(simrun, "calm-day", "--for", "1h", "--json")
	cmd.Dir = d.dir
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	require.True(t, lines.Scan())
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	last := ""
	for lines.Scan() {
		last = lines.Text()
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, 3, cmd.ProcessState.ExitCode(), complaint.String())
	require.Contains(t, complaint.String(), "interrupted after")
	require.Contains(t, last, `"batch":"calm-day"`)
}

// Over a batch: results by seed, the batch last, the same on any number of cores.
func TestABatch(t *testing.T) {
	d := sitDown(t)
	tell := func(jobs string) (results []scenarios.Result, batch explore.Batch) {
		lines := strings.Split(strings.TrimSpace(d.does(0, brief("--seeds", "8", "--seed", "1", "--jobs", jobs, "--json")...)), "\n")
		for _, line := range lines[:len(lines)-1] {
			var r scenarios.Result
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			r.Measured = nil
			results = append(results, r)
		}
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &batch))
		batch.Measured = nil
		return results, batch
	}
	results, batch := tell("1")
	require.Len(t, results, 8)
	require.Equal(t, 8, batch.Seeds)
	require.Equal(t, map[scenarios.Verdict]int{scenarios.Holds: 8}, batch.Verdicts)
	sameResults, sameBatch := tell("2")
	require.Equal(t, results, sameResults)
	require.Equal(t, batch, sameBatch)
	for i, r := range results[:2] {
		alone := d.runJSON(brief("--seed", r.Seed)...)
		require.Equal(t, r.Hash, alone.Hash, "seed %d of the batch, alone", i)
	}

	said := d.does(0, brief("--seeds", "5", "--seed", "1")...)
	require.Contains(t, said, "5 seeds from 0000000000000001")
	require.Contains(t, said, "thunderstorm holds in 5 seeds\n")
	require.NotContains(t, said, "\r", "no progress where nobody watches")
	require.Empty(t, d.does(0, brief("--seeds", "3", "--quiet")...))
}
