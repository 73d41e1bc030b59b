package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim"
	"simrun/sim/simtest"
)

// An office that makes each number durable before it hands it out keeps its promise under any power cut.
func TestNoNumberTwice(t *testing.T) {
	simtest.Scenario(t, catalog, "rush-hour.yaml", simtest.Options{Seeds: 30})
}

// One that does not is caught. If this failed, the test above would prove nothing.
func TestAnOfficeThatDoesNotSyncIsCaught(t *testing.T) {
	scenario, err := scenarios.Read("rush-hour.yaml", scenarios.ReadOptions{Catalog: catalog, Set: []string{"nodes.office.with.sync=false"}})
	require.NoError(t, err)
	batch, err := explore.Seeds(scenario, 1, 30)
	require.NoError(t, err)
	require.Equal(t, scenarios.Violated, batch.Verdict)
	require.Equal(t, []string{"no-number-twice"}, batch.Failures[0].Claims)
}

// A world without a scenario: a visitor takes ten numbers, one after the other, while the office loses its
// machine at a moment that the seed picks.
func visitOnce(t *testing.T, w *sim.World) {
	office := w.AddHost(sim.HostOptions{Name: "office", Main: func(env nodes.Env) error {
		return serve(env, &officeConfig{Listen: ":7000", Sync: true})
	}})
	last := 0
	w.AddHost(sim.HostOptions{Name: "visitor", Main: func(env nodes.Env) error {
		for range 10 {
			if n, err := number(env); err == nil {
				require.Greater(t, n, last)
				last = n
			}
		}
		return nil
	}})
	luck := w.Seed().Stream("test")
	w.At(time.Duration(luck.Below(1000))*time.Millisecond, func() {
		lost := office.CrashMachine()
		w.At(w.Now()+time.Second, lost.End)
	})
	w.Run(time.Minute)
	require.NotZero(t, last)
}

func number(env nodes.Env) (n int, err error) {
	if err := env.Sleep(100 * time.Millisecond); err != nil {
		return 0, err
	}
	conn, err := env.Dial("tcp", "office:7000", time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_, err = fmt.Fscanln(conn, &n)
	return n, err
}

func TestNumbersGrow(t *testing.T)                { simtest.Run(t, visitOnce) }
func TestTheOfficeIsTheSameEachTime(t *testing.T) { simtest.Deterministic(t, visitOnce) }
