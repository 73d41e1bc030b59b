package simtest

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"simrun/scenarios"
	"simrun/sim/luck"
)

func recording() bool { return os.Getenv("SIM_RECORD") == "1" }

// seeds are those that a test runs: count of them from base on, what the environment says in the place of
// these, and whatever -run names.
func seeds(t testing.TB, base luck.Seed, count int) []luck.Seed {
	t.Helper()
	if base == 0 {
		base = 1
	}
	if count <= 0 {
		count = scenarios.Smallest
	}
	if testing.Short() {
		count = max(1, count/10)
	}
	if text := os.Getenv("SIM_SEED"); text != "" {
		seed, err := scenarios.ParseSeed(text)
		if err != nil {
			t.Fatalf("SIM_SEED: %v", err)
		}
		base, count = seed, 1
	}
	if text := os.Getenv("SIM_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("SIM_SEEDS: %q is not a number of seeds", text)
		}
		count = n
	}
	var list []luck.Seed
	for i := range count {
		list = append(list, scenarios.SeedAt(base, i))
	}
	for _, seed := range named() {
		if !slices.Contains(list, seed) {
			list = append(list, seed)
		}
	}
	return list
}

var seedInName = regexp.MustCompile(`seed=([0-9a-f]{16})`)

// named are the seeds that -run asks for by name.
func named() (list []luck.Seed) {
	run := flag.Lookup("test.run")
	if run == nil {
		return nil
	}
	for _, match := range seedInName.FindAllStringSubmatch(run.Value.String(), -1) {
		if n, err := strconv.ParseUint(match[1], 16, 64); err == nil {
			list = append(list, luck.Seed(n))
		}
	}
	return list
}

// each runs a subtest for each seed, as long as there is time: one that is begun shortly before the test
// binary's deadline would end as a panic that names no seed. It says how many were begun or passed over by -run.
func each(t *testing.T, list []luck.Seed, f func(t *testing.T, seed luck.Seed)) int {
	t.Helper()
	deadline, limited := t.Deadline()
	var longest time.Duration
	for i, seed := range list {
		begun := time.Now()
		if limited && i > 0 && deadline.Sub(begun) < time.Second+2*longest {
			t.Logf("the deadline is near: %d of %d seeds were not run", len(list)-i, len(list))
			return i
		}
		t.Run("seed="+scenarios.FormatSeed(seed), func(t *testing.T) { f(t, seed) })
		longest = max(longest, time.Since(begun))
	}
	return len(list)
}
