package service

import (
	"cmp"
	"slices"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/nodes/history"
)

// RTO is D7: after all servers were down at once, service is back soon after they run again, and stays (the recovery time
// objective).
type RTO struct {
	Of     string `yaml:"rto" doc:"the operation: write"`
	Return `yaml:",inline"`
}

func newRTO() checkers.Check { return &RTO{Return: newReturn()} }

// Judge clocks the service from each end of a time in which no server ran.
func (c *RTO) Judge(e *evidence.Evidence) checkers.Judgement {
	return checkers.Bitten(e, c.judge(e, c.Of, restarts(e), e.OfKind(c.Of, c.From), "restart of all servers"))
}

// restarts is when the last server ran again after all had been down at once.
func restarts(e *evidence.Evidence) (starts []history.Time) {
	none := weather.Always
	down := map[string]weather.Spans{}
	servers := e.Selected("all", "server")
	for _, s := range servers {
		var windows []history.Window
		for i := range e.Downs {
			if d := &e.Downs[i]; d.Host == s.Name && weather.Dies(d.Why) {
				windows = append(windows, history.Window{From: d.From, To: d.To})
			}
		}
		down[s.Name] = weather.Union(windows)
		none = none.And(down[s.Name])
	}
	if len(servers) == 0 {
		return nil
	}
	for _, dark := range none {
		up := dark.To
		for _, s := range servers {
			i, _ := slices.BinarySearchFunc(down[s.Name], dark.From,
				func(w history.Window, t history.Time) int { return cmp.Compare(w.To, t+1) })
			if i < len(down[s.Name]) && down[s.Name][i].Contains(dark.From) {
				up = max(up, down[s.Name][i].To)
			}
		}
		if up < e.End {
			starts = append(starts, up)
		}
	}
	return starts
}
