package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// self is how this program is called by somebody who pastes a line: as it was called, or through `go run` if
// that is how it came to be.
func self(arg0 string) string {
	base := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return "go run " + mainPackage(base)
	}
	if arg0 == "" {
		return "simrun"
	}
	if found, err := exec.LookPath(base); err == nil && sameFile(found, arg0) {
		return base
	}
	if filepath.Base(arg0) == arg0 {
		return base
	}
	return arg0
}

// mainPackage is what stands after `go run`: a folder below this one where there is one, else the
// package's own path.
func mainPackage(base string) string {
	if info, err := os.Stat(filepath.Join("cmd", base)); err == nil && info.IsDir() {
		return "./cmd/" + base
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" && info.Path != "command-line-arguments" {
		return info.Path
	}
	return "."
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
