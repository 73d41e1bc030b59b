// Package jobs answers whether a job service keeps its word: that each job it took is done, as often, as early and in the order
// that was promised, and that nobody is told what is not so.
package jobs

import "simrun/checkers"

// Checks are the checks of what becomes of jobs, as scenarios name them.
func Checks() []checkers.Definition {
	return []checkers.Definition{
		{Name: "eventually", Doc: "A state is reached in a phase and kept to its end.", New: newEventually},
		{Name: "gearman.at-least-once", Doc: "Every background job that a server acknowledged is executed to an answer.",
			New: func() checkers.Check { return &AtLeastOnce{Terms: NewTerms()} }},
		{Name: "gearman.results", Doc: "A client is told what a worker made of its job's first payload, and nothing else.",
			New: func() checkers.Check { return &Results{NewTerms()} }},
		{Name: "gearman.explained-duplicates", Doc: "A job runs again only if its worker, its server or its answer was lost in between.",
			New: func() checkers.Check { return &ExplainedDuplicates{NewTerms()} }},
		{Name: "gearman.exactly-once", Doc: "Every accepted request has one result.",
			New: func() checkers.Check { return &ExactlyOnce{NewTerms()} }},
		{Name: "gearman.no-phantoms", Doc: "Nobody executes what nobody submitted.", New: func() checkers.Check { return &NoPhantoms{} }},
		{Name: "gearman.coalescing", Doc: "Submissions of one function and unique id share a job while it is unfinished; no others do.",
			New: func() checkers.Check { return &Coalescing{NewTerms()} }},
		{Name: "gearman.no-overlap", Doc: "No two workers are at one job at a time that the server could know of.",
			New: func() checkers.Check { return &NoOverlap{NewTerms()} }},
		{Name: "gearman.no-starvation", Doc: "No job waits for long beside an idle worker.", New: newNoStarvation},
		{Name: "gearman.retry-budget", Doc: "No job is handed out more often than its retries allow, and who waits for it is told.",
			New: func() checkers.Check { return &RetryBudget{NewTerms()} }},
		{Name: "gearman.order", Doc: "Jobs are handed out by priority, and in the order of their submission within one.",
			New: func() checkers.Check { return &Order{} }},
	}
}
