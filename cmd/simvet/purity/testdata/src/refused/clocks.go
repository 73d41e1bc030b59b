package refused

import (
	"time"
	. "time"
	clock "time"

	"simrun/nodes"
)

var _ nodes.Env

func clocks() {
	_ = time.Now()              // want `a node does not use time.Now: use env.Now for the wall clock`
	_ = Now()                   // want `time.Now`
	_ = clock.Since             // want `time.Since: use env.Mark`
	_ = time.Until(time.Time{}) // want `time.Until`
	time.Sleep(3 * time.Second) // want `time.Sleep: use env.Sleep`
	<-time.After(1)             // want `receive from a channel` `time.After: `
	time.AfterFunc(1, clocks)   // want `time.AfterFunc: use env.AfterFunc`
	var _ *time.Timer           // want `time.Timer`
	_ = time.NewTimer(1)        // want `time.NewTimer`
	_ = time.NewTicker(1)       // want `time.NewTicker: use a loop around env.Sleep`
	_ = time.Tick(1)            // want `time.Tick`
	_ = time.Local              // want `time.Local: it differs between machines`
	_ = time.Unix(1, 0).Local() // want `Local: it differs between machines`
	_ = time.Unix(1, 0).Sub(Time{})
	_, _ = time.Parse(time.RFC3339, "")
	_ = []time.Duration{time.Second, 3 * Hour}
}
