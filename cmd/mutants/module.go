package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// copyModule copies a module that the project uses into dir, and has the overlay build the project with the copy: files of
// the module cache may not be overlaid. It returns where the copy is.
func copyModule(root, module, dir string, overlay map[string]string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = root
	out, err := cmd.Output()
	folder := strings.TrimSpace(string(out))
	if err == nil && folder == "" {
		err = errors.New("its source is not here: go mod download")
	}
	if err != nil {
		return "", fmt.Errorf("module %s: %w", module, err)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	copied, own := filepath.Join(dir, "module"), filepath.Join(root, "go.mod")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		return "", err
	}
	text, err := os.ReadFile(own)
	if err != nil {
		return "", err
	}
	overlay[own] = filepath.Join(dir, "go.mod")
	text = fmt.Appendf(text, "\nreplace %s => %s\n", module, copied)
	return copied, os.WriteFile(overlay[own], text, 0o644)
}
