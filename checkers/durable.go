package checkers

import (
	"cmp"
	"slices"
	"time"

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
	Read   string        `yaml:"read" doc:"the operation that reads a key's value, or the list of its values"`
	Within time.Duration `yaml:"within" doc:"how long after the last heal, and after a write, what was acknowledged must be there to be read"`
	From   Selector      `yaml:"from" doc:"whose operations; all if it is not said"`
}

func newReading() Reading        { return Reading{Read: "read", Within: defaultLimit} }
func newDurable() Check          { return &Durable{Reading: newReading()} }
func newPowerSafe() Check        { return &PowerSafe{Reading: newReading()} }
func (r Reading) String() string { return r.Read }

// Judge looks for an acknowledged write that is not there any more.
func (c *Durable) Judge(e *Evidence) Judgement {
	return e.bitten(e.audit(c.Of, c.Reading).judge(e))
}

// Judge looks whether the power failed, and then for what is not there any more.
func (c *PowerSafe) Judge(e *Evidence) Judgement {
	j := e.audit(c.Of, c.Reading).judge(e)
	servers := e.selected("all", "server")
	needed := c.Servers
	if needed == 0 {
		needed = len(servers)
	}
	most, bytes := e.darkAtOnce(servers)
	switch {
	case j.Verdict == Violated:
	case len(servers) == 0:
		j = vacuous("there is no server whose power could fail")
	case most < needed:
		j = vacuous("at most %d of %s were without power at once, %d needed", most, count(len(servers), "server"), needed)
	case bytes == 0:
		j = vacuous("the power failed, but no server lost a byte that it had not synced")
	case j.Verdict == Holds:
		j.Figure += ", " + count(int(bytes), "unsynced byte") + " lost"
	}
	return e.bitten(j)
}

// darkAtOnce is how many of the servers had lost their machines at one time, and what all of them lost by it.
func (e *Evidence) darkAtOnce(servers []*history.Host) (most int, bytes int64) {
	type turn struct {
		at  history.Time
		add int
	}
	var turns []turn
	for _, s := range servers {
		var dark []history.Window
		for i := range e.Downs {
			if d := &e.Downs[i]; d.Host == s.Name && loses(d.Why) {
				dark = append(dark, history.Window{From: d.From, To: max(d.To, d.From+1)})
				bytes += d.Unsynced
			}
		}
		for _, w := range union(dark) {
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
