package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, nobody would find the page of a run, or there would be none.
func TestReportsAreFoundListedAndMade(t *testing.T) {
	d := sitDown(t)
	require.Equal(t, "nothing is kept in runs\n", d.does(0, "report"))
	require.Contains(t, d.complains("report", "last"), "there is no last run")

	d.does(0, "calm-day", "--seed", "7")
	require.Equal(t, "runs/calm-day/0000000000000007/report.html\n", d.does(0, "report", "last"))
	require.Equal(t, "runs/calm-day/0000000000000007/report.html\n", d.does(0, "report", "calm-day@7"))
	require.Contains(t, d.read("runs", "last", "report.html"), "<h1>calm-day")

	page := d.read("runs", "last", "report.html")
	require.NoError(t, os.Remove(d.path("runs", "last", "report.html")))
	require.Equal(t, "runs/calm-day/0000000000000007/report.html\n", d.does(0, "report", "last"), "it is made anew")
	require.Equal(t, strings.Replace(page, d.result("runs", "last", "result.json").Hash, d.result("runs", "last", "result.json").Hash+", as recorded", 1),
		d.read("runs", "last", "report.html"))

	require.Equal(t, "runs/calm-day/0000000000000009/report.html\n", d.does(0, "report", "calm-day@9"), "a run that was never kept")
	d.does(0, "calm-day", "--seed", "1", "--seeds", "3")
	require.Equal(t, "runs/calm-day/sweep-0000000000000001/report.html\n", d.does(0, "report", "runs/calm-day/sweep-0000000000000001"))
	list := d.does(0, "report")
	for _, line := range []string{"✓ calm-day@0000000000000007", "✓ calm-day, 3 seeds from 0000000000000001", "runs/calm-day/0000000000000009/report.html"} {
		require.Contains(t, list, line)
	}
	d.complains("report", "--serve", "last")
	d.complains("report", "nothing")
}

// If this failed, a violated run would lack what it takes to argue about it elsewhere, or be told otherwise the second time.
func TestAViolationLeavesItsReportAndExports(t *testing.T) {
	d := sitDown(t)
	violated := []string{"no-journal", "--seed", "13a9f58986ee2574", "--set", "claims.no-job-lost.expect=holds", "--set", "workload[0].rate=4/s"}
	said := d.does(1, violated...)
	require.Contains(t, said, "├────SUBMIT_JOB_BG──▶│")
	dir := "runs/no-journal/13a9f58986ee2574"
	require.Contains(t, d.read(dir, "report.html"), "has written nothing to its disk")
	require.Contains(t, d.read(dir, "junit.xml"), "no-job-lost")
	d.does(1, "replay", "last")
	files := d.result(dir, "result.json").Files
	for _, name := range []string{"events", "history", "trace", "shiviz", "junit", "plan", "report"} {
		require.Contains(t, files, name)
	}
	first := map[string]string{}
	for _, name := range files {
		first[name] = d.read(dir, name)
	}
	d.does(1, "replay", "last")
	for name, text := range first {
		require.Equal(t, text, d.read(dir, name), "%s is the same bytes", name)
	}
}

// If this failed, runs could not be browsed, or by others than those on this machine.
func TestRunsAreBrowsedOnThisMachineAlone(t *testing.T) {
	d := sitDown(t)
	d.does(0, "calm-day", "--seed", "7")
	require.Contains(t, d.complains("report", "--serve", "--listen", "0.0.0.0:0"), "no address of this machine alone")
	cmd := exec.Command(simrun, "report", "--serve", "--listen", "127.0.0.1:0")
	cmd.Dir = d.dir
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Signal(syscall.SIGINT)
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	get := func(path string) string {
		r, err := http.Get(strings.TrimSpace(url) + path)
		require.NoError(t, err)
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		return string(text)
	}
	require.Contains(t, get(""), "calm-day@0000000000000007")
	require.Contains(t, get("calm-day/0000000000000007/report.html"), "<h1>calm-day")
}
