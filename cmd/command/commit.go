package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
)

// commit names the source that this program was built from: as the build says or, where it does not (go run,
// go test), as git does, provided that the folder is this program's own module. "-dirty" is added to a commit
// that is not all of it. It is empty where nobody knows.
var commit = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, dirty := "", false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	if revision == "" {
		revision, dirty = askGit(info.Main.Path)
	}
	if len(revision) > 12 {
		revision = revision[:12]
	}
	if revision != "" && dirty {
		revision += "-dirty"
	}
	return revision
})

// askGit asks the repository that this folder is in, if it holds the module.
func askGit(module string) (revision string, dirty bool) {
	git := func(args ...string) string {
		out, err := exec.Command("git", args...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	top := git("rev-parse", "--show-toplevel")
	if top == "" || !holds(top, module) {
		return "", false
	}
	// What decides a run is source; notes and the runs that were kept do not.
	return git("rev-parse", "HEAD"), git("-C", top, "status", "--porcelain", "--", "*.go", "go.mod", "go.sum",
		"*.yaml", ":!runs") != ""
}

// holds says whether the folder is the root of that module.
func holds(dir, module string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(text) {
		if words := strings.Fields(string(line)); len(words) > 1 && words[0] == "module" {
			return strings.Trim(words[1], `"`) == module
		}
	}
	return false
}
