package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// nursery is where mutants are built: a command with one bug in each, beside the command as it is.
type nursery struct {
	root string // of the module
	dir  string // for what is built, a folder for each mutant

	mu    sync.Mutex
	built map[string]bool // the commands that are there as they are
}

// ownProgram is the command in which bugs are planted where a mutant does not say otherwise.
const ownProgram = "./cmd/simrun"

// newNursery makes room. Who has a nursery clears it away.
func newNursery(root string) (*nursery, error) {
	dir, err := os.MkdirTemp("", "mutants")
	n := &nursery{root: root, dir: dir, built: map[string]bool{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	go func() { // commands are large, and whoever is impatient leaves many
		<-ended
		n.clear()
		os.Exit(130)
	}()
	return n, err
}

// sound is the command as it is that stands beside a mutant, from when that is planted.
func (n *nursery) sound(m *mutant) string { return filepath.Join(n.dir, soundName(m)) }

func soundName(m *mutant) string { return "sound-" + filepath.Base(m.program) }

// beside is the command as it is, built once.
func (n *nursery) beside(m *mutant) (binary string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.built[m.program] {
		_, err = build(n.root, n.dir, soundName(m), m.program, "")
		n.built[m.program] = err == nil
	}
	return n.sound(m), err
}

func (n *nursery) clear() { _ = os.RemoveAll(n.dir) }

// of is the folder of a mutant.
func (n *nursery) of(m *mutant) string { return filepath.Join(n.dir, m.name) }

// planted is the command with the bug in it, built if it was not yet.
func (n *nursery) planted(m *mutant) (binary string, err error) {
	binary = filepath.Join(n.of(m), sickName)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	return n.plant(m)
}

// sickName is the file of a command with a bug in it.
const sickName = "simrun"

// plant builds the command with the bug in it, and the one beside it.
func (n *nursery) plant(m *mutant) (binary string, err error) {
	if _, err := n.beside(m); err != nil {
		return "", err
	}
	dir := n.of(m)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	overlay, err := m.overlay(n.root, dir)
	if err != nil {
		return "", err
	}
	if binary, err = build(n.root, dir, sickName, m.program, overlay); err != nil {
		err = fmt.Errorf("%s: %w", m.name, err)
	}
	return binary, err
}

// sideBySide does each of so many things, some at once. It begins none after one has failed.
func sideBySide(things, atOnce int, do func(i int) error) (err error) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	next := 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil || next == things {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(things, max(atOnce, 1)) {
		wait.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if failed := do(i); failed != nil {
					mu.Lock()
					err = failed
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return err
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

// build builds a command. It is linked without what debuggers read, which takes half as long.
func build(root, work, name, program, overlay string) (string, error) {
	binary := filepath.Join(work, name)
	args := []string{"build", "-ldflags=-s -w", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, program)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}
