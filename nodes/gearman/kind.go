package gearman

import "simrun/nodes"

// Server is a Gearman job server.
var Server = nodes.Kind{
	Name:   "gearman.server",
	Role:   nodes.Server,
	Doc:    "A Gearman job server that keeps background jobs in a journal.",
	Port:   4730,
	Config: func() any { return DefaultServerConfig() },
	Main:   func(env nodes.Env, config any) error { return newServer(env, config.(*ServerConfig)).run() },
	Notes: append(moments(
		[]Type{Noop, JobCreated, NoJob, JobAssign, JobAssignUniq, JobAssignAll, EchoRes, Error, StatusRes, StatusResUnique,
			OptionRes, WorkStatus, WorkData, WorkWarning, WorkComplete, WorkFail, WorkException},
		[]Type{CanDo, CantDo, ResetAbilities, PreSleep, SubmitJob, SubmitJobBG, SubmitJobHigh, SubmitJobHighBG, SubmitJobLow,
			SubmitJobLowBG, SubmitJobSched, SubmitJobEpoch, SubmitReduceJob, SubmitReduceJobBG, GrabJob, GrabJobUniq, GrabJobAll,
			GetStatus, GetStatusUnique, EchoReq, OptionReq, SetClientID, CanDoTimeout, AllYours,
			WorkStatus, WorkData, WorkWarning, WorkComplete, WorkFail, WorkException}),
		"job-queued", "job-coalesced", "job-assigned", "job-done", "job-dropped", "job-due", "job-expired", "job-requeued",
		"job-exhausted", "job-cancelled", "worker-woken", "worker-lost", "replayed"),
	Sometimes: []string{
		"submissions coalesced",
		"a worker was lost with a job",
		"a job's time ran out",
		"a job's retries ran out",
		"a job's epoch came",
		"a job was dropped with its last client",
		"a woken worker did not come",
		"a queue was full",
		"the store was full",
		"a job could not be kept",
		"the end of a job could not be kept at once",
		"jobs outlived a server",
		"a damaged journal was refused",
		"a connection was refused",
		"closed a peer that does not read",
	},
}
