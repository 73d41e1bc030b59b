package data

import (
	"cmp"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Durable is D1: no acknowledged write is lost. Once all is healed and has had time to settle, a read sees the last of the
// acknowledged writes of its key, or one that does not precede it: one that was under way at the same time, or later.
type Durable struct {
	Of      string `yaml:"durable" doc:"the operation that writes, under a key, a value that nobody else writes there; cas and delete write too"`
	Reading `yaml:",inline"`
}

// PowerSafe is D3: Durable, where every machine loses what it had not synced. A run in which too few servers lost their
// machines at once, or lost no byte by it, says nothing.
type PowerSafe struct {
	Of      string `yaml:"power-safe" doc:"the operation that writes, under a key, a value that nobody else writes there; cas and delete write too"`
	Servers int    `yaml:"servers" doc:"how many servers must have been without power at once; 0 is all of them"`
	Reading `yaml:",inline"`
}

// Reading is which reads say what a store has kept.
type Reading struct {
	Read   string            `yaml:"read" doc:"the operation that reads a key's value, or the list of its values"`
	Within time.Duration     `yaml:"within" doc:"how long after the last heal, and after a write, what was acknowledged must be there to be read"`
	From   evidence.Selector `yaml:"from" doc:"whose operations; all if it is not said"`
}

func newReading() Reading          { return Reading{Read: "read", Within: checkers.DefaultLimit} }
func newDurable() checkers.Check   { return &Durable{Reading: newReading()} }
func newPowerSafe() checkers.Check { return &PowerSafe{Reading: newReading()} }
func (r Reading) String() string   { return r.Read }

// Judge looks for an acknowledged write that is not there any more.
func (c *Durable) Judge(e *evidence.Evidence) checkers.Judgement {
	return checkers.Bitten(e, auditOf(e, c.Of, c.Reading).judge(e))
}

// Judge looks whether the power failed, and then for what is not there any more.
func (c *PowerSafe) Judge(e *evidence.Evidence) checkers.Judgement {
	j := auditOf(e, c.Of, c.Reading).judge(e)
	servers := e.Selected("all", "server")
	needed := c.Servers
	if needed == 0 {
		needed = len(servers)
	}
	most, bytes := darkAtOnce(e, servers)
	switch {
	case j.Verdict == checkers.Violated:
	case len(servers) == 0:
		j = checkers.Vacuous.Because("there is no server whose power could fail")
	case most < needed:
		j = checkers.Vacuous.Because("at most %d of %s were without power at once, %d needed", most,
			wording.Count(len(servers), "server"), needed)
	case bytes == 0:
		j = checkers.Vacuous.Because("the power failed, but no server lost a byte that it had not synced")
	case j.Verdict == checkers.Holds:
		j.Figure += ", " + wording.Count(int(bytes), "unsynced byte") + " lost"
	}
	return checkers.Bitten(e, j)
}

// darkAtOnce is how many of the servers had lost their machines at one time, and what all of them lost by it.
func darkAtOnce(e *evidence.Evidence, servers []*history.Host) (most int, bytes int64) {
	type turn struct {
		at  history.Time
		add int
	}
	var turns []turn
	for _, s := range servers {
		var dark []history.Window
		for i := range e.Downs {
			if d := &e.Downs[i]; d.Host == s.Name && weather.Loses(d.Why) {
				dark = append(dark, history.Window{From: d.From, To: max(d.To, d.From+1)})
				bytes += d.Unsynced
			}
		}
		for _, w := range weather.Union(dark) {
			turns = append(turns, turn{w.From, 1}, turn{w.To, -1})
		}
	}
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.add, b.add)) })
	now := 0
	for _, t := range turns {
		now += t.add
		most = max(most, now)
	}
	return most, bytes
}
