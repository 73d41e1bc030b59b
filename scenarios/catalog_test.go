package scenarios

import (
	"errors"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes"
)

// The kinds and checks of these tests have the keys of the real ones, and do nothing: the loader must not
// care who runs behind a name.

type queueWord string

func (queueWord) Values() []string { return []string{"journal", "memory"} }

type serverConfig struct {
	Queue queueWord     `yaml:"queue" doc:"where jobs are kept"`
	Sync  string        `yaml:"sync" doc:"when"`
	Limit nodes.Bytes   `yaml:"limit" doc:"how much"`
	Idle  time.Duration `yaml:"idle" doc:"how long"`
	Deep  struct {
		Share nodes.Percent `yaml:"share" doc:"a share"`
		On    bool          `yaml:"on" doc:"a switch"`
		Ratio float64       `yaml:"ratio" doc:"a number"`
	} `yaml:"deep" doc:"more"`
}

func (c *serverConfig) Validate() error {
	if c.Idle > time.Hour {
		return errors.New("idle: longer than an hour")
	}
	return nil
}

type workerConfig struct {
	Servers []nodes.NodeName `yaml:"servers,required" doc:"whose jobs it does"`
	JobTime nodes.Spread     `yaml:"job-time" doc:"how long a job takes"`
}

type clientConfig struct {
	Servers []nodes.NodeName `yaml:"servers,required" doc:"whom it asks"`
	Timeout time.Duration    `yaml:"timeout" doc:"how long it waits"`
}

type uniqueOptions struct {
	Unique nodes.Percent `yaml:"unique" doc:"how many use a key again"`
}

type fakeCheck struct{}

func (fakeCheck) Judge(*evidence.Evidence) checkers.Judgement { return checkers.Judgement{} }

type availableCheck struct {
	fakeCheck
	Of      string            `yaml:"available,required" refers:"operation"`
	From    evidence.Selector `yaml:"from"`
	AtLeast nodes.Percent     `yaml:"at-least"`
	Within  time.Duration     `yaml:"within"`
	Window  time.Duration     `yaml:"window"`
	Grace   time.Duration     `yaml:"grace"`
}

type recoversCheck struct {
	fakeCheck
	Of     string            `yaml:"recovers,required"`
	From   evidence.Selector `yaml:"from"`
	Within time.Duration     `yaml:"within"`
	After  string            `yaml:"after"`
}

type eventuallyCheck struct {
	fakeCheck
	What   string            `yaml:"eventually,required"`
	Of     evidence.Selector `yaml:"of"`
	Within time.Duration     `yaml:"within"`
	In     string            `yaml:"in"`
}

type linearizableCheck struct {
	fakeCheck
	Model string   `yaml:"linearizable,required"`
	Per   []string `yaml:"per"`
}

type sometimesCheck struct {
	fakeCheck
	Event string `yaml:"sometimes,required"`
}

func testCatalog() Catalog {
	check := func(name string, make func() checkers.Check) checkers.Definition {
		return checkers.Definition{Name: name, Doc: "A check.", New: make}
	}
	bare := func() checkers.Check { return &fakeCheck{} }
	return Catalog{
		Kinds: []nodes.Kind{
			{Name: "gearman.server", Role: nodes.Server, Config: func() any { return &serverConfig{Queue: "journal", Sync: "always"} },
				Notes:  []string{"send JOB_CREATED", "recv SUBMIT_JOB", "became-leader"},
				Points: []string{"server.slow-answer", "server.small-writes", "journal.mark-now", "journal.roll-over"}},
			{Name: "gearman.worker", Role: nodes.Worker, Config: func() any { return &workerConfig{JobTime: nodes.Exactly(time.Millisecond)} },
				Capacity: func(config any) float64 { return 1 / config.(*workerConfig).JobTime.Average().Seconds() }},
			{Name: "gearman.client", Role: nodes.Client, Config: func() any { return &clientConfig{Timeout: time.Second} },
				Points: []string{"client.retry-at-once"},
				Operations: []nodes.Operation{
					{Name: "submit", Mix: []string{"foreground", "background", "status"}},
					{Name: "submit-background", Options: func() any { return &uniqueOptions{} }},
				}},
		},
		Checks: []checkers.Definition{
			check("gearman.at-least-once", bare), check("gearman.results", bare), check("gearman.explained-duplicates", bare),
			check("linearizable", func() checkers.Check { return &linearizableCheck{} }),
			check("available", func() checkers.Check { return &availableCheck{} }),
			check("recovers", func() checkers.Check { return &recoversCheck{} }),
			check("eventually", func() checkers.Check { return &eventuallyCheck{} }),
			check("sometimes", func() checkers.Check { return &sometimesCheck{} }),
		},
	}
}
