package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// workflow is what of a GitHub workflow decides what is run.
type workflow struct {
	Jobs map[string]struct {
		Needs    string
		Strategy struct {
			FailFast bool `yaml:"fail-fast"`
			Matrix   struct{ Shard []string }
		}
		Steps []struct {
			Uses, Run string
			With      struct{ Name, Path string }
		}
	}
}

// If this failed, the first thing that somebody copies from the documentation would fail, where it is hardest to
// see why. The steps are run as a build machine would run them, each job in a folder of its own.
func TestTheWorkflowOfTheDocsWorks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "storms.yml"))
	require.NoError(t, err)
	var w workflow
	require.NoError(t, yaml.Unmarshal(text, &w))
	require.Len(t, w.Jobs, 2)
	shards := w.Jobs["shard"].Strategy.Matrix.Shard
	require.NotEmpty(t, shards)
	require.Equal(t, "shard", w.Jobs["merge"].Needs)

	artifacts := t.TempDir()
	job := func(t *testing.T, name, shard string) *desk {
		d := &desk{T: t, dir: t.TempDir()}
		fill := strings.NewReplacer("${{ github.sha }}", "4be19d0c51c09be2770a4d134be19d0c51c09be2", "${{ matrix.shard }}", shard)
		for _, step := range w.Jobs[name].Steps {
			with := fill.Replace(step.With.Name)
			switch {
			case strings.HasPrefix(step.Uses, "actions/upload-artifact@"):
				require.NoError(t, os.Rename(d.path(step.With.Path), filepath.Join(artifacts, with)))
			case strings.HasPrefix(step.Uses, "actions/download-artifact@"):
				require.NoError(t, os.Symlink(artifacts, d.path(step.With.Path)))
			case step.Run == "go build ./cmd/simrun":
				require.NoError(t, os.Symlink(simrun, d.path("simrun")), "it is built already")
			case step.Run != "":
				said, code := d.follow(tamed(fill.Replace(step.Run), 8))
				require.Zero(t, code, "%s\n%s", step.Run, said)
			}
		}
		return d
	}
	for _, shard := range shards {
		job(t, "shard", shard)
	}
	job(t, "merge", "")
	report, err := os.ReadFile(filepath.Join(artifacts, "storms"))
	require.NoError(t, err)
	require.Contains(t, string(report), `<testsuite name="thunderstorm"`)
	require.NotContains(t, string(report), "<failure")
}
